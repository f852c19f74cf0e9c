"""The kinds of cases. A new one is one declaration here and, at most, one form (DESIGN 5)."""

from typing import Final

from backoffice.cases.workflow import State, Step, Workflow
from backoffice.core.actor import Role
from backoffice.core.errors import NotFound
from backoffice.core.opening_hours import OpeningHours

_DAY: Final = OpeningHours().day_minutes
_STAFF: Final = frozenset({Role.AGENT, Role.ADVISOR, Role.SUPERVISOR})
_SUPERVISORS: Final = frozenset({Role.SUPERVISOR})
_SYSTEM: Final = frozenset({Role.SYSTEM})

CLOSURE_ONLINE: Final = Workflow(
    name="closure_online",
    label="Clôture en ligne",
    about="La personne a clôturé son DMP sur mon-dmp. La clôture a déjà pris effet ; la caisse lui doit sa confirmation.",
    states=(
        State("received", "confirmation à envoyer"),
        State("confirmed", "confirmation partie", final=True),
        State("reopened", "DMP rouvert", final=True),
        State("filed", "classée sans courrier", final=True),
    ),
    steps=(
        Step(
            "confirm", "Confirmation partie", frozenset({"received"}), "confirmed", _SYSTEM,
            "Le courrier ou le courriel de confirmation est parti.",
        ),
        Step(
            "reopen", "Rouvrir le DMP", frozenset({"received", "confirmed"}), "reopened", _SUPERVISORS,
            "Le DMP est rouvert, à la demande de la personne : elle et les professionnels y ont de nouveau accès.",
            needs_reason=True, effect="reopen",
        ),
        Step(
            "file", "Classer sans courrier", frozenset({"received"}), "filed", _SUPERVISORS,
            "La demande est close sans confirmation : la personne ne peut pas être jointe.",
            needs_reason=True,
        ),
    ),
    minutes=3 * _DAY,
    readers=_STAFF,
)  # fmt: skip

WORKFLOWS: Final[tuple[Workflow, ...]] = (CLOSURE_ONLINE,)


def workflow_of(name: str) -> Workflow:
    """The declared workflow of this name. Raises NotFound when there is none."""
    for workflow in WORKFLOWS:
        if workflow.name == name:
            return workflow
    raise NotFound("Ce type de demande n’existe pas.")
