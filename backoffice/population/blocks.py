"""Bytes of a plain or gzip text file in blocks that end with a line, and their decoding: strict, with flat memory."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Final, Protocol

from backoffice.core.errors import Invalid
from backoffice.population.head import UTF8_MARK

Progress = Callable[[int, int], None]
"""Called now and then with the bytes read so far and the bytes of the whole file, as stored (compressed or not)."""

BLOCK: Final = 1 << 20
_LONGEST_LINE: Final = 1 << 20
"""A row is some 200 bytes: a line of a mebibyte is no row, and must not fill the memory."""

CUT: Final = "Le fichier est coupé"
AGAIN: Final = "transférez-le de nouveau ou demandez une nouvelle extraction."


class _Readable(Protocol):
    def read(self, size: int = -1, /) -> bytes: ...


class _Tap:
    """A file whose stored bytes are counted and handed to `sink` (a hash) on their way."""

    def __init__(self, raw: IO[bytes], sink: Callable[[bytes], object]) -> None:
        self._raw, self._sink = raw, sink
        self.taken = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._raw.read(size)
        self.taken += len(data)
        self._sink(data)
        return data


def line_blocks(
    raw: IO[bytes], size: int, sink: Callable[[bytes], object], progress: Progress | None = None
) -> Iterator[bytes]:
    """Unpacked content from the start, without UTF-8 mark; each block but perhaps the last ends with a line feed.

    Gzip is recognised by content. Raises Invalid for a cut or damaged gzip and for a line of more than a mebibyte.
    """
    raw.seek(0)
    packed = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    tap = _Tap(raw, sink)
    source: _Readable = gzip.GzipFile(fileobj=tap, mode="rb") if packed else tap  # type: ignore[call-overload]
    rest, begun = b"", False
    while block := _next_block(source):
        if progress is not None:
            progress(tap.taken, size)
        if not begun:
            block, begun = block.removeprefix(UTF8_MARK), True
        end = block.rfind(b"\n") + 1
        if end:
            yield rest + block[:end]
            rest = block[end:]
        else:
            rest += block
            if len(rest) > _LONGEST_LINE:
                raise Invalid("Le fichier a une ligne de plus d’un mégaoctet : ce n’est pas un fichier de population.")
    if rest:
        yield rest


def _next_block(source: _Readable) -> bytes:
    try:
        return source.read(BLOCK)
    except EOFError as error:
        raise Invalid(f"{CUT} (gzip inachevé) : {AGAIN}") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Invalid(f"Le fichier compressé est endommagé : {AGAIN}") from error
    except OSError as error:
        raise Invalid("Le fichier ne peut plus être lu : vérifiez le disque ou le réseau, puis relancez.") from error


def decoded(block: bytes, encoding: str) -> str:
    """The text of a block.

    Raises Invalid for NUL bytes and for bytes that the encoding does not know.
    """
    if b"\0" in block:
        raise Invalid(f"Le fichier contient des octets nuls, il est endommagé : {AGAIN}")
    try:
        return block.decode(encoding)
    except UnicodeDecodeError as error:
        raise Invalid(
            "Le fichier n’est pas en UTF-8 : s’il vient d’un système ancien, relancez avec --encoding iso-8859-15."
        ) from error
