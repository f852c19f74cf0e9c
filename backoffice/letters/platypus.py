"""The reference path: the same page program drawn by reportlab's own Paragraphs, some forty times slower.

Tests hold the stamped pages against it, word by word; the benchmark measures against it. Where it and `stamp` differ,
`stamp` is wrong.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_CENTER, TA_LEFT, TA_RIGHT
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import BaseDocTemplate, Flowable, Frame, FrameBreak, PageBreak, PageTemplate, Paragraph

from backoffice.letters.datamatrix import IDENTITY, IMAGE_CLOSE
from backoffice.letters.geometry import ADDRESS_INSET, MARK_TEXT, MM, PAGE_HEIGHT, PAGE_WIDTH, WINDOW
from backoffice.letters.model import Align, Block, LineBreak, Slot, Zone
from backoffice.letters.placing import Box, Placing
from backoffice.letters.plan import ID_INK
from backoffice.letters.program import PageProgram
from backoffice.letters.reference import letter_id_digits
from backoffice.letters.typefaces import FACES, typeface

_ALIGN: dict[Align, Any] = {Align.LEFT: TA_LEFT, Align.CENTRE: TA_CENTER, Align.RIGHT: TA_RIGHT}


@dataclass(frozen=True, slots=True)
class Letter:
    """Everything of one letter."""

    values: Mapping[str, str]
    """Late field included."""
    address: tuple[str, ...]
    letter_id: str
    placing: Placing | None = None
    """Spacing and panels, as the program placed them; worked out from the template's samples when None."""


class _Gap(Flowable):
    """Empty height; draws a panel that starts at its top."""

    def __init__(self, height: float, before: float, after: float, box: Box | None = None) -> None:
        super().__init__()
        self.height, self.box = height, box
        self.spaceBefore, self.spaceAfter = before, after

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        del width, height
        return 0.0, self.height

    def draw(self) -> None:
        if self.box is None:
            return
        box, panel, canvas = self.box, self.box.panel, self.canv
        frame: Any = vars(self)["_frame"]
        x, width, height = box.left - frame.x1, box.right - box.left, box.top - box.bottom
        bottom = self.height - height
        surfaces = [(panel.fill, x, bottom, width, height)] if panel.fill else []
        for edge, rectangle in (
            (panel.top, (x, self.height - (panel.top.width if panel.top else 0), width, None)),
            (panel.bottom, (x, bottom, width, None)),
            (panel.left, (x, bottom, None, height)),
            (panel.right, (x + width - (panel.right.width if panel.right else 0), bottom, None, height)),
        ):
            if edge:
                left, low, across, up = rectangle
                surfaces.append((edge.colour, left, low, across or edge.width, up or edge.width))
        for colour, left, low, across, up in surfaces:
            canvas.setFillColor(HexColor(f"#{colour}"))
            canvas.rect(left, low, across, up, stroke=0, fill=1)


class _Mark(Flowable):
    """The letter id in clear and as a DataMatrix."""

    def __init__(self, letter_id: str) -> None:
        super().__init__()
        self.letter_id = letter_id

    def wrap(self, width: float, height: float) -> tuple[float, float]:
        return width, height

    def draw(self) -> None:
        canvas: Any = self.canv
        canvas.setFont(_font(ID_INK.face), ID_INK.size)
        canvas.setFillColor(HexColor(f"#{ID_INK.colour}"))
        canvas.drawRightString(MARK_TEXT.right * MM, PAGE_HEIGHT - MARK_TEXT.bottom * MM + 3, self.letter_id)
        canvas.setFillColor(HexColor("#000000"))
        # The same stencil as on stamped pages: reportlab's own DataMatrix would draw 18 letters a second.
        stencil = IDENTITY.image_open + IDENTITY.packed(letter_id_digits(self.letter_id)) + IMAGE_CLOSE
        canvas._code.append(stencil.decode("ascii"))


def draw_letters(program: PageProgram, letters: Iterable[Letter], path: Path, *, title: str) -> None:
    """Draws letters to a PDF, a flow of Paragraphs each. The whole document is held in memory."""
    sheet = program.sheet
    width = PAGE_WIDTH - sheet.left - sheet.right
    no_padding: dict[str, Any] = {"leftPadding": 0, "rightPadding": 0, "topPadding": 0, "bottomPadding": 0}
    frames = [
        Frame(sheet.left, 0, width, PAGE_HEIGHT - sheet.head_distance, **no_padding),
        Frame(
            (WINDOW.left + ADDRESS_INSET) * MM,
            PAGE_HEIGHT - WINDOW.bottom * MM,
            (WINDOW.width - 2 * ADDRESS_INSET) * MM,
            WINDOW.height * MM,
            **no_padding,
        ),
        Frame(sheet.left, 0, width, PAGE_HEIGHT - sheet.top, **no_padding),
        Frame(sheet.left, 0, width, PAGE_HEIGHT, **no_padding),
        Frame(0, 0, PAGE_WIDTH, PAGE_HEIGHT, **no_padding),
    ]
    document = BaseDocTemplate(
        str(path), pagesize=(PAGE_WIDTH, PAGE_HEIGHT), pageTemplates=[PageTemplate("letter", frames)], title=title
    )
    story: list[Any] = []
    for letter in letters:
        story.extend(_story(program, letter))
    document.build(story)


def _story(program: PageProgram, letter: Letter) -> list[Any]:
    placing = letter.placing or program.sample_placing
    boxes = {box.before: box for box in placing.boxes}
    story: list[Any] = []
    for zone in (Zone.HEAD, Zone.ADDRESS, Zone.BODY, Zone.FOOT):
        members = [index for index, placed in enumerate(placing.placed) if placed.block.zone is zone]
        if zone is Zone.ADDRESS:
            block = placing.placed[members[0]].block
            top = (WINDOW.height * MM - len(letter.address) * block.leading) / 2
            story.append(_Gap(top, 0, 0))
            story.append(_address(block, letter.address))
        elif members:
            if zone is Zone.FOOT:
                first = placing.placed[members[0]]
                over = first.block.panel.over if first.block.panel else 0.0
                story.append(_Gap(first.top - over, 0, -10_000))
            story.extend(_flow(placing, members, boxes, letter))
        story.append(FrameBreak())
    return [*story, _Mark(letter.letter_id), PageBreak()]


def _flow(placing: Placing, members: list[int], boxes: Mapping[int, Box], letter: Letter) -> Iterable[Any]:
    ends = {index for index in members if _closes(placing, index, members)}
    for index in members:
        block = placing.placed[index].block
        factor = placing.squeeze if block.zone is Zone.BODY else 1.0
        before, after = block.before * factor, block.after * factor
        opens, closes = index in boxes, index in ends
        if opens and block.panel:
            yield _Gap(block.panel.over, before, 0, boxes[index])
        if any(getattr(piece, "text", "field") for piece in block.pieces):
            yield _paragraph(block, letter.values, 0 if opens else before, 0 if closes else after)
        else:  # an empty Paragraph has no height
            yield _Gap(block.leading, 0 if opens else before, 0 if closes else after)
        if closes and block.panel:
            yield _Gap(block.panel.under, 0, after)


def _closes(placing: Placing, index: int, members: list[int]) -> bool:
    block = placing.placed[index].block
    if block.panel is None:
        return False
    starts = {box.before for box in placing.boxes}
    return index + 1 not in members or index + 1 in starts or placing.placed[index + 1].block.panel != block.panel


def _paragraph(block: Block, values: Mapping[str, str], before: float, after: float) -> Paragraph:
    markup = []
    inks = {piece.ink for piece in block.pieces if not isinstance(piece, LineBreak)}
    for piece in block.pieces:
        if isinstance(piece, LineBreak):
            markup.append("<br/>")
            continue
        text = values[piece.field] if isinstance(piece, Slot) else piece.text
        ink = piece.ink
        if len(inks) == 1:  # the style says it
            markup.append(escape(text))
            continue
        markup.append(f'<font name="{_font(ink.face)}" size="{ink.size}" color="#{ink.colour}">{escape(text)}</font>')
    return Paragraph("".join(markup), _style(block, before, after))


def _address(block: Block, lines: tuple[str, ...]) -> Paragraph:
    return Paragraph("<br/>".join(map(escape, lines)), _style(block, 0, 0))


@lru_cache(maxsize=256)
def _style(block: Block, before: float, after: float) -> ParagraphStyle:
    ink = next((piece.ink for piece in block.pieces if not isinstance(piece, LineBreak)), None)
    return ParagraphStyle(
        block.where,
        fontName=_font(ink.face if ink else "R"),
        fontSize=ink.size if ink else 10,
        textColor=HexColor(f"#{ink.colour}" if ink else "#000000"),
        leading=block.leading,
        alignment=_ALIGN[block.align],
        leftIndent=block.left,
        rightIndent=block.right,
        firstLineIndent=block.first,
        spaceBefore=before,
        spaceAfter=after,
        # reportlab squeezes a line by 5 % to keep one more word: other line ends than the printed page.
        spaceShrinkage=0,
        splitLongWords=0,
    )


@lru_cache(maxsize=len(FACES))
def _font(face: str) -> str:
    name = f"letters-{face}"
    pdfmetrics.registerFont(TTFont(name, str(typeface(face).path)))
    return name
