"""Creation codes: how they are drawn, written, read back and checked. Pure: no database, no key.

A code is 12 characters of `ALPHABET`: 11 drawn at random, the last a check character. See docs/decisions/0003.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import log2

from stdnum.iso7064 import mod_37_2

ALPHABET = "23456789CDFHJKMNPQRTVWX"
"""23 capitals and digits: no vowel (Y is one in French), and of each pair that eyes confuse only one or none:
0/O, 1/I/L, 2/Z, 5/S, 6/G, 8/B, U/V. Their number is prime, which is what the check character rests on."""

LENGTH = 12
RANDOM = LENGTH - 1
GROUP = 4

AVOIDED = ("CNRD", "FDP", "KKK", "MRD", "NTM", "PD", "PTN", "TDC")
"""Insults that need no vowel: nobody receives one from their caisse, the code is drawn again (one in 37)."""

ENTROPY_BITS = RANDOM * log2(len(ALPHABET))
"""49.76 bits, before `AVOIDED` takes 0.04 away: among ten million live codes, one guess in 93 million hits any of
them, and a guess must also name the right person."""

_READ_AS = str.maketrans({"Z": "2", "S": "5", "G": "6", "B": "8", "U": "V"})
"""Letters that are in no code and can only be one misread character; O, 0, 1, I and L have no single reading."""

_SYMBOLS = ALPHABET.encode()
_BASE = len(ALPHABET)
_CEILING = 256 - 256 % _BASE
_TO_VALUE = bytes(byte % _BASE for byte in range(256))
_TO_SYMBOL = bytes(_SYMBOLS[byte % _BASE] for byte in range(256))
_TOO_HIGH = bytes(range(_CEILING, 256))
# ISO/IEC 7064, pure system of radix 2 (that of MOD 11-2 and MOD 37-2), here modulo 23: position i weighs 2^(11-i).
_WEIGHED = tuple(bytes(byte * pow(2, LENGTH - 1 - i, _BASE) % _BASE for byte in range(256)) for i in range(RANDOM))
_CHECK_SYMBOL = bytes(_SYMBOLS[(1 - total) % _BASE] for total in range(256))
_BATCH = 65_536


class Fault(StrEnum):
    """What is wrong with a typed code, told without looking at any database."""

    LENGTH = "length"
    """Not 12 characters."""
    CHARACTER = "character"
    """A character that no code contains."""
    SLIP = "slip"
    """The check character disagrees: a slip of the hand, not somebody else's code nor an old one."""


@dataclass(frozen=True, slots=True)
class Slip:
    """A typed code that cannot be right, with the French sentence to show."""

    fault: Fault
    sentence: str


def draw_codes(count: int, urandom: Callable[[int], bytes] = os.urandom) -> list[str]:
    """`count` different codes from the system's generator, without bias.

    `urandom(n)` must return n unpredictable bytes; a million codes take well under a second.
    """
    if count < 0:
        raise ValueError("count is negative")
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        wanted = min(_BATCH, count - len(drawn))
        drawn.update(dict.fromkeys(_batch(wanted, urandom)))
    return list(drawn)


def _batch(wanted: int, urandom: Callable[[int], bytes]) -> Iterator[str]:
    """At most `wanted` codes, computed by columns: a sum of big integers adds 65,536 weighted characters at once."""
    # Bytes of 253 and above would favour the first symbols: they are thrown away, 1.2 % of them.
    even = urandom(wanted * RANDOM * 33 // 32 + 64).translate(_TO_VALUE, _TOO_HIGH)
    wanted = min(wanted, len(even) // RANDOM)
    columns = [even[i : wanted * RANDOM : RANDOM] for i in range(RANDOM)]
    total = 0
    for column, weighed in zip(columns, _WEIGHED, strict=True):
        # 11 weighted values of at most 22 stay below 256, so that no sum spills into the next code.
        total += int.from_bytes(column.translate(weighed), "big")
    columns.append(total.to_bytes(wanted, "big"))
    text = bytearray(wanted * LENGTH)
    for i, column in enumerate(columns):
        text[i::LENGTH] = column.translate(_CHECK_SYMBOL if i == RANDOM else _TO_SYMBOL)
    refused = set(_avoided(bytes(text)))
    codes = text.decode("ascii")
    return (codes[i * LENGTH : (i + 1) * LENGTH] for i in range(wanted) if i not in refused)


def _avoided(text: bytes) -> Iterator[int]:
    """Ranks of the codes of `text` within which a sequence of `AVOIDED` appears."""
    for sequence in AVOIDED:
        at = text.find(sequence.encode())
        while at >= 0:
            if at // LENGTH == (at + len(sequence) - 1) // LENGTH:
                yield at // LENGTH
            at = text.find(sequence.encode(), at + 1)


def normalise(text: str) -> str:
    """What was typed, in the form in which codes are drawn: capitals, nothing between them, plain misreadings mended.

    Spaces of any kind, invisible characters, dashes of any kind and punctuation are dropped; nothing else is.
    """
    folded = unicodedata.normalize("NFKC", text).upper()
    kept = (c for c in folded if unicodedata.category(c)[0] not in "ZCP" and c != "\N{MINUS SIGN}")
    return "".join(kept).translate(_READ_AS)


def check(text: str) -> str | Slip:
    """The normalised code when what was typed can be one, else the `Slip` that says what to correct.

    A code that passes is not known to exist: only the portal, who knows the person, can tell.
    """
    code = normalise(text)
    if not code:
        return Slip(Fault.LENGTH, "Saisissez le code de 12 caractères encadré sur votre courrier.")
    if len(code) != LENGTH:
        held = "1 caractère" if len(code) == 1 else f"{len(code)} caractères"
        return Slip(
            Fault.LENGTH,
            f"Le code saisi compte {held} au lieu de 12 : recopiez-le tel qu’il est encadré sur votre courrier.",
        )
    stray = re.search(f"[^{ALPHABET}]", code)
    if stray:
        rank = "1er" if stray.start() == 0 else f"{stray.start() + 1}e"
        return Slip(
            Fault.CHARACTER,
            f"Le {rank} caractère saisi ne figure dans aucun code (ni voyelle, ni L, ni chiffre 0 ou 1)"
            " : comparez-le avec votre courrier.",
        )
    if not mod_37_2.is_valid(code, ALPHABET):
        return Slip(
            Fault.SLIP,
            "Le code saisi comporte une faute de frappe : comparez-le caractère par caractère avec "
            "celui de votre courrier.",
        )
    return code


def group(code: str) -> str:
    """The code as it is printed: "XXXX XXXX XXXX"."""
    return " ".join(code[i : i + GROUP] for i in range(0, len(code), GROUP))
