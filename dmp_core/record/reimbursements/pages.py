"""The history of reimbursements as pages to keep: the five tables of the seed, A4."""

from datetime import datetime
from io import BytesIO
from typing import Any, Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer

from dmp_core.enrolment.typesetting import (
    BLUE,
    BOLD,
    DEEP,
    LEFT,
    REGULAR,
    SOFT,
    WIDTH,
    fonts,
    style,
    written,
)
from dmp_core.enrolment.words import long_day
from dmp_core.record.reimbursements.cda import TITLE
from dmp_core.record.reimbursements.history import History
from dmp_core.record.reimbursements.words import EMPTY, HOSPITAL, USE, has_marks, tables_of
from dmp_core.record.tables import grid

_SHARES: Final = ((22, 62, 62, 24), (28, 28, 114), (24, 28, 94, 24), (24, 20, 24, 62, 40), (24, 24, 24, 98))
"""Widths of the columns of the five tables, in parts."""


def history_pdf(history: History, at: datetime) -> bytes:
    """The pages; `at` is when the insurance drew them up."""
    fonts()
    out = BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=LEFT - 6, rightMargin=LEFT - 6, topMargin=18 * mm, bottomMargin=18 * mm,
        title=TITLE, author="L’Assurance Maladie", lang="fr-FR", displayDocTitle=True, invariant=1,
    )  # fmt: skip
    body = style(REGULAR, 9.5, 13, spaceAfter=4)
    story: list[Flowable] = [
        Paragraph(written(TITLE), style(BOLD, 19, 24, textColor=BLUE, spaceAfter=6)),
        Paragraph(written(f"Du {long_day(history.since)} au {long_day(history.until)}."), body),
        Paragraph(written(USE), body),
    ]
    heading = style(BOLD, 12.5, 16, textColor=DEEP, spaceBefore=10, spaceAfter=4, keepWithNext=1)
    for table, shares in zip(tables_of(history), _SHARES, strict=True):
        story.append(Paragraph(written(table.title), heading))
        if table.rows:
            story.append(grid(table, shares))
        else:
            story.append(Paragraph(written(EMPTY), body))
    if any(map(has_marks, tables_of(history))):
        story += [Spacer(1, 6), Paragraph(written(HOSPITAL), style(REGULAR, 8.5, 12, textColor=SOFT))]

    def foot(canvas: Canvas, page: Any) -> None:
        canvas.setFont(REGULAR, 7.5)
        canvas.setFillColor(SOFT)
        canvas.drawString(LEFT, 10 * mm, f"{TITLE}, établies le {long_day(at)}")
        canvas.drawRightString(WIDTH - LEFT, 10 * mm, f"Page {page.page}")

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()
