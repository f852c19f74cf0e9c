"""E-mails that did not go smoothly, as a campaign manager reads them: what waits, what was relayed, what is in doubt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session, aliased

from backoffice.adapters.bounces import BounceKind
from backoffice.campaigns.incidents import Cause, IncidentState, MailIncident, MailReturn
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.rules import Channel, LetterState
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
    relay, relayed_in = aliased(Letter), aliased(Campaign)
    query = (
        select(MailIncident, Campaign.reference, relayed_in.reference)
        .join(Campaign, Campaign.id == MailIncident.campaign_id)
        .outerjoin(relay, and_(relay.caisse == MailIncident.caisse, relay.number == MailIncident.relay_number))
        .outerjoin(relayed_in, relayed_in.id == relay.campaign_id)
        .where(_within(actor))
        .order_by(MailIncident.at.desc(), MailIncident.caisse, MailIncident.letter_number)
        .limit(limit)
        .offset(offset)
    )
    if state is not None:
        query = query.where(MailIncident.state == state)
    return [
        Trouble(
            format_letter_id(one.caisse, one.letter_number), campaign, Cause(one.cause), one.reason, one.status,
            one.attempts, one.at, IncidentState(one.state), Channel(one.channel), one.next_at, one.note,
            None if one.relay_number is None else format_letter_id(one.caisse, one.relay_number), relay_campaign,
        )
        for one, campaign, relay_campaign in session.execute(query)
    ]  # fmt: skip


def doubts_of(session: Session, actor: Actor, limit: int = 100) -> list[Doubt]:
    """Messages whose sending was cut short, in lots that nobody is sending."""
    rows = session.execute(
        select(Lot.id, Letter.caisse, Letter.number, Campaign.reference, Letter.at)
        .join(Campaign, Campaign.id == Lot.campaign_id)
        .join(
            Letter,
            and_(
                Letter.caisse == Lot.caisse, Letter.campaign_id == Lot.campaign_id, Letter.channel == Lot.channel,
                Letter.lot_sequence == Lot.sequence,
            ),
        )
        .where(Lot.doubtful > 0, Lot.caisse.in_(sorted(actor.caisses)), Letter.state == LetterState.SENDING)
        .order_by(Letter.at, Letter.number)
        .limit(limit)
    )  # fmt: skip
    return [Doubt(row[0], row[2], format_letter_id(row[1], row[2]), row[3], row[4]) for row in rows]


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
