"""Segments: named criteria, counted, changed, put away; who changed what."""

from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField

from backoffice.campaigns import segments
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.status import launched_campaigns
from backoffice.core.actor import Role
from backoffice.core.errors import Invalid, WrongState
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.campaign_form import CriteriaForm, criteria_values, read_segment
from backoffice.web.pages.composition import office
from backoffice.web.pages.drafts import list_size, take_list
from backoffice.web.pages.forms import StepForm
from backoffice.web.pages.once import new_request, once

READERS: Final = (Role.CAMPAIGN_MANAGER, Role.SUPERVISOR)
CHANGES: Final = {"creer": "Créé", "modifier": "Modifié", "archiver": "Archivé", "retablir": "Rétabli"}

pages = Blueprint("segments", __name__, url_prefix="/segments")


class SegmentForm(CriteriaForm):
    """A segment."""

    demande = HiddenField()
    version = HiddenField()
    nom = StringField("Nom du segment")


@pages.get("")
@access(*READERS)
def index() -> str:
    """The segments of one's caisses; `?archives=1` those that were put away."""
    archived = "archives" in request.args
    with office().db.unit_of_work() as session:
        rows = segments.last_changes(session, segments.list_segments(session, current_actor(), archived=archived))
    return render_template("segments/index.html", rows=rows, archived=archived)


@pages.get("/nouveau")
@access(Role.CAMPAIGN_MANAGER)
def new() -> str:
    """An empty form."""
    caisses = sorted(current_actor().caisses)
    return _page(_form(data={"demande": new_request(), "caisses": caisses if len(caisses) == 1 else []}))


@pages.post("/nouveau")
@access(Role.CAMPAIGN_MANAGER)
def create() -> ResponseReturnValue:
    """Keep a new segment."""

    def keep(form: SegmentForm, criteria: Criteria) -> int:
        with office().db.unit_of_work() as session:
            return segments.create_segment(
                session, office(), current_actor(), form.nom.data or "", tuple(form.caisses.data), criteria
            ).id

    return _sent(None, keep)


@pages.get("/<int:segment_id>")
@access(*READERS)
def show(segment_id: int) -> str:
    """One segment: what it says, its versions, its campaigns."""
    with office().db.unit_of_work() as session:
        segment = segments.access_segment(session, current_actor(), segment_id)
        changes, campaigns = segments.changes_of(session, segment), segments.campaigns_of(session, segment)
    versions = [(change, Criteria.from_json(change.criteria)) for change in changes]
    return render_template(
        "segments/show.html", segment=segment, versions=versions, labels=CHANGES, form=StepForm(),
        campaigns=[one for one in campaigns if current_actor().caisses.issuperset(one.caisses)],
    )  # fmt: skip


@pages.get("/<int:segment_id>/modifier")
@access(Role.CAMPAIGN_MANAGER)
def edit(segment_id: int) -> str:
    """The form of a segment."""
    with office().db.unit_of_work() as session:
        segment = segments.access_segment(session, current_actor(), segment_id)
    values = {"nom": segment.name, "caisses": segment.caisses, "version": str(segment.version)}
    return _page(_form(data=values | criteria_values(segment.target)), segment=segment)


@pages.post("/<int:segment_id>/modifier")
@access(Role.CAMPAIGN_MANAGER)
def change(segment_id: int) -> ResponseReturnValue:
    """Change a segment; the campaigns that have not left follow."""
    with office().db.unit_of_work() as session:
        segment = segments.access_segment(session, current_actor(), segment_id)

    def keep(form: SegmentForm, criteria: Criteria) -> int:
        version = int(form.version.data) if (form.version.data or "").isdigit() else 0
        with office().db.unit_of_work() as session:
            return segments.change_segment(
                session, office(), current_actor(), segment_id, version, form.nom.data or "", tuple(form.caisses.data),
                criteria,
            ).id  # fmt: skip

    return _sent(segment, keep)


@pages.post("/<int:segment_id>/archiver")
@access(Role.CAMPAIGN_MANAGER)
def archive(segment_id: int) -> ResponseReturnValue:
    """Put a segment away."""
    return _put_away(segment_id, archived=True)


@pages.post("/<int:segment_id>/retablir")
@access(Role.CAMPAIGN_MANAGER)
def restore(segment_id: int) -> ResponseReturnValue:
    """Take a segment out again."""
    return _put_away(segment_id, archived=False)


def _put_away(segment_id: int, *, archived: bool) -> ResponseReturnValue:
    typed = request.form.get("version", "")
    version = int(typed) if typed.isdigit() else 0
    try:
        with office().db.unit_of_work() as session:
            segments.set_archived(session, office(), current_actor(), segment_id, version, archived=archived)
    except WrongState as refusal:
        return _refused(segment_id, refusal)
    flash("Le segment est archivé." if archived else "Le segment est rétabli.", "done")
    return redirect(url_for(".show", segment_id=segment_id), 303)


def _sent(segment: segments.Segment | None, keep: Any) -> ResponseReturnValue:
    form = _form()
    criteria, errors = read_segment(form)
    checked = None
    try:
        with office().db.unit_of_work() as session:
            checked = take_list(session, form)
    except Invalid as refusal:
        errors["liste_texte"] = str(refusal)
    if not (form.nom.data or "").strip():
        errors = {"nom": "Donnez un nom au segment."} | errors
    if criteria is None or errors:
        return _page(form, errors, segment=segment, checked=checked), 422
    if checked is not None and (checked.unknown or checked.unreadable):
        return _page(form, segment=segment, checked=checked)
    criteria = read_segment(form)[0]
    try:
        with once(office().redis, current_actor().login, form.demande.data or "") as claim:
            if claim.first:
                claim.outcome = str(keep(form, criteria))
    except Invalid as refusal:
        return _page(form, {"nom": str(refusal)}, segment=segment), 422
    except WrongState as refusal:
        return _refused(segment.id if segment else 0, refusal)
    if claim.first:
        flash("Le segment est enregistré.", "done")
    if not claim.outcome:
        return redirect(url_for(".index"), 303)
    return redirect(url_for(".show", segment_id=int(claim.outcome)), 303)


def _form(**data: Any) -> SegmentForm:
    with office().db.unit_of_work() as session:
        return SegmentForm.within(current_actor(), launched_campaigns(session, current_actor()), **data)


def _page(
    form: SegmentForm,
    errors: dict[str, str] | None = None,
    *,
    segment: segments.Segment | None = None,
    checked: Any = None,
) -> str:
    with office().db.unit_of_work() as session:
        listed = list_size(session, form)
    return render_template(
        "segments/form.html", form=form, errors=errors or {}, segment=segment, checked=checked, listed=listed
    )


def _refused(segment_id: int, refusal: WrongState) -> ResponseReturnValue:
    page = render_template("segments/refused.html", segment_id=segment_id, sentence=str(refusal))
    return page, status_of(refusal)
