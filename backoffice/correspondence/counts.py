"""What a campaign manager sees of the answers: asked for, waiting, in lots, left out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from backoffice.campaigns.kinds import ANSWERS, ON_DEMAND, CampaignKind
from backoffice.campaigns.models import Campaign, Letter
from backoffice.campaigns.rules import Channel, LetterState
from backoffice.core.actor import Actor
from backoffice.letters.requests import LetterRequest, RequestState

DAYS = 30


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """One kind of answer over the last days."""

    kind: CampaignKind
    asked: int
    waiting: int
    """For the next lot by post; e-mails wait no longer than a few seconds."""
    sealed: int
    """On a page of a sealed lot."""
    sent: int
    """By e-mail."""
    in_production: int
    left_out: int
    """Without a letter: deceased, address known as undeliverable, DMP opened since, or a fault."""


def answer_counts(session: Session, actor: Actor, now: datetime) -> list[AnswerCounts]:
    """The counts of each kind over the last 30 days, within the actor's caisses."""
    asked = (
        select(LetterRequest.answer, LetterRequest.state, _letter_state().label("letter"))
        .where(
            LetterRequest.caisse.in_(sorted(actor.caisses)), LetterRequest.requested_at > now - timedelta(days=DAYS),
        )
        .subquery()
    )  # fmt: skip
    rows = session.execute(
        select(asked.c.answer, asked.c.state, asked.c.letter, func.count().label("number")).group_by(
            asked.c.answer, asked.c.state, asked.c.letter
        )
    ).all()
    return [_counted(kind, [row for row in rows if row.answer == kind.name]) for kind in ANSWERS]


def _letter_state() -> ColumnElement[str | None]:
    """Where the letter of a request stands: as the request says once it left; by its key, one by one, while under way."""
    own = select(Letter.state).where(
        Letter.caisse == LetterRequest.caisse, Letter.number == LetterRequest.letter_number
    )
    return case(
        (
            LetterRequest.left_at.is_not(None),
            case((LetterRequest.channel == Channel.MAIL, LetterState.SENT.value), else_=LetterState.SEALED.value),
        ),
        (LetterRequest.state == RequestState.LETTER, own.scalar_subquery()),
        else_=None,
    )


def _counted(kind: CampaignKind, rows: Sequence[Any]) -> AnswerCounts:
    def total(*states: LetterState) -> int:
        return sum(row.number for row in rows if row.letter in states)

    done = total(LetterState.SEALED) + total(LetterState.SENT)
    waiting = sum(row.number for row in rows if row.state == RequestState.WAITING)
    in_production = total(LetterState.PLANNED, LetterState.SENDING)
    asked = sum(row.number for row in rows)
    return AnswerCounts(
        kind, asked, waiting, total(LetterState.SEALED), total(LetterState.SENT), in_production,
        asked - done - waiting - in_production,
    )  # fmt: skip


def recent_days(session: Session, actor: Actor, today: date) -> list[Campaign]:
    """The days' campaigns of answers of the last 30 days, the latest first."""
    return list(
        session.scalars(
            select(Campaign)
            .where(
                Campaign.kind.in_([kind.name for kind in ON_DEMAND]),
                Campaign.caisses.contained_by(sorted(actor.caisses)),
                Campaign.letter_date > today - timedelta(days=DAYS),
            )
            .order_by(Campaign.letter_date.desc(), Campaign.id.desc())
            .limit(200)
        )
    )
