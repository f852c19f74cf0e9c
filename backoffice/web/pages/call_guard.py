"""During a call, what is known of persons, their cases too, stays behind the proof of the call."""

from typing import Any, Final

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.calls.models import Call, check_of
from backoffice.cases.models import Case
from backoffice.core.actor import Role
from backoffice.core.errors import WrongState
from backoffice.web.access import actor_or_none
from backoffice.web.pages.calls import pages
from backoffice.web.pages.composition import office

BLIND = (
    "Vous êtes en ligne : cherchez la personne sur la page de l’appel, qui ne montre rien d’elle tant que son identité "
    "n’est pas vérifiée."
)


_GUARDED: Final = frozenset({"persons", "cases", "closure"})


@pages.before_app_request
def keep_blind() -> None:
    """An advisor on the line opens the file and the cases of the person who proved to be that one, and of nobody else."""
    actor = actor_or_none()
    if request.blueprint not in _GUARDED or actor is None or actor.roles != {Role.ADVISOR}:
        return
    asked = request.view_args or {}
    if request.blueprint != "persons" and "number" not in asked:
        return  # the list: numbers and states, nothing of anybody
    with office().db.unit_of_work() as session:
        call = session.scalar(select(Call).where(Call.login == actor.login, Call.ended_at.is_(None)))
        if call is None:
            return
        check = check_of(session, call)
        proved = check is not None and check.shows(office().clock())
        if not proved or _person(session, asked) != (call.caisse, call.person_id):
            raise WrongState(BLIND)


def _person(session: Session, asked: dict[str, Any]) -> tuple[str | None, int | None]:
    """Who the page is about: named in its address, or by the case of this number."""
    if "number" not in asked:
        return asked.get("caisse"), asked.get("person_id")
    found = session.execute(select(Case.caisse, Case.person_id).where(Case.number == asked["number"])).one_or_none()
    return (None, None) if found is None else (found.caisse, found.person_id)
