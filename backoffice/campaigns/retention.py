"""Retention: a lot's pages are destroyed some time after their printer has them; later, its letters forget who they
were for, unless the person opened a DMP. Proofs and counts stay.

Both begin with a mark that is committed before anything is touched, and can be taken up by the next round wherever a
crash left them. `caisse verify` knows what is gone, and recounts what is left.
"""

import csv
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from dateutil.relativedelta import relativedelta
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.campaigns import sealing
from backoffice.campaigns.envelopes import take_back
from backoffice.campaigns.incidents import MailIncident
from backoffice.campaigns.keeping import LotRetention
from backoffice.campaigns.lists import erase_list, lists_over
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.printers import Printer
from backoffice.campaigns.printing import Handover
from backoffice.campaigns.production import lots_folder
from backoffice.campaigns.rules import Channel, LotState
from backoffice.core.actor import Actor, system_actor
from backoffice.core.clock import paris_date
from backoffice.letters.reference import letter_id_digits
from backoffice.letters.requests import LetterRequest
from backoffice.office import Office
from backoffice.parameters.limits import LETTER_LINK_MONTHS, LOT_FILES_DAYS
from backoffice.parameters.reading import current

MOST: Final = 50
"""Lots dealt with in one round of the sweep."""
_BATCH: Final = 5000
_BLOCK: Final = 1 << 20

# A code ends two months after its letter's date, its posting or that of its latest reprint, whichever is last.
_OVER = """(greatest(o.letter_date,
    (SELECT max(h.posted_on) FROM handover h WHERE h.lot_id = o.id),
    (SELECT max(r.posted_on) FROM letter_reprint r WHERE r.lot_id = o.id)) + interval '2 months')::date < :link_end"""
_TO_ERASE = f"""
SELECT o.id FROM lot o LEFT JOIN lot_retention k ON k.lot_id = o.id
WHERE o.state IN ('scelle', 'envoye', 'annule', 'vide') AND k.erased_at IS NULL AND {_OVER} ORDER BY o.id LIMIT :most
"""  # noqa: S608
_TO_DESTROY = f"""
SELECT o.id FROM lot o LEFT JOIN lot_retention k ON k.lot_id = o.id
WHERE o.state = 'scelle' AND o.channel = 'courrier' AND k.destroyed_at IS NULL AND (
    k.destroying_at IS NOT NULL OR {_OVER} OR (
        EXISTS (SELECT FROM handover h WHERE h.lot_id = o.id AND h.ended_at IS NULL AND h.acknowledged_at < :files_end)
        AND NOT EXISTS (SELECT FROM printer_difference d WHERE d.lot_id = o.id AND d.settled_at IS NULL)))
ORDER BY o.id LIMIT :most
"""  # noqa: S608


@dataclass(slots=True)
class Retained:
    """What a round did, or would do."""

    lots_destroyed: int = 0
    lots_erased: int = 0
    letters_erased: int = 0
    codes_erased: int = 0
    lists_erased: int = 0


def run_retention(office: Office, actor: Actor, *, dry_run: bool = False, most: int = MOST) -> Retained:
    """One round: pages first, links next; with `dry_run` only counts the lots that are due."""
    found = Retained()
    with office.db.unit_of_work() as session:
        limits = _limits(session, office, most)
        destroy = session.scalars(text(_TO_DESTROY), limits).all()
        erase = session.scalars(text(_TO_ERASE), limits).all()
        # A list serves before its campaign's letters; they keep their links two months of code and the time set after.
        lists = lists_over(session, limits["link_end"] - relativedelta(months=2))
        if dry_run:
            found.lots_destroyed, found.lots_erased, found.lists_erased = len(destroy), len(erase), len(lists)
            found.letters_erased = sum(_letters(session, session.get_one(Lot, lot_id)) for lot_id in erase)
            return found
    for lot_id in destroy:
        found.lots_destroyed += destroy_pages(office, actor, lot_id)
    for lot_id in erase:
        _erase(office, actor, lot_id, found)
    for list_id in lists:
        with office.db.unit_of_work() as session:
            found.lists_erased += erase_list(session, actor, list_id, office.clock()) > 0
    return found


def retain(office: Office) -> int:
    """Duty of the sweep, once an hour over all hosts."""
    if not office.redis.set("caisse:conservation", "", nx=True, ex=3600):
        return 0
    done = run_retention(office, system_actor())
    return done.lots_destroyed + done.lots_erased + done.lists_erased


def destroy_pages(office: Office, actor: Actor, lot_id: int) -> bool:
    """Overwrite and remove the pages of a lot and their encrypted copies; False when another process is at it."""
    with office.db.unit_of_work() as session:
        lot = _lock(session, lot_id)
        if lot is None:
            return False
        _mark(session, lot_id).destroying_at = office.clock()
    with office.db.unit_of_work() as session:
        lot = _lock(session, lot_id)
        if lot is None or (kept := session.get_one(LotRetention, lot_id)).destroyed_at is not None:
            return False
        campaign = session.get_one(Campaign, lot.campaign_id)
        overwrite(lots_folder(office, campaign) / f"{lot.name}.pdf")
        handed = select(Handover, Printer).join(Printer, Printer.id == Handover.printer_id)
        for handover, printer in session.execute(handed.where(Handover.lot_id == lot.id)):
            take_back(office, printer, handover.file_name)
        kept.destroyed_at = office.clock()
        session.flush()
        record(
            session, actor, "lot.detruire", lot.name or "", at=office.clock(), caisse=lot.caisse,
            detail={"pages": lot.pages, "sha256": (lot.pdf_sha256 or b"").hex()},
        )  # fmt: skip
    return True


def overwrite(path: Path) -> None:
    """Write over a file, then remove it; nothing to do when it is gone.

    Where the file system writes elsewhere (journals, snapshots, flash), only an encrypted disk keeps the old blocks
    from telling: docs/operations.md says so.
    """
    try:
        path.chmod(0o600)
        left = path.stat().st_size
        with path.open("r+b", buffering=0) as file:
            while left > 0:
                left -= file.write(os.urandom(min(_BLOCK, left)))
            os.fsync(file.fileno())
        path.unlink()
    except FileNotFoundError:
        return
    sealing.sync_folder(path.parent)


def _erase(office: Office, actor: Actor, lot_id: int, found: Retained) -> None:
    """Forget whom a lot's letters were for; takes up what an earlier attempt began."""
    with office.db.unit_of_work() as session:
        lot = _lock(session, lot_id)
        if lot is None:
            return
        if office.dmp.ends(lot.uid) and max(office.dmp.ends(lot.uid)) >= _limits(session, office, 1)["link_end"]:
            return  # the record knows of a later end: not yet
        _mark(session, lot_id).erasing_at = office.clock()
    with office.db.unit_of_work() as session:
        lot = _lock(session, lot_id)
        if lot is None or (kept := session.get_one(LotRetention, lot_id)).erased_at is not None:
            return
        persons = _without_dmp(session, office, lot)
        codes = 0
        for batch in _batches(persons):
            codes += office.dmp.forget(lot.caisse, batch, _limits(session, office, 1)["link_end"] + timedelta(days=1))
            session.execute(
                update(Letter).where(*_of(lot), Letter.person_id.in_(batch)).values(person_id=-Letter.number)
            )
        kept.letters_erased = _erased(session, lot)
        forgotten = select(Letter.number).where(*_of(lot), Letter.person_id < 0)
        for beside in (MailIncident, LetterRequest):
            session.execute(
                update(beside)
                .where(beside.caisse == lot.caisse, beside.letter_number.in_(forgotten))
                .values(person_id=-beside.letter_number)
            )
        if lot.channel == Channel.POST and lot.status is LotState.SEALED:
            campaign = session.get_one(Campaign, lot.campaign_id)
            kept.manifest_sha256 = bytes.fromhex(_rewrite(lots_folder(office, campaign), session, lot))
        kept.erased_at = office.clock()
        session.flush()
        record(
            session, actor, "lot.effacer_liens", lot.name or f"lot {lot.id}", at=office.clock(),
            caisse=lot.caisse, detail={"courriers": kept.letters_erased, "codes": codes},
        )  # fmt: skip
    found.lots_erased += 1
    found.letters_erased += kept.letters_erased or 0
    found.codes_erased += codes


def _rewrite(folder: Path, session: Session, lot: Lot) -> str:
    """The manifest and the proof without the persons erased, as the database has them; returns the manifest's SHA-256."""
    forgotten = select(Letter.number).where(*_of(lot), Letter.person_id < 0)
    erased = {f"{lot.caisse}{number:09d}" for number in session.scalars(forgotten)}
    manifest, proof = folder / f"{lot.name}.csv", folder / f"{lot.name}.json"
    with sealing.writing_aside(folder, lot.name or "") as aside:
        with (
            manifest.open(encoding="utf-8", newline="") as source,
            (aside / "m").open("w", encoding="utf-8", newline="") as out,
        ):
            rows = csv.DictReader(source, delimiter=";")
            writer = csv.DictWriter(out, rows.fieldnames or sealing.HEADER, delimiter=";", lineterminator="\n")
            writer.writeheader()
            for row in rows:
                writer.writerow(row | {"personne": ""} if letter_id_digits(row["lettre"])[:12] in erased else row)
            out.flush()
            os.fsync(out.fileno())
        content: dict[str, Any] = json.loads(proof.read_text(encoding="utf-8"))
        for one in content.get("exceptions", []):
            if letter_id_digits(one["lettre"])[:12] in erased:
                one["personne"] = None
        (aside / "p").write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        digest = sealing.sha256_of(aside / "m")
        for name, target in (("m", manifest), ("p", proof)):
            (aside / name).chmod(0o440)
            (aside / name).replace(target)
        sealing.sync_folder(folder)
    return digest


def _without_dmp(session: Session, office: Office, lot: Lot) -> list[int]:
    """The persons of the lot's letters who never opened a DMP."""
    persons = list(session.scalars(select(Letter.person_id).where(*_of(lot), Letter.person_id > 0)))
    holders: set[int] = set()
    for batch in _batches(persons):
        holders |= office.dmp.dossier_states(lot.caisse, batch).keys()
    return [person for person in persons if person not in holders]


def _limits(session: Session, office: Office, most: int) -> dict[str, Any]:
    values, today = current(session), paris_date(office.clock())
    link_end: date = today - relativedelta(months=values.of(LETTER_LINK_MONTHS))
    return {"files_end": office.clock() - timedelta(days=values.of(LOT_FILES_DAYS)), "link_end": link_end, "most": most}


def _lock(session: Session, lot_id: int) -> Lot | None:
    return session.scalar(select(Lot).where(Lot.id == lot_id).with_for_update(skip_locked=True))


def _mark(session: Session, lot_id: int) -> LotRetention:
    kept = session.get(LotRetention, lot_id)
    if kept is None:
        kept = LotRetention(lot_id=lot_id)
        session.add(kept)
    return kept


def _letters(session: Session, lot: Lot) -> int:
    return session.scalar(select(func.count()).select_from(Letter).where(*_of(lot), Letter.person_id > 0)) or 0


def _erased(session: Session, lot: Lot) -> int:
    return session.scalar(select(func.count()).select_from(Letter).where(*_of(lot), Letter.person_id < 0)) or 0


def _of(lot: Lot) -> tuple[Any, ...]:
    return (
        Letter.caisse == lot.caisse, Letter.campaign_id == lot.campaign_id, Letter.channel == lot.channel,
        Letter.lot_sequence == lot.sequence,
    )  # fmt: skip


def _batches(persons: list[int]) -> Iterator[list[int]]:
    return (persons[start : start + _BATCH] for start in range(0, len(persons), _BATCH))
