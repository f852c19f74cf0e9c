"""The kinds of cases, one module a domain. A new one is one declaration there and, at most, one form (DESIGN 5)."""

from typing import Final

from backoffice.cases.kinds import closure, contested, undeliverable
from backoffice.cases.workflow import Workflow
from backoffice.core.errors import NotFound

WORKFLOWS: Final[tuple[Workflow, ...]] = (*closure.WORKFLOWS, *contested.WORKFLOWS, *undeliverable.WORKFLOWS)


def workflow_of(name: str) -> Workflow:
    """The declared workflow of this name. Raises NotFound when there is none."""
    for workflow in WORKFLOWS:
        if workflow.name == name:
            return workflow
    raise NotFound("Ce type de demande n’existe pas.")
