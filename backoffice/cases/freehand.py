"""A letter that an agent finishes by hand: prepared from the case, filed back to it, said to have left."""

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.adapters.dmp import DossierState
from backoffice.audit.journal import record
from backoffice.cases import attachments
from backoffice.cases.actions import letter_fields, note
from backoffice.cases.files import attachments_of
from backoffice.cases.models import access_case
from backoffice.cases.sniffing import kind_of_file
from backoffice.core.actor import Actor
from backoffice.core.address import Recipient, address_block
from backoffice.core.caisse import caisse_of
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, WrongState
from backoffice.letters.freehand import FOLDER, filled, free_letter, require_finished
from backoffice.letters.values import letter_values
from backoffice.office import Office
from backoffice.population.models import Person

TAKEN: Final = (".docx", ".pdf")


def prepare(session: Session, office: Office, actor: Actor, number: str, name: str) -> tuple[str, bytes]:
    """(file name, docx) of a prepared letter with the case's own facts in it.

    Raises NotFound, WrongState when the case is about nobody known or what the letter says is not true, TemplateFault for a
    template that names a field nobody knows.
    """
    letter, case = free_letter(name), access_case(session, actor, number)
    if not letter.fits(case.kind, case.state):
        raise WrongState(f"« {letter.label} » ne s’écrit pas pour une demande « {case.status.label} ».")
    person = session.scalar(select(Person).where(Person.caisse == case.caisse, Person.id == case.person_id))
    if person is None:
        raise WrongState("La demande n’est rattachée à personne : dites d’abord de qui il s’agit.")
    if letter.only is not None and not _is_closed(office, person):
        raise WrongState("Cette personne n’avait pas de DMP : cette lettre dirait le contraire.")
    recipient = Recipient(
        civilite=person.civilite, nom_naissance=person.nom_naissance, nom_usage=person.nom_usage, prenom=person.prenom,
        adresse_2=person.adresse_2, adresse_3=person.adresse_3, adresse_4=person.adresse_4, adresse_5=person.adresse_5,
        code_postal=person.code_postal, ville=person.ville, pays=person.pays,
    )  # fmt: skip
    values = letter_values(recipient, caisse_of(case.caisse), paris_date(office.clock())) | letter_fields(case)
    values["adresse"] = "\n".join(address_block(recipient))
    content = filled(office.settings.templates / FOLDER / letter.template, values)
    record(
        session, actor, "lettre.preparer", case.number, at=office.clock(), caisse=case.caisse, detail={"modele": name}
    )  # fmt: skip
    return f"{case.number}-{letter.template}", content


def file_sent(session: Session, office: Office, actor: Actor, number: str, name: str, content: bytes) -> str:
    """File the finished letter with its case, and say that it has left; the same file sent twice is filed once.

    Return its name. Raises Invalid for a letter that is not finished, or a file that is not taken.
    """
    if kind_of_file(content).suffix not in TAKEN:  # before anything opens it: it may be made to harm who does
        raise Invalid("Classez la lettre en Word (.docx) ou en PDF.")
    require_finished(content)
    before = {one.uid for one in attachments_of(session, access_case(session, actor, number))}
    kept = attachments.attach(session, office, actor, number, name, content)
    if kept.uid not in before:
        note(session, office, actor, number, f"Lettre finie à la main, partie par La Poste : « {kept.name} ».")
        record(
            session, actor, "lettre.envoyer", number, at=office.clock(), detail={"piece": str(kept.uid)}
        )  # fmt: skip
    return kept.name


def _is_closed(office: Office, person: Person) -> bool:
    facts = office.dmp.dossier_states(person.caisse, [person.id]).get(person.id)
    return facts is not None and facts.state is DossierState.CLOSED
