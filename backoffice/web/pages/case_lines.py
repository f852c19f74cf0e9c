"""What the lines of a case's life say, in French."""

from typing import Final

from backoffice.campaigns.kinds import kind_of
from backoffice.cases.models import CaseEntry
from backoffice.cases.queueing import Team
from backoffice.cases.workflow import Workflow

_SAID: Final = {
    "note": "Note",
    "person": "Personne reconnue",
    "escalated": "Échéance proche : superviseur prévenu",
    "attachment": "Pièce jointe",
    "withdrawn": "Pièce retirée",
}


def line_said(line: CaseEntry, workflow: Workflow) -> str:
    """What happened."""
    match line.what:
        case "step":
            return "Ouverte" if line.step == "open" else workflow.step(line.step or "").label
        case "owner":
            return "Prise en charge" if line.text else "Rendue à l’équipe"
        case "team":
            return f"Confiée à la file « {Team(line.target or '').label} »"
        case "priority":
            return f"Priorité {line.text}"
        case "letter":
            return kind_of(line.step or "").label
        case "link":
            return f"Liée à la demande {line.target}"
        case "unlink":
            return f"N’est plus liée à la demande {line.target}"
        case "merged":
            return f"Réunie à la demande {line.target}"
        case "absorbed":
            return f"La demande {line.source} est réunie à celle-ci"
        case other:
            return _SAID[other]
