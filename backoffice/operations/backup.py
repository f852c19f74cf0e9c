"""Backup of the whole state into one encrypted file, its keys into another (docs/decisions/0012).

Both databases and the file store, as they stand at one moment: while that moment is taken, no lot of letters is between
its codes and its seal. Work goes on during the copy. Sessions and doorbells (Valkey) are not kept, nor are passwords of
services, which a restored house makes anew.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from backoffice.audit.journal import record
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.production import lots_folder
from backoffice.campaigns.rules import LotState
from backoffice.campaigns.sealing import sync_folder
from backoffice.core.actor import Actor
from backoffice.core.errors import Invalid, Unavailable
from backoffice.embedded.postgres import programs
from backoffice.office import Office
from backoffice.operations.archive import ArchiveWriter, Part
from backoffice.operations.bringup import external
from backoffice.settings import Settings

DATABASES = ("dmp", "caisse")
"""In the order they are restored: the one that says what may be sent comes last."""
PEM = "-----BEGIN"
"""What a key with its certificate begins with; a ring is JSON."""
LOTS_APART = "lots-ailleurs"
"""Prefix of lots sealed outside the store; a restore brings them into it."""
_PAUSE = "SET LOCAL lock_timeout = '120s'"


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written."""

    archive: Path
    keys: Path
    parts: tuple[Part, ...]
    size: int


def owner_urls(settings: Settings) -> dict[str, str]:
    """The address of each database for the role that owns it."""
    settings.require_owners()
    return {"caisse": settings.caisse_owner_url, "dmp": settings.dmp_owner_url}


def make_backup(office: Office, actor: Actor, archive: Path) -> Backup:
    """Write `archive` and `archive`.keys, both of mode 600, or neither.

    Raises Invalid when the name is taken, Unavailable when the disk, a database or the key file is not there.
    """
    keys = archive.with_name(f"{archive.name}.keys")
    if archive.exists():
        raise Invalid(f"Le fichier {archive} existe déjà : choisissez un autre nom.")
    aside = archive.with_name(f".{archive.name}.partiel")
    keys_aside = archive.with_name(f".{keys.name}.partiel")
    key, archive_id = os.urandom(32), uuid.uuid4()
    settings = office.settings
    try:
        portal, professionals = settings.mondmp, settings.professionals
        own = {
            "codes": settings.code_keyring, "pieces": settings.case_keyring, "holder": portal.holder_keyring,
            "record": portal.record_keyring, "releves": portal.seal, "recus": professionals.seal,
        }  # fmt: skip
        # In service all but the first two lie on other hosts alone, and are copied from there.
        rings = {name: _kept(path) for name, path in own.items()}
        with _private(aside) as out, _frozen(office) as moment:
            writer = ArchiveWriter(out, key, archive_id)
            for name in DATABASES:
                with _dump(owner_urls(settings)[name], moment.snapshots[name]) as dump:
                    writer.add_stream(f"bases/{name}.dump", dump)
            for name, path in moment.files:
                try:
                    writer.add_file(name, path)
                except FileNotFoundError:
                    if name.startswith(("fichiers/lots", LOTS_APART)):
                        raise
            about = {
                "version": version("caisse-dmp"), "fait_le": office.clock().isoformat(), "id": str(archive_id),
                "migrations": moment.revisions, "fichiers": str(settings.files),
            }  # fmt: skip
            parts = writer.close(about)
        with _private(keys_aside) as out:
            kept = {"sauvegarde": str(archive_id), "cle": base64.b64encode(key).decode(), **rings}
            out.write(json.dumps(kept, indent=1).encode())
        size = aside.stat().st_size
        keys_aside.replace(keys)
        aside.replace(archive)
        sync_folder(archive.parent)
    except OSError as error:
        reason = f"{error.strerror or 'erreur du système'}, {error.filename or archive}"
        raise Unavailable(f"La sauvegarde n’a pas pu être écrite ({reason}) : rien n’en est gardé.") from error
    finally:
        aside.unlink(missing_ok=True)
        keys_aside.unlink(missing_ok=True)
    with office.db.unit_of_work() as session:
        record(
            session, actor, "sauvegarde.faire", f"sauvegarde {archive_id}", at=office.clock(),
            detail={"parties": len(parts), "octets": size},
        )  # fmt: skip
    return Backup(archive, keys, parts, size)


def _kept(path: Path) -> object:
    """A key file as the file of keys keeps it: a ring as JSON, a key with its certificate as text; None for none."""
    if not path.exists():
        return None
    content = path.read_text(encoding="ascii")
    return content if content.startswith(PEM) else json.loads(content)


@dataclass(frozen=True, slots=True)
class _Moment:
    snapshots: dict[str, str]
    """PostgreSQL's name of each database's snapshot; valid while the block of `_frozen` lasts."""
    revisions: dict[str, str]
    files: list[tuple[str, Path]]
    """(name in the archive, path): sealed lots never change, and nothing else is listed while it is written."""


@contextmanager
def _frozen(office: Office) -> Iterator[_Moment]:
    """Both databases and the list of files as of one moment."""
    with ExitStack() as stack:
        try:
            gate = stack.enter_context(_connected(office.settings.caisse_owner_url, "READ COMMITTED"))
            gate.execute(text(_PAUSE))
            # Waits for the lots being made, which hold a row of it until their seal is noted, and keeps others waiting.
            gate.execute(text("LOCK TABLE lot IN SHARE MODE"))
            open_ones = {
                name: stack.enter_context(_connected(url, "REPEATABLE READ"))
                for name, url in owner_urls(office.settings).items()
            }
            snapshots = {name: str(one.scalar(text("SELECT pg_export_snapshot()"))) for name, one in open_ones.items()}
            revisions = {
                name: str(one.scalar(text("SELECT version_num FROM alembic_version")))
                for name, one in open_ones.items()
            }
            files = _files(office)
            gate.rollback()
        except DBAPIError as error:
            raise Unavailable(
                "La base de données n’a pas pu être figée pour la sauvegarde : vérifiez les services, puis recommencez."
            ) from error
        yield _Moment(snapshots, revisions, files)


def _files(office: Office) -> list[tuple[str, Path]]:
    store = office.settings.files
    found = [
        (f"fichiers/{path.relative_to(store).as_posix()}", path)
        for path in sorted(store.rglob("*"))
        # A leading dot is how whatever is being written is named.
        if path.is_file() and not any(piece.startswith(".") for piece in path.relative_to(store).parts)
    ]
    with office.db.unit_of_work() as session:
        sealed = session.execute(
            select(Campaign, Lot.name).join(Lot, Lot.campaign_id == Campaign.id).where(Lot.state == LotState.SEALED)
        )
        for campaign, name in sealed:
            folder = lots_folder(office, campaign)
            if not folder.is_relative_to(store):
                found += [
                    (f"{LOTS_APART}/{campaign.reference}/{name}{suffix}", folder / f"{name}{suffix}")
                    for suffix in (".pdf", ".csv", ".json")
                ]
    return found


@contextmanager
def _connected(url: str, isolation: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool, isolation_level=isolation, hide_parameters=True)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _dump(url: str, snapshot: str) -> Iterator[IO[bytes]]:
    """The output of pg_dump; raises Unavailable at the end when it failed."""
    with pg_program("pg_dump", url) as (command, env), tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [*command, "--format=custom", "--no-password", f"--snapshot={snapshot}", "--compress=6"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=complaints, env=env, start_new_session=True,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.stdout.close()
            status = process.wait()
        if status != 0:
            raise Unavailable(f"PostgreSQL n’a pas pu vider la base : {last_line(complaints)}")


@contextmanager
def pg_program(name: str, url: str) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The command line of a PostgreSQL client program for `url`, and its environment.

    The password goes by a file of mode 600: every user of the machine can read a command line.
    """
    own = make_url(url)
    # A server of the operator's may ask for TLS, which the wheel's programs lack: theirs come first then.
    found = shutil.which(name) if external() else None
    with tempfile.TemporaryDirectory(prefix="caisse-") as folder:
        passwords = Path(folder) / "pgpass"
        with _private(passwords) as out:
            out.write(f"*:*:*:{_escaped(own.username)}:{_escaped(own.password)}\n".encode())
        target = own.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
        yield (
            [found or str(programs() / name), f"--dbname={target}"],
            {**os.environ, "PGPASSFILE": str(passwords), "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C.UTF-8"},
        )


def last_line(complaints: IO[bytes]) -> str:
    """What a program said last, without any row of data."""
    complaints.seek(0)
    lines = [line for line in complaints.read().decode(errors="replace").splitlines() if "error:" in line]
    return (lines or ["raison inconnue."])[0][:300]


def _escaped(text_: Any) -> str:
    return str(text_ or "").replace("\\", "\\\\").replace(":", "\\:")


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """A new file of mode 600, on the disk when the block ends."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        yield out
        out.flush()
        os.fsync(out.fileno())
