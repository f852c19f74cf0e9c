"""The minutes of a destruction: one page to be signed by the two persons, which says nothing of what the DMP held."""

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Any, Final
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.cases.colleagues import names_of
from backoffice.closure.destruction import Destruction, done_here
from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import caisse_of
from backoffice.core.clock import PARIS, long_french_date, paris_date
from backoffice.core.typography import no_break_spaces
from backoffice.letters.typefaces import typeface
from backoffice.office import Office

TITLE: Final = "Procès-verbal de destruction d’un DMP"
SAID: Final = (
    "Le dossier médical partagé désigné ci-dessus était clôturé depuis plus de dix ans. Il a été détruit, avec tout ce qu’il "
    "contenait et la trace de ses accès, comme le prévoit l’article L. 1111-18 du code de la santé publique. La clé de ses "
    "documents est détruite avec lui : aucune copie ne peut plus en être lue.",
    "L’empreinte est celle que l’hébergeur a calculée en détruisant. Elle est inscrite chez lui, dans le journal de la caisse, "
    "et ici : trois fois la même. Elle ne dit rien de ce que le dossier contenait, ni combien de documents.",
)
_REGULAR, _BOLD, _MONO = "MinutesSans", "MinutesSans-Bold", "MinutesMono"
_INK, _SOFT, _LINE = HexColor("#14232f"), HexColor("#465663"), HexColor("#b9c6d1")
_LEFT: Final = 22 * mm
_COLUMN: Final = A4[0] - 2 * _LEFT


def minutes_file(session: Session, office: Office, actor: Actor, destruction_id: str) -> bytes:
    """The PDF; journalled. Raises NotFound for what is not destroyed, or not of the actor's caisses."""
    actor.require(Role.SUPERVISOR)
    row = done_here(session, actor, destruction_id)
    names = names_of(session, {row.proposed_by, row.confirmed_by})
    record(session, actor, "dmp.proces_verbal", f"personne {row.person_id}", at=office.clock(), caisse=row.caisse)
    return render(row, names)


def render(row: Destruction, names: Mapping[str, str]) -> bytes:
    """The page of a destruction that is done."""
    _fonts()
    out = BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=_LEFT - 6, rightMargin=_LEFT - 6, topMargin=22 * mm, bottomMargin=20 * mm,
        title=TITLE, author="Assurance Maladie", lang="fr-FR", invariant=1,
    )  # fmt: skip
    story: list[Flowable] = [
        Paragraph(TITLE, _style(_BOLD, 20, 26)),
        Paragraph(escape(caisse_of(row.caisse).label), _style(_REGULAR, 12, 16, textColor=_SOFT, spaceAfter=16)),
        _facts(row, names),
        Spacer(0, 12),
        *(Paragraph(no_break_spaces(escape(words)), _style(_REGULAR, 11, 16, spaceAfter=8)) for words in SAID),
        Spacer(0, 16),
        _signatures(row, names),
    ]
    document.build(story)
    return out.getvalue()


def _facts(row: Destruction, names: Mapping[str, str]) -> Table:
    assert row.destroyed_at is not None
    assert row.confirmed_by is not None
    at = row.destroyed_at.astimezone(PARIS)
    proof = " ".join(row.proof[rank : rank + 8] for rank in range(0, 64, 8)) if row.proof else ""
    rows = [
        ("Personne", f"n° {row.person_id} de la caisse", _BOLD),
        ("Conservé jusqu’au", long_french_date(row.keep_until), _BOLD),
        ("Proposé par", f"{_who(row.proposed_by, names)}, le {long_french_date(paris_date(row.proposed_at))}", _BOLD),
        (
            "Détruit par", f"{_who(row.confirmed_by, names)}, le {long_french_date(at.date())} à {at.hour} h {at.minute:02}",
            _BOLD,
        ),
        ("Empreinte (SHA-256)", proof, _MONO),
        ("Référence", str(row.id), _MONO),
    ]  # fmt: skip
    label = _style(_REGULAR, 10.5, 16, textColor=_SOFT)
    table = Table(
        [
            [Paragraph(name, label), Paragraph(no_break_spaces(escape(content)), _style(face, 10.5, 16))]
            for name, content, face in rows
        ],
        colWidths=[42 * mm, _COLUMN - 42 * mm], hAlign="LEFT",
    )  # fmt: skip
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("LINEBELOW", (0, 0), (-1, -1), 0.5, _LINE), ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ]
    )  # fmt: skip
    return table


def _signatures(row: Destruction, names: Mapping[str, str]) -> Table:
    label = _style(_REGULAR, 9.5, 13, textColor=_SOFT)
    boxes = [
        [
            Paragraph(f"{escape(_who(login, names))} (date, signature)", label)
            for login in (row.proposed_by, row.confirmed_by or "")
        ]
    ]
    table = Table(boxes, colWidths=[_COLUMN / 2] * 2, rowHeights=[32 * mm], hAlign="LEFT")
    table.setStyle(
        [
            ("BOX", (0, 0), (0, 0), 0.75, _LINE),
            ("BOX", (1, 0), (1, 0), 0.75, _LINE),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ]
    )
    return table


def _who(login: str, names: Mapping[str, str]) -> str:
    return names.get(login, login)


def _style(face: str, size: float, leading: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle("minutes", fontName=face, fontSize=size, leading=leading, **{"textColor": _INK, **more})


@cache
def _fonts() -> None:
    for name, face in ((_REGULAR, "R"), (_BOLD, "B"), (_MONO, "M")):
        pdfmetrics.registerFont(TTFont(name, str(typeface(face).path)))
