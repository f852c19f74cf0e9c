"""The sealed container of a backup: parts in a tar, encrypted in blocks, a manifest at its end (docs/decisions/0012).

Layout: `MAGIC`, the archive's id (16 bytes), then blocks of AES-256-GCM, each `BLOCK` bytes of tar and a tag of 16; the
last one, shorter or not, is marked as the last. The nonce is the block's number and that mark, the key is used for this
archive alone, and the header is authenticated with every block: blocks cannot be changed, cut off, swapped or taken
from another archive. The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, 2015).
"""

import hashlib
import io
import json
import struct
import tarfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol, cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backoffice.core.errors import Invalid, Unavailable

MAGIC = b"caisse-dmp sauvegarde 1\n"
BLOCK = 1 << 20
TAG = 16
SEGMENT = 16 << 20
"""A part of unknown length is cut into tar members of this size at most, so that nothing waits in clear on the disk."""
MANIFEST = "manifeste.json"
DAMAGED = "Cette sauvegarde est tronquée ou a été modifiée : rien n’en a été restauré. Prenez-en une autre."


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a backup, as its manifest says."""

    name: str
    size: int
    """In bytes."""
    sha256: str


class ArchiveWriter:
    """Writes parts one after the other into `out`; nothing is readable before `close` has marked the last block."""

    def __init__(self, out: IO[bytes], key: bytes, archive_id: uuid.UUID) -> None:
        self._blocks = _BlockWriter(out, key, archive_id)
        self._tar = tarfile.open(fileobj=cast(Any, self._blocks), mode="w|", format=tarfile.PAX_FORMAT, bufsize=BLOCK)  # noqa: SIM115
        self._parts: list[Part] = []

    def add_stream(self, name: str, source: _Readable) -> None:
        """Add what `source` gives until its end, in segments `name.000`, `name.001` ..."""
        digest, size, number = hashlib.sha256(), 0, 0
        while piece := _read_fully(source, SEGMENT):
            self._member(f"{name}.{number:03d}", piece)
            digest.update(piece)
            size, number = size + len(piece), number + 1
        self._parts.append(Part(name, size, digest.hexdigest()))

    def add_file(self, name: str, path: Path) -> None:
        """Add a file that nobody is writing to. Raises Unavailable when it shrinks meanwhile, OSError when it is gone."""
        with path.open("rb") as source:
            about = tarfile.TarInfo(name)
            about.size = path.stat().st_size
            about.mode = path.stat().st_mode & 0o777
            counted = _Counted(source)
            try:
                self._tar.addfile(about, cast(Any, counted))
            except OSError as error:
                if counted.size < about.size and error.errno is None:
                    raise Unavailable(f"Le fichier {path} change pendant la sauvegarde : recommencez.") from None
                raise
        self._parts.append(Part(name, counted.size, counted.digest.hexdigest()))

    def close(self, about: dict[str, Any]) -> tuple[Part, ...]:
        """Add the manifest, `about` and the parts, and mark the end; return the parts."""
        parts = [{"nom": part.name, "octets": part.size, "sha256": part.sha256} for part in self._parts]
        self._member(MANIFEST, json.dumps({**about, "parties": parts}, ensure_ascii=False, indent=1).encode())
        self._tar.close()
        self._blocks.finish()
        return tuple(self._parts)

    def _member(self, name: str, content: bytes) -> None:
        about = tarfile.TarInfo(name)
        about.size, about.mode = len(content), 0o600
        self._tar.addfile(about, io.BytesIO(content))


class ArchiveReader:
    """Reads an archive from `source` (at its beginning) with its key.

    Raises Invalid when it is not a backup, when the key is another backup's, or when anything in it was changed.
    """

    def __init__(self, source: IO[bytes], key: bytes, archive_id: uuid.UUID) -> None:
        if source.read(len(MAGIC)) != MAGIC:
            raise Invalid("Ce fichier n’est pas une sauvegarde faite par « caisse backup ».")
        if source.read(16) != archive_id.bytes:
            raise Invalid("Ce fichier de clés n’est pas celui de cette sauvegarde : indiquez le sien avec --keys.")
        self._source, self._key, self._id = source, key, archive_id

    def members(self) -> Iterator[tuple[str, int, IO[bytes]]]:
        """(name, permissions, content) of each tar member in order, the manifest last."""
        blocks = _BlockReader(self._source, self._key, self._id)
        try:
            with tarfile.open(fileobj=cast(Any, blocks), mode="r|", bufsize=BLOCK) as tar:
                for member in tar:
                    content = tar.extractfile(member) if member.isreg() else None
                    if content is None or not _is_safe(member.name):
                        raise Invalid(DAMAGED)
                    yield member.name, member.mode & 0o777, content
            blocks.drain()
        except tarfile.TarError:
            raise Invalid(DAMAGED) from None

    def check(self) -> dict[str, Any]:
        """Read everything, compare each part with the manifest, and return the manifest."""
        found: dict[str, tuple[int, Any]] = {}
        manifest: dict[str, Any] | None = None
        for name, _, content in self.members():
            if manifest is not None:
                raise Invalid(DAMAGED)
            if name == MANIFEST:
                manifest = json.loads(content.read())
                continue
            part = part_of(name)
            size, digest = found.get(part, (0, hashlib.sha256()))
            while piece := content.read(BLOCK):
                digest.update(piece)
                size += len(piece)
            found[part] = (size, digest)
        if manifest is None or manifest["parties"] != [
            {"nom": name, "octets": size, "sha256": digest.hexdigest()} for name, (size, digest) in found.items()
        ]:
            raise Invalid(DAMAGED)
        return manifest


def part_of(member: str) -> str:
    """The part that a tar member belongs to: segments of a stream carry its name and a number."""
    stem, _, number = member.rpartition(".")
    return stem if member.startswith("bases/") and number.isdigit() else member


class _Counted:
    def __init__(self, source: IO[bytes]) -> None:
        self._source, self.size, self.digest = source, 0, hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        piece = self._source.read(size)
        self.size += len(piece)
        self.digest.update(piece)
        return piece


class _BlockWriter:
    """A file object for tarfile: gathers blocks and encrypts each."""

    def __init__(self, out: IO[bytes], key: bytes, archive_id: uuid.UUID) -> None:
        self._out, self._cipher, self._header = out, AESGCM(key), MAGIC + archive_id.bytes
        self._waiting, self._number = bytearray(), 0
        out.write(self._header)

    def write(self, content: bytes) -> int:
        """Take `content`; a full block leaves once more follows, so that the last one is known as such."""
        self._waiting += content
        while len(self._waiting) > BLOCK:
            self._leave(bytes(self._waiting[:BLOCK]), last=False)
            del self._waiting[:BLOCK]
        return len(content)

    def finish(self) -> None:
        self._leave(bytes(self._waiting), last=True)

    def _leave(self, block: bytes, *, last: bool) -> None:
        self._out.write(self._cipher.encrypt(_nonce(self._number, last=last), block, self._header))
        self._number += 1


class _BlockReader:
    """A file object for tarfile: decrypts block after block."""

    def __init__(self, source: IO[bytes], key: bytes, archive_id: uuid.UUID) -> None:
        self._source, self._cipher, self._header = source, AESGCM(key), MAGIC + archive_id.bytes
        self._clear, self._number, self._ended = bytearray(), 0, False
        self._ahead = source.read(BLOCK + TAG)

    def read(self, size: int) -> bytes:
        while len(self._clear) < size and not self._ended:
            self._next()
        piece = bytes(self._clear[:size])
        del self._clear[:size]
        return piece

    def drain(self) -> None:
        """Read on to the end, which is authenticated too."""
        while not self._ended:
            self._next()
            self._clear.clear()

    def _next(self) -> None:
        block, self._ahead = self._ahead, self._source.read(BLOCK + TAG)
        self._ended = not self._ahead
        try:
            self._clear += self._cipher.decrypt(_nonce(self._number, last=self._ended), block, self._header)
        except InvalidTag:
            raise Invalid(DAMAGED) from None
        self._number += 1


def _nonce(number: int, *, last: bool) -> bytes:
    return struct.pack(">QI", number, last)


def _read_fully(source: _Readable, size: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < size and (piece := source.read(size - len(pieces))):
        pieces += piece
    return bytes(pieces)


def _is_safe(name: str) -> bool:
    return not name.startswith("/") and ".." not in Path(name).parts
