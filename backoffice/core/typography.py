"""French typography: the spaces that never break, and the apostrophe. After the Lexique of the Imprimerie nationale."""

import re

NBSP = "\u00a0"

_BEFORE_MARK = re.compile(r" (?=[;:!?»%€])")
_AFTER_QUOTE = re.compile(r"(?<=«) ")
_IN_NUMBER = re.compile(r"(?<=\d) (?=\d)")
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:h|min|mois|jours?|ans?|caractères)\b)")
_IN_HOUR = re.compile(r"(?<=\d[ \u00a0]h) (?=\d)")
_APOSTROPHE = re.compile(r"(?<=\w)'(?=\w)")


def no_break_spaces(text: str) -> str:
    """`text` with its ordinary spaces made unbreakable where French wants it; its length never changes.

    Before ; : ! ? » % €, after «, inside numbers ("0 810 331 133"), between a number and its unit, in "8 h 30".
    """
    for pattern in (_BEFORE_MARK, _AFTER_QUOTE, _IN_NUMBER, _BEFORE_UNIT, _IN_HOUR):
        text = pattern.sub(NBSP, text)
    return text


def curly_apostrophes(text: str) -> str:
    """`text` with the typewriter apostrophes between two letters made typographic; its length never changes."""
    return _APOSTROPHE.sub("’", text)


def thousands(number: int) -> str:
    """A whole number in groups of three: "1 234 567", with spaces that do not break."""
    return f"{number:,}".replace(",", NBSP)


def quoted(text: str) -> str:
    """`text` between French quotation marks."""
    return f"«{NBSP}{text}{NBSP}»"
