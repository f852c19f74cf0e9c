"""The looks of every PDF of the record: typefaces, colours, margins, styles."""

from functools import cache
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

from dmp_core.enrolment.words import no_break_spaces

REGULAR, BOLD, MONO = "DmpSans", "DmpSans-Bold", "DmpMono"
_FILES: Final = {
    REGULAR: "SourceSans3-Regular.ttf", BOLD: "SourceSans3-Bold.ttf", MONO: "IBMPlexMono-SemiBold.ttf",
}  # fmt: skip
INK, SOFT = HexColor("#14232f"), HexColor("#465663")
BLUE, DEEP, TEAL = HexColor("#0a5a9c"), HexColor("#073e6d"), HexColor("#0a7373")
PALE_BLUE, PALE_TEAL = HexColor("#e6f1fa"), HexColor("#e0f3f2")
WIDTH, HEIGHT = A4
LEFT: Final = 20 * mm


def written(text: str) -> str:
    """A sentence as a paragraph takes it: escaped, its spaces as French wants them."""
    return escape(no_break_spaces(text))


def style(font: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
    """A style of paragraph; sizes in points."""
    return ParagraphStyle(
        f"{font}-{size}", fontName=font, fontSize=size, leading=leading, **{"textColor": INK, **more}
    )  # fmt: skip


@cache
def fonts() -> None:
    """Register the typefaces, once a process."""
    folder = Path(__file__).parent / "typefaces"
    for name, file in _FILES.items():
        pdfmetrics.registerFont(TTFont(name, str(folder / file)))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
