"""Preview: real letters as the printer will have them, with a code that opens nothing."""

import tempfile
from pathlib import Path

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.campaigns import targeting
from backoffice.campaigns.codes import carries_codes
from backoffice.campaigns.letters import kind_of_letter, recipient_of, values_of
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.templates import program_of
from backoffice.core.actor import Actor, Role
from backoffice.core.address import AddressFault, address_block
from backoffice.core.errors import NotFound
from backoffice.letters.faults import LetterFault
from backoffice.letters.reference import format_letter_id
from backoffice.letters.requests import LetterRequest
from backoffice.letters.stamp import LotWriter, render_single
from backoffice.office import Office
from backoffice.population.models import Person

CANDIDATES = 40
"""Persons looked at for one letter shown: the longest addresses are often exceptions, which have no page."""
NO_CAISSE = "000"
"""Of the letter ids of a preview: no caisse has this number, so that a scanned preview is nobody's letter."""

PREVIEW_CODE = "XXXX XXXX XXXX"
"""The alphabet of codes has it, its check character is wrong: it can never be taken for one."""


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
    person = session.get_one(Person, (caisse, letter.person_id))
    asked = session.scalars(
        select(LetterRequest).where(LetterRequest.caisse == caisse, LetterRequest.letter_number == number)
    ).one_or_none()
    recipient = recipient_of(person)
    return render_single(
        program_of(office, kind_of_letter(campaign).name, campaign.template_version),
        values_of(
            recipient, person, lot.letter_date, about=asked.about_at if asked else None,
            asked=asked.fields if asked else None, masked=True,
        ),
        address_block(recipient), format_letter_id(caisse, number),
        PREVIEW_CODE if carries_codes(campaign) else None, date=lot.letter_date, tagged=False, mark=mark,
    )  # fmt: skip


def preview_pages(session: Session, office: Office, actor: Actor, campaign: Campaign, count: int = 5) -> bytes:
    """A PDF of `count` letters chosen for their difficulty: longest names and addresses first, then anyone.

    For a draft the persons are those who would be written to today. Raises NotFound when there is none.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.SYSTEM)
    targeting.load_record_facts(session, office.dmp, campaign.caisses)
    rows = session.execute(
        text(f"""
        SELECT p.* FROM ({targeting.eligible(campaign, "p.*")}) p
        ORDER BY length(p.nom_usage) + length(p.nom_naissance) + length(p.prenom) + length(p.adresse_2) + length(p.adresse_3)
            + length(p.adresse_4) + length(p.adresse_5) DESC, p.caisse, p.id
        LIMIT :count
        """),  # noqa: S608 - the fragments are constants of ours
        targeting.parameters(session, campaign) | {"count": CANDIDATES * count},
    ).all()
    program = program_of(office, kind_of_letter(campaign).name, campaign.template_version)
    with tempfile.TemporaryDirectory(prefix="apercu-") as folder:
        path = Path(folder) / "apercu.pdf"
        written = 0
        with LotWriter(program, path, title=f"Aperçu {campaign.reference}", date=campaign.letter_date) as writer:
            for rank, row in enumerate(rows, 1):
                try:
                    recipient = recipient_of(row)
                    laid_out = program.lay_out(
                        values_of(recipient, row, campaign.letter_date), address_block(recipient)
                    )
                except (AddressFault, LetterFault):
                    continue  # an exception of the campaign: it has no page
                writer.add(laid_out, letter_id=format_letter_id(NO_CAISSE, rank), code=PREVIEW_CODE)
                written += 1
                if written == count:
                    break
        if not written:
            raise NotFound("Aucune personne ne recevrait ce courrier aujourd’hui : il n’y a rien à montrer.")
        pages = path.read_bytes()
    record(session, actor, "campagne.apercu", campaign.reference, at=office.clock(), detail={"courriers": written})
    return pages
