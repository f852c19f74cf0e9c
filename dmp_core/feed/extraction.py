"""An extraction on the disk, and where each person's lines begin: one person is read without reading the others.

The index is made once, beside the file, when the file is received: sixteen bytes a person, sorted by INS-C, so that seven
million persons are 112 MB and one look-up is some twenty comparisons.
"""

import csv
import mmap
import os
import struct
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Protocol

from dmp_core.errors import Invalid, Unavailable
from dmp_core.feed.rows import COLUMNS, PERSON, SEPARATOR, ins_c_of, row_of
from dmp_core.record.reimbursements.history import Row

_ENTRY: Final = struct.Struct(">QQ")
_DIGITS: Final = 20
"""Of an INS-C before its key: a number of 64 bits."""
MOST_FAULTS: Final = 1000


class Reimbursements(Protocol):
    """Where the reimbursements of a person are asked for."""

    def rows_of(self, ins_c: str) -> list[Row]:
        """The person's lines, in the order of the source; none for who has none. Raises Unavailable."""


@dataclass(slots=True)
class Receipt:
    """What became of an extraction received; counts add up: lines = rows + faults."""

    persons: int = 0
    lines: int = 0
    rows: int = 0
    faults: int = 0
    told: list[tuple[int, str]] = field(default_factory=list)
    """(line, reason) of the first faults; nothing of a person."""


def receive(path: Path) -> Receipt:
    """Check an extraction whole and make its index, which appears only when all is well.

    A line with a fault is counted, and left out when its person is read. Raises Invalid, before anything is written,
    for what is no such file or has a person's lines in two places.
    """
    receipt = Receipt()
    entries: list[tuple[int, int]] = []
    person: list[str] = []
    try:
        with path.open("rb") as source:
            _require_header(source.readline())
            number, offset = 1, source.tell()
            for raw in source:
                number += 1
                receipt.lines += 1
                cells = _cells(raw, number)
                try:
                    if cells[:PERSON] != person:
                        ins_c = ins_c_of(*cells[:PERSON])
                        person = cells[:PERSON]
                        entries.append((int(ins_c[:_DIGITS]), offset))
                    row_of(dict(zip(COLUMNS, cells, strict=True)))
                    receipt.rows += 1
                except Invalid as fault:
                    receipt.faults += 1
                    if len(receipt.told) < MOST_FAULTS:
                        receipt.told.append((number, str(fault)))
                offset += len(raw)
    except OSError as error:
        raise Unavailable(
            f"L’extraction ne peut pas être lue : vérifiez le fichier {path.name} et ses droits."
        ) from error
    entries.sort()
    receipt.persons = len(entries)
    if any(one[0] == other[0] for one, other in pairwise(entries)):
        raise Invalid("Les lignes d’une même personne ne se suivent pas : demandez une extraction triée par personne.")
    _write_index(index_of(path), entries)
    return receipt


class Extraction:
    """A received extraction; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows_of(self, ins_c: str) -> list[Row]:
        """The person's good lines, in the file's order. Raises Unavailable when the file or its index is gone."""
        try:
            with self._index() as index:
                offset = _find(index, int(ins_c[:_DIGITS]))
            return [] if offset is None else list(self._read(offset, ins_c))
        except OSError as error:
            raise Unavailable("L’extraction des remboursements n’est pas en place : recevez-la de nouveau.") from error

    @contextmanager
    def _index(self) -> Iterator[Any]:
        with index_of(self._path).open("rb") as file:
            if not os.fstat(file.fileno()).st_size:
                yield b""
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield mapped

    def _read(self, offset: int, ins_c: str) -> Iterator[Row]:
        with self._path.open("rb") as source:
            source.seek(offset)
            first: list[str] | None = None
            for raw in source:
                cells = _cells(raw, 0)
                if first is None:
                    first = cells[:PERSON]
                    if ins_c_of(*first) != ins_c:
                        raise Unavailable("L’extraction a changé depuis sa réception : recevez-la de nouveau.")
                if cells[:PERSON] != first:
                    return
                try:
                    yield row_of(dict(zip(COLUMNS, cells, strict=True)))
                except Invalid:
                    continue  # counted and told when the file was received


def _find(index: Any, wanted: int) -> int | None:
    low, high = 0, len(index) // _ENTRY.size
    while low < high:
        middle = (low + high) // 2
        number, offset = _ENTRY.unpack_from(index, middle * _ENTRY.size)
        if number == wanted:
            return int(offset)
        low, high = (middle + 1, high) if number < wanted else (low, middle)
    return None


def _cells(raw: bytes, number: int) -> list[str]:
    """The cells of a line. Raises Invalid for another number of cells, or what is not UTF-8."""
    try:
        cells = next(csv.reader([raw.decode("utf-8").rstrip("\r\n")], delimiter=SEPARATOR), [])
    except (UnicodeDecodeError, csv.Error):
        cells = []
    if len(cells) != len(COLUMNS):
        raise Invalid(f"La ligne {number} de l’extraction n’a pas {len(COLUMNS)} colonnes : le fichier est refusé.")
    return cells


def _require_header(raw: bytes) -> None:
    header = raw.decode("utf-8-sig", errors="replace").rstrip("\r\n").split(SEPARATOR)
    if tuple(header) != COLUMNS:
        raise Invalid(
            "Ce fichier n’est pas une extraction de remboursements : sa première ligne n’est pas celle attendue."
        )


def index_of(path: Path) -> Path:
    """Where the index of an extraction is."""
    return path.with_name(f"{path.name}.index")


def _write_index(path: Path, entries: list[tuple[int, int]]) -> None:
    packed = array("Q", (one for entry in entries for one in entry))
    packed.byteswap()
    aside = path.with_name(f".{path.name}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(packed.tobytes())
        out.flush()
        os.fsync(out.fileno())
    aside.rename(path)
