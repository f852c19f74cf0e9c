"""Importing a population file: one transaction, so that a file is in whole or not at all, and counts that add up.

Rows stream through a temporary table by binary COPY and are merged by SQL. Killed half-way, nothing stays: starting
again ends the same. The reject report is written aside and named before the commit.
"""

import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from backoffice.adapters.db import copy_rows, refresh_statistics, ring_after_commit
from backoffice.audit.journal import record
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import DomainError, Invalid, WrongState
from backoffice.office import Office
from backoffice.population.models import UNDER_WAY, ImportState, PopulationImport
from backoffice.population.notices import follow_addresses
from backoffice.population.reading import PopulationFile
from backoffice.population.rows import Fault, PersonRow, check_row, shown

STRAY_SECONDS = 24 * 3600
REPORT_HEADER = ("ligne", "colonne", "valeur", "motif")
NOT_YOURS = "Cette caisse n’est pas dans votre périmètre."
DUPLICATE = "Ce numéro de sécurité sociale figure déjà à la ligne {first} du fichier pour la même caisse."

# char(n) columns travel as text: their binary forms are the same.
_COLUMNS: tuple[tuple[str, str], ...] = (
    ("line", "int8"), ("nir", "text"), ("civilite", "text"), ("nom_naissance", "text"), ("nom_usage", "text"),
    ("prenom", "text"), ("date_naissance", "text"), ("qualite", "text"), ("nir_od", "text"), ("regime", "text"),
    ("caisse", "text"), ("adresse_2", "text"), ("adresse_3", "text"), ("adresse_4", "text"), ("adresse_5", "text"),
    ("code_postal", "text"), ("ville", "text"), ("pays", "text"), ("email", "text"), ("mobile", "text"),
    ("canal", "text"), ("vitale_serie", "text"), ("vitale_type", "text"), ("dmp", "bool"), ("opposition", "bool"),
    ("pnd", "bool"), ("date_deces", "date"), ("birth_latest", "date"), ("digest", "bytea"),
)  # fmt: skip
_DATA = tuple(name for name, _ in _COLUMNS if name != "line")
_CHANGING = tuple(name for name in _DATA if name not in ("caisse", "nir"))


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What became of a file's rows: read = created + updated + unchanged + rejected."""

    read: int
    created: int
    updated: int
    unchanged: int
    rejected: int


Progress = Callable[[str, int, int | None], None]
"""Receives (stage in French, rows done, rows in all when known)."""


def request_import(
    session: Session, office: Office, actor: Actor, path: Path, *, name: str | None = None, encoding: str = "utf-8",
    report: Path | None = None, ring: bool = True,
) -> PopulationImport:  # fmt: skip
    """Note that a file is to be imported, and wake a worker.

    Raises Invalid when its head is not that of a population file.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    PopulationFile.open(path, encoding).close()
    asked = PopulationImport(
        file_name=(name or path.name)[:200], encoding=encoding, requested_by=actor.login, caisses=sorted(actor.caisses),
        state=ImportState.QUEUED if ring else ImportState.DIRECT, stored_file=str(path.absolute()),
        report_file=str(report.absolute()) if report else None,
        requested_at=office.clock(),
    )  # fmt: skip
    session.add(asked)
    session.flush()
    record(
        session, actor, "population.demander", f"import {asked.id}", at=office.clock(), detail={"encodage": encoding}
    )
    if ring:
        ring_after_commit(session, "import", asked.id)
    return asked


def run_import(office: Office, actor: Actor, import_id: int, progress: Progress | None = None) -> ImportCounts | None:
    """Import the file of a request; None when it is done already or another process is at it.

    Raises Invalid when the file is refused whole: the reason is kept with the request, nothing else is written.
    """
    tell = _Teller(office, import_id, progress)
    try:
        with office.db.unit_of_work() as session:
            asked = session.scalar(
                select(PopulationImport)
                .where(PopulationImport.id == import_id, PopulationImport.state.in_(UNDER_WAY))
                .with_for_update(skip_locked=True)
            )
            if asked is None:
                return None
            return _import(session, office, actor, asked, tell)
    except (Invalid, WrongState) as refusal:
        _refuse(office, actor, import_id, refusal)
        raise


def _import(session: Session, office: Office, actor: Actor, asked: PopulationImport, tell: "_Teller") -> ImportCounts:
    # One import at a time: what is created and what is updated is then beyond doubt.
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('population.import'))"))
    now = office.clock()
    path = Path(asked.stored_file or "")
    report = (
        Path(asked.report_file) if asked.report_file else office.settings.files / "rejets" / f"import-{asked.id}.csv"
    )
    report.parent.mkdir(parents=True, exist_ok=True)
    aside = report.with_name(f".{report.name}.nouveau")
    scope = frozenset(asked.caisses)
    try:
        with (
            PopulationFile.open(path, asked.encoding) as source,
            aside.open("w", encoding="utf-8-sig", newline="") as out,
        ):
            tell("lecture du fichier", 0, None)
            facts = source.check_whole()
            writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
            writer.writerow(REPORT_HEADER)
            rejects = _Rejects(writer)
            session.execute(text(_STAGING))
            rows = _good_rows(
                source, paris_date(now), scope, rejects, lambda done: tell("contrôle des lignes", done, facts.rows)
            )
            staged = copy_rows(session, "staging", [n for n, _ in _COLUMNS], [t for _, t in _COLUMNS], rows)
            tell("mise à jour de la population", facts.rows, facts.rows)
            session.execute(text("ANALYZE staging"))
            for line, nir, first in session.execute(text(_DUPLICATES)).all():
                rejects.add([Fault(line, "nir", shown("nir", nir), DUPLICATE.format(first=first))])
            session.execute(text(_DROP_DUPLICATES))
            merged = session.execute(text(_COUNT)).one()
            session.execute(text(_NEWS))
            session.execute(text(_UPDATE), {"now": now})
            session.execute(text(_INSERT), {"now": now})
            session.execute(text("ANALYZE news"))
            session.execute(text(_HERE))
            session.execute(text(_GONE), {"now": now})
            touched = session.scalars(text("SELECT DISTINCT caisse FROM staging")).all()
            refresh_statistics(session, touched)
            follow_addresses(session, actor, touched, source=f"import {asked.id}", at=now)
        counts = ImportCounts(
            staged + rejects.rows_before_merge, merged.created, merged.updated, merged.unchanged, rejects.rows
        )
        if (
            facts.rows != counts.read
            or counts.read != counts.created + counts.updated + counts.unchanged + counts.rejected
        ):
            raise RuntimeError("the counts of an import do not add up")
        asked.rows_total = asked.rows_read = facts.rows
        asked.created, asked.updated, asked.unchanged, asked.rejected = (
            counts.created,
            counts.updated,
            counts.unchanged,
            counts.rejected,
        )
        asked.file_sha256, asked.state, asked.stage = bytes.fromhex(facts.sha256), ImportState.DONE, ""
        asked.started_at, asked.finished_at, asked.report_file = now, office.clock(), str(report)
        session.flush()
        record(
            session, actor, "population.importer", f"import {asked.id}", at=office.clock(),
            detail={
                "lues": counts.read, "creees": counts.created, "modifiees": counts.updated,
                "identiques": counts.unchanged, "rejetees": counts.rejected,
            },
        )  # fmt: skip
        aside.replace(report)
        return counts
    finally:
        aside.unlink(missing_ok=True)


class _Rejects:
    """The reject report being written: a row may have several faults and is counted once."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self.rows = 0
        self.rows_before_merge = 0

    def add(self, faults: list[Fault], *, before_merge: bool = False) -> None:
        self.rows += 1
        self.rows_before_merge += before_merge
        self._writer.writerows((fault.line, fault.column, _inert(fault.value), fault.reason) for fault in faults)


def _inert(value: str) -> str:
    """The value as a spreadsheet shows it: a cell that begins like a formula is computed by Excel otherwise."""
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def _good_rows(
    source: PopulationFile, today: Any, scope: frozenset[str], rejects: _Rejects, tell: Callable[[int], None]
) -> Iterator[tuple[object, ...]]:
    for done, (line, fields) in enumerate(source.rows(), 1):
        row = check_row(fields, line, today)
        if isinstance(row, PersonRow):
            if row.caisse in scope:
                yield (
                    line, row.nir, row.civilite, row.nom_naissance, row.nom_usage, row.prenom, row.date_naissance, row.qualite,
                    row.nir_od, row.regime, row.caisse, row.adresse_2, row.adresse_3, row.adresse_4, row.adresse_5,
                    row.code_postal, row.ville, row.pays, row.email, row.mobile, row.canal, row.vitale_serie, row.vitale_type,
                    row.dmp, row.opposition, row.pnd, row.date_deces, row.born_by, row.digest,
                )  # fmt: skip
            else:
                rejects.add([Fault(line, "caisse", row.caisse, NOT_YOURS)], before_merge=True)
        else:
            rejects.add(row, before_merge=True)
        if done % 2000 == 0:
            tell(done)


class _Teller:
    """Tells a terminal at once, and the import's page about once a second through a connection of its own."""

    def __init__(self, office: Office, import_id: int, progress: Progress | None) -> None:
        self._office, self._id, self._progress, self._last, self._stage = office, import_id, progress, 0.0, ""
        self._silent = False

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if self._progress:
            self._progress(stage, done, total)
        now = time.monotonic()
        if stage != self._stage or now - self._last > 1:
            self._last, self._stage = now, stage
            self._publish(stage, done, total)

    def _publish(self, stage: str, done: int, total: int | None) -> None:
        if self._silent:
            return
        key = f"caisse:import:{self._id}"
        try:
            self._office.redis.hset(key, mapping={"etape": stage, "lues": done, "total": total or 0})
            self._office.redis.expire(key, 3600)
        except RedisError:
            self._silent = True  # progress is a courtesy: the import goes on without it


def uploads_folder(office: Office) -> Path:
    """Where files sent through the web wait for their import."""
    return office.settings.files / "imports"


def discard_upload(office: Office, import_id: int) -> None:
    """Remove an uploaded file once its import is over: it holds every NIR in clear."""
    with office.db.unit_of_work() as session:
        asked = session.get(PopulationImport, import_id)
        if asked is None or asked.state in UNDER_WAY or asked.stored_file is None:
            return
        stored = Path(asked.stored_file)
        if stored.parent == uploads_folder(office).absolute():
            stored.unlink(missing_ok=True)
            asked.stored_file = None


def discard_strays(session: Session, office: Office) -> int:
    """Remove uploads that no waiting import names, a day old: left by a process killed while it received them."""
    folder = uploads_folder(office).absolute()
    waiting = set(session.scalars(select(PopulationImport.stored_file).where(PopulationImport.state.in_(UNDER_WAY))))
    strays = [
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if str(path) not in waiting and time.time() - path.stat().st_mtime > STRAY_SECONDS
    ]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)


def live_progress(office: Office, import_id: int) -> tuple[str, int, int | None]:
    """(stage, rows done, rows in all) of an import under way; empty when nothing is known."""
    try:
        found: dict[bytes, bytes] = dict(office.redis.hgetall(f"caisse:import:{import_id}"))  # type: ignore[arg-type]
    except RedisError:
        found = {}
    total = int(found.get(b"total", 0))
    return found.get(b"etape", b"").decode(), int(found.get(b"lues", 0)), total or None


def _refuse(office: Office, actor: Actor, import_id: int, refusal: DomainError) -> None:
    at: datetime = office.clock()
    with office.db.unit_of_work() as session:
        session.execute(
            update(PopulationImport)
            .where(PopulationImport.id == import_id, PopulationImport.state.in_(UNDER_WAY))
            .values(state=ImportState.REFUSED, refusal=str(refusal), finished_at=at)
        )
        record(
            session,
            actor,
            "population.importer",
            f"import {import_id}",
            at=at,
            result="refusé",
            reason="fichier refusé en entier",
        )


_STAGING = f"CREATE TEMPORARY TABLE staging ({', '.join(f'{name} {kind}' for name, kind in _COLUMNS)}) ON COMMIT DROP"
_RANKED = "SELECT line, nir, min(line) OVER (PARTITION BY caisse, nir) AS first FROM staging"
_DUPLICATES = f"SELECT line, nir, first FROM ({_RANKED}) ranked WHERE line <> first ORDER BY line"  # noqa: S608
_DROP_DUPLICATES = (
    f"DELETE FROM staging USING ({_RANKED}) ranked WHERE ranked.line = staging.line AND ranked.line <> ranked.first"  # noqa: S608
)
_COUNT = """
    SELECT count(*) FILTER (WHERE p.nir IS NULL) AS created,
        count(*) FILTER (WHERE p.digest <> s.digest) AS updated,
        count(*) FILTER (WHERE p.digest = s.digest) AS unchanged
    FROM staging s LEFT JOIN person p ON p.caisse = s.caisse AND p.nir = s.nir
"""
_UPDATE = f"""
    UPDATE person p SET {", ".join(f"{name} = s.{name}" for name in _CHANGING)}, updated_at = :now
    FROM staging s WHERE p.caisse = s.caisse AND p.nir = s.nir AND p.digest <> s.digest
"""  # noqa: S608
_INSERT = f"""
    INSERT INTO person ({", ".join(_DATA)}, created_at, updated_at)
    SELECT {", ".join(f"s.{name}" for name in _DATA)}, :now, :now
    FROM staging s LEFT JOIN person p ON p.caisse = s.caisse AND p.nir = s.nir WHERE p.nir IS NULL ORDER BY s.line
"""  # noqa: S608

# A person is where a file last had something new to say of them: a later extraction of the caisse they left, which may
# still list them for weeks, says nothing new. In one file, the later line.
_NEWS = """
    CREATE TEMPORARY TABLE news ON COMMIT DROP AS
    SELECT s.caisse, s.nir, s.qualite, s.line FROM staging s
    LEFT JOIN person p ON p.caisse = s.caisse AND p.nir = s.nir WHERE p.nir IS NULL OR p.digest <> s.digest
"""
_HERE = """
    UPDATE person p SET gone_at = NULL FROM news n
    WHERE p.caisse = n.caisse AND p.nir = n.nir AND p.gone_at IS NOT NULL
"""
# A child may be with both parents: a dependant's row takes nobody away who has rights of their own.
_GONE = """
    UPDATE person p SET gone_at = :now FROM news n
    WHERE p.nir = n.nir AND p.caisse <> n.caisse AND p.gone_at IS NULL AND (n.qualite = 'OD' OR p.qualite <> 'OD')
        AND NOT EXISTS (SELECT FROM news m WHERE m.nir = p.nir AND m.caisse = p.caisse AND m.line > n.line)
"""
