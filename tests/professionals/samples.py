"""Cards of nobody: numbers drawn for these tests, keys that pass."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from stdnum import luhn

from dmp_core.professionals.authority import Issued, TestAuthority

NUMBERS = count(1_000_000)
"""Numbers of professionals that no other test of this process has: they meet in one world."""
NOW = datetime(2016, 12, 1, 9, 0, tzinfo=UTC)


def rpps(number: int) -> str:
    """PS_IdNat of the RPPS number that begins so."""
    begun = f"10{number:08}"
    return f"8{begun}{luhn.calc_check_digit(begun)}"


def a_doctor(authority: TestAuthority, number: int = 1, now: datetime = NOW, **more: Any) -> Issued:
    surname, given_name = more.pop("surname", "MARTIN"), more.pop("given_name", "ANNE")
    profession = more.pop("profession", "Médecin")
    return authority.card(more.pop("national_id", rpps(number)), surname, given_name, profession, now, **more)


def a_secretary(authority: TestAuthority, now: datetime = NOW, **more: Any) -> Issued:
    number, structure = more.pop("national_id", "3750712184/AG-12"), more.pop("structure", "1750712184")
    return authority.staff(number, "AGENT", "LUC", structure, "CLINIQUE DE TEST", now, **more)
