"""Restoring a backup into an empty place: verified whole first, put in place last, and never sending by itself."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from backoffice import migrations as caisse_migrations
from backoffice.adapters.db import Database
from backoffice.audit.journal import record
from backoffice.core.actor import Actor
from backoffice.core.clock import Clock, system_clock
from backoffice.core.errors import Invalid, Unavailable, WrongState
from backoffice.embedded.services import Services
from backoffice.operations.archive import BLOCK, MANIFEST, ArchiveReader
from backoffice.operations.backup import DATABASES, LOTS_APART, last_line, owner_urls, pg_program
from backoffice.operations.bringup import RESTORING, external
from backoffice.settings import Settings, data_folder, key_files
from dmp_core import migrations as dmp_migrations

OURS = ("pg", "pg.place", "secrets.json", "keys", "files", "valkey", "mail")
"""What a data folder in use holds; logs and locks do not make one."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored."""

    made_at: str
    """When the backup was made, ISO 8601."""
    parts: int
    size: int
    """Of the parts, in bytes."""


def restore_backup(
    archive: Path, keys: Path, actor: Actor, say: Callable[[str], None], *, clock: Clock = system_clock
) -> Restored:
    """Restore `archive` with its `keys` into the data folder and databases of the environment's settings.

    Raises Invalid when the archive or its keys are not whole, WrongState when the place is not empty; nothing is then
    written. Sending stays blocked until `caisse environment adopt`.
    """
    kept = _read_keys(keys)
    data = data_folder()
    _require_empty(data)
    try:
        with archive.open("rb") as source:
            say("Vérification de la sauvegarde …")
            manifest = ArchiveReader(source, kept.key, kept.archive).check()
            _require_known(manifest)
            aside = data / RESTORING
            with _staging(aside), _databases(aside, say) as settings:
                _require_empty_databases(settings)
                source.seek(0)
                say("Restauration des bases et des fichiers …")
                _unpack(ArchiveReader(source, kept.key, kept.archive), settings, aside / "files")
                _adjust(settings, manifest, actor, clock())
            _put_in_place(aside, data, kept.rings)
    except OSError as error:
        reason = f"{error.strerror or 'erreur du système'}, {error.filename or archive}"
        raise Unavailable(f"La restauration a échoué ({reason}) : rien n’a été mis en place.") from error
    parts = manifest["parties"]
    return Restored(manifest["fait_le"], len(parts), sum(part["octets"] for part in parts))


@dataclass(frozen=True, slots=True)
class _Keys:
    archive: uuid.UUID
    key: bytes
    rings: dict[str, Any]
    """Content of the key files, by their name in `settings.key_files`; None for one that was not there."""


def _read_keys(path: Path) -> _Keys:
    try:
        content = json.loads(path.read_text(encoding="ascii"))
        # Backups made before mon-dmp know one key file; the others came in time.
        rings = {"codes": content["codes"], **{name: content.get(name) for name in key_files() if name != "codes"}}
        return _Keys(uuid.UUID(content["sauvegarde"]), base64.b64decode(content["cle"], validate=True), rings)
    except FileNotFoundError:
        raise Invalid(f"Le fichier de clés {path} est introuvable : indiquez-le avec --keys.") from None
    except (ValueError, KeyError, TypeError):
        raise Invalid(f"Le fichier de clés {path} n’en est pas un, ou il est abîmé.") from None


def _require_empty(data: Path) -> None:
    # An interrupted restore left its folder, and perhaps some parts moved out of it: it may be done again.
    if (data / RESTORING).exists():
        return
    settings_files = os.environ.get("CAISSE_FILES")
    taken = [data / name for name in OURS if (data / name).exists()]
    if settings_files and Path(settings_files).is_dir() and any(Path(settings_files).iterdir()):
        taken.append(Path(settings_files))
    taken += [path for path in key_files().values() if path.exists()]
    if taken:
        raise WrongState(
            f"Une restauration se fait dans un dossier de données vide, et {taken[0]} existe : indiquez-en un autre, "
            "par exemple « CAISSE_DATA=/chemin/nouveau caisse restore … »."
        )


def _require_known(manifest: dict[str, Any]) -> None:
    for name, package in (("caisse", caisse_migrations), ("dmp", dmp_migrations)):
        config = Config()
        config.set_main_option("script_location", str(Path(package.__file__ or "").parent).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if manifest["migrations"][name] not in known:
            raise Invalid(
                f"Cette sauvegarde vient d’une version plus récente du logiciel ({manifest['version']}) : "
                "installez cette version, puis recommencez."
            )


@contextmanager
def _staging(aside: Path) -> Iterator[None]:
    data = aside.parent
    if aside.exists():
        for name in OURS:
            _remove(data / name)
        _remove(aside)
    aside.mkdir(parents=True)
    try:
        yield
    except BaseException:
        _remove(aside)
        raise


@contextmanager
def _databases(aside: Path, say: Callable[[str], None]) -> Iterator[Settings]:
    """The databases to restore into: the operator's, or new embedded ones in the staging folder."""
    if external():
        yield Settings.from_env({**os.environ, "CAISSE_FILES": str(aside / "files")})
        return
    services = Services(aside, fast=os.environ.get("CAISSE_FAST") == "1", say=say)
    try:
        services.start(("postgres",))
        yield Settings.from_env({**os.environ, "CAISSE_DATA": str(aside), "CAISSE_FILES": str(aside / "files")})
    finally:
        services.stop(("postgres",))


def _require_empty_databases(settings: Settings) -> None:
    for name, url in owner_urls(settings).items():
        with _owner(url) as connection:
            if connection.scalar(
                text(
                    "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
                )
            ):
                raise WrongState(
                    f"La base « {name} » contient déjà des tables : une restauration se fait dans des bases vides."
                )


def _unpack(reader: ArchiveReader, settings: Settings, files: Path) -> None:
    files.mkdir(parents=True, exist_ok=True)
    urls = owner_urls(settings)
    members = reader.members()
    member = next(members)
    for name in DATABASES:
        with _pg_restore(urls[name]) as sink:
            while member[0].startswith(f"bases/{name}.dump."):
                shutil.copyfileobj(member[2], sink, BLOCK)
                member = next(members)
    while member[0] != MANIFEST:
        name, mode, content = member
        folder, _, rest = name.partition("/")
        target = files / ("lots" if folder == LOTS_APART else "") / rest
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as out:
            shutil.copyfileobj(content, out, BLOCK)
            out.flush()
            os.fsync(out.fileno())
        target.chmod(mode)
        member = next(members)


@contextmanager
def _pg_restore(url: str) -> Iterator[IO[bytes]]:
    with pg_program("pg_restore", url) as (command, env), tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            [*command, "--no-password", "--no-owner", "--single-transaction", "--exit-on-error"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaints, env=env, start_new_session=True,
        )  # fmt: skip
        assert process.stdin is not None
        try:
            yield process.stdin
            process.stdin.close()
        except BrokenPipeError:
            pass  # it says why below
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.wait() != 0:
            raise Unavailable(f"PostgreSQL n’a pas pu remplir la base : {last_line(complaints)}")


def _adjust(settings: Settings, manifest: dict[str, Any], actor: Actor, at: datetime) -> None:
    """What must differ from the original: sending blocked, places of files."""
    before, after = manifest["fichiers"].rstrip("/"), str(_final_files())
    with _owner(settings.caisse_owner_url) as connection:
        connection.execute(text("UPDATE environment SET id = gen_random_uuid()"))
        # Lots sealed outside the store are now in it.
        connection.execute(
            text("UPDATE campaign SET folder = NULL WHERE folder IS NOT NULL AND NOT starts_with(folder, :inside)"),
            {"inside": f"{before}/"},
        )
        for table, column in (
            ("campaign", "folder"), ("population_import", "stored_file"), ("population_import", "report_file"),
        ):  # fmt: skip
            connection.execute(
                text(
                    f"UPDATE {table} SET {column} = CAST(:after AS text) || substr({column}, :length) "  # noqa: S608
                    f"WHERE starts_with({column}, :inside)"
                ),
                {"after": after, "length": len(before) + 1, "inside": f"{before}/"},
            )
    database = Database(settings.caisse_url, application="restauration", pooled=False)
    try:
        with database.unit_of_work() as session:
            record(
                session, actor, "sauvegarde.restaurer", f"sauvegarde {manifest['id']}", at=at,
                detail={"faite_le": manifest["fait_le"]},
            )  # fmt: skip
    finally:
        database.dispose()


def _final_files() -> Path:
    return Path(os.environ.get("CAISSE_FILES", data_folder() / "files"))


def _put_in_place(aside: Path, data: Path, rings: dict[str, Any]) -> None:
    for name, keyring in key_files().items():
        if rings[name] is None:
            continue
        keyring.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(keyring, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
            out.write(rings[name] if isinstance(rings[name], str) else json.dumps(rings[name], indent=1))
            out.flush()
            os.fsync(out.fileno())
    target = _final_files()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir():
        target.rmdir()
    shutil.move(aside / "files", target)
    for name in ("pg", "pg.place", "secrets.json"):
        if (aside / name).exists():
            (aside / name).rename(data / name)
    _remove(aside)


@contextmanager
def _owner(url: str) -> Iterator[Any]:
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
