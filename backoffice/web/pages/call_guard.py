"""During a call, what is known of persons stays behind the proof of the call: looking for somebody shows nothing of them."""

from flask import request
from sqlalchemy import select

from backoffice.calls.models import Call, check_of
from backoffice.core.actor import Role
from backoffice.core.errors import WrongState
from backoffice.web.access import actor_or_none
from backoffice.web.pages.calls import pages
from backoffice.web.pages.composition import office

BLIND = (
    "Vous êtes en ligne : cherchez la personne sur la page de l’appel, qui ne montre rien d’elle tant que son identité "
    "n’est pas vérifiée."
)


@pages.before_app_request
def keep_blind() -> None:
    """An advisor on the line opens the file of the person who proved to be that one, and of nobody else."""
    actor = actor_or_none()
    if request.blueprint != "persons" or actor is None or actor.roles != {Role.ADVISOR}:
        return
    with office().db.unit_of_work() as session:
        call = session.scalar(select(Call).where(Call.login == actor.login, Call.ended_at.is_(None)))
        if call is None:
            return
        check = check_of(session, call)
        asked = request.view_args or {}
        proved = check is not None and check.shows(office().clock())
        if not proved or (asked.get("caisse"), asked.get("person_id")) != (call.caisse, call.person_id):
            raise WrongState(BLIND)
