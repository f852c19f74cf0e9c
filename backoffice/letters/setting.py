"""Sets a paragraph: breaks it into lines by font metrics and writes the lines as PDF text operators."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from backoffice.letters.faults import LetterFault
from backoffice.letters.model import Align, Block, Ink, LineBreak, Slot, Text
from backoffice.letters.typefaces import Run, typeface

_TOLERANCE = 1e-6

_Row = tuple[float, list[tuple[Ink, tuple[Run, ...]]]]  # start of a line in points, and what it shows


@dataclass(frozen=True, slots=True)
class Line:
    """A set line: what to show, and its width in points."""

    parts: tuple[tuple[Ink, str], ...]
    width: float

    @property
    def text(self) -> str:
        """Its characters."""
        return "".join(text for _, text in self.parts)


@dataclass(frozen=True, slots=True)
class Shown:
    """Lines as operators, from the first baseline at the left edge of the paragraph."""

    operators: bytes
    lines: int
    rare: frozenset[str] = frozenset()
    """The font resources of rare characters they use."""


class Overflow(LetterFault):
    """A word is wider than its line; `excess` in points."""

    def __init__(self, word: str, excess: float) -> None:
        super().__init__(
            "Un mot ou un nom est plus large que la ligne qui doit le contenir : éditer ce courrier à la main."
        )
        self.word = word
        self.excess = excess


@dataclass(frozen=True, slots=True)
class _Word:
    parts: list[tuple[Ink, str]]
    width: float
    space: float
    """Width of the space before it when it does not start a line."""
    space_ink: Ink | None
    breaks: bool
    """The author ended the line before it."""


def text_width(text: str, ink: Ink) -> float:
    """Width of `text` in points. Raises LetterFault when the face lacks one of its characters."""
    return typeface(ink.face).width(text) * ink.size / 1000


def filled(block: Block, values: Mapping[str, str]) -> list[tuple[Ink, str] | None]:
    """The pieces of a paragraph with its fields replaced; None where the author ended a line."""
    parts: list[tuple[Ink, str] | None] = []
    for piece in block.pieces:
        if isinstance(piece, LineBreak):
            parts.append(None)
        elif isinstance(piece, Slot):
            parts.append((piece.ink, values[piece.field]))
        else:
            parts.append((piece.ink, piece.text))
    return parts


def break_lines(parts: Iterable[tuple[Ink, str] | None], first: float, others: float) -> list[Line]:
    """The lines of a paragraph, greedily, for widths in points of the first line and of the others.

    Breaks at ordinary spaces alone; inside a word only when it is wider than a line, after one of its hyphens.
    Raises Overflow when that does not help, LetterFault when a face lacks a character.
    """
    lines: list[Line] = []
    current: list[tuple[Ink, str]] = []
    width, started = 0.0, False
    for word in _words(parts, min(first, others)):
        available = others if lines else first
        if started and not word.breaks and width + word.space + word.width <= available + _TOLERANCE:
            if word.space_ink is not None:
                current.append((word.space_ink, " "))
            current.extend(word.parts)
            width += word.space + word.width
            continue
        if started:
            lines.append(Line(_merged(current), width))
            available = others
        if word.width > available + _TOLERANCE:
            raise Overflow("".join(text for _, text in word.parts), word.width - available)
        current, width, started = list(word.parts), word.width, True
    lines.append(Line(_merged(current), width))
    return lines


def _words(parts: Iterable[tuple[Ink, str] | None], narrowest: float) -> Iterable[_Word]:
    pending: list[tuple[Ink, str]] = []
    space: Ink | None = None
    breaks = False
    for part in parts:
        if part is None:
            yield from _word(pending, space, breaks, narrowest)
            pending, space, breaks = [], None, True
            continue
        ink, text = part
        pieces = text.split(" ")
        for index, piece in enumerate(pieces):
            if index:
                if pending:
                    yield from _word(pending, space, breaks, narrowest)
                    pending, breaks = [], False
                space = ink
            if piece:
                pending.append((ink, piece))
    if pending or breaks:
        yield from _word(pending, space, breaks, narrowest)


def _word(parts: list[tuple[Ink, str]], space: Ink | None, breaks: bool, narrowest: float) -> Iterable[_Word]:
    width = sum(text_width(text, ink) for ink, text in parts)
    gap = text_width(" ", space) if space else 0.0
    if width <= narrowest or len(parts) != 1 or "-" not in parts[0][1]:
        yield _Word(parts, width, gap, space, breaks)
        return
    ink, text = parts[0]
    syllables = [f"{syllable}-" for syllable in text.split("-")]
    syllables[-1] = syllables[-1][:-1]
    for syllable in filter(None, syllables):
        yield _Word([(ink, syllable)], text_width(syllable, ink), gap, space, breaks)
        gap, space, breaks = 0.0, None, False


def _merged(parts: list[tuple[Ink, str]]) -> tuple[tuple[Ink, str], ...]:
    merged: list[tuple[Ink, str]] = []
    for ink, text in parts:
        if merged and merged[-1][0] == ink:
            merged[-1] = (ink, merged[-1][1] + text)
        else:
            merged.append((ink, text))
    return tuple(merged)


def offset(block: Block, line: Line, available: float, first: bool) -> float:
    """From the left edge of the paragraph to the start of a line, in points; `available` as for an ordinary line."""
    indent = block.first if first else 0.0
    if block.align is Align.LEFT:
        return indent
    spare = available - indent - line.width
    return indent + (spare / 2 if block.align is Align.CENTRE else spare)


def show(block: Block, lines: list[Line], available: float) -> Shown:
    """The operators of set lines."""
    rows: list[_Row] = []
    rare: set[str] = set()
    for index, line in enumerate(lines):
        parts = [(ink, typeface(ink.face).encode(text)) for ink, text in line.parts]
        rare.update(run.resource for _, runs in parts for run in runs if len(run.resource) > 1)
        rows.append((offset(block, line, available, index == 0), parts))
    return Shown(_operators(rows, block.leading), len(lines), frozenset(rare))


def one_line_template(block: Block) -> bytes:
    """The operators of a paragraph whose text fits on one line at its left edge, with a `%b` for each of its slots."""
    parts: list[tuple[Ink, tuple[Run, ...]]] = []
    for piece in block.pieces:
        if isinstance(piece, Slot):
            parts.append((piece.ink, (Run(piece.ink.face, b"%b"),)))
        elif isinstance(piece, Text):
            runs = typeface(piece.ink.face).encode(piece.text)
            parts.append((piece.ink, tuple(Run(run.resource, run.codes.replace(b"%", b"%%")) for run in runs)))
    return _operators([(block.first, parts)], block.leading)


def _operators(rows: list[_Row], leading: float) -> bytes:
    out: list[bytes] = []
    font: tuple[str, float] | None = None
    colour = "000000"
    x = 0.0
    for index, (start, parts) in enumerate(rows):
        if index or start:
            out.append(b"%s %s Td" % (number(start - x), number(-leading if index else 0)))
        x = start
        for ink, runs in parts:
            if ink.colour != colour:
                out.append(fill_operator(ink.colour))
                colour = ink.colour
            for run in runs:
                if (run.resource, ink.size) != font:
                    out.append(b"/%s %s Tf" % (run.resource.encode(), number(ink.size)))
                    font = (run.resource, ink.size)
                out.append(b"(%s)Tj" % run.codes)
    if colour != "000000":
        out.append(b"0 g")
    return b"\n".join(out)


def number(value: float) -> bytes:
    """A PDF number to a hundredth of a point, as short as it can be."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return b"0" if text in ("-0", "") else text.encode("ascii")


def fill_operator(colour: str) -> bytes:
    """The operator that sets the colour of text and surfaces."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4))
    if red == green == blue:
        return b"%s g" % _channel(red)
    return b"%s %s %s rg" % (_channel(red), _channel(green), _channel(blue))


def _channel(level: float) -> bytes:
    text = f"{level:.3f}".rstrip("0").rstrip(".")
    return (text or "0").encode("ascii")


def static_lines(block: Block, first: float, others: float) -> list[Line]:
    """The lines of a paragraph without fields."""
    return break_lines(
        [
            None if isinstance(p, LineBreak) else (p.ink, p.text)
            for p in block.pieces
            if isinstance(p, LineBreak | Text)
        ],
        first,
        others,
    )
