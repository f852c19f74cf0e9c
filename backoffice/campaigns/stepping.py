"""A step of a campaign's life: checked, taken and journalled in one place."""

from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.campaigns.models import Campaign, CampaignStep
from backoffice.campaigns.rules import CampaignState, take
from backoffice.core.actor import Actor
from backoffice.office import Office


def begin(session: Session, actor: Actor, campaign: Campaign) -> None:
    """The first line of a campaign's history, at the hour it was made."""
    session.add(campaign)
    session.flush()
    session.add(
        CampaignStep(
            campaign_id=campaign.id, step="create", source="", target=campaign.state, actor=actor.login,
            at=campaign.created_at,
        )
    )  # fmt: skip
    session.flush()


def advance(
    session: Session, office: Office, actor: Actor, campaign: Campaign, step_name: str, reason: str | None = None, *,
    target: CampaignState | None = None,
) -> Campaign:  # fmt: skip
    """The one door: check, move, journal, in the caller's transaction; `target` where the step leads elsewhere."""
    step = take(step_name, campaign.status, actor, campaign.hands, reason, answers=campaign.on_demand)
    now = office.clock()
    session.add(
        CampaignStep(
            campaign_id=campaign.id, step=step.name, source=campaign.state, target=target or step.target, actor=actor.login,
            reason=reason, at=now,
        )
    )  # fmt: skip
    campaign.state = target or step.target
    session.flush()
    record(
        session,
        actor,
        f"campagne.{step.name}",
        campaign.reference,
        at=now,
        caisse=only_caisse(campaign),
        reason=reason,
    )
    return campaign


def only_caisse(campaign: Campaign) -> str | None:
    """The caisse whose supervisor should read the line; None when it concerns several."""
    return campaign.caisses[0] if len(campaign.caisses) == 1 else None


def note(session: Session, office: Office, actor: Actor, campaign: Campaign, what: str, text: str) -> None:
    """Something done to the campaign that leaves it in its state, in its history and in the journal."""
    now = office.clock()
    session.add(
        CampaignStep(
            campaign_id=campaign.id, step=what, source=campaign.state, target=campaign.state, actor=actor.login,
            reason=text, at=now,
        )
    )  # fmt: skip
    session.flush()
    record(
        session, actor, f"campagne.{what}", campaign.reference, at=now, caisse=only_caisse(campaign), reason=text
    )  # fmt: skip
