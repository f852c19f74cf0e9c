"""Where things are on the sheet. Points from the bottom left corner unless a name says mm from the top left one."""

from dataclasses import dataclass

MM = 72 / 25.4
"""Points in a millimetre."""

PAGE_WIDTH = 210 * MM
PAGE_HEIGHT = 297 * MM


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of the sheet, in millimetres from its top left corner."""

    left: float
    top: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Right edge, in millimetres from the left of the sheet."""
        return self.left + self.width

    @property
    def bottom(self) -> float:
        """Lower edge, in millimetres from the top of the sheet."""
        return self.top + self.height

    def overlap(self, other: "Area") -> float:
        """How far, in millimetres, `other` reaches into this area (the shorter way out); 0 when it does not."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0.0, min(across, down))


WINDOW = Area(110, 55, 85, 33)
"""Address zone of an A4 sheet for a window envelope (DOMAIN 9.2)."""

SLIDING = Area(90, 34, 110, 56)
"""All that a window may ever show of the first fold.

A window of 100 x 45 mm, 20 mm from the right and bottom edges of an envelope of 220 x 110 mm, over a fold of
210 x 99 mm that slides 10 mm sideways and 11 mm down (DOMAIN 9.2): nothing but the address may stand in it."""

FOLD = 99.0
"""First fold of the sheet, in millimetres from its top: what is below never faces the window."""

MARK = Area(181.6, 11, 8.4, 8.4)
"""The DataMatrix of the letter id: 14 modules of 0.6 mm, in the top right corner, above all that slides into view."""

MARK_TEXT = Area(130, 20.4, 60, 4)
"""The letter id in clear, right-aligned under its DataMatrix."""

INSERTER = Area(5.5, 215, 8, 8)
"""The inserter's mark: 16 modules of 0.5 mm in the left margin, on the last third, which no window ever shows."""

LEAST_MARGIN = INSERTER.right + 1.5
"""Of a template on the left, in millimetres, so that no text touches the mark or its quiet zone."""

ADDRESS_INSET = 3.0
"""Millimetres kept free inside the window on the left and on the right of the address."""
