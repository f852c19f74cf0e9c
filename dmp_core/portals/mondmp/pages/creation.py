"""Creating one's DMP: the three steps of the seed, and the document des secrets."""

from typing import Final

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dmp_core.enrolment.conditions import CONSENT, current_terms
from dmp_core.enrolment.dossiers import Consent
from dmp_core.enrolment.papers import Secrets, secrets_pdf
from dmp_core.holder.creation import Creation, Known, NotIdentified, Stopped
from dmp_core.holder.sessions import Stage
from dmp_core.portals.mondmp.pages import typed
from dmp_core.portals.mondmp.pages.information import pdf_response
from dmp_core.portals.mondmp.web import session as web
from dmp_core.portals.mondmp.web.access import public, stage

pages = Blueprint("creation", __name__, url_prefix="/creer")

BROWSER: Final = "mondmp-creation"
"""The cookie by which the browser that created a DMP is known again when the answer was lost; it opens nothing alone."""
BROWSER_SECONDS: Final = 3600
CIVILITES: Final = {"M": "Monsieur", "MME": "Madame"}
NO_CONSENT: Final = (
    "Pour créer votre DMP, cochez la case : vous devez accepter les conditions et consentir à sa création."
)


@pages.get("")
@public
def identify() -> str:
    """Step 1."""
    return _step_1({})


@pages.post("")
@public
def identified() -> ResponseReturnValue:
    """Step 1, typed."""
    given = typed.identity(request.form)
    if isinstance(given, dict):
        return _step_1(given), 422
    try:
        passed = _creation().identify(
            given.nir, given.code, given.serial, web.client(),
            browser=request.cookies.get(web.cookie_name(BROWSER), ""), held=web.session_or_none(),
        )  # fmt: skip
    except NotIdentified as refusal:
        return _step_1({}, str(refusal)), 422
    except Stopped as stop:
        return _stopped(stop)
    response = make_response(redirect(url_for(".done" if passed.created else ".details"), 303))
    web.set_session_cookie(response, passed.token)
    web.set_cookie(response, BROWSER, passed.browser, seconds=BROWSER_SECONDS)
    return response


@pages.get("/informations")
@stage(Stage.IDENTIFIED)
def details() -> ResponseReturnValue:
    """Step 2."""
    try:
        return _step_2({})
    except Stopped as stop:
        return _stopped(stop)


@pages.post("/informations")
@stage(Stage.IDENTIFIED)
def open_dossier() -> ResponseReturnValue:
    """Step 2, typed; with it the DMP is created."""
    contacts = typed.contacts(request.form)
    errors = contacts if isinstance(contacts, dict) else {}
    if request.form.get("consentement") != "oui":
        errors["consentement"] = NO_CONSENT
    try:
        if errors or isinstance(contacts, dict):
            return _step_2(errors), 422
        terms = current_terms()
        token = _creation().open(web.current_session(), contacts, Consent(terms.version, terms.sha256, CONSENT))
    except Stopped as stop:
        return _stopped(stop)
    response = make_response(redirect(url_for(".done"), 303))
    web.set_session_cookie(response, token)
    return response


@pages.post("/abandon")
@stage(Stage.IDENTIFIED)
def abandon() -> ResponseReturnValue:
    """Nothing is kept; the code may still be used."""
    web.sessions().end(web.current_session())
    flash("Vous avez abandonné la création : rien n’a été enregistré et votre code reste utilisable.", "done")
    response = make_response(redirect(url_for("information.home"), 303))
    web.clear_session_cookie(response)
    web.clear_cookie(response, BROWSER)
    return response


@pages.get("/termine")
@stage(Stage.CREATED)
def done() -> str:
    """Step 3."""
    created = _creation().created(web.current_session())
    return render_template("creation/done.html", created=created, civilite=CIVILITES.get(created.civilite, ""))


@pages.get("/document")
@stage(Stage.CREATED)
def document() -> ResponseReturnValue:
    """The document des secrets: made for this answer alone, kept nowhere."""
    created = _creation().created(web.current_session())
    if created.password is None:
        return redirect(url_for(".done"), 303)
    secrets = Secrets(
        f"{created.given_name} {created.name}", created.opened_at, created.ins_c, created.login, created.password
    )  # fmt: skip
    return pdf_response(secrets_pdf(secrets), "acces-dmp.pdf")


@pages.post("/nouveau-mot-de-passe")
@stage(Stage.CREATED)
def renew() -> ResponseReturnValue:
    """Another initial password, for who lost the first before using it."""
    token = _creation().renew(web.current_session())
    response = make_response(redirect(url_for(".done"), 303))
    web.set_session_cookie(response, token)
    return response


def _creation() -> Creation:
    parts, way = web.parts(), web.access()
    return Creation(parts.store, parts.codes, parts.insured, way.guard, way.sessions, parts.clock)


def _step_1(errors: typed.Errors, general: str | None = None) -> str:
    return render_template("creation/identify.html", errors=errors, general=general, typed=request.form)


def _step_2(errors: typed.Errors) -> str:
    person = _creation().person(web.current_session())
    return render_template(
        "creation/details.html", errors=errors, typed=request.form, person=person, terms=current_terms(),
        civilite=CIVILITES.get(person.civilite, ""), consent=CONSENT,
    )  # fmt: skip


def _stopped(stop: Stopped) -> ResponseReturnValue:
    page = render_template("creation/stopped.html", sentence=str(stop), known=stop.known, Known=Known)
    response: Response = make_response(page, 409)
    return response
