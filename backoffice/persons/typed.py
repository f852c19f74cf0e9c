"""What was typed into the one search field, in the ways in which it may be meant. Pure.

A name, a birth date, a NIR or a part of it, a telephone number, the number of a case or of a letter; a town or a postal
code narrows a name. Digits that can be two things are read as both.
"""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from backoffice.core.address import plain_capitals
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import Invalid
from backoffice.letters.reference import parse_letter_id
from backoffice.population.civil_dates import EARLIEST_BIRTH_YEAR, DateFault, birth_span
from backoffice.population.contacts import mobile_number
from dmp_core.identity.nir import LENGTH, NirFault, validate

LONGEST: Final = 120
"""Characters that are read."""
LEAST_LETTERS: Final = 2
LEAST_DIGITS: Final = 5
MOST_WORDS: Final = 6

TOO_SHORT: Final = (
    "Tapez au moins deux lettres du nom, cinq chiffres du numéro de sécurité sociale, ou une date de naissance."
)

_MONTHS: Final = (
    "JANVIER", "FEVRIER", "MARS", "AVRIL", "MAI", "JUIN", "JUILLET", "AOUT", "SEPTEMBRE", "OCTOBRE", "NOVEMBRE",
    "DECEMBRE",
)  # fmt: skip
_SHORT_MONTHS: Final = {
    "JANV": 1, "FEV": 2, "FEVR": 2, "AVR": 4, "JUIL": 7, "SEPT": 9, "OCT": 10, "NOV": 11, "DEC": 12,
}  # fmt: skip
_MONTH_NUMBERS: Final = {name: number for number, name in enumerate(_MONTHS, 1)} | _SHORT_MONTHS
_CIVILITIES: Final = frozenset({"M", "MR", "MME", "MLLE", "MONSIEUR", "MADAME", "MADEMOISELLE"})

_OTHERWISE: Final = str.maketrans("’ʼ–‑—", "''---") | {ord("Œ"): "OE", ord("Æ"): "AE"}

_CASE = re.compile(r"(20[0-9]{2})[- ]([0-9]{3})[- ]([0-9]{6})")
_LETTER = re.compile(r"[0-9]{3}[- ]?[0-9]{9}[- ]?[0-9]{2}")
_PHONE = re.compile(r"(?:(?:\+|00) ?(?:33|262|590|594|596)(?: ?\(0\))? ?|0)[1-9](?:[ .-]?[0-9]{2}){4}")
_ISO = re.compile(r"(?<![0-9])([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9])")
_FIGURES = re.compile(r"(?<![0-9])(?<![0-9][/.-])([0-9]{1,2})([/.-])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})(?![/.-]?[0-9])")
_SPACED = re.compile(r"(?<![0-9] )(?<![0-9])([0-9]{1,2}) ([0-9]{1,2}) ([0-9]{4})(?! ?[0-9])")
_WORDED = re.compile(
    rf"(?<![A-Z0-9])(?:([0-9]{{1,2}})(?:ER)? )?({'|'.join(sorted(_MONTH_NUMBERS, key=len, reverse=True))})\.? "
    r"([0-9]{4}|[0-9]{2})(?![0-9])"
)
_BORN = re.compile(r"(?<![A-Z])NEE? (?:LE |EN )?(?=[0-9§])")
_YEAR = re.compile(r"(?<![0-9])(?<![0-9] )((?:18|19|20)[0-9]{2})(?! ?[0-9AB])")
_NUMBER = re.compile(r"[0-9](?:[ .-]?(?:[0-9]|(?<=2)[AB](?=[ .-]?[0-9]|$)))*")
_TOWN = re.compile(r"(?:,| A ) *(?:[0-9]{5} *)?([A-Z][A-Z '-]*)$")


@dataclass(frozen=True, slots=True)
class Question:
    """One way to understand what was typed."""

    words: tuple[str, ...] = field(default=(), repr=False)
    """Keys of the words of a name, as typed; the last one may be unfinished."""
    births: tuple[str, ...] = field(default=(), repr=False)
    """Birth dates as the population writes them, whole (AAAA-MM-JJ) or their beginning (AAAA-MM, AAAA)."""
    nir: str = field(default="", repr=False)
    """The beginning of a NIR, or the whole of it."""
    nir_end: str = field(default="", repr=False)
    mobile: str = field(default="", repr=False)
    case: str = ""
    letter: str = ""
    postal: str = ""
    town: str = ""

    @property
    def nature(self) -> str:
        """What is asked, for the journal: never what was typed."""
        names = {
            "case": "demande", "letter": "courrier", "mobile": "téléphone", "nir": "numéro", "nir_end": "fin du numéro",
            "words": "nom", "births": "naissance", "postal": "code postal", "town": "ville",
        }  # fmt: skip
        return ", ".join(label for name, label in names.items() if getattr(self, name))


def key_of(text: str) -> str:
    """The key of a name: its letters A-Z alone, as `name_key` of the database makes it."""
    return re.sub("[^A-Z]", "", plain_capitals(text))


def understand(text: str, today: date) -> tuple[Question, ...]:
    """The ways to understand `text`, the likeliest first.

    Raises Invalid, in one sentence that repeats nothing of it, when it is too short or cannot be right.
    """
    plain = _plain(text)
    for reading in (_case, _letter, _phone):
        found = reading(plain)
        if found is not None:
            return (found,)
    found, rest = _dated(plain, today)
    rest, town = _without_town(rest) if re.search("[A-Z]", rest) else (rest, "")
    found = replace(found, town=town)
    numbers = [(match, re.sub("[ .-]", "", match[0])) for match in _NUMBER.finditer(rest)]
    for match, _ in numbers:
        rest = rest.replace(match[0], " ", 1)
    found = replace(found, words=_words(rest))
    return _with_numbers(found, [digits for _, digits in numbers], today)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKD", text[:LONGEST]).upper()
    folded = folded.translate(_OTHERWISE)
    kept = "".join(c if c.isprintable() else " " for c in folded if not unicodedata.combining(c))
    return " ".join(kept.split())


def _case(plain: str) -> Question | None:
    found = _CASE.fullmatch(plain)
    if found is None or found[2] not in CAISSE_CODES:
        return None
    return Question(case="-".join(found.groups()))


def _letter(plain: str) -> Question | None:
    if not _LETTER.fullmatch(plain) or plain[:3] not in CAISSE_CODES:
        return None
    try:
        return Question(letter=parse_letter_id(plain))
    except Invalid:
        if "-" in plain:
            raise
        return None


def _phone(plain: str) -> Question | None:
    if not _PHONE.fullmatch(plain):
        return None
    number = mobile_number(plain.replace("(0)", ""))
    if number is None:
        raise Invalid("Seuls les numéros de mobile sont connus ici : cherchez par le nom et la date de naissance.")
    return Question(mobile=number)


def _dated(plain: str, today: date) -> tuple[Question, str]:
    """The birth dates written with separators or words, and what is left."""
    for pattern, order in ((_ISO, (3, 2, 1)), (_FIGURES, (1, 3, 4)), (_SPACED, (1, 2, 3)), (_WORDED, (1, 2, 3))):
        found = pattern.search(plain)
        if found is None:
            continue
        day, month, year = (found[group] for group in order)
        births = _births(day, str(_MONTH_NUMBERS.get(month, month)), year, today)
        if births:
            return Question(births=births), _without(plain, found)
        if pattern in (_ISO, _FIGURES, _WORDED):
            raise Invalid("Cette date de naissance n’existe pas : écrivez-la par exemple 05/11/1952.")
    if re.search("[A-Z]{2}", plain):
        year_alone = _YEAR.search(plain)
        if year_alone is not None and EARLIEST_BIRTH_YEAR <= int(year_alone[1]) <= today.year:
            return Question(births=(year_alone[1],)), _without(plain, year_alone)
    return Question(), plain


def _without(plain: str, date_found: re.Match[str]) -> str:
    """`plain` without its date, and without the words that say it is one."""
    rest = " ".join(f"{plain[: date_found.start()]} § {plain[date_found.end() :]}".split())
    return _BORN.sub(" ", rest).replace("§", " ")


def _births(day: str | None, month: str, year: str, today: date) -> tuple[str, ...]:
    """The dates that these figures may stand for: a year of two figures may be of two centuries."""
    years = (year,) if len(year) == 4 else (f"19{year}", f"20{year}")
    found = []
    for one in years:
        text = f"{one}-{int(month):02d}-{int(day or 0):02d}"
        try:
            first, _ = birth_span(text)
        except DateFault:
            continue
        if first <= today:
            found.append(text if day else text[:7])
    return tuple(found)


def _without_town(plain: str) -> tuple[str, str]:
    found = _TOWN.search(plain)
    if found is None or not re.search("[A-Z0-9]", plain[: found.start()]):
        return plain, ""
    return plain.replace(found[0], found[0].replace(found[1], "").replace(",", " ").replace(" A ", " ")), key_of(
        found[1]
    )


def _words(rest: str) -> tuple[str, ...]:
    keys = [key for word in rest.replace(",", " ").split() if (key := key_of(word))]
    named = [key for key in keys if key not in _CIVILITIES]
    return tuple((named or keys)[:MOST_WORDS])


def _with_numbers(found: Question, numbers: list[str], today: date) -> tuple[Question, ...]:
    letters = sum(map(len, found.words))
    if not numbers:
        if found.births or letters >= LEAST_LETTERS:
            return (found,)
        raise Invalid(TOO_SHORT)
    if len(numbers) == 2 and len(numbers[0]) == 5 and (found.words or found.births):
        found, numbers = replace(found, postal=numbers[0]), numbers[1:]
    digits = numbers[0]
    if len(numbers) > 1 or len(digits) > LENGTH:
        raise Invalid("Il y a trop de chiffres : tapez un seul numéro à la fois, quinze caractères au plus.")
    if len(digits) <= 5 and digits.isdigit() and (letters >= LEAST_LETTERS or found.births):
        if len(digits) < 2:
            return (found,)
        return (replace(found, postal=digits),)
    if len(digits) < LEAST_DIGITS:
        raise Invalid(TOO_SHORT)
    if len(digits) == LENGTH:
        try:
            return (replace(found, nir=validate(digits)),)
        except NirFault as fault:
            raise Invalid(str(fault)) from None
    readings = []
    if len(digits) in (6, 8) and not found.births and digits.isdigit():
        births = _births(digits[:2], digits[2:4], digits[4:], today)
        if births:
            readings.append(replace(found, births=births))
    if digits[0] in "123478":
        readings.append(replace(found, nir=digits))
    if len(digits) < LENGTH - 2:
        readings.append(replace(found, nir_end=digits))
    return tuple(readings)
