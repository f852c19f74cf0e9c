"""What a worker does when a bell rings, and the loop that needs no bell."""

from datetime import datetime

import structlog
from sqlalchemy import ColumnElement, or_, select

from backoffice.campaigns import actions
from backoffice.campaigns.mailing import produce_mail_lot
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.production import Outcome, produce_lot
from backoffice.campaigns.rules import CampaignState, Channel, LotState
from backoffice.campaigns.sealing import FolderUnusable
from backoffice.campaigns.templates import TemplateGone
from backoffice.core.actor import Actor, system_actor
from backoffice.core.errors import DomainError, Unavailable
from backoffice.office import Office

log = structlog.get_logger(__name__)


def freeze_campaign(office: Office, campaign_id: int) -> None:
    """Freeze an approved campaign, if that is still to be done."""
    with office.db.unit_of_work() as session:
        actions.freeze_now(session, office, campaign_id)
    _finish(office, system_actor(), campaign_id)


def make_lot(office: Office, lot_id: int) -> Outcome:
    """Make one lot, of paper or of e-mails, then close its campaign if it was the last.

    A part that is down or a refusal pauses nothing by itself when raised to a job: see `pause_on_refusal`.
    """
    actor = system_actor()
    with office.db.unit_of_work() as session:
        found = session.execute(select(Lot.channel, Lot.campaign_id).where(Lot.id == lot_id)).one_or_none()
    if found is None:
        return Outcome.NOTHING
    if found.channel == Channel.MAIL:
        outcome = produce_mail_lot(office, actor, lot_id)
    else:
        with office.db.unit_of_work() as session:
            outcome = produce_lot(session, office, actor, lot_id)
    log.info("lot", lot=lot_id, outcome=outcome.name)
    _finish(office, actor, found.campaign_id)
    return outcome


def pause_on_refusal(office: Office, lot_id: int, refusal: DomainError) -> None:
    """A refusal that lasts until a person looks (disk full, environment fence, template gone) pauses the campaign.

    A database or a mail server that is away is not one: the sweep comes back to the lot, which keeps the reason.
    """
    if isinstance(refusal, Unavailable) and not isinstance(refusal, FolderUnusable | TemplateGone):
        _note_delay(office, lot_id, str(refusal))
        return
    with office.db.unit_of_work() as session:
        reference = session.scalar(
            select(Campaign.reference).join(Lot).where(Lot.id == lot_id, Campaign.state == CampaignState.RUNNING)
        )
        if reference is not None:
            actions.pause(session, office, system_actor(), reference, str(refusal))


def _note_delay(office: Office, lot_id: int, reason: str) -> None:
    with office.db.unit_of_work() as session:
        lot = session.scalar(
            select(Lot).where(Lot.id == lot_id, Lot.state == LotState.PLANNED).with_for_update(skip_locked=True)
        )
        if lot is not None:
            lot.reason = reason


def work_until_done(office: Office, campaign_id: int, channels: tuple[Channel, ...] = tuple(Channel)) -> None:
    """Make the lots of one campaign one after the other until none is left to take; several processes may do so at once."""
    while True:
        with office.db.unit_of_work() as session:
            lot_id = session.scalar(
                select(Lot.id)
                .join(Campaign)
                .where(
                    Lot.campaign_id == campaign_id, Lot.state == LotState.PLANNED, Lot.channel.in_(channels),
                    Campaign.state == CampaignState.RUNNING, is_due(office.clock()),
                )
                .order_by(Lot.id).limit(1).with_for_update(skip_locked=True, of=Lot)
            )  # fmt: skip
        if lot_id is None:
            # The last lot may have been another process's, dead before it closed the campaign.
            _finish(office, system_actor(), campaign_id)
            return
        make_lot(office, lot_id)


def is_due(now: datetime) -> ColumnElement[bool]:
    """Whether a lot may be made now: not one whose e-mails were all put off until later."""
    return or_(Lot.retry_at.is_(None), Lot.retry_at <= now)


def _finish(office: Office, actor: Actor, campaign_id: int) -> None:
    with office.db.unit_of_work() as session:
        actions.finish_if_done(session, office, actor, campaign_id)
