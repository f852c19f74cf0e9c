"""Handing the reject report of an import over to a person: it names rows, so that reading it is journalled."""

from pathlib import Path

from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import NotFound
from backoffice.office import Office
from backoffice.population.models import ImportState, access_import


def hand_over_report(session: Session, office: Office, actor: Actor, import_id: int) -> Path:
    """The path of an import's reject report. Raises NotFound when there is none."""
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    found = access_import(session, actor, import_id)
    report = Path(found.report_file) if found.report_file else None
    if found.state != ImportState.DONE or report is None or not report.is_file():
        raise NotFound("Cet import n’a pas de fichier de rejets.")
    record(session, actor, "population.rejets", f"import {found.id}", at=office.clock())
    return report
