"""Creations by age of the letter, read from the prepared counts: for the drawing, for comparisons, and for forecasts."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from backoffice.following.counting import WINDOW
from backoffice.following.intervals import Share, share
from backoffice.following.models import CampaignDay, Fact
from backoffice.following.survival import Point, curve


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters are looked at; None: whatever they are."""

    campaigns: Collection[int]
    caisses: Collection[str]
    variant: str | None = None
    wave: int | None = None
    channel: str | None = None
    band: str | None = None

    def condition(self) -> list[ColumnElement[bool]]:
        """For a question to the prepared counts."""
        found: list[ColumnElement[bool]] = [
            CampaignDay.campaign_id.in_(sorted(self.campaigns)), CampaignDay.caisse.in_(sorted(self.caisses))
        ]  # fmt: skip
        for name in ("variant", "wave", "channel", "band"):
            wanted = getattr(self, name)
            if wanted is not None:
                found.append(getattr(CampaignDay, name) == wanted)
        return found


def creations_by_age_of_letter(session: Session, choice: Choice, today: date) -> list[Point]:
    """The share of letters that led to a creation, by days since the sending (Kaplan and Meier).

    A letter is followed until its creation, its return, today, or the end of the window, whichever comes first.
    """
    sent, created, returned = _ages(session, choice, today)
    left: Counter[int] = Counter()
    for sent_on, number in sent.items():
        followed = min((today - sent_on).days, WINDOW)
        left[followed] += number
    for (sent_on, age), number in (created + returned).items():
        left[min((today - sent_on).days, WINDOW)] -= number
        if (sent_on, age) in returned and age <= WINDOW:
            left[age] += returned[sent_on, age]
    made: Counter[int] = Counter()
    for (_, age), number in created.items():
        made[age] += number
    return curve(made, left)


def created_within(session: Session, choice: Choice, today: date, days: int) -> Share:
    """The share of letters sent at least `days` ago that led to a creation within `days`: the same for every group."""
    until = today - timedelta(days=days)
    sent, created, _ = _ages(session, choice, today)
    whole = sum(number for sent_on, number in sent.items() if sent_on <= until)
    return share(
        sum(number for (sent_on, age), number in created.items() if sent_on <= until and age <= days), whole
    )  # fmt: skip


Ages = Counter[tuple[date, int]]
"""Letters by day of sending and age at what befell them."""


def _ages(session: Session, choice: Choice, today: date) -> tuple[Counter[date], Ages, Ages]:
    rows = session.execute(
        select(CampaignDay.fact, CampaignDay.sent_on, CampaignDay.day, func.sum(CampaignDay.letters))
        .where(
            *choice.condition(), CampaignDay.fact.in_([Fact.SENT, Fact.OPENED, Fact.RETURNED]),
            CampaignDay.late.is_(False), CampaignDay.sent_on <= today, CampaignDay.day <= today,
        )
        .group_by(CampaignDay.fact, CampaignDay.sent_on, CampaignDay.day)
    )  # fmt: skip
    sent: Counter[date] = Counter()
    created: Ages = Counter()
    returned: Ages = Counter()
    for fact, sent_on, day, number in rows:
        if fact == Fact.SENT:
            sent[sent_on] += number
        elif fact == Fact.OPENED:
            created[sent_on, (day - sent_on).days] += number
        elif (day - sent_on).days <= WINDOW:
            returned[sent_on, max((day - sent_on).days, 0)] += number
    return sent, created, returned
