"""Tables as a structured document is read: once for its narrative, the page and the screen."""

from dataclasses import dataclass
from datetime import date

from reportlab.platypus import Paragraph, TableStyle
from reportlab.platypus import Table as Grid

from dmp_core.enrolment.typesetting import BOLD, LEFT, PALE_BLUE, REGULAR, SOFT, WIDTH, style, written


@dataclass(frozen=True, slots=True)
class Table:
    """One table as it is read."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """Cells; several lines of one cell are parted by a line feed."""


def figures(day: date) -> str:
    """ "17/08/2015"."""
    return f"{day:%d/%m/%Y}"


def grid(table: Table, shares: tuple[int, ...]) -> Grid:
    """The table over the width of a page; `shares` are the widths of its columns, in parts."""
    head, cell = style(BOLD, 8.5, 11), style(REGULAR, 8.5, 11)
    drawn = [[Paragraph(written(column), head) for column in table.columns]]
    drawn += [[Paragraph("<br/>".join(map(written, each.split("\n"))), cell) for each in row] for row in table.rows]
    column = WIDTH - 2 * LEFT
    made = Grid(drawn, colWidths=[column * share / sum(shares) for share in shares], repeatRows=1)
    made.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), PALE_BLUE), ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, SOFT), ("LEFTPADDING", (0, 0), (-1, -1), 3),
                ("RIGHTPADDING", (0, 0), (-1, -1), 3), ("TOPPADDING", (0, 0), (-1, -1), 2.5),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
            ]
        )
    )  # fmt: skip
    return made
