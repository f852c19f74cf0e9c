"""The deposit slip of a lot: what the printer hands to La Poste, counted by département and country, and weighed."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.campaigns.destinations import Destination, destinations_of, total
from backoffice.campaigns.handing import require_sealed
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.printers import PostalClass, Printer
from backoffice.campaigns.printing import handover_of
from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import caisse_of
from backoffice.core.clock import long_french_date, paris_date
from backoffice.core.typography import NBSP, no_break_spaces, thousands
from backoffice.letters.typefaces import typeface
from backoffice.office import Office

SHEET_GRAMS: Final = 5.0
"""A4 of 80 g/m²: 0.21 m x 0.297 m x 80 = 4.99 g."""
ENVELOPE_GRAMS: Final = 5.0
"""Window envelope of 110 x 220 mm of 80 g/m² with its flaps, as makers give it: 4.5 to 5.2 g."""

_REGULAR, _BOLD = "SlipSans", "SlipSans-Bold"
_INK, _SOFT, _LINE, _PALE = HexColor("#14232f"), HexColor("#465663"), HexColor("#b9c6d1"), HexColor("#eef4f9")
_LEFT: Final = 18 * mm
_COLUMN: Final = A4[0] - 2 * _LEFT


@dataclass(frozen=True, slots=True)
class Slip:
    """What a slip says."""

    lot: str
    campaign: str
    caisse: str
    printer: str
    postage: PostalClass | None
    planned_on: date
    destinations: tuple[Destination, ...]
    sheets: int
    made_on: date

    @property
    def letters(self) -> int:
        """Letters in all."""
        return total(self.destinations)

    @property
    def abroad(self) -> int:
        """Letters to another country."""
        return total([one for one in self.destinations if one.abroad])

    @property
    def grams_a_letter(self) -> float:
        """Estimated weight of one letter."""
        return ENVELOPE_GRAMS + SHEET_GRAMS * (self.sheets / self.letters if self.letters else 0)

    @property
    def kilograms(self) -> float:
        """Estimated weight of them all."""
        return self.letters * self.grams_a_letter / 1000


def slip_of(session: Session, office: Office, campaign: Campaign, lot: Lot) -> Slip:
    """The slip of a sealed lot. Raises WrongState when it is not sealed."""
    require_sealed(session, lot)
    handover = handover_of(session, lot)
    printer_id = handover.printer_id if handover else campaign.printer_id
    printer = session.get(Printer, printer_id) if printer_id is not None else None
    return Slip(
        lot=lot.name or "", campaign=f"{campaign.reference} – {campaign.name}", caisse=caisse_of(lot.caisse).label,
        printer=printer.name if printer else "", postage=printer.postage if printer else None, planned_on=lot.letter_date,
        destinations=tuple(destinations_of(session, lot)), sheets=lot.pages // (2 if lot.duplex else 1),
        made_on=paris_date(office.clock()),
    )  # fmt: skip


def slip_file(session: Session, office: Office, actor: Actor, campaign: Campaign, lot: Lot) -> bytes:
    """The slip as a PDF of A4 pages; journalled."""
    actor.require(Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.SYSTEM)
    made = slip_of(session, office, campaign, lot)
    record(session, actor, "lot.bordereau", made.lot, at=office.clock(), caisse=lot.caisse)
    return render(made)


def render(slip: Slip) -> bytes:
    """The PDF."""
    _fonts()
    out = BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=_LEFT - 6, rightMargin=_LEFT - 6, topMargin=16 * mm, bottomMargin=18 * mm,
        title=f"Bordereau de dépôt – {slip.lot}", author="Assurance Maladie", lang="fr-FR", invariant=1,
    )  # fmt: skip
    story: list[Flowable] = [
        Paragraph("Bordereau de dépôt", _style(_BOLD, 20, 26, textColor=_INK)),
        Paragraph(escape(slip.caisse), _style(_REGULAR, 12, 16, textColor=_SOFT, spaceAfter=10)),
        _facts(slip),
        Spacer(0, 10),
        _counts(slip),
        Spacer(0, 10),
        _signatures(),
    ]
    document.build(story, onFirstPage=_foot, onLaterPages=_foot)
    return out.getvalue()


def _facts(slip: Slip) -> Table:
    postage = slip.postage.label if slip.postage else "à préciser"
    rows = [
        ("Lot", slip.lot), ("Campagne", slip.campaign), ("Imprimeur", slip.printer or "à préciser"),
        ("Affranchissement", postage), ("Dépôt prévu le", long_french_date(slip.planned_on)),
        ("Courriers", f"{thousands(slip.letters)}, dont {thousands(slip.abroad)} à l’étranger"),
        ("Poids estimé", f"{_kilograms(slip.kilograms)} ({slip.grams_a_letter:.0f} g par pli)"),
    ]  # fmt: skip
    label, value = _style(_REGULAR, 10, 14, textColor=_SOFT), _style(_BOLD, 10, 14)
    table = Table(
        [[Paragraph(name, label), Paragraph(no_break_spaces(escape(content)), value)] for name, content in rows],
        colWidths=[38 * mm, _COLUMN - 38 * mm], hAlign="LEFT",
    )  # fmt: skip
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ]
    )  # fmt: skip
    return table


def _counts(slip: Slip) -> Table:
    head, cell = _style(_BOLD, 9.5, 13), _style(_REGULAR, 10, 14)
    figure, figure_head = _style(_REGULAR, 10, 14, alignment=TA_RIGHT), _style(_BOLD, 9.5, 13, alignment=TA_RIGHT)
    postage = slip.postage.label if slip.postage else "France"
    rows: list[list[Any]] = [
        [
            Paragraph("Classe", head), Paragraph("Département ou pays", head), Paragraph("Plis", figure_head),
            Paragraph("Poids", figure_head),
        ]
    ]  # fmt: skip
    for one in slip.destinations:
        name = one.label if one.abroad else f"{one.label}{' (Corse)' if one.label == '20' else ''}"
        rows.append(
            [
                Paragraph("International" if one.abroad else postage, cell), Paragraph(escape(name), cell),
                Paragraph(thousands(one.letters), figure),
                Paragraph(_kilograms(one.letters * slip.grams_a_letter / 1000), figure),
            ]
        )  # fmt: skip
    bold = _style(_BOLD, 10, 14)
    rows.append(
        [
            Paragraph("Total", bold), "", Paragraph(thousands(slip.letters), figure_head),
            Paragraph(_kilograms(slip.kilograms), figure_head),
        ]
    )  # fmt: skip
    table = Table(rows, colWidths=[50 * mm, _COLUMN - 110 * mm, 28 * mm, 32 * mm], repeatRows=1, hAlign="LEFT")
    table.setStyle(
        [
            ("BACKGROUND", (0, 0), (-1, 0), _PALE), ("LINEBELOW", (0, 0), (-1, -2), 0.5, _LINE),
            ("LINEABOVE", (0, -1), (-1, -1), 1, _INK), ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("TOPPADDING", (0, 0), (-1, -1), 2.5), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
        ]
    )  # fmt: skip
    return table


def _signatures() -> Table:
    label = _style(_REGULAR, 9.5, 13, textColor=_SOFT)
    boxes = [
        [Paragraph("Déposé par (nom, date, signature)", label), Paragraph("Reçu par La Poste (cachet, date)", label)]
    ]
    table = Table(boxes, colWidths=[_COLUMN / 2] * 2, rowHeights=[30 * mm], hAlign="LEFT")
    table.setStyle(
        [
            ("BOX", (0, 0), (0, 0), 0.75, _LINE), ("BOX", (1, 0), (1, 0), 0.75, _LINE),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )  # fmt: skip
    return table


def _foot(canvas: Any, document: Any) -> None:
    canvas.setFont(_REGULAR, 8)
    canvas.setFillColor(_SOFT)
    canvas.drawString(_LEFT, 10 * mm, document.title)
    canvas.drawRightString(A4[0] - _LEFT, 10 * mm, f"Page {document.page}")


def _kilograms(weight: float) -> str:
    return f"{weight:.2f}{NBSP}kg".replace(".", ",")


def _style(face: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle("slip", fontName=face, fontSize=size, leading=leading, **{"textColor": _INK, **more})


@cache
def _fonts() -> None:
    for name, face in ((_REGULAR, "R"), (_BOLD, "B")):
        pdfmetrics.registerFont(TTFont(name, str(typeface(face).path)))
