"""A sealed lot at its printer's: handed over once, acknowledged, printed, posted; each with who and when.

Posted later than dated, its codes live two months from the posting (docs/decisions/0016): the record puts their end
off before the date is noted, so that a crash in between leaves nobody with less than their letter promises.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Identity, Integer, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters import environment
from backoffice.adapters.db import Base
from backoffice.adapters.dmp import expires_on
from backoffice.audit.journal import record
from backoffice.campaigns import sealing
from backoffice.campaigns.codes import carries_codes
from backoffice.campaigns.differences import DifferenceKind, note_difference
from backoffice.campaigns.envelopes import Envelope, envelop, take_back
from backoffice.campaigns.handing import noted_seal, require_sealed
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.printers import Printer, access_printer
from backoffice.campaigns.production import lots_folder
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.office import Office


class Handover(Base):
    """A lot in a printer's hands. At most one of a lot is in force; what it replaced stays as history."""

    __tablename__ = "handover"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    printer_id: Mapped[int] = mapped_column(ForeignKey("printer.id"))
    file_name: Mapped[str]
    content_sha256: Mapped[bytes]
    file_sha256: Mapped[bytes]
    size: Mapped[int]
    certificate: Mapped[bytes]
    """SHA-256 of the certificate it was encrypted for."""
    handed_at: Mapped[datetime]
    handed_by: Mapped[str]
    reason: Mapped[str | None]
    """Why it was handed over again; None the first time."""
    received_on: Mapped[date | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None]
    printed_on: Mapped[date | None]
    posted_on: Mapped[date | None]
    letters: Mapped[int | None] = mapped_column(Integer)
    """As the printer counted them; None until told."""
    pages: Mapped[int | None] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    """Counts the changes: two agents who meet on one lot are told."""
    ended_at: Mapped[datetime | None]
    """When another hand-over took its place."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a printer says of a lot; None for what it does not say."""

    received_on: date | None = None
    printed_on: date | None = None
    posted_on: date | None = None
    letters: int | None = None
    pages: int | None = None

    @property
    def empty(self) -> bool:
        """Whether it says nothing."""
        return not any(
            value is not None for value in (self.received_on, self.printed_on, self.posted_on, self.letters, self.pages)
        )


def handover_of(session: Session, lot: Lot, *, lock: bool = False) -> Handover | None:
    """The hand-over of the lot in force."""
    query = select(Handover).where(Handover.lot_id == lot.id, Handover.ended_at.is_(None))
    return session.scalar(query.with_for_update() if lock else query)


def handovers_of(session: Session, lot: Lot) -> list[tuple[Handover, Printer]]:
    """Every hand-over of the lot with its printer, latest first."""
    query = (
        select(Handover, Printer)
        .join(Printer, Printer.id == Handover.printer_id)
        .where(Handover.lot_id == lot.id)
        .order_by(Handover.id.desc())
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def hand_to_printer(
    session: Session, office: Office, actor: Actor, campaign: Campaign, lot: Lot, printer_code: str, reason: str = ""
) -> tuple[Handover, Envelope]:
    """Encrypt the lot for a printer and note that it is theirs; the same again is the same hand-over.

    What a printer has acknowledged, or another printer holds, is handed over again with a reason alone: it may be on
    paper already. Raises WrongState, NotFound, Invalid (reason) and Unavailable (disk).
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    actor.require_caisse(*campaign.caisses)
    session.refresh(lot, with_for_update=True)
    require_sealed(session, lot)
    environment.require_agreement(session, office.environment)
    printer = access_printer(session, actor, printer_code)
    _require_fit(office, lot, printer)
    folder = lots_folder(office, campaign)
    try:
        if noted_seal(folder, lot) is None:
            raise NotFound("Les fichiers de ce lot ne sont plus à leur place : prévenez votre administrateur.")
    except sealing.Mismatch as mismatch:
        raise WrongState(f"{mismatch} N’envoyez pas ce lot à l’imprimeur ; prévenez votre administrateur.") from None
    known, reason = handover_of(session, lot, lock=True), reason.strip()[:500]
    same = known is not None and (known.printer_id, known.certificate) == (printer.id, printer.fingerprint)
    again = known is not None and not (same and known.acknowledged_at is None)
    if again and not reason:
        raise Invalid(_held(session, known))
    envelope = envelop(office, lot, folder, printer)
    if known is not None and not again:
        known.file_sha256, known.size = envelope.file_sha256, envelope.size
        session.flush()
        return known, envelope
    if known is not None:
        known.ended_at = office.clock()
        session.flush()
        before = session.get_one(Printer, known.printer_id)
        if before.id != printer.id:
            take_back(office, before, known.file_name)
    handover = Handover(
        lot_id=lot.id, printer_id=printer.id, file_name=envelope.name, content_sha256=envelope.content_sha256,
        file_sha256=envelope.file_sha256, size=envelope.size, certificate=printer.fingerprint, handed_at=office.clock(),
        handed_by=actor.login, reason=reason or None, version=1,
    )  # fmt: skip
    session.add(handover)
    session.flush()
    record(
        session, actor, "lot.remettre", lot.name or "", at=office.clock(), caisse=lot.caisse, reason=reason or None,
        detail={
            "imprimeur": printer.code, "contenu": envelope.content_sha256.hex(), "certificat": printer.fingerprint.hex(),
            "de_nouveau": known is not None,
        },
    )  # fmt: skip
    return handover, envelope


def envelope_file(session: Session, office: Office, actor: Actor, lot: Lot) -> Envelope:
    """The encrypted file of the hand-over in force, for a person to bring to the printer; journalled.

    Raises NotFound before any hand-over and once it is destroyed, WrongState when the file is not the one handed over.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    known = handover_of(session, lot)
    if known is None:
        raise NotFound("Ce lot n’a pas encore été remis à un imprimeur.")
    environment.require_agreement(session, office.environment)
    printer = session.get_one(Printer, known.printer_id)
    found = Envelope(
        known.file_name, office.settings.files / "imprimeurs" / printer.code, known.content_sha256, known.file_sha256,
        known.size,
    )  # fmt: skip
    if not found.path.exists():
        raise NotFound("Le fichier chiffré n’est plus à sa place : remettez le lot de nouveau, avec son motif.")
    if sealing.sha256_of(found.path) != known.file_sha256.hex():
        raise WrongState("Le fichier chiffré n’est plus celui qui a été remis : prévenez votre administrateur.")
    record(
        session, actor, "lot.telecharger", lot.name or "", at=office.clock(), caisse=lot.caisse,
        detail={"fichier": "chiffré", "imprimeur": printer.code},
    )  # fmt: skip
    return found


def acknowledge(
    session: Session, office: Office, actor: Actor, lot: Lot, received_on: date | None = None, *,
    seen: int | None = None,
) -> Handover:  # fmt: skip
    """Note that the printer has the lot, whole and opened; noted twice, it is noted once."""
    day = received_on or paris_date(office.clock())
    handover = _in_force(session, lot)
    if handover.acknowledged_at is not None and received_on in (None, handover.received_on):
        return handover
    return note_report(session, office, actor, lot, Report(received_on=day), seen=seen)


def note_report(
    session: Session, office: Office, actor: Actor, lot: Lot, report: Report, *, reason: str = "",
    seen: int | None = None,
) -> Handover:  # fmt: skip
    """Note what the printer says: counts, and the days of reception, printing and posting.

    A day noted before is corrected with a reason; an end once put off stays so. Raises Invalid for days out of order,
    WrongState when nobody holds the lot or somebody changed it meanwhile.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    session.refresh(lot, with_for_update=True)
    handover = _in_force(session, lot, lock=True)
    if seen is not None and seen != handover.version:
        raise WrongState("Ce lot a été modifié pendant que vous le lisiez : relisez-le, puis recommencez.")
    if report.empty:
        raise Invalid("Indiquez au moins une date ou un nombre.")
    fault = disorder(handover, report, paris_date(office.clock()))
    if fault:
        raise Invalid(fault)
    changed = changes(handover, report)
    if not changed:
        return handover
    corrected = {name: value for name, value in changed.items() if getattr(handover, name) is not None}
    if corrected and not reason.strip():
        raise Invalid(f"{_said(next(iter(corrected)))} est déjà connu de ce lot : indiquez le motif de la correction.")
    detail: dict[str, Any] = {}
    if report.posted_on is not None and "posted_on" in changed:
        detail = _put_off(session, office, lot, report.posted_on)
    for name, value in changed.items():
        setattr(handover, name, value)
        detail[_JOURNAL[name]] = value.isoformat() if isinstance(value, date) else value
    if handover.acknowledged_at is None:
        handover.acknowledged_at, handover.acknowledged_by = office.clock(), actor.login
    handover.version += 1
    session.flush()
    for kind, ours, theirs in (
        (DifferenceKind.LETTERS, lot.envelopes, report.letters), (DifferenceKind.PAGES, lot.pages, report.pages),
    ):  # fmt: skip
        if theirs is not None and theirs != ours:
            note_difference(
                session, office, actor, handover.printer_id, lot, lot.name or "", kind, str(ours), str(theirs)
            )
    record(
        session, actor, "lot.poster" if "posted_on" in changed else "lot.accuser", lot.name or "", at=office.clock(),
        caisse=lot.caisse, reason=reason.strip()[:500] or None, detail=detail,
    )  # fmt: skip
    return handover


def changes(handover: Handover, report: Report) -> dict[str, date | int]:
    """What the report says that is not noted yet, by the name of its column."""
    said = {name: getattr(report, name) for name in _JOURNAL}
    return {name: value for name, value in said.items() if value is not None and value != getattr(handover, name)}


def disorder(handover: Handover, report: Report, today: date) -> str | None:
    """The sentence about the first day that cannot be after the others, or None."""
    known = [(name, getattr(report, name) or getattr(handover, name)) for name in _DAYS]
    earlier_name, earlier = "handed_at", paris_date(handover.handed_at)
    for name, day in known:
        if day is None:
            continue
        if day > today:
            return f"{_said(name)} ({day:%d/%m/%Y}) est à venir : vérifiez la date."
        if day < earlier:
            return f"{_said(name)} ({day:%d/%m/%Y}) précède {_before(earlier_name)} ({earlier:%d/%m/%Y}) : vérifiez les dates."
        earlier_name, earlier = name, day
    return None


def valid_until(lot: Lot, posted_on: date | None) -> date:
    """The last day promised to whoever holds a letter of this lot; what holds for one person, the record says."""
    return expires_on(max(lot.letter_date, posted_on or lot.letter_date))


def _put_off(session: Session, office: Office, lot: Lot, posted_on: date) -> dict[str, Any]:
    """Have the record put the codes' end off, if the posting was late."""
    if posted_on <= lot.letter_date or not carries_codes(session.get_one(Campaign, lot.campaign_id)):
        return {}
    extended = office.dmp.extend(lot.uid, posted_on)
    return {"prolonges": extended, "valables_jusqu_au": valid_until(lot, posted_on).isoformat()}


def _in_force(session: Session, lot: Lot, *, lock: bool = False) -> Handover:
    handover = handover_of(session, lot, lock=lock)
    if handover is None:
        raise WrongState("Ce lot n’a pas été remis à un imprimeur : remettez-le d’abord.")
    return handover


def _require_fit(office: Office, lot: Lot, printer: Printer) -> None:
    if printer.retired_at is not None:
        raise WrongState(f"{printer.name} ne reçoit plus de lots : choisissez un autre imprimeur.")
    if lot.caisse not in printer.caisses:
        raise WrongState(f"{printer.name} ne sert pas cette caisse : choisissez un autre imprimeur.")
    if printer.certificate_until <= office.clock():
        raise WrongState(
            f"Le certificat de {printer.name} n’est plus valable depuis le {printer.certificate_until:%d/%m/%Y} : "
            "un administrateur doit déclarer le nouveau."
        )
    if lot.duplex and not printer.duplex:
        raise WrongState(f"Ce lot est fait pour une impression recto verso, que {printer.name} ne fait pas.")
    if printer.duplex and not lot.duplex:
        raise WrongState(
            f"{printer.name} imprime recto verso et ce lot n’a pas de versos : le dos d’une lettre porterait la suivante."
        )


def _held(session: Session, known: Handover | None) -> str:
    assert known is not None
    printer = session.get_one(Printer, known.printer_id)
    state = "en a accusé réception" if known.acknowledged_at else "l’a déjà reçu"
    return (
        f"{printer.name} {state} : des courriers sont peut-être déjà imprimés. "
        "Indiquez pourquoi le lot est remis de nouveau."
    )


_DAYS = ("received_on", "printed_on", "posted_on")
_JOURNAL = {
    "received_on": "recu_le", "printed_on": "imprime_le", "posted_on": "depose_le", "letters": "courriers",
    "pages": "pages",
}  # fmt: skip


def _said(name: str) -> str:
    return {
        "received_on": "Le jour de réception", "printed_on": "Le jour d’impression", "posted_on": "Le jour de dépôt",
        "letters": "Le nombre de courriers", "pages": "Le nombre de pages",
    }[name]  # fmt: skip


def _before(name: str) -> str:
    return {
        "handed_at": "la remise à l’imprimeur", "received_on": "la réception", "printed_on": "l’impression",
    }[name]  # fmt: skip
