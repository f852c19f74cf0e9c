"""Large files sent by a browser go straight to their folder on the disk, and leave it again unless they are kept."""

import io
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from flask import Request

from backoffice.core.errors import Unavailable

LARGEST: Final = 2 * 1024**3
"""Bytes of a population file: some eight million rows, gzipped far more."""
_FORM_AROUND: Final = 64 * 1024
_MARGIN: Final = 256 * 1024**2
_NO_ROOM: Final = "Il ne reste pas assez de place sur le serveur pour ce fichier : prévenez votre administrateur."


class OfficeRequest(Request):
    """A request whose files are streamed to `upload_folder`, where a page asked for it before anything was read."""

    upload_folder: Path | None = None

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.received: list[Path] = []
        """Files on the disk that nobody has kept yet."""
        self.in_memory = False

    def expect_upload(self, folder: Path) -> None:
        """Take files of up to `LARGEST` bytes into `folder`; call it before the form is read."""
        self.upload_folder = folder
        self.max_content_length = LARGEST

    def expect_private(self, largest: int) -> None:
        """Take a file of up to `largest` bytes in memory alone: what is kept encrypted never lies on a disk in clear."""
        self.in_memory = True
        self.max_content_length = largest + _FORM_AROUND

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if self.in_memory:
            return io.BytesIO()
        if self.upload_folder is None:
            return super()._get_file_stream(total_content_length, content_type, filename, content_length)
        folder = self.upload_folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < (total_content_length or LARGEST) + _MARGIN:
            raise Unavailable(_NO_ROOM)
        path = folder / f"{secrets.token_hex(16)}.envoi"
        stream = open(path, "x+b", opener=_private)  # noqa: SIM115 - closed with the request
        self.received.append(path)
        return stream

    def discard(self) -> None:
        """Remove what was received and not kept."""
        while self.received:
            self.received.pop().unlink(missing_ok=True)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def keeping(request: OfficeRequest, stream: Any) -> Iterator[Path]:
    """The path of the received file `stream`, flushed to the disk; kept when the block ends, removed when it raises."""
    path = Path(stream.name)
    stream.flush()
    os.fsync(stream.fileno())
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    yield path
    request.received.remove(path)
