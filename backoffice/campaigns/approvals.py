"""An approval holds for what was approved: when its template or its segment changes before it leaves, it is void."""

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from backoffice.campaigns import templates
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import CampaignState
from backoffice.campaigns.stepping import advance
from backoffice.campaigns.wave_lots import erase_pending
from backoffice.core.actor import system_actor
from backoffice.letters.faults import TemplateFault
from backoffice.office import Office

TEMPLATE_CHANGED = "Le modèle du courrier a changé depuis l’approbation : relisez-le, puis soumettez à nouveau."


def void_approval(session: Session, office: Office, campaign: Campaign, reason: str) -> bool:
    """Back to a draft, told why; what was frozen is erased. Nothing happens to a draft; True when something did.

    Only before the launch: what has begun to leave keeps what it was approved with.
    """
    if campaign.launched_at is not None or campaign.status is CampaignState.DRAFT:
        return False
    frozen = campaign.frozen_at is not None
    advance(session, office, system_actor(), campaign, "void", reason)
    campaign.approver = campaign.template_version = campaign.frozen_at = campaign.proof_id = None
    campaign.targeted = campaign.eligible = 0
    campaign.excluded = {}
    session.flush()
    if frozen:
        session.execute(text("SELECT thaw_campaign(:campaign)"), {"campaign": campaign.id})
        erase_pending(session, campaign)
    session.expire_all()
    return True


def void_stale(office: Office) -> int:
    """Void the approvals whose template is no longer the current one; return how many."""
    voided = 0
    with office.db.unit_of_work() as session:
        waiting = session.scalars(
            select(Campaign)
            .where(
                Campaign.state.in_([CampaignState.APPROVED, CampaignState.SCHEDULED]), Campaign.launched_at.is_(None)
            )
            .with_for_update(skip_locked=True)
        ).all()
        for campaign in waiting:
            voided += void_if_stale(session, office, campaign)
    return voided


def void_if_stale(session: Session, office: Office, campaign: Campaign) -> bool:
    """Void the approval of one campaign when its template changed; whether it did."""
    try:
        current = templates.current_version(office, kind_of(campaign.kind).letter)
    except TemplateFault:
        return False  # somebody is at it: what was approved still stands
    if campaign.template_version in (None, current):
        return False
    return void_approval(session, office, campaign, TEMPLATE_CHANGED)
