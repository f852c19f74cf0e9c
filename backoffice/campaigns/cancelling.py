"""Cancelling a campaign: what is not made never will be, and who is left without a code is counted."""

from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from backoffice.adapters.dmp import CodeStatus
from backoffice.campaigns.codes import requests_of
from backoffice.campaigns.incidents import drop_retries
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.mailing import count_letters, revoke_unsent
from backoffice.campaigns.models import Campaign, CampaignStep, Letter, Lot, access_campaign
from backoffice.campaigns.rules import OPEN_LOTS, Channel, LetterState, LotState
from backoffice.campaigns.stepping import advance, note
from backoffice.campaigns.wave_lots import give_up_pending
from backoffice.core.actor import Actor
from backoffice.core.errors import WrongState
from backoffice.office import Office

LEFT_WITHOUT: Final = "left_without"
"""Line of a campaign's history: how many persons its cancellation left without a code."""


def left_without_code(session: Session, office: Office, campaign: Campaign) -> int:
    """Persons whose earlier code gave way to one that no letter carries yet, and that a cancellation revokes.

    A code once replaced never serves again: the record keeps no way back. Only where letters replace codes, and for lots
    whose making was cut short after their codes were issued.
    """
    if kind_of(campaign.kind).replacing is None:
        return 0
    found = 0
    for lot in session.scalars(
        select(Lot).where(Lot.campaign_id == campaign.id, Lot.state.in_((LotState.PLANNED, LotState.QUARANTINED)))
    ):
        # What a killed attempt wrote in this database is gone with it: the record alone says whether it had codes.
        own = [request for request in requests_of(lot) if office.dmp.current_issue(request) is not None]
        if not own:
            continue
        states = office.dmp.code_states(lot.caisse, _not_sent(session, lot))
        found += sum(state.status is CodeStatus.LIVE and state.request_id in own for state in states.values())
    return found


def left_by_cancelling(session: Session, campaign: Campaign) -> int:
    """How many the cancellation of a campaign left without a code, as its history says."""
    told = session.scalar(
        select(CampaignStep.reason).where(CampaignStep.campaign_id == campaign.id, CampaignStep.step == LEFT_WITHOUT)
    )
    return int(told or 0)


def cancel(session: Session, office: Office, actor: Actor, reference: str, reason: str) -> Campaign:
    """Give up: lots not made yet never will be; codes of unsealed letters are revoked, sealed lots stay what they are.

    Persons left without any code are counted in the campaign's history. Raises WrongState while a lot is being made: a
    moment later it can be done.
    """
    campaign = access_campaign(session, actor, reference, lock=True)
    # A lot under way holds its row: waiting for it could deadlock with the campaign's own row.
    waiting = session.scalars(
        select(Lot).where(Lot.campaign_id == campaign.id, Lot.state.in_(OPEN_LOTS)).with_for_update(skip_locked=True)
    ).all()
    total = session.scalar(
        select(func.count()).select_from(Lot).where(Lot.campaign_id == campaign.id, Lot.state.in_(OPEN_LOTS))
    )
    if len(waiting) != total:
        raise WrongState("Un lot est en cours de fabrication : suspendez la campagne, puis annulez-la dans un instant.")
    without = left_without_code(session, office, campaign)
    advance(session, office, actor, campaign, "cancel", reason)
    if without:
        note(session, office, actor, campaign, LEFT_WITHOUT, f"{without}")
    give_up_pending(session, campaign, "campagne annulée")
    for lot in waiting:
        if lot.status is LotState.SCHEDULED:
            pass  # no code was ever asked for
        elif lot.channel == Channel.MAIL:
            count_letters(session, lot)
            drop_retries(session, lot, "campagne annulée", office.clock())
            revoke_unsent(office, lot, _not_sent(session, lot), "campagne annulée")
        else:
            office.dmp.revoke_request(lot.uid, "campagne annulée")
        lot.state = LotState.CANCELLED
    session.execute(
        update(Letter)
        .where(
            Letter.campaign_id == campaign.id, Letter.caisse.in_(campaign.caisses), Letter.state == LetterState.PLANNED
        )
        .values(state=LetterState.CANCELLED, at=office.clock(), reason="campagne annulée")
    )
    return campaign


def _not_sent(session: Session, lot: Lot) -> list[int]:
    return list(
        session.scalars(
            select(Letter.person_id).where(
                Letter.caisse == lot.caisse, Letter.campaign_id == lot.campaign_id, Letter.channel == lot.channel,
                Letter.lot_sequence == lot.sequence, Letter.state == LetterState.PLANNED,
            )
        )
    )  # fmt: skip
