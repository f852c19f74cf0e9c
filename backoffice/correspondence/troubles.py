"""E-mails that did not go smoothly, as a campaign manager reads them: what waits, what was relayed, what is in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import Session

from backoffice.adapters.bounces import BounceKind
from backoffice.campaigns.incidents import Cause, IncidentState, MailIncident, MailReturn
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.rules import Channel, LetterState
from backoffice.campaigns.status import of_lot
from backoffice.core.actor import Actor
from backoffice.core.caisse import CAISSE_CODES
from backoffice.letters.reference import format_letter_id


@dataclass(frozen=True, slots=True)
class Trouble:
    """One letter by e-mail, its trouble, and what follows."""

    letter_id: str
    campaign: str
    cause: Cause
    reason: str
    status: str
    attempts: int
    at: datetime
    state: IncidentState
    channel: Channel
    next_at: datetime | None
    note: str | None
    relay_id: str | None
    relay_campaign: str | None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message that may have left."""

    lot_id: int
    number: int
    letter_id: str
    campaign: str
    at: datetime | None


def counts_of(session: Session, actor: Actor) -> dict[IncidentState, int]:
    """How many troubles stand where, within the actor's caisses."""
    rows = session.execute(
        select(MailIncident.state, func.count()).where(_within(actor)).group_by(MailIncident.state)
    ).all()
    found = dict.fromkeys(IncidentState, 0)
    return found | {IncidentState(state): number for state, number in rows}


def troubles_of(
    session: Session, actor: Actor, state: IncidentState | None, limit: int, offset: int = 0
) -> list[Trouble]:
    """The latest first; of one state, or all of them."""
    query = (
        select(MailIncident, Campaign.reference)
        .join(Campaign, Campaign.id == MailIncident.campaign_id)
        .where(_within(actor))
        .order_by(MailIncident.at.desc(), MailIncident.caisse, MailIncident.letter_number)
        .limit(limit)
        .offset(offset)
    )
    if state is not None:
        query = query.where(MailIncident.state == state)
    rows = session.execute(query).all()
    relayed_in = _campaigns_of(session, [(one.caisse, one.relay_number) for one, _ in rows if one.relay_number])
    return [
        Trouble(
            format_letter_id(one.caisse, one.letter_number), campaign, Cause(one.cause), one.reason, one.status,
            one.attempts, one.at, IncidentState(one.state), Channel(one.channel), one.next_at, one.note,
            None if one.relay_number is None else format_letter_id(one.caisse, one.relay_number),
            relayed_in.get((one.caisse, one.relay_number or 0)),
        )
        for one, campaign in rows
    ]  # fmt: skip


def _campaigns_of(session: Session, letters: Sequence[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """The campaigns of the letters of one page, each found by its key."""
    if not letters:
        return {}
    rows = session.execute(
        select(Letter.caisse, Letter.number, Campaign.reference)
        .join(Campaign, Campaign.id == Letter.campaign_id)
        .where(tuple_(Letter.caisse, Letter.number).in_(letters))
    )
    return {(caisse, number): reference for caisse, number, reference in rows}


def doubts_of(session: Session, actor: Actor, limit: int = 100) -> list[Doubt]:
    """Messages whose sending was cut short, in lots that nobody is sending."""
    lots = session.execute(
        select(Lot, Campaign.reference)
        .join(Campaign, Campaign.id == Lot.campaign_id)
        .where(Lot.doubtful > 0, Lot.caisse.in_(sorted(actor.caisses)))
        .order_by(Lot.id)
        .limit(limit)
    )
    found: list[Doubt] = []
    for lot, reference in lots:
        letters = session.scalars(select(Letter).where(*of_lot(lot), Letter.state == LetterState.SENDING).limit(limit))
        found += [
            Doubt(lot.id, one.number, format_letter_id(one.caisse, one.number), reference, one.at) for one in letters
        ]
    return sorted(found, key=_moment_and_number)[:limit]


def _moment_and_number(doubt: Doubt) -> tuple[bool, str, int]:
    return doubt.at is None, doubt.at.isoformat() if doubt.at else "", doubt.number


def unknown_returns(session: Session, actor: Actor) -> Sequence[MailReturn]:
    """Messages set aside that nobody has dealt with; they belong to no caisse, so to those who see them all."""
    if not actor.caisses.issuperset(CAISSE_CODES):
        return []
    return session.scalars(
        select(MailReturn)
        .where(MailReturn.kind == BounceKind.UNKNOWN, MailReturn.settled_at.is_(None))
        .order_by(MailReturn.id)
        .limit(100)
    ).all()


def relays_of(session: Session, campaign: Campaign) -> list[Campaign]:
    """The campaigns that wrote again to those whom this one's e-mails did not reach, the latest first."""
    return list(session.scalars(select(Campaign).where(Campaign.relay_of == campaign.id).order_by(Campaign.id.desc())))


def _within(actor: Actor) -> ColumnElement[bool]:
    return MailIncident.caisse.in_(sorted(actor.caisses))
