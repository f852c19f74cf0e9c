"""Control addresses: staff of a caisse who receive one letter of every lot of its campaigns, as any reader would.

Those with an e-mail address receive one message of every lot of e-mails too (`control_mails`).

Their letter carries a code that was never issued and cannot be one; it is counted apart, in the lot, its manifest, its
proof and its verification.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CHAR, ForeignKey, Identity, Integer, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.adapters.dmp import expires_on
from backoffice.audit.journal import record
from backoffice.campaigns.models import Campaign, Lot
from backoffice.core.actor import Actor, Role
from backoffice.core.address import AddressFault, Recipient, address_block
from backoffice.core.caisse import caisse_of
from backoffice.core.errors import Invalid, NotFound
from backoffice.letters.compile import LaidOut, PageProgram
from backoffice.letters.faults import LetterFault
from backoffice.letters.reference import format_letter_id, letter_id_digits
from backoffice.letters.values import letter_values
from backoffice.office import Office
from backoffice.population.contacts import email_address

CODE: Final = "XXXX XXXX XXXX"
"""On a control letter. The alphabet of codes has it, its check character is wrong: no counter, phone or portal takes it."""
STATUS: Final = "controle"
"""Of a control letter in a manifest."""
MOST: Final = 5
"""Control addresses of one caisse: each is a letter more in every lot."""
_ROLES = (Role.CAMPAIGN_MANAGER, Role.ADMINISTRATOR)


class ControlAddress(Base):
    """Where a control letter goes. Ended, never erased: letters that left name it."""

    __tablename__ = "control_address"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    caisse: Mapped[str] = mapped_column(CHAR(3))
    label: Mapped[str]
    """What colleagues call it: "siège, courrier"."""
    civilite: Mapped[str]
    nom: Mapped[str]
    prenom: Mapped[str]
    adresse_2: Mapped[str]
    adresse_3: Mapped[str]
    adresse_4: Mapped[str]
    adresse_5: Mapped[str]
    code_postal: Mapped[str]
    ville: Mapped[str]
    email: Mapped[str] = mapped_column(default="")
    """Where one message of every lot of e-mails goes; "" for none."""
    added_by: Mapped[str]
    added_at: Mapped[datetime]
    ended_by: Mapped[str | None]
    ended_at: Mapped[datetime | None]

    @property
    def recipient(self) -> Recipient:
        """As the letters know an addressee."""
        return Recipient(
            civilite=self.civilite, nom_naissance=self.nom, nom_usage="", prenom=self.prenom, adresse_2=self.adresse_2,
            adresse_3=self.adresse_3, adresse_4=self.adresse_4, adresse_5=self.adresse_5, code_postal=self.code_postal,
            ville=self.ville, pays="",
        )  # fmt: skip


class ControlLetter(Base):
    """A control letter in a sealed lot. Inserted, never changed."""

    __tablename__ = "control_letter"

    caisse: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    address_id: Mapped[int] = mapped_column(ForeignKey("control_address.id"))
    page_first: Mapped[int] = mapped_column(Integer)
    page_last: Mapped[int] = mapped_column(Integer)


@dataclass(slots=True)
class ControlLine:
    """A control letter under way."""

    letter_id: str
    address: ControlAddress
    laid_out: LaidOut
    pages: tuple[int, int] = (0, 0)


def list_addresses(session: Session, actor: Actor) -> list[ControlAddress]:
    """Those in use in the actor's caisses."""
    return active_addresses(session, sorted(actor.caisses))


def active_addresses(session: Session, caisses: Sequence[str]) -> list[ControlAddress]:
    """Those in use, by caisse and age."""
    query = select(ControlAddress).where(ControlAddress.caisse.in_(caisses), ControlAddress.ended_at.is_(None))
    return list(session.scalars(query.order_by(ControlAddress.caisse, ControlAddress.id)))


def add_address(session: Session, office: Office, actor: Actor, caisse: str, **typed: str) -> ControlAddress:
    """A new control address; Invalid, in one sentence, when no envelope could carry it."""
    actor.require(*_ROLES)
    actor.require_caisse(caisse)
    values = {name: typed.get(name, "").strip() for name in _FIELDS}
    for name, what in _REQUIRED.items():
        if not values[name]:
            raise Invalid(f"Indiquez {what}.")
    if values["email"] and email_address(values["email"]) is None:
        raise Invalid("L’adresse électronique n’en est pas une : corrigez-la, ou laissez-la vide.")
    if values["civilite"] not in ("M", "MME"):
        raise Invalid("Choisissez la civilité.")
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('control_address'))"))
    if len(active_addresses(session, [caisse])) >= MOST:
        raise Invalid(f"Une caisse a {MOST} adresses témoins au plus : retirez-en une d’abord.")
    made = ControlAddress(caisse=caisse, added_by=actor.login, added_at=office.clock(), **values)
    try:
        address_block(made.recipient)
    except AddressFault as fault:
        raise Invalid(str(fault).replace("la fiche de la personne", "l’adresse")) from None
    session.add(made)
    session.flush()
    record(session, actor, "temoin.ajouter", f"adresse témoin {made.id}", at=office.clock(), caisse=caisse)
    return made


def end_address(session: Session, office: Office, actor: Actor, address_id: int) -> ControlAddress:
    """No more control letters there; done twice, it is done once."""
    actor.require(*_ROLES)
    found = session.get(ControlAddress, address_id, with_for_update=True)
    if found is None or found.caisse not in actor.caisses:
        raise NotFound("Cette adresse témoin est introuvable dans votre périmètre.")
    if found.ended_at is None:
        found.ended_by, found.ended_at = actor.login, office.clock()
        session.flush()
        record(session, actor, "temoin.retirer", f"adresse témoin {found.id}", at=office.clock(), caisse=found.caisse)
    return found


def control_lines(session: Session, program: PageProgram, campaign: Campaign, lot: Lot) -> list[ControlLine]:
    """One letter for each control address of the lot's caisse, laid out; none for answers to single persons."""
    if campaign.on_demand:
        return []
    lines = []
    for address in active_addresses(session, [lot.caisse]):
        recipient = address.recipient
        values = letter_values(
            recipient, caisse_of(lot.caisse), lot.letter_date, code_end=expires_on(lot.letter_date), number="0" * 15,
            dmp_date=lot.letter_date,
        )  # fmt: skip
        try:
            laid_out = program.lay_out(values, address_block(recipient))
        except (AddressFault, LetterFault):
            continue  # a control letter keeps back no lot
        number = session.scalar(text("SELECT nextval('letter_number_seq')"))
        lines.append(ControlLine(format_letter_id(lot.caisse, int(number or 0)), address, laid_out))
    return lines


def manifest_rows(lot: Lot, lines: Sequence[ControlLine]) -> list[tuple[object, ...]]:
    """Their lines of the manifest: no person."""
    return [
        (
            line.letter_id, *line.pages, "", lot.caisse, line.address.code_postal, line.address.ville, lot.channel, STATUS,
        )
        for line in lines
    ]  # fmt: skip


def proof_entries(lines: Sequence[ControlLine]) -> list[dict[str, Any]]:
    """What the proof of the lot says of them."""
    return [
        {"lettre": line.letter_id, "adresse": line.address.id, "page_debut": line.pages[0], "page_fin": line.pages[1]}
        for line in lines
    ]


def note_controls(session: Session, lot: Lot, entries: Sequence[dict[str, Any]]) -> None:
    """The database's side, from the proof: the same for a lot just sealed and for one that is adopted."""
    lot.controls = len(entries)
    for entry in entries:
        digits = letter_id_digits(entry["lettre"])
        session.add(
            ControlLetter(
                caisse=lot.caisse, number=int(digits[3:12]), lot_id=lot.id, address_id=entry["adresse"],
                page_first=entry["page_debut"], page_last=entry["page_fin"],
            )
        )  # fmt: skip
    session.flush()


def controls_of(session: Session, lot: Lot) -> dict[str, tuple[int, int]]:
    """(first page, last page) of each control letter that the database knows in a lot, by letter id."""
    found = session.scalars(select(ControlLetter).where(ControlLetter.lot_id == lot.id))
    return {format_letter_id(one.caisse, one.number): (one.page_first, one.page_last) for one in found}


_FIELDS: Final = (
    "label", "civilite", "nom", "prenom", "adresse_2", "adresse_3", "adresse_4", "adresse_5", "code_postal", "ville",
    "email",
)  # fmt: skip
_REQUIRED: Final = {
    "label": "à quoi sert cette adresse, en deux ou trois mots",
    "nom": "le nom",
    "prenom": "le prénom",
    "code_postal": "le code postal",
    "ville": "la ville",
}
