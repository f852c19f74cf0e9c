"""Days and numbers as people type them, each wrong one in one French sentence."""

from collections.abc import Mapping
from datetime import date

from backoffice.core.errors import Invalid


def typed_day(text: str) -> date | None:
    """A day written AAAA-MM-JJ, as browsers send it, or JJ/MM/AAAA; None for nothing. Raises Invalid."""
    text = text.strip()
    if not text:
        return None
    try:
        if "/" in text:
            day, month, year = text.split("/")
            return date(int(year), int(month), int(day))
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("Cette date n’existe pas : indiquez-la sous la forme JJ/MM/AAAA.") from None


def typed_number(text: str, label: str) -> int | None:
    """A whole number, spaces allowed; None for nothing. Raises Invalid."""
    digits = "".join(text.split())
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise Invalid(f"« {label} » attend un nombre entier, écrit en chiffres.")
    return int(digits)


def hidden_number(form: Mapping[str, str], name: str) -> int | None:
    """The number of a hidden field; None when somebody has changed it."""
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
