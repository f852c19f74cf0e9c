"""The history of accesses as pages to keep, A4."""

from datetime import datetime
from io import BytesIO
from typing import Any, Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, TableStyle

from dmp_core.access.gate import Lines
from dmp_core.access.trace import Line, Mode
from dmp_core.clock import PARIS
from dmp_core.enrolment.typesetting import (
    BLUE,
    BOLD,
    LEFT,
    PALE_BLUE,
    REGULAR,
    SOFT,
    WIDTH,
    fonts,
    style,
    written,
)
from dmp_core.enrolment.words import long_day

TITLE: Final = "Qui a accédé à mon DMP"
_SHARES: Final = (10, 31, 42, 62, 25)
_HEAD: Final = ("N°", "Quand", "Qui", "Quoi", "Empreinte")
_MODES: Final = {Mode.EMERGENCY: "accès en urgence", Mode.CENTRE_15: "centre 15"}


def history_pages(found: Lines, holder: str, at: datetime) -> bytes:
    """Every access, the first one first."""
    fonts()
    out = BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=LEFT - 6, rightMargin=LEFT - 6, topMargin=18 * mm, bottomMargin=18 * mm,
        title=TITLE, author="Dossier médical partagé", lang="fr-FR", displayDocTitle=True, invariant=1,
    )  # fmt: skip
    body, cell, head = style(REGULAR, 9.5, 13, spaceAfter=6), style(REGULAR, 8.5, 11), style(BOLD, 8.5, 11)
    rows = [[Paragraph(written(each), head) for each in _HEAD]]
    rows += [[Paragraph(written(each), cell) for each in _cells(found, line)] for line in found.lines]
    table = LongTable(rows, colWidths=[(WIDTH - 2 * LEFT) * share / sum(_SHARES) for share in _SHARES], repeatRows=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), PALE_BLUE), ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, SOFT), ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3), ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ]
        )
    )  # fmt: skip
    many = f"{len(found.lines)} accès" if len(found.lines) != 1 else "Un accès"
    story = [
        Paragraph(written(TITLE), style(BOLD, 19, 24, textColor=BLUE, spaceAfter=6)),
        Paragraph(written(f"DMP de {holder}. {many}, du premier au {long_day(at)}, refusés compris."), body),
        Paragraph(
            written(
                "Cette page se lit ; ce qui fait foi est à côté d’elle, dans le même dossier : « chaine.jsonl » et sa signature. "
                "« LISEZ-MOI.txt » dit comment les vérifier."
            ),
            body,
        ),
        table,
    ]

    def foot(canvas: Canvas, page: Any) -> None:
        canvas.setFont(REGULAR, 7.5)
        canvas.setFillColor(SOFT)
        canvas.drawString(LEFT, 10 * mm, f"{TITLE}, historique établi le {long_day(at)}")
        canvas.drawRightString(WIDTH - LEFT, 10 * mm, f"Page {page.page}")

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def _cells(found: Lines, line: Line) -> tuple[str, ...]:
    who = line.who.name + (f", {line.who.profession}" if line.who.profession else "")
    what = line.action.label
    if line.document in found.named:
        what += f" : {found.named[line.document].title}"
    if not line.granted:
        what += " (refusé)"
    if line.who.mode in _MODES:
        what += f" ({_MODES[line.who.mode]} : {line.reason})"
    when = line.at.astimezone(PARIS)
    return str(line.number), f"{when:%d/%m/%Y à %H:%M:%S}", who, what, line.digest.hex()[:12]
