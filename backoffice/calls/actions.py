"""One function a button of the call file. Actions flush; the door commits."""

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.calls.matching import Match, Wanted, find
from backoffice.calls.models import Call, IdentityCheck, check_of, open_call_of
from backoffice.calls.questions import Known, draw, is_right, pool_of, question_named
from backoffice.calls.rules import (
    LIMITS,
    Attempt,
    Identity,
    Limits,
    Outcome,
    Relation,
    errors_left,
    tried_again_from,
    verdict,
)
from backoffice.calls.scripts import subject_named
from backoffice.campaigns.models import Campaign, Letter
from backoffice.campaigns.rules import LetterState
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import PARIS, paris_date
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.letters.reference import format_letter_id
from backoffice.office import Office
from backoffice.parameters.limits import IDENTITY_TRIES
from backoffice.parameters.reading import current
from backoffice.population.models import Person

LONGEST_NOTE = 500
LETTERS_KNOWN_FOR = timedelta(days=180)
ROTATION = 5
"""Earlier proofs whose questions are not asked again if others are left."""
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 810))")


def open_call(session: Session, office: Office, actor: Actor, *, callback_id: int | None = None) -> Call:
    """The file of a call that begins now; one left open by the same advisor is ended as cut off."""
    actor.require(Role.ADVISOR)
    now = office.clock()
    session.execute(
        update(Call)
        .where(Call.login == actor.login, Call.ended_at.is_(None))
        .values(ended_at=now, outcome=Outcome.CUT.value, subject=text("coalesce(subject, 'autre')"))
    )
    call = Call(login=actor.login, opened_at=now, callback_id=callback_id)
    session.add(call)
    session.flush()
    record(session, actor, "appel.ouvrir", f"appel {call.id}", at=now)
    return call


def look_for(
    session: Session, office: Office, actor: Actor, call_id: int, relation: str, wanted: Wanted, *, letter: bool = False
) -> Match:
    """Look for the person the call is about; whoever was found before is put aside, with what was proved.

    `letter`: the caller has a letter of ours before them. Raises Invalid, WrongState.
    """
    call = open_call_of(session, actor, call_id)
    if relation not in set(Relation):
        raise Invalid("Indiquez d’abord qui appelle.")
    call.relation, call.letter_at_hand = relation, letter
    if not wanted.keys and call.person_id is not None:
        return Match.ONE  # only who is on the line has changed
    call.caisse, call.person_id, call.found_by = None, None, []
    match, person = find(session, actor, wanted)
    if person is not None:
        call.caisse, call.person_id, call.found_by = person.caisse, person.id, wanted.keys
    record(
        session, actor, "appel.rechercher", f"appel {call.id}", at=office.clock(), caisse=call.caisse, result=match.value,
        detail={"par": wanted.keys, "appelant": relation},
    )  # fmt: skip
    return match


def begin_proof(session: Session, office: Office, actor: Actor, call_id: int, chance: Random) -> IdentityCheck:
    """Ask the first question; the proof under way, or passed, when there is one already.

    Raises WrongState when this caller proves nothing, when it failed too recently, or when the base knows too little.
    """
    call = open_call_of(session, actor, call_id)
    if call.caller is None or not call.caller.may_prove:
        raise WrongState("Seule la personne elle-même répond aux questions d’identité.")
    person = _person(session, call)
    now = office.clock()
    _be_alone_with(session, call)
    known = check_of(session, call)
    if known is not None and known.identity is not Identity.FAILED:
        return known
    attempts = _attempts(session, call, now)
    left = errors_left(attempts, now, limits_of(session))
    if not left:
        raise WrongState(_too_soon(attempts))
    pool = pool_of(_known(session, person, now), call.found_by, letter_at_hand=call.letter_at_hand)
    first = draw(pool, (), _earlier(session, call), chance)
    if first is None or len(pool) < LIMITS.right_answers:
        raise WrongState(
            "La base n’en sait pas assez pour vérifier l’identité par téléphone : invitez la personne à passer à l’accueil."
        )
    check = IdentityCheck(
        call_id=call.id, caisse=person.caisse, person_id=person.id, questions=[first.name], allowed=left,
        result=Identity.RUNNING.value, at=now,
    )  # fmt: skip
    session.add(check)
    session.flush()
    return check


def answer(
    session: Session, office: Office, actor: Actor, call_id: int, asked: int, typed: str | None, chance: Random
) -> IdentityCheck:
    """Take the caller's answer to question number `asked`; None: they do not know, which counts as wrong.

    An answer to an earlier question (a second click) changes nothing. Raises Invalid when nothing was typed, WrongState
    when no proof is under way.
    """
    call = open_call_of(session, actor, call_id)
    person = _person(session, call)
    _be_alone_with(session, call)
    check = check_of(session, call)
    if check is None:
        raise WrongState("Aucune question n’est posée : commencez la vérification.")
    if check.identity is not Identity.RUNNING or asked != len(check.questions):
        return check
    if typed is not None and not typed.strip():
        raise Invalid("Tapez ce que répond la personne, ou choisissez « Ne sait pas ».")
    now = office.clock()
    known, question = _known(session, person, now), question_named(check.questions[-1])
    if typed is not None and is_right(question, known, typed):
        check.right_answers += 1
    else:
        check.errors += 1
    # Two advisors may have begun at once about one person: the errors of both count.
    elsewhere = errors_left(_attempts(session, call, now, without=check.id), now, limits_of(session))
    check.at = now
    found = verdict(check.right_answers, check.errors, min(check.allowed, elsewhere))
    if found is Identity.RUNNING:
        pool = pool_of(known, call.found_by, letter_at_hand=call.letter_at_hand)
        following = draw(pool, check.questions, _earlier(session, call), chance)
        if following is None:
            found = Identity.FAILED
        else:
            check.questions = [*check.questions, following.name]
    check.result = found.value
    session.flush()
    if found is not Identity.RUNNING:
        record(
            session, actor, "appel.identite", f"personne {person.id}", at=now, caisse=person.caisse, result=found.value,
            reason=f"appel {call.id}", detail={"questions": check.questions, "erreurs": check.errors},
        )  # fmt: skip
    return check


def end_call(
    session: Session, office: Office, actor: Actor, call_id: int, subject: str, outcome: str, note: str = ""
) -> Call:
    """Wrap up; ended already, nothing changes. Raises Invalid without subject or outcome, or for too long a note."""
    call = session.query(Call).filter_by(id=call_id, login=actor.login).with_for_update().one_or_none()
    if call is None:
        raise NotFound("Cet appel n’est pas l’un des vôtres.")
    if call.ended_at is not None:
        return call
    name = subject_named(subject).name
    if outcome not in set(Outcome):
        raise Invalid("Choisissez la suite donnée à l’appel.")
    if len(note.strip()) > LONGEST_NOTE:
        raise Invalid(f"La note dépasse {LONGEST_NOTE} caractères : raccourcissez-la.")
    call.subject, call.outcome, call.note, call.ended_at = name, outcome, note.strip() or None, office.clock()
    record(
        session, actor, "appel.terminer", f"appel {call.id}", at=office.clock(), caisse=call.caisse, result=outcome,
        detail={"sujet": name},
    )  # fmt: skip
    return call


def limits_of(session: Session) -> Limits:
    """The limits in force."""
    return replace(LIMITS, errors=current(session).of(IDENTITY_TRIES))


def refusal_until(session: Session, office: Office, call: Call) -> datetime | None:
    """Until when nobody may try to prove that they are the person of this call; None when it may be tried."""
    if call.person_id is None:
        return None
    now = office.clock()
    attempts = _attempts(session, call, now)
    return None if errors_left(attempts, now, limits_of(session)) else tried_again_from(attempts)


def _too_soon(attempts: list[Attempt]) -> str:
    until = tried_again_from(attempts)
    when = f" avant le {until.astimezone(PARIS):%d/%m à %H h %M}" if until else ""
    return (
        f"Les questions d’identité ont échoué récemment pour cette personne : pas d’autre essai{when}. "
        "Invitez-la à passer à l’accueil de sa caisse avec une pièce d’identité."
    )


def _person(session: Session, call: Call) -> Person:
    found = session.scalars(
        select(Person).where(Person.caisse == call.caisse, Person.id == call.person_id)
    ).one_or_none()
    if found is None:
        raise WrongState("Cherchez d’abord la personne dont il s’agit.")
    return found


def _be_alone_with(session: Session, call: Call) -> None:
    """Two advisors with one person on two lines: their errors add up."""
    session.execute(_LOCK, {"key": f"{call.caisse}/{call.person_id}"})


def _attempts(session: Session, call: Call, now: datetime, *, without: int = 0) -> list[Attempt]:
    rows = session.execute(
        select(IdentityCheck.at, IdentityCheck.errors, IdentityCheck.result).where(
            IdentityCheck.caisse == call.caisse, IdentityCheck.person_id == call.person_id,
            # An error of earlier than this is forgotten whatever came between: see rules.errors_left.
            IdentityCheck.at > now - LIMITS.cooling * IDENTITY_TRIES.most, IdentityCheck.id != without,
        )
    )  # fmt: skip
    return [Attempt(row.at, row.errors, Identity(row.result)) for row in rows]


def _earlier(session: Session, call: Call) -> list[str]:
    """Questions of the latest proofs about the person, the latest last."""
    rows = session.scalars(
        select(IdentityCheck.questions)
        .where(IdentityCheck.caisse == call.caisse, IdentityCheck.person_id == call.person_id)
        .order_by(IdentityCheck.id.desc())
        .limit(ROTATION)
    ).all()
    return [name for questions in reversed(rows) for name in questions]


def _known(session: Session, person: Person, now: datetime) -> Known:
    letters = session.scalars(
        select(Letter.number)
        .join(Campaign, Campaign.id == Letter.campaign_id)
        .where(
            Letter.caisse == person.caisse, Letter.person_id == person.id,
            Letter.state.in_([LetterState.SEALED, LetterState.SENT]),
            Campaign.letter_date > paris_date(now) - LETTERS_KNOWN_FOR,
        )
    )  # fmt: skip
    return Known(
        prenom=person.prenom, nom_naissance=person.nom_naissance, nom_usage=person.nom_usage,
        date_naissance=person.date_naissance, code_postal=person.code_postal, mobile=person.mobile, email=person.email,
        vitale_serie=person.vitale_serie, letters=tuple(format_letter_id(person.caisse, number) for number in letters),
    )  # fmt: skip
