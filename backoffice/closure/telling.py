"""What somebody tells the caisse, and what is done about it at once: contested creation, death, opposition to mailings."""

from sqlalchemy.orm import Session

from backoffice.adapters.dmp import DossierState
from backoffice.cases.actions import note
from backoffice.cases.kinds.closure import DEATH
from backoffice.cases.kinds.contested import CONTESTED
from backoffice.cases.models import Case
from backoffice.cases.once import be_alone, open_one
from backoffice.cases.queries import life_of
from backoffice.cases.queueing import Priority, Way
from backoffice.closure.persons import STANDING, dossier_of, person_of
from backoffice.core.actor import Actor
from backoffice.core.errors import Invalid, WrongState
from backoffice.office import Office
from backoffice.parameters.reading import current
from backoffice.parameters.reasons import CONTEST, chosen
from backoffice.population.notices import Notice, NoticeKind, end_notice, give_notice, notices_of

_SUSPENDED = "création contestée par la personne"
LONGEST = 200


def contest(
    session: Session, office: Office, actor: Actor, caisse: str, person_id: int, *, reason: str, way: Way
) -> Case:  # fmt: skip
    """Suspend the access to the DMP now, and have a supervisor decide; contested already, that case.

    The record suspends before the case is written: killed in between, asking again (or the record's event) makes the
    case. Raises WrongState without a DMP or for a closed one, Invalid for a reason that is not on the list.
    """
    person = person_of(session, actor, caisse, person_id)
    code = chosen(current(session).of(CONTEST), reason).code
    known = be_alone(session, CONTESTED, caisse, person_id)
    if known is not None:
        return known
    dossier = dossier_of(office, caisse, person_id)
    if dossier.state is DossierState.CLOSED:
        raise WrongState(STANDING[dossier.state])
    if dossier.state is DossierState.OPEN:
        office.dmp.suspend(caisse, person_id, _SUSPENDED)
    facts = {"motif": code, "creation": dossier.way.value, "cree_le": dossier.opened_at.date().isoformat()}
    case, _ = open_one(
        session, office, actor, CONTESTED, person.caisse, person.id, facts=facts, way=way, priority=Priority.HIGH
    )
    return case


def report_death(
    session: Session, office: Office, actor: Actor, caisse: str, person_id: int, *, words: str, way: Way
) -> Case:  # fmt: skip
    """Somebody says that the person has died: mailings stop at once, and the caisse waits for the evidence.

    Reported already, it is that case. `words`: by whom, and what was announced; kept as a note, once. Raises Invalid when
    too long.
    """
    person = person_of(session, actor, caisse, person_id)
    if len(words.strip()) > LONGEST:
        raise Invalid(f"Le texte dépasse {LONGEST} caractères : raccourcissez-le.")
    case, _ = open_one(session, office, actor, DEATH, person.caisse, person.id, way=way)
    give_notice(
        session, actor, caisse, person_id, NoticeKind.DECEASED, source=f"demande {case.number}", at=office.clock()
    )
    if (words := words.strip()) and not _noted(session, case, words):
        note(session, office, actor, case.number, words)
    return case


def oppose(session: Session, office: Office, actor: Actor, caisse: str, person_id: int, *, source: str) -> Notice:
    """The person wants no mailings: in force at once; opposed already, nothing changes."""
    person_of(session, actor, caisse, person_id)
    return give_notice(
        session, actor, caisse, person_id, NoticeKind.OPPOSITION, source=source, at=office.clock()
    )  # fmt: skip


def accept_again(session: Session, office: Office, actor: Actor, caisse: str, person_id: int) -> bool:
    """The person withdraws their opposition; False when there was none. Raises WrongState while a closure stops mailings."""
    person = person_of(session, actor, caisse, person_id)
    standing = opposition_of(session, caisse, person_id)
    if standing is not None and standing.source.startswith("demande "):
        raise WrongState(f"Les envois sont arrêtés par la {standing.source} : ils reprennent si elle est abandonnée.")
    if standing is None and person.opposition:
        raise WrongState("Cette opposition vient du fichier de la caisse : elle s’y lève.")
    return end_notice(
        session, actor, caisse, person_id, NoticeKind.OPPOSITION, reason="levée à la demande de la personne",
        at=office.clock(),
    )  # fmt: skip


def opposition_of(session: Session, caisse: str, person_id: int) -> Notice | None:
    """The opposition in force, beside the population file's."""
    found = notices_of(session, caisse, [person_id]).get(person_id, [])
    return next((one for one in found if one.kind == NoticeKind.OPPOSITION), None)


def _noted(session: Session, case: Case, words: str) -> bool:
    """Whether the case says it already: a second click, or the same informant once more."""
    return any(line.what == "note" and line.text == words for line in life_of(session, case))
