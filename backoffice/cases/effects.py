"""What a step does outside its case, by name; each is safe to repeat, for a crash may come between it and the step."""

from collections.abc import Callable
from typing import Final

from backoffice.adapters.dmp import DossierState
from backoffice.cases.models import Case
from backoffice.office import Office


def reopen(office: Office, case: Case, reason: str) -> None:
    """Reopen the person's closed DMP (DOMAIN 4.1); one that is open already was, by an attempt that died half-way.

    Raises NotFound without a DMP, WrongState for a suspended one.
    """
    facts = office.dmp.dossier_states(case.caisse, [case.person_id]).get(case.person_id)
    if facts is None or facts.state is not DossierState.OPEN:
        office.dmp.reopen(case.caisse, case.person_id, reason[:200])


EFFECTS: Final[dict[str, Callable[[Office, Case, str], None]]] = {"reopen": reopen}
