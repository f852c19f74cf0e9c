"""One function a button: what is done to a case. Actions flush; the door commits."""

import uuid

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.cases.deadlines import Deadline
from backoffice.cases.effects import EFFECTS
from backoffice.cases.models import Case, CaseEntry, access_case
from backoffice.cases.workflow import Workflow
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import PARIS, paris_date
from backoffice.core.errors import Invalid, WrongState
from backoffice.office import Office

LONGEST_TEXT = 2000


def open_case(
    session: Session, office: Office, actor: Actor, workflow: Workflow, caisse: str, person_id: int,
    origin: uuid.UUID | None = None,
) -> Case:  # fmt: skip
    """A new case in its first state; the one already opened for `origin` when there is one."""
    if origin is not None and (known := session.scalar(select(Case).where(Case.origin == origin))) is not None:
        return known
    now = office.clock()
    case = Case(
        number=_next_number(session, paris_date(now).year, caisse), caisse=caisse, person_id=person_id,
        kind=workflow.name, state=workflow.initial.name, origin=origin, opened_at=now, opened_by=actor.login, version=1,
    )  # fmt: skip
    waits = workflow.initial.waits
    case.deadline = Deadline(workflow.minutes, running_since=None if waits else now)
    session.add(case)
    session.flush()
    session.add(CaseEntry(case_id=case.id, at=now, actor=actor.login, what="step", step="open", target=case.state))
    session.flush()
    record(session, actor, "demande.ouvrir", case.number, at=now, caisse=caisse, detail={"type": workflow.name})
    return case


def advance(
    session: Session, office: Office, actor: Actor, number: str, step_name: str, reason: str = "", *,
    seen: int | None = None,
) -> Case:  # fmt: skip
    """Take one step, or say in French why not; the line of its journal is part of the step.

    `seen` is the version the agent had on the screen. Raises NotFound, NotAllowed, WrongState, Invalid.
    """
    case = access_case(session, actor, number, lock=True)
    _require_unchanged(session, case, seen)
    reason = _checked_text(reason)
    step = case.workflow.take(step_name, case.state, actor, reason)
    if step.effect:
        EFFECTS[step.effect](office, case, reason)
    now, source = office.clock(), case.state
    case.state = step.target
    _set_clock(case, office)
    case.ended_at = now if case.status.final else None
    _entry(session, case, office, actor, "step", step=step.name, source=source, target=step.target, words=reason)
    record(
        session, actor, f"demande.{step.name}", case.number, at=now, caisse=case.caisse, reason=reason or None,
        detail={"de": source, "vers": step.target},
    )  # fmt: skip
    return case


def note(session: Session, office: Office, actor: Actor, number: str, words: str) -> Case:
    """Add a note to the case; anybody who may read it may write one. Raises Invalid for an empty or too long one."""
    case = access_case(session, actor, number, lock=True)
    words = _checked_text(words)
    if not words:
        raise Invalid("La note est vide : écrivez quelques mots.")
    _entry(session, case, office, actor, "note", words=words)
    record(session, actor, "demande.noter", case.number, at=office.clock(), caisse=case.caisse)
    return case


def take_charge(
    session: Session, office: Office, actor: Actor, number: str, *, release: bool = False, seen: int | None = None
) -> Case:
    """Take a case from the queue, or give it back; a supervisor takes it from somebody else's hands.

    Raises WrongState when a colleague has it, or when it has ended.
    """
    case = access_case(session, actor, number, lock=True)
    _require_unchanged(session, case, seen)
    if case.status.final:
        raise WrongState(f"La demande {case.number} est terminée : il n’y a plus à la prendre en charge.")
    if case.owner not in (None, actor.login) and Role.SUPERVISOR not in actor.roles:
        raise WrongState(
            f"La demande {case.number} est suivie par {case.owner} : demandez-la lui, ou à un superviseur."
        )
    case.owner = None if release else actor.login
    _entry(session, case, office, actor, "owner", words=case.owner or "")
    record(
        session, actor, "demande.rendre" if release else "demande.prendre", case.number, at=office.clock(),
        caisse=case.caisse,
    )  # fmt: skip
    return case


def _set_clock(case: Case, office: Office) -> None:
    state, now = case.status, office.clock()
    case.deadline = case.deadline.pause(now) if state.waits or state.final else case.deadline.resume(now)


def _entry(
    session: Session, case: Case, office: Office, actor: Actor, what: str, *, step: str | None = None,
    source: str | None = None, target: str | None = None, words: str = "",
) -> None:  # fmt: skip
    case.version += 1
    session.add(
        CaseEntry(
            case_id=case.id, at=office.clock(), actor=actor.login, what=what, step=step, source=source, target=target,
            text=words or None,
        )
    )  # fmt: skip
    session.flush()


def _require_unchanged(session: Session, case: Case, seen: int | None) -> None:
    if seen is None or seen == case.version:
        return
    last = session.scalars(select(CaseEntry).where(CaseEntry.case_id == case.id).order_by(CaseEntry.id.desc())).first()
    who = f" par {last.actor} à {last.at.astimezone(PARIS):%H h %M}" if last else ""
    raise WrongState(
        f"La demande {case.number} a été modifiée{who} pendant que vous la lisiez : relisez-la, puis recommencez."
    )


def _checked_text(words: str) -> str:
    words = words.strip()
    if len(words) > LONGEST_TEXT:
        raise Invalid(f"Le texte dépasse {LONGEST_TEXT} caractères : raccourcissez-le.")
    return words


def _next_number(session: Session, year: int, caisse: str) -> str:
    """The next number of the caisse in this year; cases of one caisse are opened one after the other."""
    last = session.scalar(
        text(
            "INSERT INTO case_counter (year, caisse, last) VALUES (:year, :caisse, 1) "
            "ON CONFLICT (year, caisse) DO UPDATE SET last = case_counter.last + 1 RETURNING last"
        ),
        {"year": year, "caisse": caisse},
    )
    return f"{year}-{caisse}-{last:06d}"
