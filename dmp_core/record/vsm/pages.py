"""A summary as pages to keep, in the order in which a doctor reads it, A4."""

from io import BytesIO
from typing import Any, Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate

from dmp_core.enrolment.typesetting import BLUE, BOLD, DEEP, LEFT, REGULAR, SOFT, WIDTH, fonts, style, written
from dmp_core.enrolment.words import dialled, long_day
from dmp_core.record.tables import grid
from dmp_core.record.vsm.cda import TITLE
from dmp_core.record.vsm.reading import Written
from dmp_core.record.vsm.words import sections_of

_SHARES: Final = {
    "problems": (24, 120, 26), "past": (24, 24, 96, 26), "operations": (24, 120, 26), "allergies": (24, 46, 50, 50),
    "habits": (30, 140), "exposures": (170,), "family": (34, 110, 26), "findings": (24, 146),
    "treatments": (24, 24, 46, 32, 26, 22),
}  # fmt: skip


def summary_pdf(told: Written) -> bytes:
    """The pages."""
    fonts()
    out = BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=LEFT - 6, rightMargin=LEFT - 6, topMargin=18 * mm, bottomMargin=18 * mm,
        title=TITLE, author=told.author, lang="fr-FR", displayDocTitle=True, invariant=1,
    )  # fmt: skip
    body = style(REGULAR, 9.5, 13, spaceAfter=4)
    story: list[Flowable] = [
        Paragraph(written(TITLE), style(BOLD, 19, 24, textColor=BLUE, spaceAfter=6)),
        Paragraph(written(f"Établie le {long_day(told.at)} par {told.author}, médecin traitant."), body),
    ]
    for title, one in told.relatives.lines:
        who = ", ".join(filter(None, (one.name, one.relation, dialled(one.phone))))
        story.append(Paragraph(written(f"{title} : {who}."), body))
    heading = style(BOLD, 12.5, 16, textColor=DEEP, spaceBefore=10, spaceAfter=4, keepWithNext=1)
    for name, table, nothing in sections_of(told.summary):
        story.append(Paragraph(written(table.title), heading))
        story.append(grid(table, _SHARES[name]) if table.rows else Paragraph(written(nothing), body))

    def foot(canvas: Canvas, page: Any) -> None:
        canvas.setFont(REGULAR, 7.5)
        canvas.setFillColor(SOFT)
        canvas.drawString(LEFT, 10 * mm, f"{TITLE}, établie le {long_day(told.at)}")
        canvas.drawRightString(WIDTH - LEFT, 10 * mm, f"Page {page.page}")

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()
