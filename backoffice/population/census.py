"""The first, quick reading of a population file: how many rows, and is it whole."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from backoffice.core.errors import Invalid
from backoffice.population.blocks import decoded
from backoffice.population.head import SEPARATOR


@dataclass(slots=True)
class Census:
    """What the quick reading found."""

    rows: int = 0
    """Rows after the header; blank lines are none."""
    lines: int = 0
    last_row: list[str] | None = None
    """The last row's fields when the file does not end with a line end, else None."""
    ascii_only: bool = True
    utf8: bool = True
    """Every byte beyond ASCII is part of well-formed UTF-8."""


def take_census(blocks: Iterable[bytes], encoding: str, header: list[str]) -> Census:
    """Count the rows of line blocks (`blocks.line_blocks`), header included in `blocks` but not in the count.

    Raises Invalid for NUL bytes, wrong encoding, an ill-closed quote, and a header that comes back (extractions put
    end to end). Blocks without quotes and blank lines are only counted, at memory speed; from the first other block on
    the csv module reads.
    """
    census = Census()
    source = iter(_watched(blocks, census))
    first_field = header[0].encode("ascii")
    ended = True
    for block in source:
        if not _is_plain(block):
            _read_quoted(chain([block], source), census, encoding, header)
            break
        text = decoded(block, encoding)
        ended = block.endswith(b"\n")
        start = 1 if census.lines == 0 else 0
        if block.count(first_field + b";", start):
            _refuse_second_header(text, header, census.lines)
        census.lines += block.count(b"\n") + (not ended)
        census.rows = census.lines
        if not ended:
            census.last_row = text[text.rfind("\n") + 1 :].split(SEPARATOR)
    census.rows -= 1
    return census


def _watched(blocks: Iterable[bytes], census: Census) -> Iterator[bytes]:
    for block in blocks:
        if not block.isascii():
            census.ascii_only = False
            if census.utf8:
                try:
                    block.decode()
                except UnicodeDecodeError:
                    census.utf8 = False
        yield block


def _is_plain(block: bytes) -> bool:
    """Whether each line feed of the block ends exactly one row."""
    return (
        b'"' not in block
        and b"\n\n" not in block
        and b"\n\r\n" not in block
        and not block.startswith((b"\n", b"\r\n"))
        and block.count(b"\r") == block.count(b"\r\n")
    )


def _refuse_second_header(text: str, header: list[str], lines_before: int) -> None:
    whole = SEPARATOR.join(header)
    for number, line in enumerate(io.StringIO(text), lines_before + 1):
        if number > 1 and line.strip("\ufeff\r\n") == whole:
            raise Invalid(_second_header(number))


def _second_header(line: int) -> str:
    return (
        f"L’en-tête est répété à la ligne {line} : plusieurs extractions ont été mises bout à bout,"
        " importez-les séparément."
    )


def _read_quoted(blocks: Iterable[bytes], census: Census, encoding: str, header: list[str]) -> None:
    ended = True

    def texts() -> Iterator[io.StringIO]:
        nonlocal ended
        for block in blocks:
            text = decoded(block, encoding)
            ended = text.endswith(("\n", "\r"))
            yield io.StringIO(text, newline="")

    before = census.lines
    reader = csv.reader(chain.from_iterable(texts()), delimiter=SEPARATOR, strict=True)
    fields: list[str] = []
    begun = before
    try:
        for row in reader:
            if row:
                fields = row
                census.rows += 1
                if row[0].strip("\ufeff") == header[0] and row[1:] == header[1:] and census.rows > 1:
                    raise Invalid(_second_header(before + reader.line_num))
            begun = before + reader.line_num
    except csv.Error as error:
        raise Invalid(quote_refusal(begun + 1)) from error
    census.lines = before + reader.line_num
    census.last_row = None if ended else fields


def quote_refusal(line: int) -> str:
    """The sentence for quotes that RFC 4180 does not allow, in the row that begins on `line`."""
    return (
        f"Les guillemets de la ligne {line} sont mal fermés : le fichier est coupé ou mal produit,"
        " demandez une nouvelle extraction."
    )
