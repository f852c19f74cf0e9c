"""What may be done to many cases at once, as the choices of one list."""

from typing import Final

from sqlalchemy.orm import Session

from backoffice.cases.colleagues import Colleague, colleagues_of
from backoffice.cases.queueing import Priority, Team
from backoffice.core.actor import Actor, Role

APART: Final = ":"
"""Between a gesture and what it is about, and between a case and the version seen, in one value of a form."""
_HANDLERS: Final = (Role.AGENT, Role.ADVISOR, Role.SUPERVISOR)

Choices = list[tuple[str, list[tuple[str, str]]]]


def gestures_for(actor: Actor, colleagues: list[Colleague]) -> Choices:
    """What this actor may do to many cases, in groups for one list."""
    found: Choices = [
        ("Suivi", [("prendre", "Prendre en charge"), ("rendre", "Rendre à l’équipe")]),
        ("Priorité", [(f"priorite{APART}{int(one)}", one.label) for one in Priority]),
        ("File", [(f"confier{APART}{one}", one.label) for one in Team]),
    ]
    if Role.SUPERVISOR in actor.roles:
        people = [(f"affecter{APART}{one.login}", one.name) for one in colleagues]
        found.append(("Affecter", [(f"affecter{APART}", "personne, retour dans la file"), *people]))
    return found


def colleagues_within(session: Session, actor: Actor) -> list[Colleague]:
    """Whom a supervisor may give cases to; nobody for the others."""
    if Role.SUPERVISOR not in actor.roles:
        return []
    found = {one.login: one for caisse in sorted(actor.caisses) for one in colleagues_of(session, caisse, _HANDLERS)}
    return sorted(found.values(), key=lambda one: one.name)
