"""What a history of reimbursements says: the five tables of the seed, over twelve months. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final

from dateutil.relativedelta import relativedelta

MONTHS: Final = 12
"""The window of the seed: the last twelve months."""


class Supply(StrEnum):
    """What a pharmacy delivers; one table of the seed, three sections of the CDA (DOMAIN 6.3)."""

    MEDICINE = "medicament"
    VACCINE = "vaccin"
    DEVICE = "dispositif"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A line of "Pharmacie / fournitures"."""

    day: date
    label: str
    substances: tuple[str, ...]
    """Active substances (DCI); none for a device."""
    quantity: int
    kind: Supply = Supply.MEDICINE
    hospital: bool = False
    """Marked H in the seed's table."""


@dataclass(frozen=True, slots=True)
class Stay:
    """A line of "Hospitalisation"."""

    day: date
    """Of admission."""
    length: int
    """Days; 1 for a day's surgery."""
    nature: str


@dataclass(frozen=True, slots=True)
class Analysis:
    """A line of "Biologie"."""

    day: date
    code: str
    """NABM, four digits."""
    label: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Care:
    """A line of "Soins médicaux et dentaires"."""

    day: date
    act: str
    """NGAP letters (C, CS, AMI) or a CCAM code (four letters, three digits)."""
    coefficient: Decimal
    label: str
    specialty: str
    hospital: bool = False


@dataclass(frozen=True, slots=True)
class Imaging:
    """A line of "Radiologie"."""

    day: date
    act: str
    """CCAM."""
    coefficient: Decimal
    label: str
    hospital: bool = False


Row = Delivery | Stay | Analysis | Care | Imaging


@dataclass(frozen=True, slots=True)
class History:
    """The reimbursements of one person between two days, both included; each table from the newest to the oldest."""

    since: date
    until: date
    deliveries: tuple[Delivery, ...] = field(default=(), repr=False)
    stays: tuple[Stay, ...] = field(default=(), repr=False)
    analyses: tuple[Analysis, ...] = field(default=(), repr=False)
    cares: tuple[Care, ...] = field(default=(), repr=False)
    images: tuple[Imaging, ...] = field(default=(), repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was reimbursed in these months: the document says so."""
        return not (self.deliveries or self.stays or self.analyses or self.cares or self.images)


def window(until: date) -> tuple[date, date]:
    """The twelve months that end on `until`: (first day, last day), both included (DOMAIN 6.3, [P])."""
    return until - relativedelta(months=MONTHS), until


def history_of(rows: Iterable[Row], until: date) -> History:
    """The rows that fall in the twelve months up to `until`, in their tables, the newest first.

    Rows of one day keep the order in which they were given.
    """
    since, until = window(until)
    kept = sorted((row for row in rows if since <= row.day <= until), key=lambda row: row.day, reverse=True)
    return History(
        since, until,
        deliveries=tuple(row for row in kept if isinstance(row, Delivery)),
        stays=tuple(row for row in kept if isinstance(row, Stay)),
        analyses=tuple(row for row in kept if isinstance(row, Analysis)),
        cares=tuple(row for row in kept if isinstance(row, Care)),
        images=tuple(row for row in kept if isinstance(row, Imaging)),
    )  # fmt: skip
