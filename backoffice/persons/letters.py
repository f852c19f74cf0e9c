"""The picture of a letter, for who has its reader in front of them: its page without the code, marked as a copy."""

from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.campaigns.models import Campaign, Letter
from backoffice.campaigns.preview import letter_page
from backoffice.campaigns.rules import LetterState
from backoffice.core.actor import Actor
from backoffice.core.errors import NotFound
from backoffice.letters.reference import format_letter_id
from backoffice.office import Office
from backoffice.persons.access import object_of
from backoffice.population.models import Person

COPY_MARK = "COPIE SANS CODE"


def letter_of_person(session: Session, person: Person, number: int) -> tuple[Letter, Campaign]:
    """One letter to this person. Raises NotFound when it is somebody else's."""
    letter = session.get(Letter, (person.caisse, number))
    if letter is None or letter.person_id != person.id:
        raise NotFound("Ce courrier n’est pas adressé à cette personne.")
    return letter, session.get_one(Campaign, letter.campaign_id)


def picture(session: Session, office: Office, actor: Actor, person: Person, number: int) -> bytes:
    """A PDF page: the letter as it was approved, its address as it is today, no code, no whole NIR.

    Raises NotFound for somebody else's letter and for one that has no page, and the faults of an address or a letter.
    """
    letter, campaign = letter_of_person(session, person, number)
    if letter.state == LetterState.EXCEPTION:
        raise NotFound("Ce courrier n’a jamais eu de page.")
    page = letter_page(session, office, campaign, letter, mark=COPY_MARK)
    record(
        session, actor, "courrier.voir", object_of(person), at=office.clock(), caisse=person.caisse,
        detail={"courrier": format_letter_id(letter.caisse, letter.number)},
    )  # fmt: skip
    return page
