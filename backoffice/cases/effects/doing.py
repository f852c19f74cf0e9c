"""What an effect is given."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from backoffice.cases.models import Case
from backoffice.core.actor import Actor
from backoffice.core.errors import WrongState
from backoffice.office import Office


@dataclass(frozen=True, slots=True)
class Doing:
    """A step about to be taken: by whom, on which case, why."""

    session: Session
    office: Office
    actor: Actor
    case: Case
    reason: str

    @property
    def person_id(self) -> int:
        """The case's person. Raises WrongState when nobody has said who it is."""
        if self.case.person_id is None:
            raise WrongState("La demande n’est rattachée à personne : dites d’abord de qui il s’agit.")
        return self.case.person_id


Effect = Callable[[Doing], None]
