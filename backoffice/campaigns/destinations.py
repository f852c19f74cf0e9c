"""Where a sealed lot's letters go, counted when it is sealed: for deposit slips and for rates of return.

Counts alone: they outlive the persons' own data, and nobody needs to read seven million rows for them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ForeignKey, Integer, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.campaigns.models import Lot
from backoffice.campaigns.rules import LetterState

CORSICA: Final = "20"
"""First digits of Corsican postal codes, which do not tell its two départements apart."""


class LotDestination(Base):
    """How many letters of a lot go to one postal code."""

    __tablename__ = "lot_destination"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True)
    pays: Mapped[str] = mapped_column(primary_key=True)
    """Empty for France."""
    code_postal: Mapped[str] = mapped_column(primary_key=True)
    letters: Mapped[int] = mapped_column(Integer)


@dataclass(frozen=True, slots=True)
class Destination:
    """A line of a slip: a département, or a country."""

    label: str
    abroad: bool
    letters: int


def count_destinations(session: Session, lot: Lot) -> None:
    """Count the lot's sealed letters, control letters too, by postal code; counted twice, they are counted once."""
    session.execute(
        text("""
        INSERT INTO lot_destination (lot_id, pays, code_postal, letters)
        SELECT :lot, CASE WHEN upper(p.pays) IN ('', 'FRANCE', 'FR', 'FRA') THEN '' ELSE upper(p.pays) END, p.code_postal,
            count(*)
        FROM (
            SELECT p.pays, p.code_postal FROM letter l JOIN person p ON p.caisse = l.caisse AND p.id = l.person_id
            WHERE l.caisse = :caisse AND l.campaign_id = :campaign AND l.channel = :channel AND l.lot_sequence = :sequence
                AND l.state = :sealed
            UNION ALL
            SELECT '', a.code_postal FROM control_letter c JOIN control_address a ON a.id = c.address_id WHERE c.lot_id = :lot
        ) p
        GROUP BY 2, 3 ON CONFLICT DO NOTHING
        """),
        {
            "lot": lot.id, "caisse": lot.caisse, "campaign": lot.campaign_id, "channel": lot.channel,
            "sequence": lot.sequence, "sealed": LetterState.SEALED.value,
        },
    )  # fmt: skip


def destinations_of(session: Session, lot: Lot) -> list[Destination]:
    """By département in their order, then by country."""
    counts: dict[tuple[bool, str], int] = {}
    for row in session.query(LotDestination).filter_by(lot_id=lot.id):
        key = (True, row.pays.title()) if row.pays else (False, departement(row.code_postal))
        counts[key] = counts.get(key, 0) + row.letters
    return [Destination(label, abroad, letters) for (abroad, label), letters in sorted(counts.items())]


def departement(postal_code: str) -> str:
    """Of a French postal code: its first two digits, or three overseas."""
    return postal_code[:3] if postal_code.startswith(("97", "98")) else postal_code[:2]


def total(destinations: Sequence[Destination]) -> int:
    """Letters in all."""
    return sum(one.letters for one in destinations)
