"""Marks for the machine that folds and inserts: which sheet of which letter this is, and where it stands in its lot.

Twenty-four digits in a DataMatrix at the left edge of each sheet, below the folds that a window may show:

    63100000123466 01 01 000042
    letter id      sheet, of, rank of the letter in the lot

The machine closes an envelope when it has seen all its sheets, and stops when a rank is missing or comes twice.
"""

from dataclasses import dataclass
from typing import Final

MOST_SHEETS: Final = 99
MOST_LETTERS: Final = 999_999


@dataclass(frozen=True, slots=True)
class Finishing:
    """How a lot is made for its printer."""

    duplex: bool = False
    """Each sheet has a blank back: on a press that prints both sides, no letter begins on another's."""
    marks: bool = False
    """Each sheet carries the inserter's mark."""

    @property
    def sides(self) -> int:
        """Pages a sheet."""
        return 2 if self.duplex else 1


PLAIN: Final = Finishing()


def sequence_digits(identity: str, rank: int, sheet: int = 1, sheets: int = 1) -> str:
    """What the mark says: `identity` is the fourteen digits of the letter id, `rank` the letter's place in its lot."""
    if not (0 < sheet <= sheets <= MOST_SHEETS and 0 < rank <= MOST_LETTERS and len(identity) == 14):
        raise ValueError("a mark needs a sheet, a rank and a letter id within its digits")
    return f"{identity}{sheet:02d}{sheets:02d}{rank:06d}"
