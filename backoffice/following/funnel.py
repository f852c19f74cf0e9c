"""The funnel of a mailing, from the prepared counts: in all, by day, and by what tells letters apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import Channel
from backoffice.core.caisse import caisse_of
from backoffice.following.curves import Choice
from backoffice.following.intervals import Share, share
from backoffice.following.models import BANDS, CampaignDay, Fact


class Dimension(StrEnum):
    """What letters are told apart by, with the word of its address."""

    WAVE = "vague"
    CAISSE = "caisse"
    BAND = "age"
    CHANNEL = "canal"
    VARIANT = "version"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS: Final = {
    Dimension.WAVE: "Vague",
    Dimension.CAISSE: "Caisse",
    Dimension.BAND: "Âge",
    Dimension.CHANNEL: "Canal",
    Dimension.VARIANT: "Version du courrier",
}
_COLUMNS: Final[Mapping[Dimension, Any]] = {
    Dimension.WAVE: CampaignDay.wave,
    Dimension.CAISSE: CampaignDay.caisse,
    Dimension.BAND: CampaignDay.band,
    Dimension.CHANNEL: CampaignDay.channel,
    Dimension.VARIANT: CampaignDay.variant,
}


@dataclass(frozen=True, slots=True)
class Funnel:
    """What became of a group of letters; each number counts letters, each letter once a number."""

    label: str
    sent: int
    returned: int
    calls: int
    codes: int
    opened: int

    @property
    def delivered(self) -> int:
        """Sent, and not come back."""
        return self.sent - self.returned

    @property
    def rate(self) -> Share:
        """Creations among letters sent, with Wilson's interval."""
        return share(min(self.opened, self.sent), self.sent)

    def steps(self) -> list[tuple[str, int]]:
        """The five bars and the number that came back, as they are drawn."""
        return [
            ("Envoyés", self.sent), ("Distribués", self.delivered), ("Revenus", self.returned), ("Appels", self.calls),
            ("Codes utilisés", self.codes), ("DMP créés", self.opened),
        ]  # fmt: skip


def funnel_of(session: Session, choice: Choice, today: date, label: str = "Ensemble") -> Funnel:
    """All of them together."""
    rows = session.execute(
        select(CampaignDay.fact, func.sum(CampaignDay.letters))
        .where(*choice.condition(), CampaignDay.day <= today, CampaignDay.sent_on <= today)
        .group_by(CampaignDay.fact)
    )
    return _funnel(label, {fact: number for fact, number in rows})  # noqa: C416 - rows are no pairs for dict()


def funnels_by(session: Session, choice: Choice, today: date, dimension: Dimension) -> list[tuple[Any, Funnel]]:
    """One a value of the dimension, with the value, in their natural order."""
    column = _COLUMNS[dimension]
    rows = session.execute(
        select(column, CampaignDay.fact, func.sum(CampaignDay.letters))
        .where(*choice.condition(), CampaignDay.day <= today, CampaignDay.sent_on <= today)
        .group_by(column, CampaignDay.fact)
    )
    found: dict[Any, dict[str, int]] = {}
    for value, fact, number in rows:
        found.setdefault(value, {})[fact] = number
    bands = [label for _, label in reversed(BANDS)]
    order = sorted(found, key=bands.index if dimension is Dimension.BAND else None)
    return [(value, _funnel(label_of(dimension, value), found[value])) for value in order]


def label_of(dimension: Dimension, value: Any) -> str:
    """What a French reader sees of a value."""
    if dimension is Dimension.CAISSE:
        return caisse_of(value).label
    if dimension is Dimension.CHANNEL:
        return "Courriel" if value == Channel.MAIL else "La Poste"
    if dimension is Dimension.WAVE:
        return f"Vague {value}" if value else "Sans vague"
    return f"Version {value}" if dimension is Dimension.VARIANT else str(value)


@dataclass(frozen=True, slots=True)
class Day:
    """What happened on one day, whenever the letters had been sent."""

    day: date
    counts: dict[Fact, int]


def days_of(session: Session, choice: Choice, today: date) -> list[Day]:
    """Every day on which something happened, the first one first."""
    rows = session.execute(
        select(CampaignDay.day, CampaignDay.fact, func.sum(CampaignDay.letters))
        .where(*choice.condition(), CampaignDay.day <= today, CampaignDay.sent_on <= today)
        .group_by(CampaignDay.day, CampaignDay.fact)
        .order_by(CampaignDay.day)
    )
    found: dict[date, dict[Fact, int]] = {}
    for day, fact, number in rows:
        found.setdefault(day, dict.fromkeys(Fact, 0))[Fact(fact)] = number
    return [Day(day, counts) for day, counts in found.items()]


def funnels_of(session: Session, campaigns: Sequence[Campaign], today: date) -> list[tuple[Campaign, Funnel]]:
    """One a campaign."""
    rows = session.execute(
        select(CampaignDay.campaign_id, CampaignDay.fact, func.sum(CampaignDay.letters))
        .where(
            CampaignDay.campaign_id.in_([one.id for one in campaigns]), CampaignDay.day <= today,
            CampaignDay.sent_on <= today,
        )
        .group_by(CampaignDay.campaign_id, CampaignDay.fact)
    )  # fmt: skip
    found: dict[int, dict[str, int]] = {}
    for campaign_id, fact, number in rows:
        found.setdefault(campaign_id, {})[fact] = number
    return [(one, _funnel(one.name, found[one.id])) for one in campaigns if one.id in found]


def _funnel(label: str, counts: Mapping[str, int]) -> Funnel:
    def number(fact: Fact) -> int:
        return int(counts.get(fact, 0))

    return Funnel(
        label, number(Fact.SENT), number(Fact.RETURNED), number(Fact.CALL), number(Fact.CODE_USED), number(Fact.OPENED)
    )
