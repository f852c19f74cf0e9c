"""The cover of a bon à tirer: what is to be printed, what was looked at, and two boxes to sign."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, KeepTogether, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from backoffice.letters.typefaces import FACES

_REGULAR, _BOLD = "Cover", "Cover-Bold"
_FOLDER = Path(__file__).parent / "typefaces"
_DEEP, _LINE, _SOFT = HexColor("#10304f"), HexColor("#cdd6df"), HexColor("#4a5968")
_WIDTH = A4[0] - 40 * mm - 12  # the frame keeps six points on each side


@dataclass(frozen=True, slots=True)
class Cover:
    """What a cover says."""

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    letters: Sequence[tuple[str, str]]
    """(case, page or why there is none)."""
    note: str
    signatures: Sequence[str]
    """Whose signature each box waits for."""


def cover_pages(cover: Cover) -> bytes:
    """The cover as a PDF."""
    _fonts()
    out = BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=20 * mm, rightMargin=20 * mm, topMargin=18 * mm, bottomMargin=16 * mm,
        title=f"{cover.title} – {cover.subtitle}", lang="fr-FR", invariant=1,
    )  # fmt: skip
    body = ParagraphStyle("body", fontName=_REGULAR, fontSize=10, leading=13.5)
    strong = ParagraphStyle("strong", parent=body, fontName=_BOLD)
    soft = ParagraphStyle("soft", parent=body, textColor=_SOFT)
    heading = ParagraphStyle(
        "heading", parent=strong, fontSize=12, leading=16, textColor=_DEEP, spaceBefore=10, spaceAfter=4
    )
    story: list[Flowable] = [
        Paragraph(
            escape(cover.title), ParagraphStyle("title", parent=strong, fontSize=22, leading=27, textColor=_DEEP)
        ),
        Paragraph(escape(cover.subtitle), ParagraphStyle("sub", parent=body, fontSize=13, leading=18, spaceAfter=6)),
        _table([(Paragraph(escape(label), soft), Paragraph(escape(value), body)) for label, value in cover.facts]),
        Paragraph("Courriers joints, choisis pour leur difficulté", heading),
        _table([(Paragraph(escape(label), body), Paragraph(escape(value), body)) for label, value in cover.letters]),
        Spacer(1, 6),
        Paragraph(escape(cover.note), soft),
        KeepTogether(
            [
                Paragraph("Signatures", heading),
                _boxes([Paragraph(escape(name), strong) for name in cover.signatures], soft),
            ]
        ),
    ]
    document.build(story)
    return out.getvalue()


def _table(rows: Sequence[tuple[Flowable, Flowable]]) -> Table:
    table = Table(list(rows), colWidths=[0.34 * _WIDTH, 0.66 * _WIDTH])
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LEFTPADDING", (0, 0), (0, -1), 0),
                ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ]
        )
    )
    return table


def _boxes(names: Sequence[Flowable], soft: ParagraphStyle) -> Table:
    table = Table(
        [list(names), [Paragraph("Nom, date, signature", soft) for _ in names]],
        colWidths=[_WIDTH / len(names)] * len(names),
        rowHeights=[8 * mm, 28 * mm],
    )
    table.setStyle(
        TableStyle(
            [("BOX", (rank, 0), (rank, 1), 0.8, _DEEP) for rank in range(len(names))]
            + [("VALIGN", (0, 0), (-1, -1), "TOP")]
        )
    )
    return table


@cache
def _fonts() -> None:
    for name, face in ((_REGULAR, "R"), (_BOLD, "B")):
        pdfmetrics.registerFont(TTFont(name, str(_FOLDER / FACES[face])))
