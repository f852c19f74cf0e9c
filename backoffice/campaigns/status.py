"""Reading a campaign: its numbers, as a page, a table or a JSON document shows them."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backoffice.campaigns.kinds import PREPARED, Exclusion
from backoffice.campaigns.models import Campaign, CampaignStep, Letter, Lot
from backoffice.campaigns.rules import CampaignState, Channel, LetterState, LotState, WaveState
from backoffice.campaigns.wave_models import Wave
from backoffice.core.actor import Actor
from backoffice.core.errors import NotFound
from backoffice.letters.reference import format_letter_id
from backoffice.population.models import Person


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    """The numbers of one campaign at one moment."""

    reference: str
    name: str
    kind: str
    state: str
    state_label: str
    caisses: list[str]
    letter_date: date
    author: str
    approver: str | None
    frozen: bool
    targeted: int
    eligible: int
    """Persons who receive, or will receive, something: those found at approval less those left out since."""
    excluded: dict[str, int]
    letters: int
    """Pages sealed in lots."""
    letters_planned: int
    emails: int
    """E-mails sent."""
    emails_planned: int
    """E-mails sent or to be sent: without those that turned out to be exceptions or left out."""
    exceptions: int
    doubtful: int
    lots: int
    lots_sealed: int
    mail_lots: int
    mail_lots_sent: int
    quarantined: int
    pages: int
    done: int
    """Letters dealt with, whatever became of them, for progress."""
    scheduled: int
    """Letters that wait for the day of their wave."""
    never: int
    """Letters cancelled with their lots: they never leave."""
    waves: int
    waves_started: int
    waves_late: int
    """Waves that ask a person."""
    total: int
    created_at: datetime
    launched_at: datetime | None
    finished_at: datetime | None
    reason: str | None
    """Of the last pause, refusal or cancellation."""

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json` and for the live page."""
        return {
            key: value.isoformat() if isinstance(value, date | datetime) else value
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class LotLetter:
    """A letter as a line of its lot."""

    letter_id: str
    state: LetterState
    reason: str | None
    page_first: int | None
    page_last: int | None
    code_postal: str
    ville: str


_EXPLAINED = (CampaignState.PAUSED, CampaignState.CANCELLED, CampaignState.DRAFT)


def campaign_status(session: Session, campaign: Campaign) -> CampaignStatus:
    """Count the campaign from its lots (cheap: one row a lot), and its letters only where lots do not say."""
    lots = session.scalars(select(Lot).where(Lot.campaign_id == campaign.id)).all()
    paper = [lot for lot in lots if lot.channel == Channel.POST]
    mail = [lot for lot in lots if lot.channel == Channel.MAIL]
    under_way = _mail_under_way(session, campaign, mail)
    excluded = dict(campaign.excluded)
    late = _late_exclusions(session, campaign) if any(lot.excluded for lot in lots) else {}
    for reason, number in late.items():
        excluded[reason] = excluded.get(reason, 0) + number
    waves = dict(_waves_by_state(session, campaign))
    settled = {LotState.SEALED, LotState.EMPTY, LotState.SENT, LotState.CANCELLED}
    last = session.scalar(
        select(CampaignStep)
        .where(CampaignStep.campaign_id == campaign.id, CampaignStep.source != CampaignStep.target)
        .order_by(CampaignStep.id.desc())
        .limit(1)
    )
    return CampaignStatus(
        reference=campaign.reference, name=campaign.name, kind=campaign.kind, state=campaign.state,
        state_label=campaign.status.label, caisses=campaign.caisses, letter_date=campaign.letter_date,
        author=campaign.author, approver=campaign.approver, frozen=campaign.frozen_at is not None,
        targeted=campaign.targeted, eligible=campaign.eligible - sum(late.values()),
        excluded={reason.value: excluded[reason.value] for reason in Exclusion if excluded.get(reason.value)},
        letters=sum(lot.letters for lot in paper), letters_planned=sum(lot.planned for lot in paper),
        emails=sum(lot.letters for lot in mail if lot.status is not LotState.PLANNED) + under_way,
        emails_planned=sum(lot.planned - lot.exceptions - lot.excluded for lot in mail),
        exceptions=sum(lot.exceptions for lot in lots), doubtful=sum(lot.doubtful for lot in lots),
        lots=len(paper), lots_sealed=sum(lot.status is LotState.SEALED for lot in paper),
        mail_lots=len(mail), mail_lots_sent=sum(lot.status is LotState.SENT for lot in mail),
        quarantined=sum(lot.status is LotState.QUARANTINED for lot in lots), pages=sum(lot.pages for lot in paper),
        done=sum(lot.planned for lot in lots if lot.status in settled) + under_way, total=sum(lot.planned for lot in lots),
        never=sum(lot.planned - lot.letters for lot in lots if lot.status is LotState.CANCELLED),
        waves=sum(waves.values()) - waves.get(WaveState.CANCELLED, 0),
        waves_started=waves.get(WaveState.STARTED, 0), waves_late=waves.get(WaveState.LATE, 0),
        scheduled=sum(lot.planned for lot in lots if lot.status is LotState.SCHEDULED),
        created_at=campaign.created_at, launched_at=campaign.launched_at, finished_at=campaign.finished_at,
        reason=last.reason if last and last.target in _EXPLAINED else None,
    )  # fmt: skip


def _waves_by_state(session: Session, campaign: Campaign) -> list[tuple[str, int]]:
    query = select(Wave.state, func.count()).where(Wave.campaign_id == campaign.id).group_by(Wave.state)
    return [(state, number) for state, number in session.execute(query)]


def list_campaigns(session: Session, actor: Actor) -> list[Campaign]:
    """Campaigns prepared by persons, whose caisses all lie within the actor's scope, newest first."""
    query = select(Campaign).where(
        Campaign.caisses.contained_by(sorted(actor.caisses)), Campaign.kind.in_([kind.name for kind in PREPARED])
    )
    return list(session.scalars(query.order_by(Campaign.id.desc())))


def launched_campaigns(session: Session, actor: Actor, most: int = 60) -> list[Campaign]:
    """Campaigns whose letters have begun to leave, as earlier ones to start from: the newest first."""
    return [campaign for campaign in list_campaigns(session, actor) if campaign.launched_at is not None][:most]


def steps_of(session: Session, campaign: Campaign) -> list[CampaignStep]:
    """The campaign's life, oldest first."""
    return list(
        session.scalars(select(CampaignStep).where(CampaignStep.campaign_id == campaign.id).order_by(CampaignStep.id))
    )


def lots_of(session: Session, campaign: Campaign) -> list[Lot]:
    """The campaign's lots: paper first, then e-mails, by caisse and sequence."""
    return list(
        session.scalars(
            select(Lot).where(Lot.campaign_id == campaign.id).order_by(Lot.channel, Lot.caisse, Lot.sequence)
        )
    )


def lot_of(session: Session, campaign: Campaign, lot_id: int) -> Lot:
    """One lot of a campaign already held; NotFound when it is another's."""
    lot = session.get(Lot, lot_id)
    if lot is None or lot.campaign_id != campaign.id:
        raise NotFound("Ce lot n’est pas dans cette campagne.")
    return lot


def letter_of(session: Session, campaign: Campaign, caisse: str, number: int) -> Letter:
    """One letter of a campaign already held; NotFound when it is another's."""
    letter = session.get(Letter, (caisse, number))
    if letter is None or letter.campaign_id != campaign.id:
        raise NotFound("Ce courrier n’est pas dans cette campagne.")
    return letter


def lot_of_letter(session: Session, letter: Letter) -> Lot:
    """The lot that a letter belongs to."""
    return session.scalars(
        select(Lot).where(
            Lot.campaign_id == letter.campaign_id, Lot.caisse == letter.caisse, Lot.channel == letter.channel,
            Lot.sequence == letter.lot_sequence,
        )
    ).one()  # fmt: skip


def letters_of(session: Session, lot: Lot, limit: int, offset: int = 0) -> list[LotLetter]:
    """Letters of a lot in page order, without anything that names a person."""
    rows = session.execute(
        select(
            Letter.number, Letter.state, Letter.reason, Letter.page_first, Letter.page_last, Person.code_postal, Person.ville
        )
        .outerjoin(Person, (Person.caisse == Letter.caisse) & (Person.id == Letter.person_id))
        .where(
            Letter.caisse == lot.caisse, Letter.campaign_id == lot.campaign_id, Letter.channel == lot.channel,
            Letter.lot_sequence == lot.sequence,
        )
        .order_by(Letter.position).limit(limit).offset(offset)
    )  # fmt: skip
    return [
        LotLetter(
            format_letter_id(lot.caisse, row.number), LetterState(row.state), row.reason, row.page_first, row.page_last,
            row.code_postal or "", row.ville or "",
        )
        for row in rows
    ]  # fmt: skip


def exceptions_of(session: Session, campaign: Campaign, limit: int = 500, offset: int = 0) -> list[Letter]:
    """Letters that could not be made, with their reason."""
    query = (
        select(Letter)
        .where(
            Letter.campaign_id == campaign.id,
            Letter.caisse.in_(campaign.caisses),
            Letter.state == LetterState.EXCEPTION,
        )
        .order_by(Letter.caisse, Letter.number)
        .limit(limit)
        .offset(offset)
    )
    return list(session.scalars(query))


def _mail_under_way(session: Session, campaign: Campaign, mail: list[Lot]) -> int:
    """Messages sent from lots of e-mails that are not closed yet."""
    open_lots = {(lot.caisse, lot.sequence) for lot in mail if lot.status is LotState.PLANNED and lot.attempts}
    if not open_lots:
        return 0
    query = (
        select(func.count())
        .select_from(Letter)
        .join(
            Lot,
            (Lot.campaign_id == Letter.campaign_id) & (Lot.caisse == Letter.caisse) & (Lot.channel == Letter.channel)
            & (Lot.sequence == Letter.lot_sequence),
        )
        .where(
            Letter.campaign_id == campaign.id, Letter.caisse.in_(campaign.caisses), Letter.state == LetterState.SENT,
            Lot.state == LotState.PLANNED,
        )
    )  # fmt: skip
    return session.scalar(query) or 0


def _late_exclusions(session: Session, campaign: Campaign) -> dict[str, int]:
    query = (
        select(Letter.reason, func.count())
        .where(
            Letter.campaign_id == campaign.id, Letter.caisse.in_(campaign.caisses), Letter.state == LetterState.EXCLUDED
        )
        .group_by(Letter.reason)
    )
    return {reason or "": number for reason, number in session.execute(query)}
