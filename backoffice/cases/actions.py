"""One function a button: what is done to a case. Actions flush; the door commits."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.cases.colleagues import Colleague, absence_on
from backoffice.cases.deadlines import Deadline
from backoffice.cases.effects import EFFECTS
from backoffice.cases.effects.doing import Doing
from backoffice.cases.files import has_file
from backoffice.cases.mentions import mentioned, tell
from backoffice.cases.models import Case, CaseEntry, access_case, may_read, require_unchanged
from backoffice.cases.queries import next_case
from backoffice.cases.queueing import Priority, Team, Way
from backoffice.cases.workflow import State, Step, Workflow
from backoffice.core.actor import Actor, Role, system_actor
from backoffice.core.clock import long_french_date, paris_date
from backoffice.core.errors import Invalid, NotAllowed, WrongState
from backoffice.letters.requests import request_letter
from backoffice.office import Office
from backoffice.parameters.hours import hours_of

LONGEST_TEXT = 2000


def open_case(
    session: Session, office: Office, actor: Actor, workflow: Workflow, caisse: str, person_id: int | None,
    origin: uuid.UUID | None = None, *, facts: Mapping[str, Any] | None = None, way: Way | None = None,
    team: Team | None = None, priority: Priority = Priority.NORMAL,
) -> Case:  # fmt: skip
    """A new case in its first state; the one already opened for `origin` when there is one.

    `origin` names what opens it: an event of the record, or one filling-in of a form.
    """
    if origin is not None and (known := session.scalar(select(Case).where(Case.origin == origin))) is not None:
        return known
    now = office.clock()
    case = Case(
        number=_next_number(session, paris_date(now).year, caisse), caisse=caisse, person_id=person_id,
        kind=workflow.name, state=workflow.initial.name, origin=origin, opened_at=now, opened_by=actor.login, version=1,
        team=team or workflow.team, priority=priority, way=way or workflow.way, facts=dict(facts or {}),
        allowed=workflow.minutes,
    )  # fmt: skip
    waits = workflow.initial.waits
    case.set_clock(
        Deadline(priority.minutes(workflow.minutes), running_since=None if waits else now), hours_of(session, caisse)
    )
    session.add(case)
    session.flush()
    session.add(CaseEntry(case_id=case.id, at=now, actor=actor.login, what="step", step="open", target=case.state))
    _ask_for_letters(session, case, actor, workflow.sends, now)
    session.flush()
    record(session, actor, "demande.ouvrir", case.number, at=now, caisse=caisse, detail={"type": workflow.name})
    return case


def advance(
    session: Session, office: Office, actor: Actor, number: str, step_name: str, reason: str = "", *,
    seen: int | None = None, facts: Mapping[str, Any] | None = None,
) -> Case:  # fmt: skip
    """Take one step, or say in French why not; the line of its journal is part of the step.

    `seen` is the version the agent had on the screen; `facts` are added to the case's.
    Raises NotFound, NotAllowed, WrongState, Invalid.
    """
    case = access_case(session, actor, number, lock=True)
    require_unchanged(session, case, seen)
    _require_not_merged(case)
    reason = _checked_text(reason)
    step = case.workflow.take(step_name, case.state, actor, reason)
    _require_other_eyes(session, case, step, actor)
    _require_evidence(session, case, step)
    if facts:
        case.facts = case.facts | dict(facts)
    if step.effect:
        EFFECTS[step.effect](Doing(session, office, actor, case, reason))
    now, source = office.clock(), case.status
    case.state = step.target
    if step.team is not None and step.team != case.team:
        case.team, case.owner = step.team, None
    _set_clock(session, case, source, step, now)
    case.ended_at = now if case.status.final else None
    add_line(session, case, office, actor, "step", step=step.name, source=source.name, target=step.target, words=reason)
    _ask_for_letters(session, case, actor, step.sends, now)
    record(
        session, actor, f"demande.{step.name}", case.number, at=now, caisse=case.caisse, reason=reason or None,
        detail={"de": source.name, "vers": step.target},
    )  # fmt: skip
    return case


def note(session: Session, office: Office, actor: Actor, number: str, words: str) -> Case:
    """Add a note to the case; anybody who may read it may write one, and name colleagues in it by "@login".

    Raises Invalid for an empty or too long one, and for somebody named who may not read it.
    """
    case = access_case(session, actor, number, lock=True)
    words = _checked_text(words)
    if not words:
        raise Invalid("La note est vide : écrivez quelques mots.")
    named = mentioned(session, case, words)
    tell(session, office, case, add_line(session, case, office, actor, "note", words=words), named)
    record(session, actor, "demande.noter", case.number, at=office.clock(), caisse=case.caisse)
    return case


def take_charge(
    session: Session, office: Office, actor: Actor, number: str, *, release: bool = False, seen: int | None = None
) -> Case:
    """Take a case from the queue, or give it back; a supervisor takes it from somebody else's hands.

    Raises WrongState when a colleague has it, or when it has ended.
    """
    case = access_case(session, actor, number, lock=True)
    require_unchanged(session, case, seen)
    _require_not_merged(case)
    if case.status.final:
        raise WrongState(f"La demande {case.number} est terminée : il n’y a plus à la prendre en charge.")
    if case.owner not in (None, actor.login) and Role.SUPERVISOR not in actor.roles:
        raise WrongState(
            f"La demande {case.number} est suivie par {case.owner} : demandez-la lui, ou à un superviseur."
        )
    case.owner = None if release else actor.login
    add_line(session, case, office, actor, "owner", words=case.owner or "")
    record(
        session, actor, "demande.rendre" if release else "demande.prendre", case.number, at=office.clock(),
        caisse=case.caisse,
    )  # fmt: skip
    return case


def assign(
    session: Session, office: Office, actor: Actor, number: str, login: str | None, *, seen: int | None = None
) -> Case:
    """Put a case into a colleague's hands, or back into the queue: a supervisor's gesture.

    Raises NotAllowed, WrongState, and Invalid for a colleague who may not read it or is absent.
    """
    actor.require(Role.SUPERVISOR, Role.SYSTEM)
    case = access_case(session, actor, number, lock=True)
    require_unchanged(session, case, seen)
    _require_open(case)
    if login is not None:
        require_colleague(session, case, login, paris_date(office.clock()))
    if login == case.owner:
        return case
    case.owner = login
    add_line(session, case, office, actor, "owner", words=login or "")
    record(
        session, actor, "demande.affecter", case.number, at=office.clock(), caisse=case.caisse,
        detail={"a": login or "la file"},
    )  # fmt: skip
    return case


def take_next(session: Session, office: Office, actor: Actor) -> Case | None:
    """Take the most urgent case of the actor's queues; None when none waits. Two agents at once get two cases."""
    number = next_case(session, actor, office.clock())
    return None if number is None else take_charge(session, office, actor, number)


def set_priority(
    session: Session, office: Office, actor: Actor, number: str, priority: Priority, *, seen: int | None = None
) -> Case:
    """Say how pressing a case is: its time is counted anew from the same start. Raises WrongState when it has ended."""
    case = access_case(session, actor, number, lock=True)
    require_unchanged(session, case, seen)
    _require_open(case)
    if priority == case.priority:
        return case
    case.priority = priority
    case.set_clock(case.deadline, hours_of(session, case.caisse))
    add_line(session, case, office, actor, "priority", words=priority.label)
    record(
        session, actor, "demande.priorite", case.number, at=office.clock(), caisse=case.caisse,
        detail={"priorite": priority.label},
    )  # fmt: skip
    return case


def hand_to(
    session: Session,
    office: Office,
    actor: Actor,
    number: str,
    team: Team,
    reason: str = "",
    *,
    seen: int | None = None,
) -> Case:
    """Put a case into another team's queue, in nobody's hands. Raises WrongState, and NotAllowed for a colleague's."""
    case = access_case(session, actor, number, lock=True)
    require_unchanged(session, case, seen)
    _require_open(case)
    if case.owner not in (None, actor.login) and Role.SUPERVISOR not in actor.roles:
        raise NotAllowed(
            f"La demande {case.number} est suivie par {case.owner} : demandez-la lui, ou à un superviseur."
        )
    reason = _checked_text(reason)
    if team == case.team:
        raise WrongState(f"La demande {case.number} est déjà dans la file « {team.label} ».")
    case.team, case.owner = team, None
    add_line(session, case, office, actor, "team", target=team, words=reason)
    record(
        session, actor, "demande.confier", case.number, at=office.clock(), caisse=case.caisse, reason=reason or None,
        detail={"file": team.label},
    )  # fmt: skip
    return case


def name_person(session: Session, office: Office, actor: Actor, number: str, person_id: int) -> Case:
    """Say who a case is about, once: the person is of the case's caisse. Raises WrongState when it is known already."""
    case = access_case(session, actor, number, lock=True)
    if case.person_id == person_id:
        return case
    if case.person_id is not None:
        raise WrongState(f"La demande {case.number} est déjà rattachée à une personne.")
    case.person_id = person_id
    add_line(session, case, office, actor, "person")
    record(session, actor, "demande.rattacher", case.number, at=office.clock(), caisse=case.caisse)
    return case


def said_of_letter(session: Session, office: Office, number: str, answer: str, *, left: bool, words: str) -> None:
    """What became of the case's letter of this kind: a line of its life, and the step that waited for it to leave.

    The system's own: nobody presses a button for it.
    """
    actor = system_actor()
    case = access_case(session, actor, number, lock=True)
    while case.merged_into is not None:
        case = access_case(session, actor, case.merged_into, lock=True)
    add_line(session, case, office, actor, "letter", step=answer, words=words)
    if left and (step := case.workflow.when_sent(answer, case.state)):
        advance(session, office, actor, case.number, step.name)


def _ask_for_letters(session: Session, case: Case, actor: Actor, kinds: Iterable[str], now: datetime) -> None:
    for kind in kinds:
        if case.person_id is None:
            raise WrongState("La demande n’est rattachée à personne : dites d’abord de qui il s’agit.")
        request_letter(
            session, kind, case.caisse, case.person_id, by=actor.login, at=now, case_number=case.number,
            fields=letter_fields(case),
        )  # fmt: skip


def letter_fields(case: Case) -> dict[str, str]:
    """What a letter may say of its case: number, day, and the facts that its kind lets letters name."""
    named = {fact: str(case.facts[fact]) for fact in case.workflow.letter_facts if fact in case.facts}
    fixed = {"numero": case.number, "date": long_french_date(paris_date(case.opened_at))}
    return {f"demande.{name}": value for name, value in (named | fixed).items()}


def _set_clock(session: Session, case: Case, source: State, step: Step, now: datetime) -> None:
    """Stop it, let it run, or begin another count: a step's own delay, or a case taken up again after its end."""
    state, hours, clock = case.status, hours_of(session, case.caisse), case.deadline
    if step.minutes is not None or (source.final and not state.final):
        case.allowed = step.minutes or case.workflow.minutes
        case.escalated_at = None
        clock = clock.restart(now, case.deadline.allowed)
    clock = clock.pause(now, hours) if state.waits or state.final else clock.resume(now)
    case.set_clock(clock, hours)


def add_line(
    session: Session, case: Case, office: Office, actor: Actor, what: str, *, step: str | None = None,
    source: str | None = None, target: str | None = None, words: str = "",
) -> CaseEntry:  # fmt: skip
    """Write one line of a locked case's life: it is another version from then on."""
    case.version += 1
    entry = CaseEntry(
        case_id=case.id, at=office.clock(), actor=actor.login, what=what, step=step, source=source, target=target,
        text=words or None,
    )  # fmt: skip
    session.add(entry)
    session.flush()
    return entry


def require_colleague(session: Session, case: Case, login: str, day: date) -> None:
    """Raise Invalid unless this colleague may read the case and is here on this day."""
    one = session.get(Colleague, login)
    if one is None or case.caisse not in one.caisses or not may_read(one.actor(), case.workflow):
        raise Invalid(f"« {login[:60]} » n’est pas un collègue qui peut traiter la demande {case.number}.")
    if absence_on(session, login, day) is not None:
        raise Invalid(f"{one.name} est absent : choisissez quelqu’un d’autre, ou laissez la demande dans la file.")


def _require_not_merged(case: Case) -> None:
    if case.merged_into is not None:
        raise WrongState(
            f"La demande {case.number} est réunie à la demande {case.merged_into} : continuez dans celle-là."
        )


def _require_open(case: Case) -> None:
    _require_not_merged(case)
    if case.status.final:
        raise WrongState(f"La demande {case.number} est terminée : elle ne change plus.")


def _require_other_eyes(session: Session, case: Case, step: Step, actor: Actor) -> None:
    if not step.other_than:
        return
    taken = select(CaseEntry).where(CaseEntry.case_id == case.id, CaseEntry.step == step.other_than)
    last = session.scalars(taken.order_by(CaseEntry.id.desc()).limit(1)).first()
    if last is not None and last.actor == actor.login:
        first = case.workflow.step(step.other_than).label
        raise NotAllowed(f"« {step.label} » revient à une autre personne que celle qui a fait « {first} ».")


def _require_evidence(session: Session, case: Case, step: Step) -> None:
    if step.evidence and not has_file(session, case):
        raise Invalid(
            f"« {step.label} » ne se fait qu’au vu de {step.evidence} : joignez la pièce à la demande, puis recommencez."
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
