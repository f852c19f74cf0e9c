"""Making one lot of paper letters: claimed, laid out, coded, sealed, in an order that survives a kill at any point.

The lot's row is locked from the claim to the commit, so one process at a time makes it and a dead one lets go at once.
1. Lay out every letter; those that do not fit become exceptions before any code exists.
2. Have codes issued (committed in the record under the lot's id; an earlier attempt's codes are replaced).
3. Stamp, write aside, flush, rename: the proof last.
4. Note the seal in the database, commit.
Killed before 3 ends: nothing sealed; the next attempt has new codes issued and writes again. Killed between 3 and 4:
the next attempt finds the sealed files, sees that they carry the codes in force, and adopts them. Anything else that
lies under the lot's name puts the lot in quarantine, with its reason, and the other lots go on.
"""

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from itertools import chain
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from backoffice.adapters import environment
from backoffice.adapters.dmp import expires_on, group
from backoffice.audit.journal import record
from backoffice.campaigns import control, sealing
from backoffice.campaigns.codes import LotCodes, codes_for, codes_in_force
from backoffice.campaigns.destinations import count_destinations
from backoffice.campaigns.kinds import Exclusion
from backoffice.campaigns.letters import kind_of_letter, recipient_of, values_of, waiting_letters
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.printers import finishing_of
from backoffice.campaigns.rules import CampaignState, Channel, LetterState, LotState, lot_name
from backoffice.campaigns.templates import program_of
from backoffice.campaigns.trials import version_for
from backoffice.core.actor import Actor
from backoffice.core.address import AddressFault, address_block
from backoffice.core.errors import Unavailable
from backoffice.letters.compile import LaidOut, PageProgram
from backoffice.letters.faults import LetterFault
from backoffice.letters.marks import Finishing
from backoffice.letters.reference import format_letter_id
from backoffice.letters.stamp import LotWriter
from backoffice.office import Office

LOOK_UP = 500
"""Letters between two looks at whether the campaign still runs: a pause stops within a second or two."""
BYTES_A_LETTER = 2500
"""Generous: what a page may take on the disk, for the check of room before starting."""


class _Paused(Exception):
    """The campaign was paused while the lot was being made."""


class Outcome(Enum):
    """What became of a lot asked for."""

    SEALED = "scellé"
    ADOPTED = "repris"
    EMPTY = "vide"
    QUARANTINED = "quarantaine"
    NOTHING = "rien à faire"


@dataclass(slots=True)
class _Line:
    """A letter under way."""

    number: int
    person_id: int
    letter_id: str
    row: Any
    reason: str | None
    laid_out: LaidOut | None = None
    fault: str | None = None
    pages: tuple[int, int] | None = None

    @property
    def state(self) -> LetterState:
        if self.reason:
            return LetterState.EXCLUDED
        return LetterState.EXCEPTION if self.fault else LetterState.SEALED


def lots_folder(office: Office, campaign: Campaign) -> Path:
    """Where the campaign's lots are sealed."""
    return Path(campaign.folder) if campaign.folder else office.settings.files / "lots" / campaign.reference


def produce_lot(session: Session, office: Office, actor: Actor, lot_id: int) -> Outcome:
    """Make the lot if it waits and its campaign runs; in the caller's transaction, which must be committed after.

    Raises WrongState when this environment may not send (see adapters.environment), Unavailable when a part is down or
    the disk is full.
    """
    lot = session.scalar(
        select(Lot)
        .where(Lot.id == lot_id, Lot.state == LotState.PLANNED, Lot.channel == Channel.POST)
        .with_for_update(skip_locked=True)
    )
    if lot is None:
        return Outcome.NOTHING
    campaign = session.get_one(Campaign, lot.campaign_id)
    if campaign.status is not CampaignState.RUNNING:
        return Outcome.NOTHING
    environment.require_agreement(session, office.environment)
    lot.attempts += 1
    now = office.clock()
    program = program_of(office, kind_of_letter(campaign).name, version_for(campaign, lot))
    finishing = finishing_of(session, campaign)
    lot.duplex, lot.marks = finishing.duplex, finishing.marks
    lines = _load(session, office, campaign, lot)
    folder = lots_folder(office, campaign)
    lot.name = lot_name(
        campaign.reference,
        lot.caisse,
        lot.sequence,
        (line.letter_id for line in lines),
        lot.letter_date,
        program.version,
        finishing,
    )
    try:
        found = sealing.find_seal(folder, lot.name)
        if found is not None and found.emission != codes_in_force(office, campaign, lot):
            raise sealing.Mismatch("Un lot du même nom est déjà sur le disque avec d’autres codes que ceux en vigueur.")
    except sealing.Mismatch as mismatch:
        return _quarantine(session, office, actor, campaign, lot, folder, str(mismatch))
    if found is not None:
        _adopt(lines, folder, found)
        outcome = Outcome.ADOPTED
    else:
        sealing.require_room(folder, BYTES_A_LETTER * len(lines))
        sealing.clear_unsealed(folder, lot.name)
        try:
            _lay_out(program, lot, lines)
            found = _write(session, office, program, campaign, lot, lines, folder, finishing)
        except _Paused:
            return Outcome.NOTHING
        outcome = Outcome.SEALED if found else Outcome.EMPTY
    _note(session, lot, lines, found, now)
    if found is not None:
        control.note_controls(session, lot, found.content.get("controles", []))
        count_destinations(session, lot)
    record(
        session, actor, f"lot.{'sceller' if found else 'vider'}", lot.name, at=now, caisse=lot.caisse,
        detail={
            "courriers": lot.letters, "exceptions": lot.exceptions, "exclus": lot.excluded,
            "repris": outcome is Outcome.ADOPTED,
        },
    )  # fmt: skip
    return outcome


def _load(session: Session, office: Office, campaign: Campaign, lot: Lot) -> list[_Line]:
    """The lot's letters in page order, eligibility looked at again with today's population."""
    rows = waiting_letters(session, office.dmp, campaign, lot)
    return [_Line(row.number, row.person_id, format_letter_id(lot.caisse, row.number), row, row.reason) for row in rows]


def _lay_out(program: PageProgram, lot: Lot, lines: list[_Line]) -> None:
    for line in lines:
        if line.reason is None:
            try:
                recipient = recipient_of(line.row)
                values = values_of(recipient, line.row, lot.letter_date, about=line.row.about_at, asked=line.row.asked)
                line.laid_out = program.lay_out(values, address_block(recipient))
            except (AddressFault, LetterFault) as fault:
                line.fault = str(fault)


def _write(
    session: Session,
    office: Office,
    program: PageProgram,
    campaign: Campaign,
    lot: Lot,
    lines: list[_Line],
    folder: Path,
    finishing: Finishing,
) -> sealing.Seal | None:
    """Codes, pages, manifest, seal; None when nobody is left to write to."""
    ready = [line for line in lines if line.laid_out is not None]
    issued: LotCodes | None = None
    if ready:
        issued = codes_for(office, campaign, lot, lot.uid, [line.person_id for line in ready])
        for line in ready:
            if line.person_id in issued.refused:
                line.reason, line.laid_out = issued.refused[line.person_id], None
        ready = [line for line in ready if line.laid_out is not None]
    if issued is None or not ready:
        return None
    assert lot.name is not None
    name = lot.name
    with sealing.writing_aside(folder, name) as aside:
        with LotWriter(
            program,
            aside / f"{name}.pdf",
            title=f"{kind_of_letter(campaign).label} – lot {name}",
            date=lot.letter_date,
            finishing=finishing,
        ) as writer:
            for rank, line in enumerate(ready):
                if rank % LOOK_UP == 0:
                    _require_running(office, campaign)
                assert line.laid_out is not None
                code = group(issued.codes[line.person_id]) if issued.codes is not None else None
                line.pages = writer.add(line.laid_out, letter_id=line.letter_id, code=code)
            controls = control.control_lines(session, program, campaign, lot)
            for one in controls:
                code = control.CODE if issued.codes is not None else None
                one.pages = writer.add(one.laid_out, letter_id=one.letter_id, code=code)
        csv_sha = sealing.write_manifest(
            aside / f"{name}.csv",
            chain((_manifest_row(lot, line) for line in ready), control.manifest_rows(lot, controls)),
        )
        proof = {
            "lot": name,
            "campagne": campaign.reference,
            "caisse": lot.caisse,
            "date_courrier": lot.letter_date.isoformat(),
            "valable_jusqu_au": expires_on(lot.letter_date).isoformat() if issued.codes is not None else None,
            "modele": program.version,
            "recto_verso": finishing.duplex,
            "reperes": finishing.marks,
            "emission": str(issued.issue_id),
            "lettres": len(ready),
            "controles": control.proof_entries(controls),
            "pages": writer.pages,
            "octets": writer.bytes,
            "exceptions": [
                {"lettre": line.letter_id, "personne": line.person_id, "motif": line.fault}
                for line in lines
                if line.fault
            ],
            "sha256": {"pdf": writer.sha256, "csv": csv_sha},
        }
        _require_still_ours(session, office, campaign, lot, issued)
        sealing.seal(aside, folder, name, proof)
    return sealing.find_seal(folder, name)


def _require_still_ours(session: Session, office: Office, campaign: Campaign, lot: Lot, issued: LotCodes) -> None:
    """Just before sealing: is the lot's row still held, and are these codes still the valid ones?

    A process that was frozen, or whose database restarted, has lost the row and may have been replaced.
    """
    session.execute(text("SELECT 1"))
    if codes_in_force(office, campaign, lot) != issued.issue_id:
        raise Unavailable("Un autre processus a repris ce lot : celui-ci s’arrête, rien n’est perdu.")


def _require_running(office: Office, campaign: Campaign) -> None:
    """A lot half made is left as it is: the next attempt begins anew, with other codes."""
    with office.db.unit_of_work() as session:
        if session.scalar(select(Campaign.state).where(Campaign.id == campaign.id)) != CampaignState.RUNNING:
            raise _Paused


def _manifest_row(lot: Lot, line: _Line) -> tuple[object, ...]:
    assert line.pages is not None
    first, last = line.pages
    row = line.row
    return (line.letter_id, first, last, line.person_id, lot.caisse, row.code_postal, row.ville, lot.channel, "scellee")


def _adopt(lines: list[_Line], folder: Path, found: sealing.Seal) -> None:
    """Take the outcome of an attempt that sealed and died: the manifest says who is in, the proof who is not."""
    pages = {
        row["lettre"]: (int(row["page_debut"]), int(row["page_fin"]))
        for row in sealing.read_manifest(folder / f"{found.name}.csv")
    }
    faults = {entry["lettre"]: entry["motif"] for entry in found.content["exceptions"]}
    for line in lines:
        line.pages = pages.get(line.letter_id)
        if line.pages is not None:
            line.reason = line.fault = None
        elif line.letter_id in faults:
            line.fault = faults[line.letter_id]
        elif line.reason is None:
            line.reason = Exclusion.LIVE_CODE


def _note(session: Session, lot: Lot, lines: list[_Line], found: sealing.Seal | None, now: datetime) -> None:
    """The database's side of the seal."""
    session.execute(
        text("""
        UPDATE letter SET state = v.state, page_first = v.first, page_last = v.last, reason = v.reason, at = :now
        FROM unnest(CAST(:numbers AS bigint[]), CAST(:states AS text[]), CAST(:firsts AS int[]), CAST(:lasts AS int[]),
                    CAST(:reasons AS text[])) AS v(number, state, first, last, reason)
        WHERE letter.caisse = :caisse AND letter.number = v.number
        """),
        {
            "now": now, "caisse": lot.caisse,
            "numbers": [line.number for line in lines],
            "states": [line.state.value for line in lines],
            "firsts": [line.pages[0] if line.pages else None for line in lines],
            "lasts": [line.pages[1] if line.pages else None for line in lines],
            "reasons": [line.fault or line.reason for line in lines],
        },
    )  # fmt: skip
    lot.exceptions = sum(1 for line in lines if line.fault)
    lot.left_out = Counter(line.reason for line in lines if line.reason)
    lot.excluded = sum(lot.left_out.values())
    lot.sealed_at = now
    if found is None:
        lot.state, lot.reason = LotState.EMPTY, None
        return
    lot.state, lot.reason = LotState.SEALED, None
    lot.letters, lot.pages, lot.size, lot.emission = found.letters, found.pages, found.size, found.emission
    lot.pdf_sha256, lot.csv_sha256 = bytes.fromhex(found.pdf_sha256), bytes.fromhex(found.csv_sha256)


def _quarantine(
    session: Session, office: Office, actor: Actor, campaign: Campaign, lot: Lot, folder: Path, reason: str
) -> Outcome:
    """Set the lot and what lies under its name aside, with the reason; a person decides."""
    assert lot.name is not None
    place = folder / "quarantaine" / f"{lot.name}.{uuid.uuid4().hex[:8]}"
    place.mkdir(parents=True)
    for suffix in (".pdf", ".csv", ".json"):
        source = folder / f"{lot.name}{suffix}"
        if source.exists():
            source.rename(place / source.name)
    lot.state, lot.reason = LotState.QUARANTINED, reason
    session.flush()
    record(
        session,
        actor,
        "lot.quarantaine",
        f"{campaign.reference} lot {lot.sequence}",
        at=office.clock(),
        caisse=lot.caisse,
        reason=reason,
    )
    return Outcome.QUARANTINED
