"""Writes PDF objects one after the other to a stream, with flat memory: a few bytes an object are kept for the index.

ISO 32000-1 (PDF 1.7). A file without packed objects has the classic cross-reference table, which every printer's
software reads; one with packed objects has a cross-reference stream.
"""

import hashlib
import sys
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import BinaryIO

from backoffice.core.errors import Unavailable

_CHUNK = 1 << 18
_PACK = 500

# Where an object is, as a row of a cross-reference stream (widths 1, 5, 2): its kind, offset or pack, rank in the pack.
_PLAIN, _IN_PACK = 1 << 56, 2 << 56
_FREE = 0xFFFF
_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"


class PdfFile:
    """Numbered objects going to `sink`, in any order; `close` ends the file.

    Raises Unavailable when the sink cannot be written (full disk).
    """

    def __init__(self, sink: BinaryIO, *, level: int = 6) -> None:
        self._sink = sink
        self._level = level
        self._hash = hashlib.sha256()
        self._flushed = 0
        self._waiting: list[bytes] = []
        self._waiting_size = 0
        self._places = array("Q", [_FREE])
        self._packed: list[tuple[int, bytes]] = []
        self._has_packs = False
        self._emit(_HEADER)

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._flushed + self._waiting_size

    @property
    def sha256(self) -> str:
        """Of the whole file, in hexadecimal; right only once it is closed."""
        return self._hash.hexdigest()

    def reserve(self, count: int = 1) -> int:
        """Numbers for `count` objects to be written later; returns the first."""
        first = len(self._places)
        self._places.extend([0] * count)
        return first

    def write(self, number: int, body: bytes) -> None:
        """An object as such."""
        self._places[number] = _PLAIN | self.size << 16
        self._emit(b"%d 0 obj\n%s\nendobj\n" % (number, body))

    def stream(self, number: int, entries: bytes, data: bytes, *, deflate: bool = True) -> None:
        """A stream object, deflated unless `data` already is or must stay readable."""
        if deflate and self._level:
            data = zlib.compress(data, self._level)
            entries += b"/Filter/FlateDecode"
        self._places[number] = _PLAIN | self.size << 16
        self._emit(b"%d 0 obj\n<<%s/Length %d>>stream\n%s\nendstream\nendobj\n" % (number, entries, len(data), data))

    def page(self, page: int, entries: bytes, content: bytes) -> None:
        """A page, `page`, and its content stream, `page` + 1, in one go: this is called for every letter."""
        if self._level:
            content = zlib.compress(content, self._level)
            stream = b"%d 0 obj\n<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream\nendobj\n"
        else:
            stream = b"%d 0 obj\n<</Length %d>>stream\n%s\nendstream\nendobj\n"
        head = b"%d 0 obj\n<</Type/Page/Contents %d 0 R%s>>\nendobj\n" % (page, page + 1, entries)
        places = self._places
        place = self._flushed + self._waiting_size
        places[page] = _PLAIN | place << 16
        places[page + 1] = _PLAIN | place + len(head) << 16
        self._emit(head + stream % (page + 1, len(content), content))

    def pack(self, first: int, *bodies: bytes) -> None:
        """Objects numbered from `first` that go with others into one deflated stream; not for streams."""
        self._packed.extend(enumerate(bodies, first))
        if len(self._packed) >= _PACK:
            self._write_pack()

    def close(self, trailer: bytes) -> None:
        """The cross-reference and the end; `trailer` holds /Root and /Info."""
        if self._packed:
            self._write_pack()
        # The same content always has the same id: no clock, no chance.
        digest = self._so_far().hex().encode("ascii")[:32]
        trailer += b"/ID[<%s><%s>]" % (digest, digest)
        if self._has_packs:
            self._write_xref_stream(trailer)
        else:
            self._write_xref_table(trailer)
        self._flush()

    def _so_far(self) -> bytes:
        self._flush()
        return self._hash.digest()

    def _emit(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_size += len(data)
        if self._waiting_size >= _CHUNK:
            self._flush()

    def _flush(self) -> None:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_size = 0
        self._hash.update(data)
        self._flushed += len(data)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._sink.write(rest) :]
        except OSError as error:
            raise Unavailable(
                "Le fichier des courriers ne peut pas être écrit, le disque est sans doute plein : "
                "libérer de la place, puis relancer."
            ) from error

    def _write_pack(self) -> None:
        pack = self.reserve()
        numbers = [number for number, _ in self._packed]
        bodies = [body for _, body in self._packed]
        place = _IN_PACK | pack << 16
        for rank, number in enumerate(numbers):
            self._places[number] = place | rank
        # Objects stand side by side: each is a dictionary, which needs no space around it.
        offsets = accumulate(map(len, bodies), initial=0)
        head = b" ".join([b"%d %d" % each for each in zip(numbers, offsets, strict=False)]) + b" "
        data = head + b"".join(bodies)
        entries = b"/Type/ObjStm/N %d/First %d" % (len(self._packed), len(head))
        self._packed.clear()
        self._has_packs = True
        self.stream(pack, entries, data)

    def _write_xref_table(self, trailer: bytes) -> None:
        start, places = self.size, self._places
        self._emit(b"xref\n0 %d\n0000000000 65535 f \n" % len(places))
        for first in range(1, len(places), 4096):
            chunk: Sequence[int] = places[first : first + 4096]
            self._emit(b"".join([b"%010d 00000 n \n" % (place >> 16 & 0xFFFFFFFFFF) for place in chunk]))
        self._emit(b"trailer\n<</Size %d%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(places), trailer, start))

    def _write_xref_stream(self, trailer: bytes) -> None:
        number, start = self.reserve(), self.size
        self._places[number] = _PLAIN | start << 16
        if sys.byteorder == "little":
            self._places.byteswap()
        rows = self._places.tobytes()
        entries = b"/Type/XRef/Size %d/W[1 5 2]%s" % (len(self._places), trailer)
        self.stream(number, entries, rows)
        self._emit(b"startxref\n%d\n%%%%EOF\n" % start)


def text_string(text: str) -> bytes:
    """A PDF text string of any characters."""
    return b"<FEFF%s>" % text.encode("utf-16-be").hex().upper().encode("ascii")
