"""Gathering the letters that wait into lots: e-mails at once, post once a working day.

A kind of answer has one campaign a caisse and a day; its lots are made, sealed, sent and verified like any other's. An
event and its letter are bound in one transaction, so each gets one letter, whatever dies in between.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import cast

from sqlalchemy import ColumnElement, and_, false, func, or_, select, text, true
from sqlalchemy.orm import Session

from backoffice.adapters.db import ring_after_commit
from backoffice.audit.journal import record
from backoffice.campaigns import templates
from backoffice.campaigns.actions import next_reference
from backoffice.campaigns.freezing import mail_lot_size
from backoffice.campaigns.models import Campaign, CampaignStep, DmpEvent, Letter, Lot
from backoffice.campaigns.rules import (
    CampaignKind,
    CampaignState,
    Channel,
    ChannelRule,
    Criteria,
    LetterState,
    LotState,
    kind_of,
)
from backoffice.cases.actions import advance
from backoffice.cases.kinds import CLOSURE_ONLINE
from backoffice.cases.models import Case
from backoffice.core.actor import Actor, Role, system_actor
from backoffice.core.clock import paris_date
from backoffice.correspondence.answers import BY_POST_ALONE, EventState, last_gathering, post_leaves
from backoffice.office import Office
from backoffice.population.models import Person

MOST = 5000
"""Events a kind and a caisse gathered in one transaction."""
REFUSED_WITHIN = timedelta(days=7)
"""How far back refused e-mails are looked for every few seconds: a lot of e-mails is handed over within minutes."""
GONE = "La personne n’est plus dans la population de la caisse."
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('correspondence.gather'))"


@dataclass(slots=True)
class Gathered:
    """What one call put into lots."""

    letters: int = 0
    emails: int = 0


def gather(office: Office, actor: Actor, *, post_now: bool = False) -> Gathered:
    """Put what waits into lots: every e-mail, and the post of the last gathering (all of it with `post_now`).

    Raises NotAllowed, Unavailable, and TemplateFault when a letter's template cannot be used.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    found = Gathered()
    with office.db.unit_of_work() as session:
        _take_back_refused(session, office.clock())
        groups = session.execute(
            select(DmpEvent.answer, DmpEvent.caisse)
            .where(DmpEvent.state == EventState.WAITING, DmpEvent.caisse.in_(sorted(actor.caisses)))
            .distinct()
        ).all()
    for answer, caisse in groups:
        with office.db.unit_of_work() as session:
            _gather_kind(session, office, actor, kind_of(str(answer)), caisse, post_now, found)
    with office.db.unit_of_work() as session:
        _confirm_closures(session, office)
    return found


def _take_back_refused(session: Session, now: datetime) -> None:
    """An answer whose e-mail was refused goes by post: its event waits again."""
    refused = select(DmpEvent, Letter).join(
        Letter, and_(Letter.caisse == DmpEvent.caisse, Letter.number == DmpEvent.letter_number)
    ).where(
        DmpEvent.state == EventState.LETTER, DmpEvent.channel == Channel.MAIL, Letter.state == LetterState.EXCEPTION,
        DmpEvent.received_at > now - REFUSED_WITHIN,
    )  # fmt: skip
    for event, letter in session.execute(refused.with_for_update(of=DmpEvent, skip_locked=True)):
        event.state, event.channel, event.letter_number = EventState.WAITING, Channel.POST, None
        event.reason = f"Courriel non remis : {letter.reason}"[:200]


def _gather_kind(
    session: Session, office: Office, actor: Actor, kind: CampaignKind, caisse: str, post_now: bool, found: Gathered
) -> None:
    session.execute(text(_LOCK))  # one at a time: a day has one campaign a kind and a caisse
    rows = session.execute(
        select(DmpEvent, Person, _goes_by_mail(kind).label("by_mail"))
        .outerjoin(Person, and_(Person.caisse == DmpEvent.caisse, Person.id == DmpEvent.person_id))
        .where(
            DmpEvent.state == EventState.WAITING, DmpEvent.answer == kind.name, DmpEvent.caisse == caisse,
            true() if post_now else or_(_goes_by_mail(kind), _goes_by_post(office.clock())),
        )
        .order_by(
            Person.pays, Person.code_postal, Person.ville, Person.adresse_4, Person.adresse_5, Person.adresse_3, Person.id,
            DmpEvent.id,
        )
        .limit(MOST)
    ).all()  # fmt: skip
    known: list[tuple[DmpEvent, bool]] = []
    for row in rows:
        event, person, by_mail = cast("tuple[DmpEvent, Person | None, bool]", tuple(row))
        if person is None:
            event.state, event.reason = EventState.NO_LETTER, GONE
        else:
            known.append((event, by_mail))
    if not known:
        return
    campaign = _campaign_of_the_day(session, office, actor, kind, caisse)
    # One letter a person in a campaign: a second event of the same kind on the same day waits for tomorrow's.
    written = set(
        session.scalars(
            select(Letter.person_id).where(Letter.caisse == caisse, Letter.campaign_id == campaign.id)
        )
    )  # fmt: skip
    chosen: dict[Channel, list[DmpEvent]] = {Channel.POST: [], Channel.MAIL: []}
    for event, by_mail in known:
        if event.person_id in written:
            continue
        written.add(event.person_id)
        chosen[Channel.MAIL if by_mail else Channel.POST].append(event)
    for channel, events in chosen.items():
        _add_lots(session, campaign, channel, events)
    count = sum(map(len, chosen.values()))
    if not count:
        return
    campaign.targeted += count
    campaign.eligible += count
    found.letters += len(chosen[Channel.POST])
    found.emails += len(chosen[Channel.MAIL])
    session.flush()
    record(
        session, actor, "courriers.rassembler", campaign.reference, at=office.clock(), caisse=caisse,
        detail={"courriers": len(chosen[Channel.POST]), "courriels": len(chosen[Channel.MAIL])},
    )  # fmt: skip


def _goes_by_mail(kind: CampaignKind) -> ColumnElement[bool]:
    """The channel registered in the insurance's base at this moment, unless an e-mail was refused already."""
    if kind.name in BY_POST_ALONE:
        return false()
    return and_(DmpEvent.channel.is_(None), Person.canal == Channel.MAIL, Person.email != "")


def _goes_by_post(now: datetime) -> ColumnElement[bool]:
    return DmpEvent.received_at <= last_gathering(now) if post_leaves(now) else false()


def _campaign_of_the_day(session: Session, office: Office, actor: Actor, kind: CampaignKind, caisse: str) -> Campaign:
    now = office.clock()
    today = paris_date(now)
    found = session.scalar(
        select(Campaign)
        .where(
            Campaign.kind == kind.name, Campaign.caisses == [caisse], Campaign.letter_date == today,
            Campaign.state.in_([CampaignState.RUNNING, CampaignState.PAUSED]),
        )
        .with_for_update()
    )  # fmt: skip
    return found if found is not None else _new_campaign(session, office, actor, kind, caisse, today)


def _new_campaign(
    session: Session, office: Office, actor: Actor, kind: CampaignKind, caisse: str, today: date
) -> Campaign:
    now = office.clock()
    campaign = Campaign(
        reference=next_reference(session, kind.prefix, today.year), name=f"{kind.label} du {today:%d/%m/%Y}",
        kind=kind.name, caisses=[caisse], letter_date=today, channel_rule=ChannelRule.REGISTERED,
        criteria=Criteria(foreign=True).as_json(), lot_size=office.settings.lot_size, state=CampaignState.RUNNING,
        author=actor.login, template_version=templates.keep_current(office, kind.letter), targeted=0, eligible=0,
        created_at=now, frozen_at=now, launched_at=now,
    )  # fmt: skip
    session.add(campaign)
    session.flush()
    session.add(
        CampaignStep(
            campaign_id=campaign.id, step="create", source="", target=campaign.state, actor=actor.login, at=now
        )
    )
    session.flush()
    return campaign


def _add_lots(session: Session, campaign: Campaign, channel: Channel, events: Sequence[DmpEvent]) -> None:
    caisse = campaign.caisses[0]
    last = session.scalar(
        select(func.max(Lot.sequence)).where(
            Lot.campaign_id == campaign.id, Lot.caisse == caisse, Lot.channel == channel
        )
    )
    size = mail_lot_size(campaign) if channel is Channel.MAIL else campaign.lot_size
    for sequence, batch in enumerate(_batches(events, size), (last or 0) + 1):
        lot = Lot(
            uid=uuid.uuid4(), campaign_id=campaign.id, caisse=caisse, channel=channel, sequence=sequence,
            state=LotState.PLANNED, letter_date=campaign.letter_date, planned=len(batch),
        )  # fmt: skip
        letters = [
            Letter(
                caisse=caisse, campaign_id=campaign.id, person_id=event.person_id, channel=channel, lot_sequence=sequence,
                position=position, state=LetterState.PLANNED,
            )
            for position, event in enumerate(batch, 1)
        ]  # fmt: skip
        session.add_all([lot, *letters])
        session.flush()
        for event, letter in zip(batch, letters, strict=True):
            event.state, event.channel = EventState.LETTER, channel
            event.campaign_id, event.letter_number = campaign.id, letter.number
        session.flush()
        ring_after_commit(session, "lot", lot.id)


def _batches(events: Sequence[DmpEvent], size: int) -> Iterable[Sequence[DmpEvent]]:
    return (events[start : start + size] for start in range(0, len(events), size))


def _confirm_closures(session: Session, office: Office) -> None:
    """Cases of closures whose confirmation has left."""
    left = (
        select(Case.number)
        .join(DmpEvent, DmpEvent.event_id == Case.origin)
        .join(Letter, and_(Letter.caisse == DmpEvent.caisse, Letter.number == DmpEvent.letter_number))
        .where(
            Case.kind == CLOSURE_ONLINE.name, Case.state == CLOSURE_ONLINE.initial.name,
            Letter.state.in_([LetterState.SEALED, LetterState.SENT]),
        )
    )  # fmt: skip
    for number in session.scalars(left).all():
        advance(session, office, system_actor(), number, "confirm")
