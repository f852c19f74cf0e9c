"""What a template says, once read: blocks of text with their looks. Lengths in points."""

from dataclasses import dataclass
from enum import StrEnum


class Zone(StrEnum):
    """The part of the sheet a paragraph belongs to, by where it stands in the docx."""

    HEAD = "en-tête"
    """The docx header: left column beside the window, from the top down."""
    ADDRESS = "adresse"
    """The paragraph with `{{ adresse }}`: the engine puts it in the envelope window."""
    BODY = "corps"
    """The docx body, from the top margin down."""
    FOOT = "pied de page"
    """The docx footer, from the bottom up."""


class Align(StrEnum):
    """Alignment of the lines of a paragraph."""

    LEFT = "left"
    CENTRE = "center"
    RIGHT = "right"


@dataclass(frozen=True, slots=True)
class Ink:
    """How characters are drawn."""

    face: str
    """Short name of a face: "R", "B", "I" or "M" (see typefaces)."""
    size: float
    colour: str = "000000"
    """Six hexadecimal digits, RGB."""


@dataclass(frozen=True, slots=True)
class Text:
    """Words that are in every letter."""

    text: str
    ink: Ink


@dataclass(frozen=True, slots=True)
class Slot:
    """Place of a merge field."""

    field: str
    ink: Ink


@dataclass(frozen=True, slots=True)
class LineBreak:
    """A line ended by the author."""


Piece = Text | Slot | LineBreak


@dataclass(frozen=True, slots=True)
class Edge:
    """One border of a paragraph."""

    width: float
    colour: str
    space: float
    """Between the border and the text."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Shading and borders; consecutive paragraphs with equal panels and indents share one."""

    fill: str | None = None
    left: Edge | None = None
    top: Edge | None = None
    right: Edge | None = None
    bottom: Edge | None = None

    @property
    def over(self) -> float:
        """Height it adds above the first line."""
        return self.top.width + self.top.space if self.top else 0.0

    @property
    def under(self) -> float:
        """Height it adds below the last line."""
        return self.bottom.width + self.bottom.space if self.bottom else 0.0


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph."""

    zone: Zone
    pieces: tuple[Piece, ...]
    heading: bool
    align: Align
    left: float
    right: float
    """Indents from the margins."""
    first: float
    """Further indent of the first line; negative when it hangs."""
    before: float
    after: float
    leading: float
    """Distance between the baselines of two lines."""
    ascent: float
    """From the top of the paragraph to its first baseline."""
    panel: Panel | None
    where: str
    """How a fault names the paragraph: « Corps, paragraphe 3 »."""

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Its merge fields, in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Slot))


@dataclass(frozen=True, slots=True)
class Sheet:
    """A template as read from its docx, before it is checked against a kind of letter."""

    blocks: tuple[Block, ...]
    """In reading order: head, address, body, foot."""
    left: float
    right: float
    top: float
    bottom: float
    """Margins of the body."""
    head_distance: float
    """From the top of the sheet to the first paragraph of the head."""
    foot_distance: float
    """From the last paragraph of the foot to the bottom of the sheet."""
    digest: str
    """SHA-256 of the docx, in hexadecimal."""
