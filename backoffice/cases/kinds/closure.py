"""Closures of a DMP."""

from typing import Final

from backoffice.cases.kinds.people import DAY, STAFF, SUPERVISORS, SYSTEM
from backoffice.cases.queueing import Team, Way
from backoffice.cases.workflow import State, Step, Workflow

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
            "confirm", "Confirmation partie", frozenset({"received"}), "confirmed", SYSTEM,
            "Le courrier ou le courriel de confirmation est parti.", when_sent="closure_receipt",
        ),
        Step(
            "reopen", "Rouvrir le DMP", frozenset({"received", "confirmed"}), "reopened", SUPERVISORS,
            "Le DMP est rouvert, à la demande de la personne : elle et les professionnels y ont de nouveau accès.",
            needs_reason=True, effect="closure.reopen",
        ),
        Step(
            "file", "Classer sans courrier", frozenset({"received"}), "filed", SUPERVISORS,
            "La demande est close sans confirmation : la personne ne peut pas être jointe.",
            needs_reason=True,
        ),
    ),
    minutes=3 * DAY,
    readers=STAFF,
    team=Team.COUNTER,
    way=Way.ONLINE,
)  # fmt: skip

WORKFLOWS: Final[tuple[Workflow, ...]] = (CLOSURE_ONLINE,)
