"""Contestations: what a professional answers to a holder who contests an emergency, before anything else of a session."""

from uuid import UUID

from flask import Blueprint, Flask, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from dmp_core.access.contesting import LONGEST_ANSWER, ProfessionalContests
from dmp_core.errors import Invalid, NotFound
from dmp_core.portals.professionals.card import OF_ESTABLISHMENTS, parts, professional

blueprint = Blueprint("contests", __name__)

_FREE = frozenset({"shell.static", "ps.resume", None})
FIRST = "Un patient conteste l’un de vos accès en urgence : ouvrez le site avec votre carte et répondez-lui avant de continuer."
"""What a software is told."""
_ANSWERED = "answered"
"""Mark in the session: nothing waited when it was looked. A contest that comes later waits for the next session, for no
professional is interrupted in the middle of a care."""


def require_answers(app: Flask) -> None:
    """Lead a professional who owes an answer to it, whatever they ask for; after `require_card`."""

    @app.before_request
    def check() -> ResponseReturnValue | None:
        if request.endpoint in _FREE or request.blueprint in (*OF_ESTABLISHMENTS, "button", blueprint.name):
            return None
        if session.get(_ANSWERED) is True:  # the session is the card's own (`require_card`)
            return None
        if contests().waiting(professional()):
            return redirect(url_for("contests.waiting"), 303)
        session[_ANSWERED] = True
        return None


@blueprint.get("/contestations")
def waiting() -> ResponseReturnValue:
    """The contests to answer, one after the other."""
    return _page({}, {}) or redirect(url_for("ps.home"), 303)


@blueprint.post("/contestations/<uuid:contest>")
def answer(contest: UUID) -> ResponseReturnValue:
    """One answer."""
    typed = request.form.get("reponse", "")
    try:
        contests().answer(professional(), contest, typed)
    except Invalid as refusal:
        return _page({contest: str(refusal)}, {contest: typed}) or redirect(url_for("ps.home"), 303), 422
    except NotFound:  # answered already: a double click, or another window
        pass
    else:
        flash("Votre réponse est enregistrée : le patient la lira.")
    return redirect(url_for(".waiting"), 303)


def _page(wrong: dict[UUID, str], typed: dict[UUID, str]) -> str | None:
    """None when nothing waits."""
    found = contests().waiting(professional())
    if not found:
        return None
    return render_template("contests.html", found=found, wrong=wrong, typed=typed, longest=LONGEST_ANSWER)


def contests() -> ProfessionalContests:
    """What holders contest, as professionals find it."""
    return ProfessionalContests(parts().store, parts().clock)
