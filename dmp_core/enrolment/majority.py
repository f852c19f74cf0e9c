"""When a person comes of age: eighteen whole years (code civil, article 388). Pure."""

from calendar import monthrange
from datetime import date

MAJORITY = 18
"""Years."""


def comes_of_age(birth_date: str) -> date:
    """The eighteenth birthday of who was born on `birth_date` (AAAA-MM-JJ).

    A day or a month that the civil record does not tell ("00", "lunar" dates) is taken as late as it can be: nobody is
    treated as of age too early.
    """
    year, month, day = int(birth_date[:4]) + MAJORITY, int(birth_date[5:7]), int(birth_date[8:10])
    if not 1 <= month <= 12:
        return date(year, 12, 31)
    last = monthrange(year - MAJORITY, month)[1]
    if not 1 <= day <= last:
        day = last
    # Born on 29 February: of age on 1 March of a year that has none.
    return date(year, month, day) if day <= monthrange(year, month)[1] else date(year, 3, 1)


def is_minor(birth_date: str, on: date) -> bool:
    """Whether they are under eighteen on that day, in Paris."""
    return on < comes_of_age(birth_date)
