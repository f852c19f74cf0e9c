"""The 0 810: the file of a call, whose page holds nothing of the person until their identity is proved."""

from datetime import timedelta
from random import SystemRandom
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from backoffice.audit.journal import record
from backoffice.calls import actions, callbacks
from backoffice.calls.facts import facts_of, masked_number, spoken_number
from backoffice.calls.matching import Match, Wanted
from backoffice.calls.models import Call, Callback, access_call, check_of
from backoffice.calls.questions import question_named
from backoffice.calls.rules import Identity, Outcome, Relation
from backoffice.calls.scripts import SUBJECTS, subjects_of
from backoffice.calls.wrapping import wrap_up
from backoffice.core.actor import Role
from backoffice.core.errors import DomainError, Invalid, WrongState
from backoffice.web.access import access, current_actor
from backoffice.web.errors import status_of
from backoffice.web.pages.acts import ACTS
from backoffice.web.pages.composition import office

STAFF: Final = (Role.ADVISOR, Role.SUPERVISOR)
CHANCE: Final = SystemRandom()
SHOWN: Final = 30
MATCHES: Final = {
    Match.ONE: ("done", "Une personne correspond."),
    Match.NONE: ("wait", "Personne ne correspond : faites répéter, ou demandez une autre indication."),
    Match.SEVERAL: ("wait", "Plusieurs personnes correspondent : demandez le prénom et le code postal."),
}

pages = Blueprint("calls", __name__, url_prefix="/appels")


@pages.get("")
@access(*STAFF)
def index() -> str:
    """The advisor's calls of the day, and the calls to be made."""
    actor, now = current_actor(), office().clock()
    with office().db.unit_of_work() as session:
        mine = session.scalars(
            select(Call).where(Call.login == actor.login).order_by(Call.id.desc()).limit(SHOWN)
        ).all()
        due = callbacks.due(session, actor, now + timedelta(days=7))
    return render_template(
        "calls/index.html", calls=mine, due=due, now=now, subjects=_labels(), masked=masked_number,
    )  # fmt: skip


@pages.post("")
@access(Role.ADVISOR)
def open_new() -> ResponseReturnValue:
    """A call begins: its file, opened with one key."""
    with office().db.unit_of_work() as session:
        call = actions.open_call(session, office(), current_actor())
    return redirect(url_for(".show", call_id=call.id), 303)


@pages.get("/<int:call_id>")
@access(Role.ADVISOR)
def show(call_id: int) -> str:
    """The file; a reading of the person's data leaves a line in the journal."""
    return _page(call_id)


@pages.post("/<int:call_id>/personne")
@access(Role.ADVISOR)
def search(call_id: int) -> ResponseReturnValue:
    """Look for the person blindly: the answer says one, none or several."""
    wanted = Wanted(*(request.form.get(name, "")[:80] for name in Wanted.__slots__))
    try:
        with office().db.unit_of_work() as session:
            match = actions.look_for(
                session, office(), current_actor(), call_id, request.form.get("appelant", ""), wanted,
                letter="a_le_courrier" in request.form or bool(wanted.courrier.strip()),
            )  # fmt: skip
    except (Invalid, WrongState) as refusal:
        return _page(call_id, refused="personne", error=refusal), status_of(refusal)
    if match is not Match.ONE:
        return _page(call_id, match=match)
    return _back(call_id)


@pages.post("/<int:call_id>/identite")
@access(Role.ADVISOR)
def begin(call_id: int) -> ResponseReturnValue:
    """Ask the first question."""
    try:
        with office().db.unit_of_work() as session:
            actions.begin_proof(session, office(), current_actor(), call_id, CHANCE)
    except (Invalid, WrongState) as refusal:
        return _page(call_id, refused="identite", error=refusal), status_of(refusal)
    return _back(call_id)


@pages.post("/<int:call_id>/reponse")
@access(Role.ADVISOR)
def answer(call_id: int) -> ResponseReturnValue:
    """Take an answer: what was typed is compared, and forgotten."""
    typed = None if "ne_sait_pas" in request.form else request.form.get("reponse", "")[:120]
    try:
        with office().db.unit_of_work() as session:
            actions.answer(
                session, office(), current_actor(), call_id, request.form.get("question", 0, int), typed, CHANCE
            )
    except (Invalid, WrongState) as refusal:
        return _page(call_id, refused="identite", error=refusal), status_of(refusal)
    return _back(call_id)


@pages.post("/<int:call_id>/rappel")
@access(Role.ADVISOR)
def book(call_id: int) -> ResponseReturnValue:
    """Book a call to be made, and give its reference."""
    form = request.form
    wish = callbacks.Wish(
        form.get("creneau", ""), form.get("sujet", ""), form.get("demander", ""), form.get("numero_de") == "enregistre",
        form.get("numero", "")[:30],
    )  # fmt: skip
    try:
        with office().db.unit_of_work() as session:
            callbacks.book(session, office(), current_actor(), call_id, wish, CHANCE)
    except (Invalid, WrongState) as refusal:
        return _page(call_id, refused="rappel", error=refusal), status_of(refusal)
    return _back(call_id, "rappel")


@pages.post("/<int:call_id>/terminer")
@access(Role.ADVISOR)
def end(call_id: int) -> ResponseReturnValue:
    """Wrap up, and be ready for the next one."""
    form = request.form
    try:
        with office().db.unit_of_work() as session:
            wrap_up(
                session, office(), current_actor(), call_id, form.get("sujet", ""), form.get("suite", ""),
                form.get("note", ""),
            )  # fmt: skip
    except (Invalid, WrongState) as refusal:
        return _page(call_id, refused="fin", error=refusal), status_of(refusal)
    flash("L’appel est terminé.", "done")
    return redirect(url_for(".index"), 303)


@pages.post("/rappels/<int:callback_id>/appeler")
@access(Role.ADVISOR)
def ring(callback_id: int) -> ResponseReturnValue:
    """Make a booked call: its own file."""
    try:
        with office().db.unit_of_work() as session:
            call = callbacks.take(session, office(), current_actor(), callback_id)
    except WrongState as refusal:
        flash(str(refusal), "wait")
        return redirect(url_for(".index"), 303)
    return redirect(url_for(".show", call_id=call.id), 303)


@pages.post("/rappels/<int:callback_id>/suite")
@access(*STAFF)
def close_callback(callback_id: int) -> ResponseReturnValue:
    """What became of a booked call."""
    with office().db.unit_of_work() as session:
        done = callbacks.close(session, office(), current_actor(), callback_id, request.form.get("suite", ""))
    state = callbacks.CallbackState(done.state)
    flash(f"Rappel {done.reference} : {state.label}.", "done")
    return redirect(url_for(".index"), 303)


def _back(call_id: int, place: str | None = None) -> ResponseReturnValue:
    # Without a place the browser goes to what is to be typed next: with one, it would not.
    return redirect(url_for(".show", call_id=call_id, sujet=request.form.get("sujet") or None, _anchor=place), 303)


def _page(call_id: int, *, refused: str = "", error: DomainError | None = None, match: Match | None = None) -> str:
    actor, now = current_actor(), office().clock()
    with office().db.unit_of_work() as session:
        call = access_call(session, actor, call_id)
        check, facts = check_of(session, call), facts_of(session, office(), call)
        booked = session.query(Callback).filter_by(call_id=call.id).order_by(Callback.id.desc()).first()
        ours = session.get(Callback, call.callback_id) if call.callback_id else None
        refused_until = actions.refusal_until(session, office(), call)
        slots = callbacks.free_slots(session, now) if call.ended_at is None else []
        subjects, limits = subjects_of(session), actions.limits_of(session)
        if facts is not None:
            record(
                session, actor, "personne.consulter", f"personne {facts.person_id}", at=now, caisse=facts.caisse,
                reason=f"appel {call.id}",
            )  # fmt: skip
    running = check is not None and check.identity is Identity.RUNNING
    context: dict[str, Any] = {
        "call": call, "check": check, "facts": facts, "booked": booked, "ours": ours, "slots": slots, "now": now,
        "question": question_named(check.questions[-1]) if running and check else None,
        "refused_until": refused_until, "matched": MATCHES.get(match) if match else None,
        "relations": tuple(Relation), "outcomes": tuple(Outcome), "subjects": subjects, "limits": limits,
        "acts": tuple(ACTS.values()),
        "spoken": spoken_number,
        "identity": check.identity if check else Identity.NONE, "labels": _labels(),
    }  # fmt: skip
    chosen = request.values.get("sujet") or call.subject or ""
    return render_template(
        "calls/show.html",
        chosen=chosen,
        typed=request.form,
        refused=refused,
        error=str(error) if error else "",
        **context,
    )


def _labels() -> dict[str, str]:
    return {subject.name: subject.label for subject in SUBJECTS}
