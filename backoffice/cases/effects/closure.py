"""Effects of closures."""

from typing import Final

from backoffice.adapters.dmp import DossierState
from backoffice.cases.effects.doing import Doing, Effect


def reopen(doing: Doing) -> None:
    """Reopen the person's closed DMP (DOMAIN 4.1); one that is open already was, by an attempt that died half-way.

    Raises NotFound without a DMP, WrongState for a suspended one.
    """
    dmp, caisse, person_id = doing.office.dmp, doing.case.caisse, doing.person_id
    facts = dmp.dossier_states(caisse, [person_id]).get(person_id)
    if facts is None or facts.state is not DossierState.OPEN:
        dmp.reopen(caisse, person_id, doing.reason[:200])


EFFECTS: Final[dict[str, Effect]] = {"reopen": reopen}
