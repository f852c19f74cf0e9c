"""Preparing a campaign: its form, counted as it is filled in, made a draft, changed while it is one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backoffice.campaigns import actions
from backoffice.campaigns.criteria import Criteria, Earlier, Fate
from backoffice.campaigns.drafts import change_draft
from backoffice.campaigns.forecast import Forecast, count_draft
from backoffice.campaigns.lists import Checked, access_list, keep_list
from backoffice.campaigns.models import Campaign, access_campaign
from backoffice.campaigns.rules import CampaignState, Draft
from backoffice.campaigns.segments import access_segment, list_segments
from backoffice.campaigns.status import launched_campaigns
from backoffice.core.actor import Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import DomainError, Invalid, NotFound, WrongState
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.campaign_form import (
    LARGEST_LIST,
    CampaignForm,
    CriteriaForm,
    criteria_values,
    kind_notes,
    list_typed,
    read_campaign,
    starting_values,
)
from backoffice.web.pages.campaigns import pages
from backoffice.web.pages.composition import office
from backoffice.web.pages.once import new_request, once
from backoffice.web.shell import LARGEST_FORM


@pages.get("/nouvelle")
@access(Role.CAMPAIGN_MANAGER)
def new() -> str:
    """An empty form, or one filled in like an earlier campaign (`?modele=`) or a segment (`?segment=`).

    `?sans_code=`: for whom the cancellation of a campaign left without a code.
    """
    actor, today = current_actor(), paris_date(office().clock())
    model = None
    values: dict[str, Any] = {}
    with office().db.unit_of_work() as session:
        if reference := request.args.get("modele"):
            model = access_campaign(session, actor, reference)
        if reference := request.args.get("sans_code"):
            values = _for_those_without(access_campaign(session, actor, reference))
        if (segment_id := request.args.get("segment", "")).isdigit():
            segment = access_segment(session, actor, int(segment_id))
            values = criteria_values(segment.target) | {"caisses": segment.caisses, "segment": str(segment.id)}
    return _page(_form(data=starting_values(actor, today, model) | values | {"demande": new_request()}))


def _for_those_without(cancelled: Campaign) -> dict[str, Any]:
    criteria = Criteria(earlier=Earlier(cancelled.reference, Fate.WITHOUT), foreign=cancelled.target.foreign)
    return criteria_values(criteria) | {
        "nom": f"Sans code après l’annulation de {cancelled.reference}", "type": "remake", "caisses": cancelled.caisses,
        "canal": cancelled.channel_rule,
    }  # fmt: skip


@pages.post("/nouvelle")
@access(Role.CAMPAIGN_MANAGER)
def create() -> ResponseReturnValue:
    """Count what is typed, or make it a draft."""

    def make(form: CampaignForm, draft: Draft) -> ResponseReturnValue:
        actor = current_actor()
        with once(office().redis, actor.login, form.demande.data or "") as claim:
            if claim.first:
                with office().db.unit_of_work() as session:
                    claim.outcome = actions.create(session, office(), actor, draft).reference
                flash(f"La campagne {claim.outcome} est créée. Relisez-la, puis soumettez-la à l’approbation.", "done")
        if not claim.outcome:
            return redirect(url_for(".index"), 303)
        return redirect(url_for(".show", reference=claim.outcome), 303)

    return _sent(None, make)


@pages.get("/<reference>/modifier")
@access(Role.CAMPAIGN_MANAGER)
def edit(reference: str) -> ResponseReturnValue:
    """The form of a draft, with its choices."""
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
    if campaign.status is not CampaignState.DRAFT:
        sentence = f"La campagne est « {campaign.status.label} » : seule une campagne en brouillon se modifie."
        return render_template("campaigns/refused.html", reference=reference, sentence=sentence), 409
    values = starting_values(current_actor(), paris_date(office().clock()), campaign)
    return _page(
        _form(data=values | {"date": campaign.letter_date, "version": str(campaign.version)}), campaign=campaign
    )


@pages.post("/<reference>/modifier")
@access(Role.CAMPAIGN_MANAGER)
def change(reference: str) -> ResponseReturnValue:
    """Count what is typed, or change the draft."""
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)

    def keep(form: CampaignForm, draft: Draft) -> ResponseReturnValue:
        version = int(form.version.data) if (form.version.data or "").isdigit() else 0
        try:
            with office().db.unit_of_work() as session:
                change_draft(session, office(), current_actor(), reference, version, draft)
        except WrongState as refusal:
            page = render_template("campaigns/refused.html", reference=reference, sentence=str(refusal))
            return page, status_of(refusal)
        flash("Le brouillon est modifié. Relisez-le, puis soumettez-le à l’approbation.", "done")
        return redirect(url_for(".show", reference=reference), 303)

    return _sent(campaign, keep)


@pages.post("/decompte")
@access(Role.CAMPAIGN_MANAGER)
def live_count() -> ResponseReturnValue:
    """The count of what is typed so far, as a piece of the page, for its script."""
    form = _form()
    reading = read_campaign(form, paris_date(office().clock()), named=False)
    if reading.draft is None:
        return _piece("campaigns/count.html", count=None, errors=reading.errors), 422
    try:
        with office().db.unit_of_work() as session:
            count = count_draft(session, office(), current_actor(), reading.draft)
    except DomainError as refusal:
        return _piece("campaigns/count.html", count=None, errors={"": str(refusal)}), status_of(refusal)
    return _piece("campaigns/count.html", count=count, errors={})


def _piece(template: str, **values: Any) -> Response:
    return jsonify({"page": render_template(template, **values)})


def _sent(campaign: Campaign | None, keep: Callable[[CampaignForm, Draft], ResponseReturnValue]) -> ResponseReturnValue:
    """A filled-in form: its segment taken over, its list checked, its persons counted, or kept."""
    request.max_content_length = LARGEST_LIST + LARGEST_FORM
    request.max_form_memory_size = LARGEST_LIST
    form, actor = _form(), current_actor()
    gesture = request.form.get("geste")
    reading = read_campaign(form, paris_date(office().clock()), named=gesture not in ("compter", "segment"))
    if gesture == "segment":
        return _taken_over(form, campaign)
    errors = dict(reading.errors)
    checked = None
    try:
        with office().db.unit_of_work() as session:
            checked = take_list(session, form)
    except Invalid as refusal:
        errors["liste_texte"] = str(refusal)
    if reading.draft is None or errors:
        return _page(form, errors, counting=gesture == "compter", campaign=campaign, checked=checked), 422
    draft = reading.draft
    if checked is not None:
        draft = replace(draft, criteria=replace(draft.criteria, list_id=checked.list_id))
    try:
        if gesture == "compter":
            with office().db.unit_of_work() as session:
                count = count_draft(session, office(), actor, draft)
            return _page(form, count=count, campaign=campaign, checked=checked)
        if checked is not None and (checked.unknown or checked.unreadable):
            # What was not understood is read before anything is kept.
            return _page(form, campaign=campaign, checked=checked)
        return keep(form, draft)
    except Invalid as refusal:
        return _page(form, {"precedente": str(refusal)}, campaign=campaign, checked=checked), 422


def _taken_over(form: CampaignForm, campaign: Campaign | None) -> ResponseReturnValue:
    """The form again, its criteria those of the segment chosen."""
    if (form.segment.data or "").isdigit():
        with office().db.unit_of_work() as session:
            segment = access_segment(session, current_actor(), int(form.segment.data))
        for name, value in (criteria_values(segment.target) | {"caisses": segment.caisses}).items():
            getattr(form, name).data = value
    return _page(form, campaign=campaign)


def take_list(session: Session, form: CriteriaForm) -> Checked | None:
    """Check the list that was pasted or sent and keep its persons; the numbers do not go back to the page."""
    typed = list_typed(form)
    if not typed.strip():
        return None
    checked = keep_list(session, office(), current_actor(), typed)
    form.liste.data, form.liste_texte.data = str(checked.list_id), ""
    return checked


def list_size(session: Session, form: CriteriaForm) -> int | None:
    """Persons of the list that the form holds."""
    if not (form.liste.data or "").isdigit():
        return None
    try:
        return access_list(session, current_actor(), int(form.liste.data)).found
    except NotFound:
        form.liste.data = ""
        return None


def _form(**data: Any) -> CampaignForm:
    with office().db.unit_of_work() as session:
        form = CampaignForm.within(current_actor(), launched_campaigns(session, current_actor()), **data)
        form.offer_segments(list_segments(session, current_actor()))
    if form.segment.data not in {choice.value for choice in form.segment.choices}:
        form.segment.data = ""  # archived since
    return form


def _page(
    form: CampaignForm, errors: dict[str, str] | None = None, *, count: Forecast | None = None, counting: bool = False,
    campaign: Campaign | None = None, checked: Checked | None = None,
) -> str:  # fmt: skip
    with office().db.unit_of_work() as session:
        listed = list_size(session, form)
    return render_template(
        "campaigns/form.html", form=form, errors=errors or {}, count=count, counting=counting, notes=kind_notes(),
        campaign=campaign, checked=checked, listed=listed,
    )  # fmt: skip
