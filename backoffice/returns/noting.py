"""Noting returns, one letter after the other or from a file, and taking the last one back.

A note has no effect for a short while, so that a slip of the hand can be undone: a revoked code never lives again.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.campaigns.control import ControlAddress, ControlLetter
from backoffice.campaigns.models import Letter
from backoffice.campaigns.rules import Channel, LetterState
from backoffice.campaigns.status import lot_of_letter
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import DomainError, Invalid, NotFound, WrongState
from backoffice.letters.reference import format_letter_id, letter_id_digits, parse_letter_id
from backoffice.office import Office
from backoffice.population.models import Person
from backoffice.returns.models import LetterReturn
from backoffice.returns.reasons import ReturnReason, reason_of

GRACE: Final = timedelta(minutes=2)
"""Between a note and its effects."""
CLERKS: Final = (Role.AGENT, Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.SYSTEM)
HEADER: Final = ("lettre", "motif", "date")
LARGEST: Final = 4 * 1024**2
TYPED: Final = "saisie"


@dataclass(slots=True)
class FileNotes:
    """What reading a file of returns did."""

    lines: int = 0
    noted: int = 0
    known: int = 0
    """Letters whose return was noted before."""
    refused: list[tuple[int, str]] = field(default_factory=list)
    """(line, sentence) of those that could not be noted."""


def note_return(
    session: Session, office: Office, actor: Actor, letter_id: str, reason: ReturnReason, *,
    returned_on: date | None = None, source: str = TYPED,
) -> LetterReturn:  # fmt: skip
    """Note that a letter came back.

    Raises Invalid for a number that cannot be, NotFound for a letter of another caisse or of none, WrongState for one
    that never left by post or whose return is known.
    """
    actor.require(*CLERKS)
    digits = letter_id_digits(parse_letter_id(letter_id))
    caisse, number = digits[:3], int(digits[3:12])
    printed = format_letter_id(caisse, number)
    letter = session.get(Letter, (caisse, number), with_for_update=True) if caisse in actor.caisses else None
    if letter is None:
        _refuse_control(session, actor, caisse, number, printed)
        raise NotFound(f"Le courrier {printed} est introuvable dans votre périmètre : vérifiez le numéro imprimé.")
    if letter.channel != Channel.POST or letter.state != LetterState.SEALED:
        raise WrongState(f"Le courrier {printed} n’est pas parti par La Poste : vérifiez le numéro imprimé.")
    day, lot = returned_on or paris_date(office.clock()), lot_of_letter(session, letter)
    if not lot.letter_date - timedelta(days=31) <= day <= paris_date(office.clock()):
        raise Invalid(f"Le {day:%d/%m/%Y} ne peut pas être le jour du retour du courrier {printed} : vérifiez la date.")
    known = _in_force(session, caisse, number)
    if known is not None:
        raise WrongState(
            f"Le retour du courrier {printed} est déjà noté, le {paris_date(known.noted_at):%d/%m/%Y} "
            f"({known.why.label.lower()})."
        )
    person = session.get(Person, (caisse, letter.person_id))
    found = LetterReturn(
        caisse=caisse, number=number, lot_id=lot.id, reason=reason, returned_on=day,
        code_postal=person.code_postal if person else "", pays=person.pays if person else "", noted_at=office.clock(),
        noted_by=actor.login, source=source[:120],
    )  # fmt: skip
    session.add(found)
    try:
        session.flush()
    except IntegrityError:
        raise WrongState(f"Le retour du courrier {printed} vient d’être noté par un collègue.") from None
    return found


def _refuse_control(session: Session, actor: Actor, caisse: str, number: int, printed: str) -> None:
    """A control letter says so: nothing follows from its return but a look at its address."""
    control = session.get(ControlLetter, (caisse, number)) if caisse in actor.caisses else None
    if control is not None:
        label = session.get_one(ControlAddress, control.address_id).label
        raise WrongState(
            f"Le courrier {printed} est un courrier témoin (« {label} ») : il n’y a rien à révoquer ; signalez à un responsable "
            "de campagne que cette adresse témoin est à vérifier."
        )


def undo_last(session: Session, office: Office, actor: Actor) -> LetterReturn:
    """Take back the last note of this person. Raises WrongState when there is none without effect yet."""
    actor.require(*CLERKS)
    last = session.scalar(
        select(LetterReturn)
        .where(LetterReturn.noted_by == actor.login, LetterReturn.undone_at.is_(None), LetterReturn.source == TYPED)
        .order_by(LetterReturn.id.desc())
        .limit(1)
        .with_for_update()
    )
    if last is None or last.caisse not in actor.caisses:
        raise WrongState("Vous n’avez rien noté : il n’y a rien à annuler.")
    if last.applied_at is not None:
        raise WrongState(
            f"Le retour du courrier {last.letter_id} a déjà eu ses effets : son code ne peut plus revivre. "
            "S’il a été noté par erreur, faites demander un nouveau code."
        )
    last.undone_at = office.clock()
    session.flush()
    return last


def end_batch(session: Session, office: Office, actor: Actor) -> int:
    """Let this person's notes have their effects now, without waiting; returns how many wait."""
    actor.require(*CLERKS)
    done = session.execute(
        update(LetterReturn)
        .where(
            LetterReturn.noted_by == actor.login, LetterReturn.applied_at.is_(None), LetterReturn.undone_at.is_(None)
        )
        .values(released_at=func.coalesce(LetterReturn.released_at, office.clock()))
        .returning(LetterReturn.id)
    ).all()
    return len(done)


def recent_notes(session: Session, actor: Actor, limit: int = 30) -> list[LetterReturn]:
    """This person's notes of the day's pile, latest first, those taken back left out."""
    query = select(LetterReturn).where(
        LetterReturn.noted_by == actor.login,
        LetterReturn.undone_at.is_(None),
        LetterReturn.caisse.in_(sorted(actor.caisses)),
    )
    return list(session.scalars(query.order_by(LetterReturn.id.desc()).limit(limit)))


def return_of(session: Session, letter: Letter) -> LetterReturn | None:
    """The return of a letter, where it came back."""
    return _in_force(session, letter.caisse, letter.number)


def read_file(session: Session, office: Office, actor: Actor, content: bytes, name: str) -> FileNotes:
    """Note the returns of a CSV file `lettre;motif;date`; a line that cannot be is told and keeps no other back.

    Raises Invalid, and nothing is noted, when it is no such file.
    """
    actor.require(*CLERKS)
    found = FileNotes()
    for number, row in _rows(content):
        found.lines += 1
        try:
            day = date.fromisoformat(row[2].strip()) if row[2].strip() else None
        except ValueError:
            found.refused.append((number, f"« {row[2][:20]} » n’est pas une date : écrivez AAAA-MM-JJ."))
            continue
        try:
            with session.begin_nested():
                note_return(session, office, actor, row[0], reason_of(row[1]), returned_on=day, source=name)
            found.noted += 1
        except WrongState as refusal:
            if "déjà noté" in str(refusal):
                found.known += 1
            else:
                found.refused.append((number, str(refusal)))
        except DomainError as refusal:
            found.refused.append((number, str(refusal)))
    record(
        session, actor, "retour.fichier", name[:120], at=office.clock(),
        detail={"lignes": found.lines, "notes": found.noted, "connus": found.known, "refuses": len(found.refused)},
    )  # fmt: skip
    return found


def _rows(content: bytes) -> Iterator[tuple[int, list[str]]]:
    if len(content) > LARGEST:
        raise Invalid("Ce fichier dépasse 4 Mo : envoyez-le en plusieurs parties.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("Ce fichier n’est pas en UTF-8 : enregistrez-le ainsi, puis recommencez.") from None
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    try:
        if tuple(name.strip().lower() for name in next(rows, [])) != HEADER:
            raise Invalid(f"La première ligne doit être « {';'.join(HEADER)} » : ce n’est pas un fichier de retours.")
        read = [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error:
        raise Invalid(f"Les guillemets de la ligne {rows.line_num} sont mal fermés : corrigez le fichier.") from None
    for number, row in read:
        if len(row) != len(HEADER):
            raise Invalid(f"Ligne {number} : {len(row)} colonnes au lieu de {len(HEADER)}.")
    yield from read


def _in_force(session: Session, caisse: str, number: int) -> LetterReturn | None:
    return session.scalar(
        select(LetterReturn).where(
            LetterReturn.caisse == caisse, LetterReturn.number == number, LetterReturn.undone_at.is_(None)
        )
    )
