"""The steps of a campaign's life, each behind a page that says what will happen."""

from collections.abc import Callable
from typing import Final

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backoffice.campaigns import actions, waves
from backoffice.campaigns.cancelling import cancel, left_without_code
from backoffice.campaigns.forecast import forecast
from backoffice.campaigns.models import access_campaign
from backoffice.campaigns.proof import opened_by, reads_what_is
from backoffice.campaigns.rules import Step, step_named, take
from backoffice.campaigns.status import campaign_status, lot_of, lots_of, steps_of
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import DomainError, Invalid, NotAllowed, NotFound, WrongState
from backoffice.office import Office
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.campaigns import pages
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import StepForm
from backoffice.web.pages.sentences import consequence
from backoffice.web.pages.wording import SLUGS, STEP_FLASH

_NAMES: Final = {slug: name for name, slug in SLUGS.items()}
_ACTIONS: Final[dict[str, Callable[[Session, Office, Actor, str, str], object]]] = {
    "submit": lambda session, parts, actor, reference, _: actions.submit(session, parts, actor, reference),
    "approve": lambda session, parts, actor, reference, _: actions.approve(session, parts, actor, reference),
    "send_back": actions.send_back,
    "unschedule": waves.unschedule,
    "launch": lambda session, parts, actor, reference, _: actions.launch(session, parts, actor, reference),
    "pause": actions.pause,
    "resume": lambda session, parts, actor, reference, _: actions.resume(session, parts, actor, reference),
    "cancel": cancel,
}
_ANY_REASON: Final = "motif à donner"


def _step(slug: str) -> Step:
    if slug not in _NAMES:
        raise NotFound("Cette étape n’existe pas.")
    return step_named(_NAMES[slug])


@pages.get("/<reference>/etapes/<slug>")
@access(Role.CAMPAIGN_MANAGER)
def confirm(reference: str, slug: str) -> ResponseReturnValue:
    """What the step will do, and the button."""
    step = _step(slug)
    actor = current_actor()
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, actor, reference)
    try:
        take(step.name, campaign.status, actor, campaign.hands, _ANY_REASON, answers=campaign.on_demand)
    except (WrongState, NotAllowed) as refusal:
        return _refused(reference, refusal)
    return _page(reference, step, StepForm())


@pages.post("/<reference>/etapes/<slug>")
@access(Role.CAMPAIGN_MANAGER)
def advance(reference: str, slug: str) -> ResponseReturnValue:
    """Take the step; sent twice by the same person, it is taken once and said to be done."""
    step, form, actor = _step(slug), StepForm(), current_actor()
    try:
        with office().db.unit_of_work() as session:
            _ACTIONS[step.name](session, office(), actor, reference, (form.motif.data or "").strip())
    except Invalid as refusal:
        if step.needs_reason and not (form.motif.data or "").strip():
            return _page(reference, step, form, str(refusal)), 422
        return _refused(reference, refusal)
    except WrongState as refusal:
        if not _just_done(reference, step, actor):
            return _refused(reference, refusal)
    except NotAllowed as refusal:
        return _refused(reference, refusal)
    flash(STEP_FLASH[step.name], "done")
    return redirect(url_for(".show", reference=reference), 303)


def _just_done(reference: str, step: Step, actor: Actor) -> bool:
    """Whether the last step taken is this one, by the same person: a second click."""
    with office().db.unit_of_work() as session:
        last = steps_of(session, access_campaign(session, actor, reference))[-1]
    return last.step == step.name and last.actor == actor.login


def _page(reference: str, step: Step, form: StepForm, error: str = "") -> str:
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        status, lots = campaign_status(session, campaign), lots_of(session, campaign)
        counting = step.name in ("submit", "approve")
        count = forecast(session, office(), campaign) if counting and "decompte" in request.args else None
        without = left_without_code(session, office(), campaign) if step.name == "cancel" else 0
        opened = opened_by(session, campaign, current_actor().login)
        to_read = step.name == "approve" and not reads_what_is(office(), campaign, opened)
    return render_template(
        "campaigns/step.html", campaign=campaign, status=status, step=step, slug=SLUGS[step.name], form=form, error=error,
        sentence=consequence(step.name, status, lots), opened=opened, to_read=to_read, counting=counting, count=count,
        without=without,
    )  # fmt: skip


def _refused(reference: str, refusal: DomainError) -> ResponseReturnValue:
    page = render_template("campaigns/refused.html", reference=reference, sentence=str(refusal))
    return page, status_of(refusal)


@pages.get("/<reference>/lots/<int:lot_id>/liberer")
@access(Role.CAMPAIGN_MANAGER)
def confirm_release(reference: str, lot_id: int) -> ResponseReturnValue:
    """What releasing a lot from quarantine will do."""
    return _release_page(reference, lot_id, StepForm())


@pages.post("/<reference>/lots/<int:lot_id>/liberer")
@access(Role.CAMPAIGN_MANAGER)
def release(reference: str, lot_id: int) -> ResponseReturnValue:
    """Have a lot in quarantine made anew."""
    form = StepForm()
    try:
        with office().db.unit_of_work() as session:
            campaign = access_campaign(session, current_actor(), reference)
            lot = lot_of(session, campaign, lot_id)
            actions.release_lot(session, office(), current_actor(), lot.id, (form.motif.data or "").strip())
    except Invalid as refusal:
        return _release_page(reference, lot_id, form, str(refusal)), 422
    except WrongState as refusal:
        return _refused(reference, refusal)
    flash(f"Le lot {lot.sequence} est libéré : il sera refait avec de nouveaux codes.", "done")
    return redirect(url_for(".show", reference=reference), 303)


def _release_page(reference: str, lot_id: int, form: StepForm, error: str = "") -> str:
    with office().db.unit_of_work() as session:
        campaign = access_campaign(session, current_actor(), reference)
        lot = lot_of(session, campaign, lot_id)
    return render_template("campaigns/release.html", campaign=campaign, lot=lot, form=form, error=error)
