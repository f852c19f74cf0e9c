"""Preview: real letters as the printer will have them, with a code that opens nothing."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.campaigns import targeting
from backoffice.campaigns.codes import carries_codes
from backoffice.campaigns.letters import kind_of_letter, recipient_of, values_of
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.proof import PROOF_CODE, choose, letters_pages
from backoffice.campaigns.templates import program_of
from backoffice.campaigns.trials import version_for
from backoffice.core.actor import Actor, Role
from backoffice.core.address import address_block
from backoffice.core.errors import NotFound
from backoffice.letters.reference import format_letter_id
from backoffice.letters.requests import LetterRequest
from backoffice.letters.stamp import render_single
from backoffice.office import Office
from backoffice.population.models import Person


def preview_letter(
    session: Session, office: Office, actor: Actor, campaign: Campaign, caisse: str, number: int
) -> bytes:
    """The PDF page of one letter of the campaign; its code is not in it, as nobody has it.

    Raises NotFound, and the faults of the address or the letter.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.SYSTEM)
    actor.require_caisse(caisse)
    letter = session.get(Letter, (caisse, number))
    if letter is None or letter.campaign_id != campaign.id:
        raise NotFound("Ce courrier n’est pas dans cette campagne.")
    page = letter_page(session, office, campaign, letter)
    letter_id = format_letter_id(caisse, number)
    record(session, actor, "courrier.apercu", f"courrier {letter_id}", at=office.clock(), caisse=caisse)
    return page


def letter_page(session: Session, office: Office, campaign: Campaign, letter: Letter, *, mark: str = "") -> bytes:
    """The page of a letter made anew, without its code and with the beginning of the NIR alone; `mark` across it.

    Raises the faults of the address or the letter.
    """
    caisse, number = letter.caisse, letter.number
    lot = session.query(Lot).filter_by(
        campaign_id=campaign.id, caisse=caisse, channel=letter.channel, sequence=letter.lot_sequence
    ).one()  # fmt: skip
    person = session.get(Person, (caisse, letter.person_id))
    if person is None:
        raise NotFound("Le lien de ce courrier avec sa personne a été effacé, au terme de sa conservation.")
    asked = session.scalars(
        select(LetterRequest).where(LetterRequest.caisse == caisse, LetterRequest.letter_number == number)
    ).one_or_none()
    recipient = recipient_of(person)
    return render_single(
        program_of(office, kind_of_letter(campaign).name, version_for(campaign, lot)),
        values_of(
            recipient, person, lot.letter_date, about=asked.about_at if asked else None,
            asked=asked.fields if asked else None, masked=True,
        ),
        address_block(recipient), format_letter_id(caisse, number),
        PROOF_CODE if carries_codes(campaign) else None, date=lot.letter_date, tagged=False, mark=mark,
    )  # fmt: skip


def preview_pages(session: Session, office: Office, actor: Actor, campaign: Campaign, count: int = 5) -> bytes:
    """A PDF of `count` letters, first those chosen for their difficulty (see `campaigns.proof`).

    For a draft the persons are those who would be written to today. Raises NotFound when there is none.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.SYSTEM)
    targeting.load_record_facts(session, office.dmp, campaign.caisses)
    program = program_of(office, kind_of_letter(campaign).name, campaign.template_version)
    chosen = choose(session, campaign, program, count)
    pages = letters_pages(campaign, program, chosen)
    record(
        session, actor, "campagne.apercu", campaign.reference, at=office.clock(),
        detail={"courriers": sum(one.laid_out is not None for one in chosen)},
    )  # fmt: skip
    return pages
