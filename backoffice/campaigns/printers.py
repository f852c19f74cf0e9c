"""Printers, as an administrator declares them: who they are, how they print, and the certificate lots are encrypted for."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import Identity, Integer, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from backoffice.adapters.db import Base
from backoffice.audit.journal import record
from backoffice.campaigns.models import Campaign, access_campaign
from backoffice.campaigns.rules import CampaignState
from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import caisse_of
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.letters.marks import PLAIN, Finishing
from backoffice.office import Office

LEAST_KEY_BITS: Final = 2048
WARN_BEFORE: Final = timedelta(days=30)
"""How long before its end a certificate is said to need a successor."""
_CODE: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,29}")


class PostalClass(StrEnum):
    """How a printer hands letters to La Poste: what the deposit slip counts under."""

    PRIORITY = "prioritaire"
    GREEN = "verte"
    ECONOMY = "ecopli"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _CLASS_LABELS[self]


_CLASS_LABELS = {
    PostalClass.PRIORITY: "Lettre prioritaire",
    PostalClass.GREEN: "Lettre verte",
    PostalClass.ECONOMY: "Écopli",
}


class Printer(Base):
    """A printer who receives lots."""

    __tablename__ = "printer"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    """Its folder among the hand-overs, and its name on the command line."""
    name: Mapped[str]
    caisses: Mapped[list[str]] = mapped_column(ARRAY(Text))
    certificate: Mapped[str]
    """PEM."""
    fingerprint: Mapped[bytes]
    """SHA-256 of the certificate: read out on the telephone before the first lot."""
    certificate_until: Mapped[datetime]
    duplex: Mapped[bool]
    """Prints both sides: each sheet gets a blank back, so that no letter begins on another's."""
    marks: Mapped[bool]
    """Inserts by machine: each sheet carries a mark of its place in the envelope and in the lot."""
    postal_class: Mapped[str]
    version: Mapped[int] = mapped_column(Integer)
    """Counts the changes: two administrators who meet on one printer are told."""
    declared_by: Mapped[str]
    declared_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]

    @property
    def postage(self) -> PostalClass:
        """The postal class as its enumeration."""
        return PostalClass(self.postal_class)


def read_certificate(pem: str, now: datetime) -> x509.Certificate:
    """The certificate in `pem`, if lots can be encrypted for it now. Raises Invalid, in one sentence, otherwise."""
    try:
        found = x509.load_pem_x509_certificate(pem.strip().encode("ascii", "ignore"))
    except ValueError:
        raise Invalid(
            "Ce texte n’est pas un certificat : collez-le en entier, de la ligne « BEGIN CERTIFICATE » à la ligne "
            "« END CERTIFICATE »."
        ) from None
    key = found.public_key()
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < LEAST_KEY_BITS:
        raise Invalid(
            f"La clé de ce certificat ne convient pas : il faut une clé RSA d’au moins {LEAST_KEY_BITS} bits. "
            "Demandez-en un autre à l’imprimeur."
        )
    if found.not_valid_after_utc <= now or found.not_valid_before_utc > now:
        raise Invalid(
            f"Ce certificat vaut du {found.not_valid_before_utc:%d/%m/%Y} au {found.not_valid_after_utc:%d/%m/%Y} : "
            "demandez à l’imprimeur celui qui vaut aujourd’hui."
        )
    return found


def declare(
    session: Session, office: Office, actor: Actor, *, code: str, name: str, caisses: Sequence[str], certificate: str,
    duplex: bool, marks: bool, postal_class: str,
) -> Printer:  # fmt: skip
    """A new printer. Raises Invalid at the first thing that cannot be."""
    actor.require(Role.ADMINISTRATOR, Role.SYSTEM)
    code = code.strip().lower()
    if not _CODE.fullmatch(code):
        raise Invalid(
            "Le code de l’imprimeur compte 2 à 30 lettres sans accent, chiffres ou tirets, comme « imprimeur-63 »."
        )
    if session.scalar(select(Printer.id).where(Printer.code == code)) is not None:
        raise Invalid(f"Un imprimeur porte déjà le code « {code} » : choisissez-en un autre.")
    found = read_certificate(certificate, office.clock())
    printer = Printer(code=code, version=1, declared_by=actor.login, declared_at=office.clock(), retired_at=None)
    _set(actor, printer, name, caisses, duplex, marks, postal_class)
    _certify(printer, found)
    session.add(printer)
    session.flush()
    record(
        session, actor, "imprimeur.declarer", f"imprimeur {code}", at=office.clock(),
        detail={"caisses": printer.caisses, "certificat": printer.fingerprint.hex()},
    )  # fmt: skip
    return printer


def change(
    session: Session, office: Office, actor: Actor, code: str, *, name: str, caisses: Sequence[str], certificate: str,
    duplex: bool, marks: bool, postal_class: str, seen: int | None = None,
) -> Printer:  # fmt: skip
    """Change a printer; a new certificate counts for the lots handed over from now on.

    `seen` is the version on the screen. Raises Invalid, NotFound, and WrongState when somebody changed it meanwhile.
    """
    actor.require(Role.ADMINISTRATOR, Role.SYSTEM)
    printer = access_printer(session, actor, code, lock=True)
    if seen is not None and seen != printer.version:
        raise WrongState("Cet imprimeur a été modifié pendant que vous le lisiez : relisez-le, puis recommencez.")
    before = printer.fingerprint
    _set(actor, printer, name, caisses, duplex, marks, postal_class)
    if certificate.strip() != printer.certificate.strip():
        _certify(printer, read_certificate(certificate, office.clock()))
    printer.version += 1
    session.flush()
    detail: dict[str, object] = {"caisses": printer.caisses, "recto_verso": duplex, "reperes": marks}
    if printer.fingerprint != before:
        detail |= {"ancien_certificat": before.hex(), "certificat": printer.fingerprint.hex()}
    record(session, actor, "imprimeur.modifier", f"imprimeur {code}", at=office.clock(), detail=detail)
    return printer


def retire(session: Session, office: Office, actor: Actor, code: str, reason: str) -> Printer:
    """Let a printer receive no more lots. Raises Invalid without a reason, WrongState when it is so already."""
    actor.require(Role.ADMINISTRATOR, Role.SYSTEM)
    printer = access_printer(session, actor, code, lock=True)
    if printer.retired_at is not None:
        raise WrongState("Cet imprimeur ne reçoit déjà plus de lots.")
    if not reason.strip():
        raise Invalid("Indiquez pourquoi cet imprimeur ne reçoit plus de lots, en quelques mots.")
    printer.retired_at = office.clock()
    printer.version += 1
    session.flush()
    record(session, actor, "imprimeur.retirer", f"imprimeur {code}", at=office.clock(), reason=reason.strip()[:500])
    return printer


def access_printer(session: Session, actor: Actor, code: str, *, lock: bool = False) -> Printer:
    """The only way to hold a printer: it serves one of your caisses, or is not found."""
    query = select(Printer).where(Printer.code == code, Printer.caisses.overlap(sorted(actor.caisses)))
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound(f"L’imprimeur « {code[:30]} » est introuvable dans votre périmètre.")
    return found


def printers_of(session: Session, actor: Actor, *, serving: Sequence[str] = (), retired: bool = False) -> list[Printer]:
    """Printers within the actor's caisses, by name: those who serve all of `serving`, and with `retired` the former."""
    query = select(Printer).where(Printer.caisses.overlap(sorted(actor.caisses)))
    if serving:
        query = query.where(Printer.caisses.contains(list(serving)))
    if not retired:
        query = query.where(Printer.retired_at.is_(None))
    return list(session.scalars(query.order_by(Printer.name, Printer.id)))


def usual_printer(session: Session, caisses: Sequence[str]) -> int | None:
    """The id of the printer whom these caisses have in common, where there is just one: nobody needs to choose."""
    found = session.scalars(
        select(Printer.id).where(Printer.retired_at.is_(None), Printer.caisses.contains(list(caisses))).limit(2)
    ).all()
    return found[0] if len(found) == 1 else None


def finishing_of(session: Session, campaign: Campaign) -> Finishing:
    """How the campaign's lots are made: as its printer prints, or plainly when it has none."""
    printer = None if campaign.printer_id is None else session.get(Printer, campaign.printer_id)
    return PLAIN if printer is None else Finishing(printer.duplex, printer.marks)


def choose_printer(session: Session, office: Office, actor: Actor, reference: str, code: str) -> Campaign:
    """Have the campaign's lots made for this printer, or for none with an empty code.

    Raises WrongState once it is approved: its lots are made as what was approved; NotFound, Invalid.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    campaign = access_campaign(session, actor, reference, lock=True)
    if campaign.status not in (CampaignState.DRAFT, CampaignState.SUBMITTED):
        raise WrongState(
            "L’imprimeur se choisit avant l’approbation : les lots sont faits pour celui qui a été approuvé."
        )
    printer = access_printer(session, actor, code) if code else None
    if printer is not None and (printer.retired_at is not None or not set(printer.caisses) >= set(campaign.caisses)):
        raise Invalid(
            f"{printer.name} ne sert pas toutes les caisses de cette campagne : choisissez un autre imprimeur."
        )
    campaign.printer_id = None if printer is None else printer.id
    session.flush()
    record(
        session, actor, "campagne.imprimeur", campaign.reference, at=office.clock(),
        detail={"imprimeur": printer.code if printer else ""},
    )  # fmt: skip
    return campaign


def _set(
    actor: Actor, printer: Printer, name: str, caisses: Sequence[str], duplex: bool, marks: bool, postal_class: str
) -> None:
    name = " ".join(name.split())
    if not 0 < len(name) <= 120:
        raise Invalid("Donnez le nom de l’imprimeur, en 120 caractères au plus.")
    if not caisses:
        raise Invalid("Choisissez au moins une caisse que cet imprimeur sert.")
    for code in caisses:
        caisse_of(code)
    # Caisses of others that it serves already are neither shown to this administrator nor theirs to take away.
    kept = set(printer.caisses or ()) - actor.caisses
    actor.require_caisse(*caisses)
    if postal_class not in set(PostalClass):
        raise Invalid("Choisissez une classe d’affranchissement dans la liste.")
    printer.name, printer.caisses = name, sorted({*caisses, *kept})
    printer.duplex, printer.marks, printer.postal_class = duplex, marks, postal_class


def _certify(printer: Printer, certificate: x509.Certificate) -> None:
    printer.certificate = certificate.public_bytes(Encoding.PEM).decode("ascii")
    printer.fingerprint = certificate.fingerprint(hashes.SHA256())
    printer.certificate_until = certificate.not_valid_after_utc
