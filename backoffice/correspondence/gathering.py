"""Gathering the letters that wait into lots: e-mails at once, post once a working day.

A kind of answer has one campaign a caisse and a day; its lots are made, sealed, sent and verified like any other's. An
request and its letter are bound in one transaction, so each gets one letter, whatever dies in between.
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
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.freezing import mail_lot_size
from backoffice.campaigns.incidents import IncidentState, MailIncident
from backoffice.campaigns.kinds import CampaignKind, in_words, kind_of
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.printers import usual_printer
from backoffice.campaigns.rules import CampaignState, Channel, ChannelRule, LetterState, LotState
from backoffice.campaigns.stepping import begin
from backoffice.cases.actions import said_of_letter
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import paris_date
from backoffice.correspondence.answers import BY_POST_ALONE, last_gathering, post_leaves
from backoffice.letters.requests import LetterRequest, RequestState
from backoffice.office import Office
from backoffice.population.models import Person
from backoffice.population.notices import has_mailbox, takes_mail

MOST = 5000
"""Letters of a kind and a caisse gathered in one transaction."""
REFUSED_WITHIN = timedelta(days=7)
"""How far back refused e-mails are looked for every few seconds: a lot of e-mails is handed over within minutes."""
NOT_DELIVERED = "Courriel non remis"
GONE = "La personne n’est plus dans la population de la caisse."
_HOW = {Channel.MAIL: "Parti par courriel.", Channel.POST: "Parti par La Poste."}
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
        _take_back_fallen(session, office)
        _take_back_refused(session, office.clock())
        groups = session.execute(
            select(LetterRequest.answer, LetterRequest.caisse)
            .where(LetterRequest.state == RequestState.WAITING, LetterRequest.caisse.in_(sorted(actor.caisses)))
            .distinct()
        ).all()
    for answer, caisse in groups:
        with office.db.unit_of_work() as session:
            _gather_kind(session, office, actor, kind_of(str(answer)), caisse, post_now, found)
    with office.db.unit_of_work() as session:
        _note_what_became(session, office)
    return found


def _take_back_fallen(session: Session, office: Office) -> None:
    """An answer whose e-mail was refused or came back waits again: for the post, or for a second e-mail."""
    now = office.clock()
    fallen = session.execute(
        select(MailIncident, LetterRequest)
        .join(
            LetterRequest,
            and_(
                LetterRequest.caisse == MailIncident.caisse, LetterRequest.letter_number == MailIncident.letter_number
            ),
        )
        .where(
            MailIncident.state == IncidentState.RELAY, LetterRequest.state == RequestState.LETTER,
            or_(MailIncident.next_at.is_(None), MailIncident.next_at <= now),
        )
        .limit(MOST)
        .with_for_update(skip_locked=True)
    )  # fmt: skip
    for incident, request in fallen.all():
        by_post = incident.channel == Channel.POST
        request.state, request.letter_number, request.left_at = RequestState.WAITING, None, None
        request.channel, request.reason = Channel.POST if by_post else None, f"{NOT_DELIVERED} ({incident.status})"
        incident.state, incident.next_at, incident.at = IncidentState.CLOSED, None, now
        incident.note = "Redemandé par La Poste." if by_post else "Redemandé par courriel."
        if request.case_number:
            said_of_letter(
                session,
                office,
                request.case_number,
                request.answer,
                left=False,
                words=f"{NOT_DELIVERED}. {incident.note}",
            )


def _take_back_refused(session: Session, now: datetime) -> None:
    """An answer that could not be made into an e-mail goes by post: its request waits again."""
    refused = select(LetterRequest, Letter).join(
        Letter, and_(Letter.caisse == LetterRequest.caisse, Letter.number == LetterRequest.letter_number)
    ).where(
        LetterRequest.state == RequestState.LETTER, LetterRequest.channel == Channel.MAIL, Letter.state == LetterState.EXCEPTION,
        LetterRequest.requested_at > now - REFUSED_WITHIN,
    )  # fmt: skip
    for request, letter in session.execute(refused.with_for_update(of=LetterRequest, skip_locked=True)):
        request.state, request.channel, request.letter_number = RequestState.WAITING, Channel.POST, None
        request.reason = f"{NOT_DELIVERED} : {letter.reason}"[:200]


def _gather_kind(
    session: Session, office: Office, actor: Actor, kind: CampaignKind, caisse: str, post_now: bool, found: Gathered
) -> None:
    session.execute(text(_LOCK))  # one at a time: a day has one campaign a kind and a caisse
    rows = session.execute(
        select(LetterRequest, Person, _goes_by_mail(kind).label("by_mail"))
        .outerjoin(Person, and_(Person.caisse == LetterRequest.caisse, Person.id == LetterRequest.person_id))
        .where(
            LetterRequest.state == RequestState.WAITING, LetterRequest.answer == kind.name, LetterRequest.caisse == caisse,
            true() if post_now else or_(_goes_by_mail(kind), _goes_by_post(office.clock())),
        )
        .order_by(
            Person.pays, Person.code_postal, Person.ville, Person.adresse_4, Person.adresse_5, Person.adresse_3, Person.id,
            LetterRequest.id,
        )
        .limit(MOST)
    ).all()  # fmt: skip
    known: list[tuple[LetterRequest, bool]] = []
    for row in rows:
        request, person, by_mail = cast("tuple[LetterRequest, Person | None, bool]", tuple(row))
        if person is None:
            request.state, request.reason = RequestState.NO_LETTER, GONE
        else:
            known.append((request, by_mail))
    if not known:
        return
    campaign = _campaign_of_the_day(session, office, actor, kind, caisse)
    # One letter a person in a campaign: a second request of the same kind on the same day waits for tomorrow's.
    written = set(
        session.scalars(
            select(Letter.person_id).where(Letter.caisse == caisse, Letter.campaign_id == campaign.id)
        )
    )  # fmt: skip
    chosen: dict[Channel, list[LetterRequest]] = {Channel.POST: [], Channel.MAIL: []}
    for request, by_mail in known:
        if request.person_id in written:
            continue
        written.add(request.person_id)
        chosen[Channel.MAIL if by_mail else Channel.POST].append(request)
    for channel, requests in chosen.items():
        _add_lots(session, campaign, channel, requests)
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
    return and_(LetterRequest.channel.is_(None), has_mailbox() if kind.any_mailbox else takes_mail())


def _goes_by_post(now: datetime) -> ColumnElement[bool]:
    return LetterRequest.requested_at <= last_gathering(now) if post_leaves(now) else false()


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
        printer_id=usual_printer(session, [caisse]),
        author=actor.login, template_version=templates.keep_current(office, kind.letter), targeted=0, eligible=0,
        created_at=now, frozen_at=now, launched_at=now,
    )  # fmt: skip
    begin(session, actor, campaign)
    return campaign


def _add_lots(session: Session, campaign: Campaign, channel: Channel, requests: Sequence[LetterRequest]) -> None:
    caisse = campaign.caisses[0]
    last = session.scalar(
        select(func.max(Lot.sequence)).where(
            Lot.campaign_id == campaign.id, Lot.caisse == caisse, Lot.channel == channel
        )
    )
    size = mail_lot_size(campaign) if channel is Channel.MAIL else campaign.lot_size
    for sequence, batch in enumerate(_batches(requests, size), (last or 0) + 1):
        lot = Lot(
            uid=uuid.uuid4(), campaign_id=campaign.id, caisse=caisse, channel=channel, sequence=sequence,
            state=LotState.PLANNED, letter_date=campaign.letter_date, planned=len(batch),
        )  # fmt: skip
        letters = [
            Letter(
                caisse=caisse, campaign_id=campaign.id, person_id=request.person_id, channel=channel, lot_sequence=sequence,
                position=position, state=LetterState.PLANNED,
            )
            for position, request in enumerate(batch, 1)
        ]  # fmt: skip
        session.add_all([lot, *letters])
        session.flush()
        for request, letter in zip(batch, letters, strict=True):
            request.state, request.channel = RequestState.LETTER, channel
            request.campaign_id, request.letter_number = campaign.id, letter.number
        session.flush()
        ring_after_commit(session, "lot", lot.id)


def _batches(requests: Sequence[LetterRequest], size: int) -> Iterable[Sequence[LetterRequest]]:
    return (requests[start : start + size] for start in range(0, len(requests), size))


def _note_what_became(session: Session, office: Office) -> None:
    """Letters now sealed, sent or left out: noted, and said to the case that asked for one, which may wait for it.

    An e-mail refused is not over: it goes by post.
    """
    known = session.execute(
        select(LetterRequest, Letter)
        .join(Letter, and_(Letter.caisse == LetterRequest.caisse, Letter.number == LetterRequest.letter_number))
        .where(
            LetterRequest.state == RequestState.LETTER, LetterRequest.left_at.is_(None),
            or_(
                Letter.state.in_([LetterState.SEALED, LetterState.SENT, LetterState.EXCLUDED, LetterState.CANCELLED]),
                and_(Letter.state == LetterState.EXCEPTION, Letter.channel == Channel.POST),
            ),
        )
        .order_by(LetterRequest.id)
        .limit(MOST)
        .with_for_update(of=LetterRequest, skip_locked=True)
    )  # fmt: skip
    for request, letter in known.all():
        if letter.state in (LetterState.SEALED, LetterState.SENT):
            request.left_at = office.clock()
        else:
            request.state, request.reason = RequestState.NO_LETTER, in_words(letter.reason or "")
        if request.case_number:
            said_of_letter(
                session, office, request.case_number, request.answer, left=request.left_at is not None,
                words=_HOW[Channel(letter.channel)] if request.left_at else in_words(letter.reason or ""),
            )  # fmt: skip
