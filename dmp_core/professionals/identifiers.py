"""National identifiers of professionals and structures (DOMAIN 3.1): one figure that says the kind, then the number."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stdnum import luhn

PROFESSIONALS: Final = "1.2.250.1.71.4.2.1"
"""OID of PS_IdNat."""
STRUCTURES: Final = "1.2.250.1.71.4.2.2"
"""OID of Struct_IdNat."""


class Kind(StrEnum):
    """What the number of a professional is; the value is its prefix."""

    ADELI = "0"
    ADELI_PRACTICE = "1"
    FINESS = "3"
    SIREN = "4"
    SIRET = "5"
    RPPS_PRACTICE = "6"
    RPPS = "8"


PERSONAL: Final = frozenset({Kind.ADELI, Kind.RPPS})
"""Numbers that one professional of health holds for life; the others name staff within a structure."""

_NUMBER: Final = {
    Kind.ADELI: re.compile(r"[0-9][0-9AB][0-9]{7}"),
    Kind.RPPS: re.compile(r"[0-9]{11}"),
}
_INTERNAL: Final = re.compile(r"[0-9AB]{8,14}/[0-9A-Za-z._-]{1,40}")
_STRUCTURE: Final = re.compile(r"0[0-9AB]{9,14}|1[0-9][0-9AB][0-9]{7}|2[0-9]{9}|3[0-9]{14}|4[0-9]{11,14}")


@dataclass(frozen=True, slots=True)
class NationalId:
    """PS_IdNat: `8` and a RPPS number, `0` and an ADELI number ..."""

    kind: Kind
    number: str

    def __str__(self) -> str:
        return f"{self.kind.value}{self.number}"

    @property
    def personal(self) -> bool:
        """Whether it is a professional's own."""
        return self.kind in PERSONAL


def national_id(written: str) -> NationalId | None:
    """The identifier that is written so; None when it is none, or its key is wrong (RPPS: Luhn over eleven digits)."""
    try:
        kind = Kind(written[:1])
    except ValueError:
        return None
    number = written[1:]
    if not (_NUMBER.get(kind) or _INTERNAL).fullmatch(number):
        return None
    if kind is Kind.RPPS and not luhn.is_valid(number):
        return None
    return NationalId(kind, number)


def is_structure(written: str) -> bool:
    """Whether this is written as Struct_IdNat is: ADELI practice, FINESS, SIREN, SIRET or RPPS and rank."""
    return _STRUCTURE.fullmatch(written) is not None
