"""Persons: the search field of every page, its answers, the reason of a consultation, the file."""

import json
import secrets
import uuid
from collections.abc import Callable
from typing import Final, cast

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.calls.facts import spoken_number
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.rules import LetterState
from backoffice.core.actor import Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, NotAllowed, WrongState
from backoffice.counter.queries import visits_of
from backoffice.letters.reference import format_letter_id
from backoffice.persons.access import access_person, consult, give_reason, reasons_offered
from backoffice.persons.file import DOSSIER_LABELS, file_of, reveal_nir
from backoffice.persons.letters import letter_of_person, picture
from backoffice.persons.resend import PURPOSES, look, request_code
from backoffice.persons.search import ROLES, Answer, search
from backoffice.population.models import Person
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.composition import office
from backoffice.web.pages.framed import framed_pdf
from backoffice.web.pages.grounds import GROUNDS
from backoffice.web.pages.wording import LETTER_STATES
from dmp_core.identity.nir import grouped, mask

KEPT_SECONDS: Final = 15 * 60
"""How long an answer can be come back to; what was typed is kept on the server alone, never in an address."""
TYPED_A_MINUTE: Final = 240
"""Suggestions asked for by one person: somebody who types all day stays far below."""
ASKED_A_MINUTE: Final = 40

WAYS: Final = {"accueil": "accueil", "telephone": "téléphone"}

pages = Blueprint("persons", __name__, url_prefix="/personnes")


@pages.get("/recherche")
@access(*ROLES)
def ask() -> str:
    """The field by itself, with what it understands."""
    return render_template("persons/search.html", answer=None, typed="", error="")


@pages.post("/recherche")
@access(*ROLES)
def asked() -> ResponseReturnValue:
    """Take what was typed, and lead to its answer by a name that says nothing."""
    typed = request.form.get("quoi", "").strip()
    _slow_down("recherche", ASKED_A_MINUTE)
    answer, error = _answer(typed)
    if error:
        return render_template("persons/search.html", answer=None, typed=typed, error=error), 422
    with office().db.unit_of_work() as session:
        record(
            session, current_actor(), "personne.rechercher", "recherche", at=office().clock(),
            detail={"par": answer.nature, "reponses": len(answer.persons), "suite": answer.more},
        )  # fmt: skip
    if answer.case:
        return redirect(url_for("cases.show", number=answer.case), 303)
    name = secrets.token_urlsafe(12)
    office().redis.set(_key(name), json.dumps(typed), ex=KEPT_SECONDS)
    return redirect(url_for(".answered", name=name), 303)


@pages.get("/recherche/<name>")
@access(*ROLES)
def answered(name: str) -> ResponseReturnValue:
    """The answer to what this person asked a moment ago."""
    kept = cast("bytes | None", office().redis.get(_key(name)))
    if kept is None:
        flash("Cette recherche n’est plus gardée : tapez-la de nouveau.", "wait")
        return redirect(url_for(".ask"), 303)
    typed = json.loads(kept)
    answer, error = _answer(typed)
    return render_template("persons/search.html", answer=answer, typed=typed, error=error)


@pages.post("/suggestions")
@access(*ROLES)
def suggest() -> ResponseReturnValue:
    """The first persons for what is being typed, for the page's script."""
    _slow_down("suggestions", TYPED_A_MINUTE)
    answer, error = _answer(request.form.get("quoi", "").strip())
    return render_template("persons/suggestions.html", answer=answer, error=error)


@pages.get("/<caisse>/<int:person_id>")
@access(*ROLES)
def show(caisse: str, person_id: int) -> ResponseReturnValue:
    """The file of a person, once there is a ground to look at it."""
    return _file(caisse, person_id)


@pages.post("/<caisse>/<int:person_id>/numero")
@access(*ROLES)
def reveal(caisse: str, person_id: int) -> ResponseReturnValue:
    """The file with the whole NIR in it, this once; asking for it leaves a line in the journal."""
    return _file(caisse, person_id, reveal_nir)


@pages.get("/<caisse>/<int:person_id>/courriers/<int:number>")
@access(*ROLES)
def letter(caisse: str, person_id: int, number: int) -> ResponseReturnValue:
    """One letter to the person, with its picture."""
    actor = current_actor()
    with office().db.unit_of_work() as session:
        person = access_person(session, actor, caisse, person_id)
        if consult(session, actor, person, GROUNDS, office().clock(), "courrier") is None:
            return _reason_page(person)
        found, campaign = letter_of_person(session, person, number)
    return render_template(
        "persons/letter.html", person=person, letter=found, letter_id=format_letter_id(caisse, number),
        label=kind_of(campaign.kind).label, state=LETTER_STATES[LetterState(found.state)],
        laid_out=found.state != LetterState.EXCEPTION,
    )  # fmt: skip


@pages.get("/<caisse>/<int:person_id>/courriers/<int:number>/courrier.pdf")
@access(*ROLES)
def letter_file(caisse: str, person_id: int, number: int) -> Response:
    """Its page: no code, no whole NIR, marked as a copy."""
    actor = current_actor()

    def make(session: Session) -> bytes:
        person = access_person(session, actor, caisse, person_id)
        if consult(session, actor, person, GROUNDS, office().clock(), "courrier") is None:
            raise NotAllowed("Ouvrez d’abord la fiche de la personne : la raison de cette consultation manque.")
        return picture(session, office(), actor, person, number)

    return framed_pdf(make, f"courrier-{number}.pdf")


@pages.post("/<caisse>/<int:person_id>/raison")
@access(*ROLES)
def reason(caisse: str, person_id: int) -> ResponseReturnValue:
    """Why the file is opened."""
    actor = current_actor()
    with office().db.unit_of_work() as session:
        person = access_person(session, actor, caisse, person_id)
        chosen, words = request.form.get("raison", ""), request.form.get("mots", "")
        try:
            give_reason(session, actor, person, chosen, words, office().clock())
        except Invalid as refusal:
            return _reason_page(person, str(refusal)), 422
    return redirect(url_for(".show", caisse=caisse, person_id=person_id), 303)


@pages.get("/<caisse>/<int:person_id>/code")
@access(*ROLES)
def confirm_code(caisse: str, person_id: int) -> ResponseReturnValue:
    """Where a code would go, to be compared with what the person says, before anything is sent."""
    return _code_page(caisse, person_id, str(uuid.uuid4()))


@pages.post("/<caisse>/<int:person_id>/code")
@access(*ROLES)
def send_code(caisse: str, person_id: int) -> ResponseReturnValue:
    """Ask for the code; sent twice, it is asked for once."""
    actor = current_actor()
    name, way = request.form.get("demande", ""), request.form.get("voie", "")
    try:
        asked = uuid.UUID(name)
        if way not in WAYS:
            raise Invalid("Dites si la personne est à l’accueil ou au téléphone.")
        with office().db.unit_of_work() as session:
            person = access_person(session, actor, caisse, person_id)
            if consult(session, actor, person, GROUNDS, office().clock(), "renvoi de code") is None:
                return _reason_page(person)
            told = request_code(session, office(), actor, person, asked, WAYS[way])
        if not told.possible:
            raise WrongState(told.why_not)
    except ValueError:
        abort(400)
    except (Invalid, WrongState) as refusal:
        return _code_page(caisse, person_id, name, str(refusal)), status_of(refusal)
    assert told.purpose is not None
    flash(
        f"La demande est enregistrée : {PURPOSES[told.purpose]} partira par "
        f"{'courriel' if told.by_mail else 'La Poste'} ({told.destination}).", "done",
    )  # fmt: skip
    return redirect(url_for(".show", caisse=caisse, person_id=person_id), 303)


def _code_page(caisse: str, person_id: int, name: str, error: str = "") -> str:
    actor = current_actor()
    with office().db.unit_of_work() as session:
        person = access_person(session, actor, caisse, person_id)
        ground = consult(session, actor, person, GROUNDS, office().clock(), "renvoi de code")
        told = look(session, office(), person) if ground is not None else None
    if told is None:
        return _reason_page(person)
    return render_template(
        "persons/code.html", person=person, told=told, name=name, error=error, purposes=PURPOSES, ways=WAYS,
        way=request.form.get("voie") or ("telephone" if Role.ADVISOR in actor.roles else "accueil"),
    )  # fmt: skip


def _file(caisse: str, person_id: int, ask: Callable[..., str] | None = None) -> ResponseReturnValue:
    actor = current_actor()
    with office().db.unit_of_work() as session:
        person = access_person(session, actor, caisse, person_id)
        found = file_of(session, office(), actor, person)
        ground = consult(session, actor, person, GROUNDS, office().clock())
        visits = visits_of(session, person)
        nir = ask(session, office(), actor, person) if ask is not None and ground is not None else ""
    if ground is None:
        return _reason_page(person)
    return render_template(
        "persons/show.html", file=found, person=person, ground=ground, nir=grouped(nir) if nir else "", masked=mask(person.nir),
        letter_states=LETTER_STATES, dossier_labels=DOSSIER_LABELS, actions=_actions(person), visits=visits,
        mobile=spoken_number(person.mobile),
    )  # fmt: skip


def _actions(person: Person) -> list[tuple[str, str]]:
    """What may be done next for this person, as links: (words, address)."""
    return [("Renvoyer un code", url_for(".confirm_code", caisse=person.caisse, person_id=person.id))]


def _answer(typed: str) -> tuple[Answer, str]:
    """What was found, or the sentence that says what to type instead."""
    now = office().clock()
    try:
        with office().db.unit_of_work() as session:
            return search(session, current_actor(), typed, paris_date(now)), ""
    except Invalid as refusal:
        return Answer(), str(refusal)


def _slow_down(door: str, most: int) -> None:
    """429 beyond `most` requests a minute of one person: a script that lists the population, not somebody who types."""
    key = f"caisse:{door}:{current_actor().login}:{int(office().clock().timestamp()) // 60}"
    pipe = office().redis.pipeline()
    pipe.incr(key)
    pipe.expire(key, 120)
    if pipe.execute()[0] > most:
        abort(429)


def _key(name: str) -> str:
    return f"caisse:recherche-gardee:{current_actor().login}:{name[:32]}"


def _reason_page(person: Person, error: str = "") -> str:
    with office().db.unit_of_work() as session:
        reasons = reasons_offered(session)
    return render_template("persons/reason.html", person=person, reasons=reasons, typed=request.form, error=error)
