"""Contested creations: somebody has a DMP that they never asked for."""

from typing import Final

from backoffice.cases.kinds.people import DAY, STAFF, SUPERVISORS
from backoffice.cases.queueing import Team, Way
from backoffice.cases.workflow import State, Step, Workflow

_UNDECIDED: Final = frozenset({"suspended", "kept"})

CONTESTED: Final = Workflow(
    name="contested",
    label="Création contestée",
    about="La personne dit n’avoir pas demandé son DMP. L’accès est suspendu dès le signalement, pour tout le monde ; un "
    "superviseur recherche comment le DMP a été créé, puis décide. Chaque décision est annoncée par courrier.",
    states=(
        State("suspended", "accès suspendu, à décider"),
        State("kept", "suspension maintenue"),
        State("resumed", "accès rétabli", final=True),
        State("closed", "DMP clôturé", final=True),
    ),
    steps=(
        Step(
            "keep", "Maintenir la suspension", frozenset({"suspended"}), "kept", SUPERVISORS,
            "L’accès reste suspendu pendant la recherche : la personne est invitée à apporter une pièce d’identité.",
            needs_reason=True, sends=("contested_kept",), minutes=10 * DAY,
        ),
        Step(
            "resume", "Rétablir l’accès", _UNDECIDED, "resumed", SUPERVISORS,
            "La création est bien celle de la personne : elle et les professionnels retrouvent l’accès.",
            needs_reason=True, effect="closure.resume",
        ),
        Step(
            "close", "Clôturer le DMP", _UNDECIDED, "closed", SUPERVISORS,
            "La création n’était pas voulue : le DMP est clôturé sans délai et conservé dix ans.",
            needs_reason=True, effect="closure.close_contested",
        ),
    ),
    minutes=2 * DAY,
    readers=STAFF,
    team=Team.SUPERVISION,
    way=Way.PHONE,
)  # fmt: skip

WORKFLOWS: Final[tuple[Workflow, ...]] = (CONTESTED,)
