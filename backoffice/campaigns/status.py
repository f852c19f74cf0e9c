"""Reading a campaign: its numbers, as a page, a table or a JSON document shows them."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, cast, func, select, true
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
    """Count one campaign; see `campaign_statuses`."""
    return campaign_statuses(session, [campaign])[0]


def campaign_statuses(session: Session, campaigns: Sequence[Campaign]) -> list[CampaignStatus]:
    """Count campaigns from their lots, all of them in the same few statements; letters only of lots under way."""
    ids = [campaign.id for campaign in campaigns]
    sums, late, waves = _sums(session, ids), _left_out(session, ids), _waves_by_state(session, ids)
    under_way, last = _mail_under_way(session, ids), _last_steps(session, ids)
    return [
        _status(
            one, sums.get(one.id, []), late.get(one.id, {}), waves.get(one.id, {}), under_way.get(one.id, 0),
            last.get(one.id),
        )
        for one in campaigns
    ]  # fmt: skip


_SETTLED = (LotState.SEALED, LotState.EMPTY, LotState.SENT, LotState.CANCELLED)


def _status(
    campaign: Campaign, sums: Sequence[Any], late: Mapping[str, int], waves: Mapping[str, int], under_way: int,
    last: CampaignStep | None,
) -> CampaignStatus:  # fmt: skip
    def total(column: str, *, channel: Channel | None = None, among: Collection[LotState] = tuple(LotState)) -> int:
        return sum(
            int(getattr(row, column))
            for row in sums
            if row.state in among and (channel is None or row.channel == channel)
        )

    excluded = dict(campaign.excluded)
    for reason, number in late.items():
        excluded[reason] = excluded.get(reason, 0) + number
    begun = [state for state in LotState if state is not LotState.PLANNED]
    post, mail = Channel.POST, Channel.MAIL
    return CampaignStatus(
        reference=campaign.reference, name=campaign.name, kind=campaign.kind, state=campaign.state,
        state_label=campaign.status.label, caisses=campaign.caisses, letter_date=campaign.letter_date,
        author=campaign.author, approver=campaign.approver, frozen=campaign.frozen_at is not None,
        targeted=campaign.targeted, eligible=campaign.eligible - sum(late.values()),
        excluded={reason.value: excluded[reason.value] for reason in Exclusion if excluded.get(reason.value)},
        letters=total("letters", channel=post), letters_planned=total("planned", channel=post),
        emails=total("letters", channel=mail, among=begun) + under_way,
        emails_planned=total("planned", channel=mail) - total("exceptions", channel=mail) - total("excluded", channel=mail),
        exceptions=total("exceptions"), doubtful=total("doubtful"),
        lots=total("lots", channel=post), lots_sealed=total("lots", channel=post, among=(LotState.SEALED,)),
        mail_lots=total("lots", channel=mail), mail_lots_sent=total("lots", channel=mail, among=(LotState.SENT,)),
        quarantined=total("lots", among=(LotState.QUARANTINED,)), pages=total("pages", channel=post),
        done=total("planned", among=_SETTLED) + under_way, total=total("planned"),
        never=total("planned", among=(LotState.CANCELLED,)) - total("letters", among=(LotState.CANCELLED,)),
        waves=sum(waves.values()) - waves.get(WaveState.CANCELLED, 0),
        waves_started=waves.get(WaveState.STARTED, 0), waves_late=waves.get(WaveState.LATE, 0),
        scheduled=total("planned", among=(LotState.SCHEDULED,)),
        created_at=campaign.created_at, launched_at=campaign.launched_at, finished_at=campaign.finished_at,
        reason=last.reason if last and last.target in _EXPLAINED else None,
    )  # fmt: skip


def _sums(session: Session, ids: Sequence[int]) -> dict[int, list[Any]]:
    """Lots of each campaign by channel and state, added up."""
    columns = (Lot.planned, Lot.letters, Lot.exceptions, Lot.excluded, Lot.doubtful, Lot.pages)
    rows = session.execute(
        select(
            Lot.campaign_id, Lot.channel, Lot.state, func.count().label("lots"),
            *(func.sum(column).label(column.key) for column in columns),
        )
        .where(Lot.campaign_id.in_(ids))
        .group_by(Lot.campaign_id, Lot.channel, Lot.state)
    )  # fmt: skip
    found: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.campaign_id].append(row)
    return found


def _left_out(session: Session, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """Letters that turned out not to be due when their lot was made, by reason."""
    reasons = func.jsonb_each_text(Lot.left_out).table_valued("key", "value", name="reasons")
    rows = session.execute(
        select(Lot.campaign_id, reasons.c.key, func.sum(cast(reasons.c.value, Integer)))
        .join(reasons, true())
        .where(Lot.campaign_id.in_(ids), Lot.excluded > 0)
        .group_by(Lot.campaign_id, reasons.c.key)
    )
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for campaign_id, reason, number in rows:
        found[campaign_id][reason] = int(number)
    return found


def _waves_by_state(session: Session, ids: Sequence[int]) -> dict[int, dict[str, int]]:
    query = select(Wave.campaign_id, Wave.state, func.count()).where(Wave.campaign_id.in_(ids))
    found: dict[int, dict[str, int]] = defaultdict(dict)
    for campaign_id, state, number in session.execute(query.group_by(Wave.campaign_id, Wave.state)):
        found[campaign_id][state] = number
    return found


def _last_steps(session: Session, ids: Sequence[int]) -> dict[int, CampaignStep]:
    last = (
        select(func.max(CampaignStep.id))
        .where(CampaignStep.campaign_id.in_(ids), CampaignStep.source != CampaignStep.target)
        .group_by(CampaignStep.campaign_id)
    )
    found = session.scalars(select(CampaignStep).where(CampaignStep.id.in_(last)))
    return {step.campaign_id: step for step in found}


def _mail_under_way(session: Session, ids: Sequence[int]) -> dict[int, int]:
    """Messages sent from lots of e-mails that are not closed yet."""
    open_lots = session.scalars(
        select(Lot).where(
            Lot.campaign_id.in_(ids), Lot.channel == Channel.MAIL, Lot.state == LotState.PLANNED, Lot.attempts > 0
        )
    )
    found: dict[int, int] = {}
    for lot in open_lots:
        sent = session.scalar(
            select(func.count()).select_from(Letter).where(*of_lot(lot), Letter.state == LetterState.SENT)
        )
        found[lot.campaign_id] = found.get(lot.campaign_id, 0) + (sent or 0)
    return found


def of_lot(lot: Lot) -> tuple[ColumnElement[bool], ...]:
    """Which letters are a lot's."""
    return (
        Letter.caisse == lot.caisse, Letter.campaign_id == lot.campaign_id, Letter.channel == lot.channel,
        Letter.lot_sequence == lot.sequence,
    )  # fmt: skip


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
        .where(*of_lot(lot))
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
    """Letters that could not be made, with their reason: those without one are not even looked at."""
    query = (
        select(Letter)
        .where(
            Letter.campaign_id == campaign.id, Letter.caisse.in_(campaign.caisses), Letter.reason.is_not(None),
            Letter.state == LetterState.EXCEPTION,
        )
        .order_by(Letter.caisse, Letter.number)
        .limit(limit)
        .offset(offset)
    )  # fmt: skip
    return list(session.scalars(query))
