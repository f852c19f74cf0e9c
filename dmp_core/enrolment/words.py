"""French of what the record prints and shows: spaces that never break, days in words, the number to call."""

import re
from datetime import date, datetime
from typing import Final

from dmp_core.clock import PARIS

NBSP: Final = "\u00a0"
HOTLINE: Final = "0 810 331 133"
"""The seed's call centre; its price and hours stand beside it wherever it is shown."""

CAISSES: Final = (
    "Bas-Rhin", "Bayonne", "Côte-d'Armor", "Doubs", "Haute-Garonne", "Indre-et-Loire", "Puy de Dôme", "Somme",
    "Val-de-Marne",
)  # fmt: skip
"""The nine caisses of the pre-series, spelt as the seed's screen does."""

_MONTHS: Final = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
    "décembre",
)  # fmt: skip
_BEFORE_MARK = re.compile(r" (?=[;:!?»%€])")
_AFTER_QUOTE = re.compile(r"(?<=«) ")
_IN_NUMBER = re.compile(r"(?<=\d) (?=\d)")


def no_break_spaces(text: str) -> str:
    """`text` with its ordinary spaces made unbreakable where French wants it: before ; : ! ? » % €, after «, in numbers."""
    for pattern in (_BEFORE_MARK, _AFTER_QUOTE, _IN_NUMBER):
        text = pattern.sub(NBSP, text)
    return text


def long_day(moment: date | datetime) -> str:
    """A day, or the day in Paris of an aware instant, in words: "2 novembre 2016"."""
    day = moment.astimezone(PARIS).date() if isinstance(moment, datetime) else moment
    number = "1er" if day.day == 1 else str(day.day)
    return f"{number}{NBSP}{_MONTHS[day.month - 1]}{NBSP}{day.year}"


def short_day(moment: date | datetime) -> str:
    """A day, or the day in Paris of an aware instant, in figures: "02/11/2016"."""
    day = moment.astimezone(PARIS).date() if isinstance(moment, datetime) else moment
    return f"{day:%d/%m/%Y}"


def french_instant(instant: datetime) -> str:
    """An aware instant as read in Paris: "02/11/2016 à 09 h 30"."""
    local = instant.astimezone(PARIS)
    return f"{local:%d/%m/%Y} à {local:%H}{NBSP}h{NBSP}{local:%M}"


def dialled(number: str) -> str:
    """A number in E.164 as it is dialled: "06 12 34 56 78" in France, "+44 20 …" elsewhere."""
    if number.startswith("+33") and len(number) == 12:
        number = "0" + number[3:]
        return NBSP.join(number[at : at + 2] for at in range(0, 10, 2))
    return number
