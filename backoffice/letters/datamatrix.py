"""DataMatrix symbols of a page, as PDF operators. ECC 200 by zxing-cpp (reportlab's own draws 18 a second)."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import zxingcpp

from backoffice.letters.geometry import INSERTER, MARK, MM, PAGE_HEIGHT, Area

_QUIET: Final = 1
_FORMAT: Final = zxingcpp.BarcodeFormat.DataMatrix
_TO_BIT: Final = bytes([0x30] + [0x31] * 255)  # dark paints: in a stencil, a 0 bit is painted
IMAGE_CLOSE: Final = b">\nEI Q"


@dataclass(frozen=True)
class Symbol:
    """A symbol of so many modules a side, at its place on the sheet."""

    modules: int
    area: Area

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, bottom, right and top of the symbol and its quiet zone on the page, in points."""
        module = self.area.width * MM / self.modules
        x, y = self.area.left * MM - module, PAGE_HEIGHT - self.area.bottom * MM - module
        side = (self.modules + 2 * _QUIET) * module
        return x, y, x + side, y + side

    @cached_property
    def image_open(self) -> bytes:
        """What comes before `packed`: a stencil of one bit a module.

        In hexadecimal, so that no reader mistakes data for its end.
        """
        left, bottom, right, top = self.box
        row = self.modules + 2 * _QUIET
        return (
            f"q {right - left:.2f} 0 0 {top - bottom:.2f} {left:.2f} {bottom:.2f} cm "
            f"BI/W {row}/H {row}/BPC 1/IM true/F/AHx ID "
        ).encode()

    def rows(self, digits: str) -> bytes:
        """The symbol with its quiet zone, row by row from the top, one byte a module: 0 where dark."""
        image: Any = zxingcpp.create_barcode(digits, _FORMAT).to_image(1, False, True)
        found = bytes(memoryview(image))
        if len(found) != (self.modules + 2 * _QUIET) ** 2:
            raise ValueError("these digits make a symbol of another size")
        return found

    def packed(self, digits: str) -> bytes:
        """The symbol as the hexadecimal data of the stencil; each row is whole bytes."""
        row = self.modules + 2 * _QUIET
        bits = self.rows(digits).translate(_TO_BIT)
        if row % 8:
            filler = b"1" * (-row % 8)
            bits = b"".join([bits[start : start + row] + filler for start in range(0, len(bits), row)])
        return b"%0*x" % (len(bits) // 4, int(bits, 2))


IDENTITY: Final = Symbol(14, MARK)
"""The letter id: fourteen digits are seven codewords, a symbol of 14 x 14 modules (ISO/IEC 16022, table 7)."""
SEQUENCE: Final = Symbol(16, INSERTER)
"""The inserter's mark: twenty-four digits are twelve codewords, a symbol of 16 x 16."""
