"""Campaigns: the list, a new one, the page of one."""

from typing import Any, Final

from flask import Blueprint, Response, jsonify, render_template, request

from backoffice.audit.journal import AuditEntry, entries_about
from backoffice.campaigns.agenda import departures_of
from backoffice.campaigns.cancelling import left_by_cancelling
from backoffice.campaigns.forecast import forecast
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.models import Campaign, Lot, access_campaign
from backoffice.campaigns.proof import proof_read
from backoffice.campaigns.rules import CampaignState, possible_steps
from backoffice.campaigns.segments import Segment
from backoffice.campaigns.status import (
    campaign_status,
    campaign_statuses,
    exceptions_of,
    list_campaigns,
    lots_of,
    steps_of,
)
from backoffice.core.actor import Role
from backoffice.correspondence.troubles import relays_of
from backoffice.letters.reference import format_letter_id
from backoffice.web.access import access, current_actor
from backoffice.web.pages import live
from backoffice.web.pages.composition import office
from backoffice.web.pages.paging import asked_page
from backoffice.web.pages.wording import ACTIONS, LIFE, SLUGS, STEP_DONE

READERS: Final = (Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.ADMINISTRATOR)
LIST_SIZE: Final = 20
JOURNAL_LINES: Final = 30
_ALIVE: Final = (CampaignState.DRAFT, CampaignState.SUBMITTED)

pages = Blueprint("campaigns", __name__, url_prefix="/campagnes")


@pages.get("")
@access(*READERS)
def index() -> str:
    """The campaigns of one's caisses, newest first."""
    with office().db.unit_of_work() as session:
        found = list_campaigns(session, current_actor())
        page = asked_page(len(found), LIST_SIZE)
        shown = found[page.offset : page.offset + page.size]
        rows = [(one.status, status) for one, status in zip(shown, campaign_statuses(session, shown), strict=True)]
    return render_template(
        "campaigns/index.html", rows=rows, page=page, badges=live.CAMPAIGN_BADGES, percentage=live.percentage
    )


@pages.get("/<reference>")
@access(*READERS)
def show(reference: str) -> str:
    """Everything about one campaign; `?decompte=1` counts a draft's persons as of today."""
    actor = current_actor()
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, actor, reference)
        status, lots = campaign_status(session, campaign), lots_of(session, campaign)
        countable = campaign.status in _ALIVE
        content = {
            "campaign": campaign,
            "status": status,
            "lots": lots,
            "segment_name": session.get_one(Segment, campaign.segment_id).name if campaign.segment_id else "",
            "relays": relays_of(session, campaign),
            "origin": session.get(Campaign, campaign.relay_of) if campaign.relay_of else None,
            "life": steps_of(session, campaign),
            "proof": proof_read(session, campaign),
            "journal": _journal(session, campaign, lots),
            "departures": departures_of(session, campaign) if campaign.status is CampaignState.CANCELLED else [],
            "left_without": left_by_cancelling(session, campaign),
            "count": forecast(session, office(), campaign) if countable and "decompte" in request.args else None,
        }
    steps = possible_steps(campaign.status, actor, campaign.hands, answers=campaign.on_demand)
    return render_template(
        "campaigns/show.html", **content, steps=steps, slugs=SLUGS,
        own=actor.login in campaign.hands and campaign.status is CampaignState.SUBMITTED, badges=live.CAMPAIGN_BADGES,
        lot_badges=live.LOT_BADGES, texts=live.campaign_texts(status), lot_texts=live.lot_texts,
        moving=live.is_moving(status), version=live.page_version(status, lots), step_done=STEP_DONE, actions=ACTIONS,
        stages=LIFE, letter_name=kind_of(campaign.kind).letter,
    )  # fmt: skip


def _journal(session: Any, campaign: Campaign, lots: list[Lot]) -> list[AuditEntry]:
    objects = [campaign.reference]
    for lot in lots:
        objects += [f"{campaign.reference} lot {lot.sequence}", f"lot de courriels {lot.id}"]
    return entries_about(session, [*objects, *(lot.name for lot in lots if lot.name)], JOURNAL_LINES)


@pages.get("/<reference>/decompte")
@access(*READERS)
def count(reference: str) -> Response:
    """The count of a draft's persons as of today, as a piece of a page, for its script."""
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        found = forecast(session, office(), campaign) if campaign.status in _ALIVE else None
    if found is None:
        return jsonify({"page": f"<p>La campagne est « {campaign.status.label} » : rechargez la page.</p>"})
    return jsonify({"page": render_template("campaigns/count.html", count=found, errors={})})


@pages.get("/<reference>/suivi")
@access(*READERS, background=True)
def progress(reference: str) -> dict[str, Any]:
    """The figures that move, for the page's script."""
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        return live.campaign_news(campaign_status(session, campaign), lots_of(session, campaign))


@pages.get("/<reference>/exceptions")
@access(*READERS)
def exceptions(reference: str) -> str:
    """Letters that could not be made, with their reasons."""
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        page = asked_page(campaign_status(session, campaign).exceptions)
        found = exceptions_of(session, campaign, page.size, page.offset)
    rows = [(format_letter_id(letter.caisse, letter.number), letter) for letter in found]
    return render_template("campaigns/exceptions.html", campaign=campaign, rows=rows, page=page)
