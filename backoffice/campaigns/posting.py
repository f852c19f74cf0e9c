"""What a printer says about its lots in a file: read whole or not at all, what agrees noted, the rest to be settled.

`docs/formats/retour-imprimeur.md` describes the file. Reading it twice changes nothing.
"""

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from sqlalchemy import Identity, Integer, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.audit.journal import record
from backoffice.campaigns.differences import DifferenceKind, count_open, note_difference
from backoffice.campaigns.models import Lot, access_lot
from backoffice.campaigns.printers import Printer, access_printer
from backoffice.campaigns.printing import Handover, Report, changes, disorder, handover_of, note_report
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, NotFound
from backoffice.office import Office

HEADER: Final = ("lot", "lettres", "pages", "recu_le", "imprime_le", "depose_le")
LARGEST: Final = 2 * 1024**2
"""Bytes of a return file: some twenty thousand lots."""
_DAY: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)|(\d\d)/(\d\d)/(\d{4})")


class PrinterReturn(Base):
    """A return file that was read."""

    __tablename__ = "printer_return"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    printer_id: Mapped[int]
    file_name: Mapped[str]
    file_sha256: Mapped[bytes]
    lines: Mapped[int] = mapped_column(Integer)
    noted: Mapped[int] = mapped_column(Integer)
    """Lots of which something new was noted."""
    differences: Mapped[int] = mapped_column(Integer)
    read_at: Mapped[datetime]
    read_by: Mapped[str]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a return file."""

    number: int
    lot: str
    report: Report


@dataclass(slots=True)
class Reading:
    """What reading a return file did."""

    lines: int = 0
    noted: list[str] = field(default_factory=list)
    """Names of the lots of which something new was noted."""
    unchanged: int = 0
    differences: int = 0
    known_since: datetime | None = None
    """When this very file was read before; then nothing was done."""


def read_lines(content: bytes) -> list[Line]:
    """The lines of a return file. Raises Invalid, naming the line, at the first thing that cannot be read."""
    if len(content) > LARGEST:
        raise Invalid("Ce fichier dépasse 2 Mo : ce n’est pas un retour d’imprimeur.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("Ce fichier n’est pas en UTF-8 : demandez à l’imprimeur de l’enregistrer ainsi.") from None
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    try:
        head = tuple(name.strip().lower() for name in next(rows, []))
        if head != HEADER:
            raise Invalid(f"La première ligne doit être « {';'.join(HEADER)} » : ce n’est pas un retour d’imprimeur.")
        lines = [_line(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error:
        raise Invalid(f"Les guillemets de la ligne {rows.line_num} sont mal fermés : corrigez le fichier.") from None
    if not lines:
        raise Invalid("Ce fichier ne parle d’aucun lot.")
    twice = next(iter(_twice(lines)), None)
    if twice is not None:
        raise Invalid(f"Ligne {twice.number} : le lot « {twice.lot[:60]} » figure déjà plus haut dans le fichier.")
    return lines


def read_return(
    session: Session, office: Office, actor: Actor, printer_code: str, content: bytes, file_name: str
) -> Reading:
    """Note what the file says of each lot, and each difference. Raises Invalid, and nothing is done, for a bad file."""
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    printer = access_printer(session, actor, printer_code, lock=True)  # one file of a printer at a time
    lines = read_lines(content)
    digest = hashlib.sha256(content).digest()
    known = session.scalar(
        select(PrinterReturn).where(
            PrinterReturn.printer_id == printer.id,
            PrinterReturn.file_sha256 == digest,
            PrinterReturn.read_by == actor.login,
        )
    )
    if known is not None:
        return Reading(lines=known.lines, known_since=known.read_at)
    found = Reading(lines=len(lines))
    for line in lines:
        _take(session, office, actor, printer, line, found)
    session.add(
        PrinterReturn(
            printer_id=printer.id, file_name=file_name[:120], file_sha256=digest, lines=len(lines), noted=len(found.noted),
            differences=found.differences, read_at=office.clock(), read_by=actor.login,
        )
    )  # fmt: skip
    session.flush()
    record(
        session, actor, "imprimeur.retour", f"imprimeur {printer.code}", at=office.clock(),
        detail={"lignes": len(lines), "lots": len(found.noted), "ecarts": found.differences},
    )  # fmt: skip
    return found


def returns_of(session: Session, actor: Actor, limit: int = 20) -> list[tuple[PrinterReturn, Printer]]:
    """The latest return files of the printers within the actor's caisses."""
    query = (
        select(PrinterReturn, Printer)
        .join(Printer, Printer.id == PrinterReturn.printer_id)
        .where(Printer.caisses.overlap(sorted(actor.caisses)))
        .order_by(PrinterReturn.id.desc())
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def _take(session: Session, office: Office, actor: Actor, printer: Printer, line: Line, found: Reading) -> None:
    """One line: noted as far as it agrees."""

    def differ(kind: DifferenceKind, ours: str, theirs: str, lot: Lot | None = None) -> None:
        note_difference(session, office, actor, printer.id, lot, line.lot, kind, ours, theirs)
        found.differences += 1

    try:
        lot, _ = access_lot(session, actor, line.lot)
    except NotFound:
        differ(DifferenceKind.UNKNOWN, "", line.lot)
        return
    handover = handover_of(session, lot)
    if handover is None or handover.printer_id != printer.id:
        differ(DifferenceKind.NOT_HANDED, "non remis", printer.name, lot)
        return
    before = found.differences
    report = _settled(handover, line.report, lambda kind, ours, theirs: differ(kind, ours, theirs, lot), office)
    if not report.empty and changes(handover, report):
        counted = count_open(session, lot)
        try:
            note_report(session, office, actor, lot, report)
            found.noted.append(line.lot)
            found.differences += count_open(session, lot) - counted
        except Invalid as refusal:  # the record's: posted too late for a code to live again
            differ(DifferenceKind.TOO_LATE, f"{lot.letter_date:%d/%m/%Y}", str(refusal), lot)
    elif found.differences == before:
        found.unchanged += 1


def _settled(
    handover: Handover, report: Report, differ: Callable[[DifferenceKind, str, str], None], office: Office
) -> Report:
    """What of the report agrees with what is known; each disagreement is told."""
    for name in ("received_on", "printed_on", "posted_on"):
        known, said = getattr(handover, name), getattr(report, name)
        if known is not None and said is not None and said != known:
            differ(DifferenceKind.CHANGED, f"{known:%d/%m/%Y}", f"{said:%d/%m/%Y}")
            report = replace(report, **{name: None})
    fault = disorder(handover, report, paris_date(office.clock()))
    if fault is not None:
        differ(DifferenceKind.ORDER, "", fault)
        report = replace(report, received_on=None, printed_on=None, posted_on=None)
    return report


def _line(number: int, row: list[str]) -> Line:
    if len(row) != len(HEADER):
        raise Invalid(f"Ligne {number} : {len(row)} colonnes au lieu de {len(HEADER)}.")
    name, letters, pages, received, printed, posted = (cell.strip() for cell in row)
    if not name:
        raise Invalid(f"Ligne {number} : le nom du lot manque.")
    return Line(
        number, name,
        Report(
            _day(number, "recu_le", received), _day(number, "imprime_le", printed), _day(number, "depose_le", posted),
            _count(number, "lettres", letters), _count(number, "pages", pages),
        ),
    )  # fmt: skip


def _day(number: int, column: str, text: str) -> date | None:
    if not text:
        return None
    found = _DAY.fullmatch(text)
    try:
        if found is None:
            raise ValueError
        year, month, day, french_day, french_month, french_year = found.groups()
        return date(int(year or french_year), int(month or french_month), int(day or french_day))
    except ValueError:
        raise Invalid(
            f"Ligne {number} : « {text[:20]} » n’est pas une date pour {column} ; écrivez AAAA-MM-JJ."
        ) from None


def _count(number: int, column: str, text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Invalid(f"Ligne {number} : « {text[:20]} » n’est pas un nombre pour {column}.")
    return int(text)


def _twice(lines: list[Line]) -> Iterator[Line]:
    seen: set[str] = set()
    for line in lines:
        if line.lot in seen:
            yield line
        seen.add(line.lot)
