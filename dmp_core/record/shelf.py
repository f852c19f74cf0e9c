"""Where sealed contents lie, never changed once written: a folder, one file a content, or a store that speaks S3."""

import os
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from dmp_core.errors import Unavailable

_FULL: Final = "Le document n’a pas pu être rangé : réessayez dans quelques minutes. Rien n’est enregistré."


class Shelf(Protocol):
    """A store of sealed contents, each under a name drawn for it."""

    def put(self, name: UUID, sealed: bytes) -> None:
        """Keep `sealed`, on the disk when this returns, never in the place of another. Raises Unavailable."""

    def get(self, name: UUID) -> bytes:
        """What was put. Raises Unavailable when it is gone or cannot be read."""

    def drop(self, name: UUID) -> None:
        """Forget it; nothing happens when it is gone already."""

    def require_ready(self) -> None:
        """Raise Unavailable unless contents can be kept and read now."""


def shelf_at(folder: Path, url: str = "", credentials: Path | None = None, ca_file: Path | None = None) -> Shelf:
    """The shelf that an operator declares: the store at `url` (s3://…), or the folder without one. Raises Unavailable."""
    if not url:
        return Folder(folder)
    from dmp_core.record.object_store import ObjectStore, place_of  # boto3: for who has a store

    return ObjectStore(place_of(url, credentials, ca_file))


class Folder:
    """A shelf in a folder of the file system, spread over 256 folders."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: UUID, sealed: bytes) -> None:
        """Written aside, flushed, then given its name: a power cut leaves a whole file or none."""
        path = self._path(name)
        aside = path.with_name(f".{path.name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(sealed)
                out.flush()
                os.fsync(out.fileno())
            path.hardlink_to(aside)  # which never takes the place of a file
            aside.unlink()
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            aside.unlink(missing_ok=True)
            raise Unavailable(_FULL) from error

    def get(self, name: UUID) -> bytes:
        """The file's content."""
        try:
            return self._path(name).read_bytes()
        except OSError as error:
            raise Unavailable(
                "Le contenu de ce document est momentanément indisponible : réessayez dans quelques minutes."
            ) from error

    def drop(self, name: UUID) -> None:
        """Unlink it."""
        self._path(name).unlink(missing_ok=True)

    def require_ready(self) -> None:
        """The folder is there, or can be made, and takes files."""
        try:
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Unavailable(
                f"Le dossier des documents {self._root} ne peut pas servir : vérifiez ses droits."
            ) from error
        if not os.access(self._root, os.R_OK | os.W_OK | os.X_OK):
            raise Unavailable(f"Le dossier des documents {self._root} ne peut pas servir : vérifiez ses droits.")

    def _path(self, name: UUID) -> Path:
        return self._root / name.hex[:2] / name.hex
