"""The person an act is about: within the actor's caisses, or not found."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.adapters.dmp import DossierFacts, DossierState
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import NotFound, WrongState
from backoffice.office import Office
from backoffice.population.models import Person

NO_DMP = "Cette personne n’a pas de DMP : il n’y a rien à faire de plus."
STAFF = (Role.AGENT, Role.ADVISOR, Role.SUPERVISOR)


def person_of(session: Session, actor: Actor, caisse: str, person_id: int) -> Person:
    """The person. Raises NotAllowed for another role, NotFound beyond the scope."""
    actor.require(*STAFF)
    actor.require_caisse(caisse)
    found = session.scalar(select(Person).where(Person.caisse == caisse, Person.id == person_id))
    if found is None:
        raise NotFound("Cette personne est introuvable dans votre périmètre.")
    return found


def dossier_of(office: Office, caisse: str, person_id: int) -> DossierFacts:
    """The person's DMP. Raises WrongState when there is none."""
    found = office.dmp.dossier_states(caisse, [person_id]).get(person_id)
    if found is None:
        raise WrongState(NO_DMP)
    return found


STANDING = {
    DossierState.OPEN: "Ce DMP est ouvert.",
    DossierState.SUSPENDED: "L’accès à ce DMP est suspendu : sa création est contestée, un superviseur décide.",
    DossierState.CLOSED: "Ce DMP est déjà clôturé.",
}


def why_not_now(office: Office, caisse: str, person_id: int, wanted: Collection[DossierState]) -> str:
    """Why an act that takes a DMP in one of these states cannot be done, in one sentence; empty when it can."""
    facts = office.dmp.dossier_states(caisse, [person_id]).get(person_id)
    if facts is None:
        return NO_DMP
    return "" if facts.state in wanted else STANDING[facts.state]
