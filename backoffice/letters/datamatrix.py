"""The DataMatrix of a letter id, as PDF operators. ECC 200 by zxing-cpp (reportlab's own draws 18 a second)."""

from typing import Any

import zxingcpp

from backoffice.letters.geometry import MARK, MM, PAGE_HEIGHT

MODULES = 14
"""Fourteen digits are seven codewords: the symbol of 14 x 14 modules (ISO/IEC 16022, table 7)."""

_QUIET = 1
_ROW = MODULES + 2 * _QUIET  # the quiet zone makes each row two whole bytes
_MODULE = MARK.width * MM / MODULES
_SIDE = _ROW * _MODULE
_X = MARK.left * MM - _MODULE
_Y = PAGE_HEIGHT - MARK.bottom * MM - _MODULE
_FORMAT = zxingcpp.BarcodeFormat.DataMatrix
_TO_BIT = bytes([0x30] + [0x31] * 255)  # dark paints: in a stencil, a 0 bit is painted

BOX = (_X, _Y, _X + _SIDE, _Y + _SIDE)
"""Left, bottom, right and top of the symbol and its quiet zone on the page, in points."""

IMAGE_OPEN = f"q {_SIDE:.2f} 0 0 {_SIDE:.2f} {_X:.2f} {_Y:.2f} cm BI/W {_ROW}/H {_ROW}/BPC 1/IM true/F/AHx ID ".encode()
IMAGE_CLOSE = b">\nEI Q"
"""Around `packed`: a stencil of one bit a module. In hexadecimal, so that no reader mistakes data for its end."""


def modules(digits: str) -> bytes:
    """The symbol for fourteen digits with its quiet zone, row by row from the top, one byte a module: 0 where dark."""
    image: Any = zxingcpp.create_barcode(digits, _FORMAT).to_image(1, False, True)
    found = bytes(memoryview(image))
    if len(found) != _ROW * _ROW:
        raise ValueError("not the fourteen digits of a letter id")
    return found


def packed(digits: str) -> bytes:
    """The symbol as the hexadecimal data of the stencil."""
    return b"%064x" % int(modules(digits).translate(_TO_BIT), 2)
