"""The version of the template a campaign was approved with is kept, and is the one its lots are made with."""

import hashlib
import secrets
import threading
from functools import lru_cache
from pathlib import Path

from sqlalchemy import text

from backoffice.core.errors import Unavailable
from backoffice.letters.compile import PageProgram, compile_template
from backoffice.letters.kinds import letter_kind
from backoffice.office import Office


class TemplateGone(Unavailable):
    """The approved template is not there any more: it stays so until a person puts it back."""


def current_version(office: Office, letter: str) -> str:
    """Version of the template as it stands now; TemplateFault when it does not compile."""
    source = _source(office, letter)
    return _program(str(source), letter, _sha(source)).version


def keep_current(office: Office, letter: str) -> str:
    """Keep a copy of the template as it stands under its version, and return the version."""
    version = current_version(office, letter)
    keep(office, letter, version, _source(office, letter).read_bytes())
    return version


def keep(office: Office, letter: str, version: str, content: bytes) -> None:
    """Keep a template's file under its version."""
    kept = _kept(office, letter, version)
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        aside = kept.with_suffix(f".{secrets.token_hex(4)}.new")
        aside.write_bytes(content)
        aside.replace(kept)


def file_of(office: Office, letter: str, version: str | None) -> Path:
    """The docx of this version, the current one when None; TemplateGone when it is not there."""
    path = _source(office, letter) if version is None else _kept(office, letter, version)
    if not path.is_file():
        raise TemplateGone(f"Le fichier de cette version du modèle « {letter} » est introuvable.")
    return path


def delivered(office: Office, letter: str) -> Path:
    """The template that came with the application."""
    return office.settings.templates / letter_kind(letter).template


def keep_delivered(office: Office, letter: str) -> str:
    """Keep a copy of the template that came with the application, and return its version."""
    path = delivered(office, letter)
    version = _program(str(path), letter, _sha(path)).version
    keep(office, letter, version, path.read_bytes())
    return version


def program_of(office: Office, letter: str, version: str | None) -> PageProgram:
    """The compiled template of this version; the current one when `version` is None (a preview of a draft).

    Raises TemplateGone when the kept copy is missing or was changed.
    """
    if version is None:
        source = _source(office, letter)
        return _program(str(source), letter, _sha(source))
    kept = _kept(office, letter, version)
    try:
        program = _program(str(kept), letter, _sha(kept))
    except FileNotFoundError:
        program = None
    if program is None or program.version != version:
        raise TemplateGone(
            f"Le modèle approuvé de la lettre « {letter} » est introuvable ou a été modifié : {kept.name}."
        )
    return program


def _source(office: Office, letter: str) -> Path:
    """The version that was made the current one, or the one that came with the application."""
    with office.db.unit_of_work() as session:
        version = session.scalar(
            text("SELECT version FROM letter_template WHERE letter = :letter AND state = 'courante'"),
            {"letter": letter},
        )
    return delivered(office, letter) if version is None else file_of(office, letter, str(version))


def _kept(office: Office, letter: str, version: str) -> Path:
    return office.settings.files / "modeles" / f"{letter}-{version[:16]}.docx"


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _program(path: str, letter: str, sha: str) -> PageProgram:
    return _compiled(path, letter, sha, threading.get_ident())


@lru_cache(maxsize=16)
def _compiled(path: str, letter: str, sha: str, thread: int) -> PageProgram:
    del sha, thread  # parts of the key: a changed file is compiled again; a program's own caches are for one thread
    return compile_template(Path(path), letter_kind(letter))
