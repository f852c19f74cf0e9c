"""What the journal says within a supervisor's caisses: who did what, and who looked at one person."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, ScalarSelect, select
from sqlalchemy.orm import Session, aliased

from backoffice.audit.journal import AuditEntry, record
from backoffice.cases.kinds import WORKFLOWS
from backoffice.cases.models import Case
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import PARIS
from backoffice.core.errors import Invalid, NotFound
from backoffice.office import Office
from backoffice.population.models import Person

_LONGEST: Final = 60
_STEP: Final = "demande."
_SKEW: Final = timedelta(hours=1)
"""More than the clocks of two hosts are ever apart."""
_WORDS: Final = {"who": "qui", "action": "action", "about": "objet", "since": "du", "until": "au"}


@dataclass(frozen=True, slots=True)
class Asked:
    """Which lines of the journal; empty means any."""

    who: str = ""
    action: str = ""
    """The beginning of an action, such as "demande" or "piece.telecharger"."""
    about: str = ""
    """Part of an object, such as a case number."""
    since: str = ""
    """A day, as 2016-11-14."""
    until: str = ""

    @classmethod
    def read(cls, args: Mapping[str, str]) -> "Asked":
        """From the address of a page."""
        return cls(**{name: str(args.get(word, "")).strip()[:_LONGEST] for name, word in _WORDS.items()})

    def args(self) -> dict[str, Any]:
        """As the address of a page says it."""
        return {_WORDS[name]: value for name, value in asdict(self).items() if value}


def lines(session: Session, actor: Actor, asked: Asked, size: int, before: int = 0) -> list[AuditEntry]:
    """The lines asked for, the latest first; those before the line `before` when there is one. Raises Invalid for a day.

    Lines of no caisse, such as sign-ins, are the administrators' to read.
    """
    where: list[ColumnElement[bool]] = [AuditEntry.caisse.in_(sorted(actor.caisses))]
    if asked.who:
        where.append(AuditEntry.actor == asked.who)
    if asked.action:
        where.append(AuditEntry.action.startswith(asked.action, autoescape=True))
    if asked.about:
        where.append(AuditEntry.object.contains(asked.about, autoescape=True))
    if asked.since:
        begins = _midnight(asked.since)
        where += [AuditEntry.at >= begins, AuditEntry.id >= _first_line_after(begins - _SKEW)]
    if asked.until:
        ends = _midnight(asked.until) + timedelta(days=1)
        where += [AuditEntry.at < ends, AuditEntry.id <= _last_line_before(ends + _SKEW)]
    if before:
        where.append(AuditEntry.id < before)
    return list(session.scalars(select(AuditEntry).where(*where).order_by(AuditEntry.id.desc()).limit(size)))


def steps_in_words(session: Session, found: Sequence[AuditEntry]) -> Mapping[int, str]:
    """By line, the French name of the step of a case that it tells; none for what already reads in French."""
    numbers = {line.object for line in found if line.action.startswith(_STEP)}
    kinds = {
        row.number: row.kind for row in session.execute(select(Case.number, Case.kind).where(Case.number.in_(numbers)))
    }
    labels = {(workflow.name, step.name): step.label for workflow in WORKFLOWS for step in workflow.steps}
    told = {line.id: labels.get((kinds.get(line.object, ""), line.action.removeprefix(_STEP))) for line in found}
    return {line: label for line, label in told.items() if label}


def _first_line_after(moment: datetime) -> ScalarSelect[int]:
    """Lines are numbered as time goes: between two numbers, days long past are reached without reading what came since."""
    line = aliased(AuditEntry)
    return select(line.id).where(line.at >= moment).order_by(line.at).limit(1).scalar_subquery()


def _last_line_before(moment: datetime) -> ScalarSelect[int]:
    line = aliased(AuditEntry)
    return select(line.id).where(line.at < moment).order_by(line.at.desc()).limit(1).scalar_subquery()


def who_looked(
    session: Session, office: Office, actor: Actor, caisse: str, person_id: int, size: int
) -> tuple[Person, list[AuditEntry]]:
    """Everything done about one person of the actor's caisses, the latest first; asking is journalled too.

    Raises NotFound for a person of another caisse, or none at all.
    """
    actor.require(Role.SUPERVISOR)
    person = session.get(Person, (caisse, person_id)) if caisse in actor.caisses else None
    if person is None:
        raise NotFound("Cette personne est introuvable dans votre périmètre.")
    # Read first: a list of objects is an index's to find, what may or may not be among the person's cases is not.
    numbers = session.scalars(select(Case.number).where(Case.caisse == caisse, Case.person_id == person_id)).all()
    found = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.caisse == caisse, AuditEntry.object.in_([f"personne {person_id}", *numbers]))
        .order_by(AuditEntry.id.desc())
        .limit(size)
    ).all()
    record(session, actor, "personne.regards", f"personne {person_id}", at=office.clock(), caisse=caisse)
    return person, list(found)


def _midnight(typed: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(typed), time(), tzinfo=PARIS)
    except ValueError:
        raise Invalid("Cette date n’existe pas : indiquez-la sous la forme AAAA-MM-JJ.") from None
