"""The content stream of a page, for one set of line counts: written once, then filled per letter."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from backoffice.letters.datamatrix import IDENTITY, IMAGE_CLOSE, SEQUENCE
from backoffice.letters.geometry import MARK_TEXT, MM, PAGE_HEIGHT
from backoffice.letters.model import Ink
from backoffice.letters.placing import Box, Placing
from backoffice.letters.setting import Shown, fill_operator, number, text_width

ID_INK = Ink("R", 8.0, "404040")
"""The id in clear, at the top right of the page."""


@dataclass(frozen=True, slots=True)
class Page:
    """A content stream to fill with `%`: the variable paragraphs in order, the id in clear, the DataMatrix, and where
    the page has one the inserter's mark."""

    template: bytes
    forms: dict[str, bytes]
    """The static parts it draws, by the name of their form XObject."""
    tags: tuple[str, ...]
    """Structure type of each marked content, by its number; empty when the page is not tagged."""


class Plan:
    """Where everything of a letter stands, and the pages made from it: `plain`, and `tagged` (PDF/UA)."""

    def __init__(self, placing: Placing, lefts: tuple[float, ...], statics: Mapping[int, Shown]) -> None:
        self.placing = placing
        self._lefts = lefts
        self._statics = statics

    @cached_property
    def plain(self) -> Page:
        """The page as print lots have it."""
        return self._page(tagged=False)

    @cached_property
    def marked(self) -> Page:
        """The page as print lots for an inserter have it."""
        return self._page(tagged=False, marked=True)

    @cached_property
    def tagged(self) -> Page:
        """The page with its structure marked."""
        return self._page(tagged=True)

    def _page(self, *, tagged: bool, marked: bool = False) -> Page:
        page = _PageWriter(tagged=tagged)
        boxes = {box.before: box for box in self.placing.boxes}
        for index, placed in enumerate(self.placing.placed):
            if index in boxes:
                page.artwork(boxes[index])
            tag = "H1" if placed.block.heading else "P"
            static = self._statics.get(index)
            if static is None:
                page.variable(tag, self._lefts[index], placed.baseline)
            elif static.operators:
                page.static(tag, self._lefts[index], placed.baseline, static.operators)
        page.identify()
        if marked:
            page.sequence()
        return Page(page.finish(), page.forms, tuple(page.tags))


@dataclass
class _PageWriter:
    """Static parts in a row become one form, so that a page holds little but its variable text."""

    tagged: bool
    forms: dict[str, bytes] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    _out: list[bytes] = field(default_factory=list)
    _run: list[bytes] = field(default_factory=list)

    def static(self, tag: str, x: float, y: float, operators: bytes) -> None:
        if self.tagged:
            self._flush()
        self._run.append(b"BT %s %s Td\n%s\nET" % (number(x), number(y), operators))
        if self.tagged:
            self._flush(tag)

    def artwork(self, box: Box) -> None:
        if self.tagged:
            self._flush()
        self._run.append(b"\n".join(_rectangles(box)))
        if self.tagged:
            self._flush("Artifact")

    def variable(self, tag: str, x: float, y: float) -> None:
        self._flush()
        self._mark(tag, b"BT %s %s Td\n%%b\nET" % (number(x), number(y)))

    def identify(self) -> None:
        self._flush()
        right, y = MARK_TEXT.right * MM, PAGE_HEIGHT - MARK_TEXT.bottom * MM + 3
        x = right - text_width("000-000000000-00", ID_INK)
        colour = fill_operator(ID_INK.colour)
        self._mark(
            "P", b"BT %s %s Td /R %s Tf %s\n(%%b)Tj 0 g\nET" % (number(x), number(y), number(ID_INK.size), colour)
        )
        self._mark("Figure", IDENTITY.image_open + b"%b" + IMAGE_CLOSE)

    def sequence(self) -> None:
        self._mark("Artifact", SEQUENCE.image_open + b"%b" + IMAGE_CLOSE)

    def _mark(self, tag: str, content: bytes) -> None:
        if self.tagged and tag == "Artifact":
            content = b"/Artifact BMC\n%s\nEMC" % content
        elif self.tagged:
            content = b"/%s<</MCID %d>>BDC\n%s\nEMC" % (tag.encode(), len(self.tags), content)
            self.tags.append(tag)
        self._out.append(content)

    def _flush(self, tag: str = "P") -> None:
        if not self._run:
            return
        content = b"\n".join(self._run)
        self._run.clear()
        # Named by its content: the same page whatever was laid out before it, in whichever process.
        name = f"F{hashlib.sha256(content).hexdigest()[:6]}"
        if self.forms.setdefault(name, content) != content:
            raise RuntimeError("two forms of a page have the same name")
        self._mark(tag, b"/%s Do" % name.encode())

    def finish(self) -> bytes:
        return b"\n".join(self._out)


def _rectangles(box: Box) -> Iterator[bytes]:
    panel, top = box.panel, box.top
    height = box.top - box.bottom
    width = box.right - box.left
    yield b"q"
    if panel.fill:
        yield _rectangle(panel.fill, box.left, top - height, width, height)
    if panel.top:
        yield _rectangle(panel.top.colour, box.left, top - panel.top.width, width, panel.top.width)
    if panel.bottom:
        yield _rectangle(panel.bottom.colour, box.left, top - height, width, panel.bottom.width)
    if panel.left:
        yield _rectangle(panel.left.colour, box.left, top - height, panel.left.width, height)
    if panel.right:
        yield _rectangle(panel.right.colour, box.right - panel.right.width, top - height, panel.right.width, height)
    yield b"Q"


def _rectangle(colour: str, x: float, y: float, width: float, height: float) -> bytes:
    return b"%s %s %s %s %s re f" % (fill_operator(colour), number(x), number(y), number(width), number(height))
