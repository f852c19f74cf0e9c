"""What a step does outside its case, by name; each is safe to repeat, for a crash may come between it and the step."""

from collections.abc import Callable
from typing import Final

from backoffice.cases.models import Case
from backoffice.office import Office


def reopen(office: Office, case: Case, reason: str) -> None:
    """Reopen the person's closed DMP (DOMAIN 4.1). Raises WrongState when it is not closed."""
    office.dmp.reopen(case.caisse, case.person_id, reason[:200])


EFFECTS: Final[dict[str, Callable[[Office, Case, str], None]]] = {"reopen": reopen}
