"""The population file as a stream: what is not such a file is refused whole, before anything is written.

`PopulationFile.open` checks the head, `check_whole` goes once through everything (gzip checksum, encoding, NUL,
quotes, last line), then `rows` yields the fields in the order of COLUMNS with flat memory. What the rows say is not
judged here: that is `rows.check_row`.
"""

import csv
import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import chain
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from backoffice.core.errors import Invalid
from backoffice.population.blocks import AGAIN, CUT, Progress, decoded, line_blocks
from backoffice.population.census import quote_refusal, take_census
from backoffice.population.head import (
    SEPARATOR,
    encoding_named,
    order_of_columns,
    refuse_foreign_content,
)
from backoffice.population.rows import COLUMNS, check_row

__all__ = ["FileFacts", "PopulationFile", "Progress"]


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a whole reading established."""

    rows: int
    """Rows after the header, good or bad; blank lines are none."""
    sha256: str
    """Hexadecimal, of the bytes as stored."""
    bytes: int
    """Size as stored."""


class PopulationFile:
    """An open population file; a context manager, made by `open`."""

    def __init__(self, raw: IO[bytes], name: str, encoding: str) -> None:
        self.name = name
        self._raw = raw
        self._encoding = encoding
        self._size = os.fstat(raw.fileno()).st_size
        self._sha256: str | None = None
        self._header = self._read_head()
        self._order = order_of_columns(self._header)

    @classmethod
    def open(cls, path: Path | str, encoding: str = "utf-8") -> Self:
        """Open and check the head.

        `encoding` is `utf-8` (with or without byte order mark) or `iso-8859-15`. Raises Invalid, one French line, when
        the file cannot be read, is empty, binary or in another encoding, or has not the header of a population file.
        """
        codec = encoding_named(encoding)
        path = Path(path)
        try:
            if not path.exists():
                raise Invalid(f"Le fichier « {path.name} » est introuvable : vérifiez son nom et son dossier.")
            if not path.is_file():
                raise Invalid(f"« {path.name} » n’est pas un fichier ordinaire : indiquez un fichier .csv ou .csv.gz.")
            raw = path.open("rb")
        except OSError as error:
            raise Invalid(f"Le fichier « {path.name} » ne peut pas être lu : vérifiez vos droits sur lui.") from error
        try:
            return cls(raw, path.name, codec)
        except BaseException:
            raw.close()
            raise

    def close(self) -> None:
        """Close the file; what `rows` returned must not be used afterwards."""
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def stored_bytes(self) -> int:
        """Size of the file on the disk, the total that `Progress` counts towards."""
        return self._size

    def check_whole(self, progress: Progress | None = None) -> FileFacts:
        """Read everything once and keep nothing.

        Raises Invalid when the file is cut, damaged, in another encoding, holds NUL bytes, an ill-closed quote or a
        second header. A plain file may lack its last line end: its last row must then have all its columns and a
        faultless last column (a cut inside that column's free text cannot be told from a short text).
        """
        digest = hashlib.sha256()
        blocks = line_blocks(self._raw, self._size, digest.update, progress)
        census = take_census(blocks, self._encoding, self._header)
        if self._encoding != "utf-8" and census.utf8 and not census.ascii_only:
            raise Invalid("Le fichier est en UTF-8 : relancez sans --encoding iso-8859-15.")
        if census.rows and census.last_row is not None:
            self._refuse_half_row(census.last_row)
        self._sha256 = digest.hexdigest()
        return FileFacts(census.rows, self._sha256, self._size)

    def rows(self, progress: Progress | None = None) -> Iterator[tuple[int, list[str]]]:
        """Yield each row: the line on which it begins (the header is line 1) and its fields.

        The fields are in the order of COLUMNS when their number is right, otherwise as they stand, for `check_row` to
        refuse. Raises Invalid as `check_whole` does, and at the end when the file has changed since `check_whole`.
        """
        digest = hashlib.sha256()
        blocks = line_blocks(self._raw, self._size, digest.update, progress)
        lines = chain.from_iterable(io.StringIO(decoded(block, self._encoding), newline="") for block in blocks)
        reader = csv.reader(lines, delimiter=SEPARATOR, strict=True)
        width = len(COLUMNS)
        arrange = None if self._order == tuple(range(width)) else itemgetter(*self._order)
        line = 1
        try:
            next(reader)
            line = reader.line_num + 1
            for fields in reader:
                if fields:
                    yield line, fields if arrange is None or len(fields) != width else list(arrange(fields))
                line = reader.line_num + 1
        except csv.Error as error:
            raise Invalid(quote_refusal(line)) from error
        if self._sha256 is not None and digest.hexdigest() != self._sha256:
            raise Invalid("Le fichier a changé pendant la lecture : relancez l’import quand il ne bouge plus.")

    def _read_head(self) -> list[str]:
        if self._size == 0:
            raise Invalid(f"Le fichier « {self.name} » est vide.")
        start = next(line_blocks(self._raw, self._size, lambda _: None), b"")
        refuse_foreign_content(start, self.name)
        text = decoded(start, self._encoding)
        try:
            header = next(csv.reader(io.StringIO(text, newline=""), delimiter=SEPARATOR, strict=True), [])
        except csv.Error as error:
            raise Invalid(quote_refusal(1)) from error
        return [name.strip() for name in header]

    def _refuse_half_row(self, fields: list[str]) -> None:
        """Refuse a last row without line end that was cut: too few columns, or a last column that is no longer one."""
        cut = len(fields) != len(COLUMNS)
        if not cut:
            last = COLUMNS[self._order.index(len(COLUMNS) - 1)]
            found = check_row([fields[place] for place in self._order], 0, date.max)
            cut = isinstance(found, list) and any(fault.column == last for fault in found)
        if cut:
            raise Invalid(f"{CUT} : sa dernière ligne est incomplète ; {AGAIN}")
