"""Dates of the civil record: `AAAA-MM-JJ`, where day or month 00 is legal for a birth date (population format)."""

import re
from calendar import monthrange
from datetime import date
from functools import lru_cache
from typing import Final

EARLIEST_BIRTH_YEAR: Final = 1880
"""Nobody born before is alive; older years are slips of the hand."""

_SHAPE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


class DateFault(ValueError):
    """This text is not such a date; `str(fault)` is one French sentence."""


def birth_span(text: str) -> tuple[date, date]:
    """The earliest and the latest calendar day that `text` may stand for; the same day twice when it is complete.

    Raises DateFault when the form is wrong, the day does not exist, or the year is before 1880.
    """
    span = _span(text)
    if isinstance(span, str):
        raise DateFault(span)
    return span


def birth_latest(text: str) -> date:
    """The latest day a person with this birth date may be born: whoever may still be a minor counts as one.

    Raises DateFault like `birth_span`.
    """
    return birth_span(text)[1]


def calendar_day(text: str) -> date:
    """The complete date of `text`.

    Raises DateFault when the form is wrong, the day does not exist, or is not known entirely.
    """
    first, last = birth_span(text)
    if first != last or text.endswith("-00"):
        raise DateFault("La date est incomplète : le jour et le mois sont nécessaires.")
    return first


@lru_cache(maxsize=65536)
def _span(text: str) -> tuple[date, date] | str:
    # Cached with its refusal: a file of millions of rows has some forty thousand different birth dates.
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        return "La date n’est pas de la forme AAAA-MM-JJ."
    year, month, day = map(int, shape.groups())
    if year < EARLIEST_BIRTH_YEAR:
        return f"L’année est antérieure à {EARLIEST_BIRTH_YEAR}."
    if month > 12 or day > (31 if month == 0 else monthrange(year, month)[1]):
        return "Ce jour n’existe pas dans le calendrier."
    if month == 0:
        # Both January and December have 31 days, so any known day exists in them.
        return date(year, 1, day or 1), date(year, 12, day or 31)
    return date(year, month, day or 1), date(year, month, day or monthrange(year, month)[1])
