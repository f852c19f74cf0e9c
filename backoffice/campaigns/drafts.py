"""Drafts: what they refer to must be there, and within the scope of whoever prepares them; several hands may change one."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.orm import Session

from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.lists import access_list
from backoffice.campaigns.models import Campaign, access_campaign
from backoffice.campaigns.rules import CampaignState, Draft
from backoffice.campaigns.stepping import note
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.office import Office


def require_reachable(session: Session, actor: Actor, draft: Draft) -> None:
    """Raise NotFound for a caisse, Invalid for an earlier campaign or a list, outside the actor's scope."""
    require_reachable_criteria(session, actor, draft.caisses, draft.criteria)


def require_reachable_criteria(session: Session, actor: Actor, caisses: Sequence[str], criteria: Criteria) -> None:
    """The same for criteria without a campaign."""
    actor.require_caisse(*caisses)
    if criteria.earlier is not None:
        try:
            access_campaign(session, actor, criteria.earlier.reference)
        except NotFound:
            raise Invalid(
                f"La campagne précédente « {criteria.earlier.reference[:30]} » est introuvable dans votre périmètre : "
                "choisissez-en une autre."
            ) from None
    if criteria.list_id is not None:
        try:
            access_list(session, actor, criteria.list_id)
        except NotFound as refusal:
            raise Invalid(f"{refusal} Donnez-la à nouveau.") from None


def bind_to_segment(session: Session, actor: Actor, campaign: Campaign) -> None:
    """Note the version of the segment a campaign is made from; none when its criteria are no longer the segment's."""
    if campaign.segment_id is None:
        campaign.segment_version = None
        return
    row = session.execute(
        text("SELECT version, criteria, caisses FROM segment WHERE id = :id AND archived_at IS NULL"),
        {"id": campaign.segment_id},
    ).one_or_none()
    same = row is not None and actor.caisses.issuperset(row.caisses) and (
        Criteria.from_json(row.criteria) == campaign.target and sorted(row.caisses) == campaign.caisses
    )  # fmt: skip
    if row is None or not same:
        campaign.segment_id = campaign.segment_version = None
    else:
        campaign.segment_version = row.version


def change_draft(
    session: Session, office: Office, actor: Actor, reference: str, version: int, draft: Draft
) -> Campaign:
    """Change a draft, also one sent back, as it was read at `version`; whoever does has a hand in it from then on.

    Raises Invalid as `create` does, WrongState when it is no draft any more or somebody changed it meanwhile.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    campaign = access_campaign(session, actor, reference, lock=True)
    if campaign.status is not CampaignState.DRAFT or campaign.on_demand:
        raise WrongState(
            f"La campagne est « {campaign.status.label} » : seule une campagne en brouillon se modifie. Rechargez la page."
        )
    if campaign.version != version:
        raise WrongState(
            f"{campaign.hands[-1]} a modifié ce brouillon pendant que vous l’aviez ouvert : rechargez la page, puis "
            "recommencez."
        )
    if draft.kind != campaign.kind:
        raise Invalid("Le type de courrier d’une campagne ne change pas : préparez-en une autre.")
    draft.check(paris_date(office.clock()))
    require_reachable(session, actor, draft)
    campaign.name, campaign.caisses, campaign.letter_date = (
        draft.name.strip(),
        sorted(set(draft.caisses)),
        draft.letter_date,
    )
    campaign.channel_rule, campaign.criteria, campaign.per_day = (
        draft.channel_rule,
        draft.criteria.as_json(),
        draft.per_day,
    )
    campaign.lot_size = draft.lot_size(office.settings.lot_size)
    campaign.segment_id = draft.segment_id
    bind_to_segment(session, actor, campaign)
    campaign.version += 1
    campaign.hands = [*(login for login in campaign.hands if login != actor.login), actor.login]
    note(session, office, actor, campaign, "edit", "")
    return campaign
