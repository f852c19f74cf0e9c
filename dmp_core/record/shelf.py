"""Where sealed contents lie: a folder, one file a content, never changed once written."""

import os
from pathlib import Path
from typing import Final, Protocol
from uuid import UUID

from dmp_core.errors import Unavailable

_FULL: Final = "Le document n’a pas pu être rangé : réessayez dans quelques minutes. Rien n’est enregistré."


class Shelf(Protocol):
    """A store of sealed contents, each under a name drawn for it."""

    def put(self, name: UUID, sealed: bytes) -> None:
        """Keep `sealed`, on the disk when this returns. Raises Unavailable."""

    def get(self, name: UUID) -> bytes:
        """What was put. Raises Unavailable when it is gone or cannot be read."""

    def drop(self, name: UUID) -> None:
        """Forget it; nothing happens when it is gone already."""


class Folder:
    """A shelf in a folder of the file system, spread over 256 folders."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: UUID, sealed: bytes) -> None:
        """Written aside, flushed, renamed: a power cut leaves a whole file or none."""
        path = self._path(name)
        aside = path.with_name(f".{path.name}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(sealed)
                out.flush()
                os.fsync(out.fileno())
            aside.rename(path)
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

    def _path(self, name: UUID) -> Path:
        return self._root / name.hex[:2] / name.hex
