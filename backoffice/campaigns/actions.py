"""One function a button: what a campaign manager does to a campaign. Actions flush; the door commits."""

from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from backoffice.adapters.db import ring_after_commit
from backoffice.audit.journal import record
from backoffice.campaigns import templates
from backoffice.campaigns.approvals import void_if_stale
from backoffice.campaigns.drafts import bind_to_segment, require_reachable
from backoffice.campaigns.freezing import freeze
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.models import Campaign, Lot, access_campaign
from backoffice.campaigns.printers import usual_printer
from backoffice.campaigns.proof import read_before_approval
from backoffice.campaigns.rules import (
    OPEN_LOTS,
    CampaignState,
    Draft,
    LotState,
    take,
)
from backoffice.campaigns.stepping import advance, begin, only_caisse
from backoffice.campaigns.trials import require_two
from backoffice.campaigns.wave_lots import one_wave_a_day, started_none
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, WrongState
from backoffice.office import Office


def create(session: Session, office: Office, actor: Actor, draft: Draft, *, folder: Path | None = None) -> Campaign:
    """A new draft with its reference; Invalid at the first thing that cannot be."""
    now = office.clock()
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    draft.check(paris_date(now))
    require_reachable(session, actor, draft)
    campaign = Campaign(
        reference=next_reference(session, kind_of(draft.kind).prefix, paris_date(now).year),
        name=draft.name.strip(),
        kind=draft.kind,
        caisses=sorted(set(draft.caisses)),
        letter_date=draft.letter_date,
        channel_rule=draft.channel_rule,
        criteria=draft.criteria.as_json(),
        per_day=draft.per_day,
        lot_size=draft.lot_size(office.settings.lot_size),
        printer_id=usual_printer(session, draft.caisses),
        folder=str(folder.absolute()) if folder else None,
        state=CampaignState.DRAFT,
        author=actor.login,
        hands=[actor.login],
        version=1,
        segment_id=draft.segment_id,
        created_at=now,
    )
    bind_to_segment(session, actor, campaign)
    begin(session, actor, campaign)
    record(
        session,
        actor,
        "campagne.creer",
        campaign.reference,
        at=now,
        caisse=only_caisse(campaign),
        detail={"type": draft.kind, "caisses": campaign.caisses},
    )
    return campaign


def submit(session: Session, office: Office, actor: Actor, reference: str) -> Campaign:
    """Hand a draft over for approval; its template must compile now, not at the printer's."""
    campaign = access_campaign(session, actor, reference, lock=True)
    templates.current_version(office, kind_of(campaign.kind).letter)
    require_two(office, campaign)
    return advance(session, office, actor, campaign, "submit")


def send_back(session: Session, office: Office, actor: Actor, reference: str, reason: str) -> Campaign:
    """Refuse to approve, with the reason for the author."""
    return advance(session, office, actor, access_campaign(session, actor, reference, lock=True), "send_back", reason)


def approve(session: Session, office: Office, actor: Actor, reference: str) -> Campaign:
    """Approve: the template and the letter date are fixed, and the persons are frozen by a job (`freeze_now`).

    Raises Invalid unless this person opened the bon à tirer of what is approved; the approval says which.
    """
    campaign = access_campaign(session, actor, reference, lock=True)
    today = paris_date(office.clock())
    if campaign.letter_date < today:
        raise Invalid(
            f"La date du courrier ({campaign.letter_date:%d/%m/%Y}) est passée : renvoyez la campagne en brouillon "
            "et créez-en une avec une date à venir."
        )
    take("approve", campaign.status, actor, campaign.hands, None)
    require_two(office, campaign)
    read = read_before_approval(session, office, actor, campaign)
    campaign.template_version = templates.keep_current(office, kind_of(campaign.kind).letter)
    campaign.approver, campaign.proof_id = actor.login, read.id if read else None
    advance(session, office, actor, campaign, "approve", f"bon à tirer lu, empreinte {read.mark}" if read else None)
    ring_after_commit(session, "freeze", campaign.id)
    return campaign


def freeze_now(session: Session, office: Office, campaign_id: int) -> Campaign | None:
    """Freeze an approved campaign; None when there is nothing to do, or another process is at it."""
    campaign = session.scalar(
        select(Campaign)
        .where(
            Campaign.id == campaign_id,
            Campaign.frozen_at.is_(None),
            Campaign.state.in_([CampaignState.APPROVED, CampaignState.RUNNING]),
        )
        .with_for_update(skip_locked=True)
    )
    if campaign is None:
        return None
    freeze(session, campaign, office.dmp)
    campaign.frozen_at = office.clock()
    session.flush()
    if campaign.status is CampaignState.RUNNING:
        one_wave_a_day(session, campaign, office.clock())
        ring_lots(session, campaign)
    return campaign


def launch(session: Session, office: Office, actor: Actor, reference: str) -> Campaign:
    """Let every lot be made at once, whatever day it is dated; they start as soon as the persons are frozen.

    A campaign whose template changed since its approval goes back to a draft instead: look at what is returned.
    """
    campaign = access_campaign(session, actor, reference, lock=True)
    _require_fresh_date(campaign, office.clock())
    if campaign.status is CampaignState.APPROVED and void_if_stale(session, office, campaign):
        return campaign
    advance(session, office, actor, campaign, "launch")
    campaign.launched_at = office.clock()
    if campaign.frozen_at is None:
        ring_after_commit(session, "freeze", campaign.id)
    else:
        one_wave_a_day(session, campaign, office.clock(), actor.login)
        ring_lots(session, campaign)
    return campaign


def pause(session: Session, office: Office, actor: Actor, reference: str, reason: str) -> Campaign:
    """Stop at once, a lot half made as well as the waves to come; nothing is lost."""
    return advance(session, office, actor, access_campaign(session, actor, reference, lock=True), "pause", reason)


def resume(session: Session, office: Office, actor: Actor, reference: str) -> Campaign:
    """Go on where it stopped; the letters keep their date, as those already sealed carry it.

    A campaign of which no wave has started waits for its first day again.
    """
    campaign = access_campaign(session, actor, reference, lock=True)
    target = CampaignState.SCHEDULED if started_none(session, campaign) else None
    advance(session, office, actor, campaign, "resume", target=target)
    ring_lots(session, campaign)
    return campaign


def finish_if_done(session: Session, office: Office, actor: Actor, campaign_id: int) -> bool:
    """Close a running campaign once no lot waits any more; whether it did."""
    campaign = session.scalar(
        select(Campaign).where(Campaign.id == campaign_id, Campaign.state == CampaignState.RUNNING).with_for_update()
    )
    if campaign is None or campaign.frozen_at is None or _goes_on(campaign, office):
        return False
    waiting = session.scalar(select(Lot.id).where(Lot.campaign_id == campaign.id, Lot.state.in_(OPEN_LOTS)).limit(1))
    if waiting is not None:
        return False
    campaign.finished_at = office.clock()
    advance(session, office, actor, campaign, "finish")
    return True


def _goes_on(campaign: Campaign, office: Office) -> bool:
    """Whether more letters may join it: those of an on-demand kind until its day is over."""
    return campaign.on_demand and campaign.letter_date >= paris_date(office.clock())


def release_lot(session: Session, office: Office, actor: Actor, lot_id: int, reason: str) -> Lot:
    """Let a lot in quarantine be made anew: its codes are revoked, what lay on the disk was set aside."""
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    lot = session.scalar(select(Lot).where(Lot.id == lot_id).with_for_update())
    if lot is None or lot.status is not LotState.QUARANTINED:
        raise WrongState("Ce lot n’est pas en quarantaine : il n’y a rien à libérer.")
    campaign = session.get_one(Campaign, lot.campaign_id)
    actor.require_caisse(*campaign.caisses)
    if not reason.strip():
        raise Invalid("Libérer un lot demande un motif : écrivez-le en quelques mots.")
    office.dmp.revoke_request(lot.uid, "lot refait après quarantaine")
    lot.state, lot.reason, lot.name = LotState.PLANNED, None, None
    session.flush()
    record(
        session,
        actor,
        "lot.liberer",
        f"{campaign.reference} lot {lot.sequence}",
        at=office.clock(),
        caisse=lot.caisse,
        reason=reason,
    )
    ring_after_commit(session, "lot", lot.id)
    return lot


def ring_lots(session: Session, campaign: Campaign) -> None:
    """Wake the workers for every lot that waits."""
    waiting = select(Lot.id).where(Lot.campaign_id == campaign.id, Lot.state == LotState.PLANNED).order_by(Lot.id)
    for lot_id in session.scalars(waiting):
        ring_after_commit(session, "lot", lot_id)


def _require_fresh_date(campaign: Campaign, now: datetime) -> None:
    if campaign.letter_date < paris_date(now):
        raise Invalid(
            f"Les courriers porteraient une date passée ({campaign.letter_date:%d/%m/%Y}) : programmez cette campagne à une "
            "date à venir, ou annulez-la."
        )


def next_reference(session: Session, prefix: str, year: int) -> str:
    """The next reference of this prefix in this year, e.g. REC-2016-0042."""
    # One creation at a time, so that numbers follow each other without a gap.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('campaign.reference'))"))
    last = session.scalar(select(func.max(Campaign.reference)).where(Campaign.reference.like(f"{prefix}-{year}-%")))
    return f"{prefix}-{year}-{int(last.rsplit('-', 1)[1]) + 1 if last else 1:04d}"
