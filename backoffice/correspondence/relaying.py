"""Writing again to those whom an e-mail did not reach: by post, or by one more e-mail when a mailbox was full.

The new letter of a mailing is one of a campaign of its own, of one mailing, one caisse and one day: the mailing that was
approved stays as it was, may be over, and its page leads here. The code of the e-mail is replaced by the new letter's
within one transaction of the record. What answers a person's request is gathered again instead (`gathering`).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, func, or_, select, text
from sqlalchemy.orm import Session

from backoffice.adapters.db import ring_after_commit
from backoffice.adapters.dmp import CodeStatus
from backoffice.audit.journal import record
from backoffice.campaigns import targeting
from backoffice.campaigns.actions import next_reference
from backoffice.campaigns.codes import carries_codes
from backoffice.campaigns.freezing import mail_lot_size
from backoffice.campaigns.incidents import IncidentState, MailIncident
from backoffice.campaigns.kinds import PREPARED, RELAYS, Exclusion, kind_of, relay_kind
from backoffice.campaigns.mailing import revoke_unsent
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.rules import CampaignState, Channel, LetterState, LotState
from backoffice.campaigns.status import lot_of_letter
from backoffice.campaigns.stepping import begin
from backoffice.core.actor import Actor
from backoffice.core.clock import paris_date
from backoffice.correspondence.answers import last_gathering, post_leaves
from backoffice.office import Office
from backoffice.population import notices

MOST = 2000
"""Letters relayed in one transaction."""
CANCELLED = "La campagne a été annulée."
NEWER_CODE = "Un code plus récent est en cours de validité."
GONE = "La personne n’est plus dans la population de la caisse."
_OF_MAILINGS = frozenset(kind.name for kind in PREPARED + RELAYS)
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('correspondence.relay'))"


@dataclass(slots=True)
class Relayed:
    """What one call did."""

    letters: int = 0
    emails: int = 0
    closed: int = 0
    """Incidents that nothing follows."""


def relay(office: Office, actor: Actor, *, post_now: bool = False) -> Relayed:
    """Write again to those whose turn has come: e-mails after their delay, post at the hour of the day's gathering.

    A paused mailing holds its relays back too. Raises Unavailable when a database is away.
    """
    found = Relayed()
    due = _is_due(office, post_now)
    with office.db.unit_of_work() as session:
        groups = session.execute(
            select(func.coalesce(Campaign.relay_of, Campaign.id), MailIncident.caisse)
            .join(Campaign, Campaign.id == MailIncident.campaign_id)
            .where(
                MailIncident.state == IncidentState.RELAY, Campaign.kind.in_(_OF_MAILINGS),
                MailIncident.caisse.in_(sorted(actor.caisses)), due,
            )
            .distinct()
        ).all()  # fmt: skip
    for origin, caisse in groups:
        with office.db.unit_of_work() as session:
            _relay_group(session, office, actor, origin, caisse, due, found)
    return found


def _is_due(office: Office, post_now: bool) -> ColumnElement[bool]:
    now = office.clock()
    by_mail = and_(MailIncident.channel == Channel.MAIL, MailIncident.next_at <= now)
    by_post = MailIncident.channel == Channel.POST
    if post_now:
        return or_(by_mail, by_post)
    return or_(by_mail, and_(by_post, MailIncident.at <= last_gathering(now))) if post_leaves(now) else by_mail


def _relay_group(
    session: Session, office: Office, actor: Actor, origin: int, caisse: str, due: ColumnElement[bool], found: Relayed
) -> None:
    session.execute(text(_LOCK))  # one at a time: a day has one relay a mailing and a caisse
    mailing = session.get_one(Campaign, origin)
    if mailing.status is CampaignState.PAUSED:
        return
    fallen = _fallen(session, mailing, caisse, due)
    kept = _close_what_ends(session, office, mailing, caisse, fallen)
    found.closed += len(fallen) - len(kept)
    if not kept:
        return
    campaign = _relay_of_the_day(session, office, actor, mailing, caisse)
    # One letter a person in a campaign: a second fall on the same day waits for tomorrow's.
    written = set(
        session.scalars(select(Letter.person_id).where(Letter.caisse == caisse, Letter.campaign_id == campaign.id))
    )
    chosen: dict[tuple[Channel, str], list[MailIncident]] = {}
    for incident, letter in kept:
        if incident.person_id not in written:
            written.add(incident.person_id)
            variant = lot_of_letter(session, letter).variant  # whoever was to read one version reads that one
            chosen.setdefault((Channel(incident.channel), variant), []).append(incident)
    for (channel, variant), incidents in chosen.items():
        _add_lots(session, campaign, channel, variant, incidents)
    by_post = sum(len(incidents) for (channel, _), incidents in chosen.items() if channel is Channel.POST)
    by_mail = sum(map(len, chosen.values())) - by_post
    count = by_post + by_mail
    if not count:
        return
    campaign.targeted += count
    campaign.eligible += count
    found.letters += by_post
    found.emails += by_mail
    session.flush()
    record(
        session, actor, "courriels.relayer", campaign.reference, at=office.clock(), caisse=caisse,
        detail={"courriers": by_post, "courriels": by_mail, "de": mailing.reference},
    )  # fmt: skip


def _fallen(
    session: Session, mailing: Campaign, caisse: str, due: ColumnElement[bool]
) -> list[tuple[MailIncident, Letter]]:
    """The mailing's e-mails, and its relays', that another letter is to replace, in the order of the post."""
    family = select(Campaign.id).where(or_(Campaign.id == mailing.id, Campaign.relay_of == mailing.id))
    rows = session.execute(
        select(MailIncident, Letter)
        .join(Letter, and_(Letter.caisse == MailIncident.caisse, Letter.number == MailIncident.letter_number))
        .where(
            MailIncident.state == IncidentState.RELAY, MailIncident.caisse == caisse,
            MailIncident.campaign_id.in_(family), due,
        )
        .order_by(Letter.number)
        .limit(MOST)
        .with_for_update(of=MailIncident, skip_locked=True)
    )  # fmt: skip
    return [(incident, letter) for incident, letter in rows]


def _close_what_ends(
    session: Session, office: Office, mailing: Campaign, caisse: str, fallen: Sequence[tuple[MailIncident, Letter]]
) -> list[tuple[MailIncident, Letter]]:
    """Close what no letter is to follow, ending the code that its e-mail carried; return the rest."""
    ends = _what_ends(session, office, mailing, caisse, [incident for incident, _ in fallen])
    kept = []
    for incident, letter in fallen:
        why = ends.get(incident.person_id)
        if why is None:
            kept.append((incident, letter))
            continue
        if carries_codes(mailing):
            revoke_unsent(office, lot_of_letter(session, letter), [letter.person_id], "courriel non remis, sans relais")
        incident.state, incident.note, incident.next_at = IncidentState.CLOSED, why, None
        incident.at = office.clock()
    return kept


def _what_ends(
    session: Session, office: Office, mailing: Campaign, caisse: str, incidents: Sequence[MailIncident]
) -> dict[int, str]:
    """Why nothing is to follow, by person: the mailing's own rule of eligibility, as of today."""
    persons = [incident.person_id for incident in incidents]
    if mailing.status is CampaignState.CANCELLED:
        return dict.fromkeys(persons, CANCELLED)
    targeting.load_facts_of(session, office.dmp, caisse, persons)
    eligible = targeting.reason(kind_of(mailing.kind), "i.channel", sending=True)
    rows = session.execute(
        text(f"""
        SELECT i.person_id, p.id IS NULL AS gone, {eligible} AS reason FROM mail_incident i
        LEFT JOIN person p ON p.caisse = i.caisse AND p.id = i.person_id
        LEFT JOIN record_dossier dossier ON dossier.caisse = i.caisse AND dossier.person_id = i.person_id
        {notices.JOIN_EACH}
        WHERE i.caisse = :caisse AND i.letter_number = ANY(:numbers)
        """),  # noqa: S608 - constants of ours
        targeting.parameters(session, mailing)
        | {"caisse": caisse, "numbers": [incident.letter_number for incident in incidents]},
    ).all()
    ends = {row.person_id: GONE if row.gone else Exclusion(row.reason).label for row in rows if row.gone or row.reason}
    if carries_codes(mailing):
        codes = office.dmp.code_states(caisse, [person for person in persons if person not in ends])
        for incident in incidents:
            code = codes.get(incident.person_id)
            # Asked for meanwhile at the counter or on the phone: the person holds one that serves, and keeps it.
            if code is not None and code.status is CodeStatus.LIVE and code.issued_at > incident.at:
                ends[incident.person_id] = NEWER_CODE
    return ends


def _relay_of_the_day(session: Session, office: Office, actor: Actor, mailing: Campaign, caisse: str) -> Campaign:
    today = paris_date(office.clock())
    found = session.scalar(
        select(Campaign)
        .where(
            Campaign.relay_of == mailing.id, Campaign.caisses == [caisse], Campaign.letter_date == today,
            Campaign.state.in_([CampaignState.RUNNING, CampaignState.PAUSED]),
        )
        .with_for_update()
    )  # fmt: skip
    return found if found is not None else _new_relay(session, office, actor, mailing, caisse, today)


def _new_relay(session: Session, office: Office, actor: Actor, mailing: Campaign, caisse: str, today: date) -> Campaign:
    """Open: its criteria, template and channel rule are those that were approved."""
    now, kind = office.clock(), relay_kind(mailing.kind)
    campaign = Campaign(
        reference=next_reference(session, kind.prefix, today.year),
        name=f"Relais de {mailing.reference} du {today:%d/%m/%Y}", kind=kind.name, caisses=[caisse], letter_date=today,
        channel_rule=mailing.channel_rule, criteria=mailing.criteria, lot_size=mailing.lot_size,
        state=CampaignState.RUNNING, author=actor.login, template_version=mailing.template_version, relay_of=mailing.id,
        variant_version=mailing.variant_version, variant_share=mailing.variant_share,
        folder=mailing.folder, targeted=0, eligible=0, created_at=now, frozen_at=now, launched_at=now,
    )  # fmt: skip
    begin(session, actor, campaign)
    return campaign


def _add_lots(
    session: Session, campaign: Campaign, channel: Channel, variant: str, incidents: Sequence[MailIncident]
) -> None:
    caisse = campaign.caisses[0]
    last = session.scalar(
        select(func.max(Lot.sequence)).where(
            Lot.campaign_id == campaign.id, Lot.caisse == caisse, Lot.channel == channel
        )
    )
    size = mail_lot_size(campaign) if channel is Channel.MAIL else campaign.lot_size
    batches = [incidents[start : start + size] for start in range(0, len(incidents), size)]
    for sequence, batch in enumerate(batches, (last or 0) + 1):
        lot = Lot(
            uid=uuid.uuid4(), campaign_id=campaign.id, caisse=caisse, channel=channel, sequence=sequence,
            state=LotState.PLANNED, letter_date=campaign.letter_date, planned=len(batch), variant=variant,
        )  # fmt: skip
        letters = [
            Letter(
                caisse=caisse, campaign_id=campaign.id, person_id=incident.person_id, channel=channel,
                lot_sequence=sequence, position=position, state=LetterState.PLANNED,
            )
            for position, incident in enumerate(batch, 1)
        ]  # fmt: skip
        session.add_all([lot, *letters])
        session.flush()
        for incident, letter in zip(batch, letters, strict=True):
            incident.state, incident.relay_number, incident.next_at = IncidentState.RELAYED, letter.number, None
        session.flush()
        ring_after_commit(session, "lot", lot.id)
