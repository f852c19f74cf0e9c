"""The identity questions: what the base knows of a person, asked in turn, answered by the caller. Pure.

The advisor types what they hear and never sees what is expected. What the caller was found by is not asked again, and
of three questions two are about something one has (a telephone, the card, a letter) where the base knows enough.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from backoffice.core.errors import Invalid

SHOWN_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Known:
    """What the base knows that can be asked. Empty text: not known."""

    prenom: str
    nom_naissance: str
    nom_usage: str
    date_naissance: str
    """AAAA-MM-JJ; 00 for an unknown day or month."""
    code_postal: str
    mobile: str
    email: str
    vitale_serie: str
    letters: tuple[str, ...] = ()
    """Ids of the letters of the last months."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question: how it is asked, what is expected, when two answers are the same."""

    name: str
    say: str
    """As the advisor asks it."""
    hint: str
    """How to type the answer."""
    possession: bool
    """About something one has, rather than something that others may know."""
    expected: Callable[[Known], tuple[str, ...]]
    """The right answers, normalised; none when the base does not know."""
    normalised: Callable[[str], str]
    given_by: frozenset[str] = frozenset()
    """Keys of a search that already say it."""


def folded(text: str) -> str:
    """Letters without accents, in lower case, one space between words."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", plain.casefold()).split())


def digits(text: str) -> str:
    """The digits alone."""
    return re.sub(r"[^0-9]", "", text)


def iso_day(text: str) -> str:
    """A day as people say it ("3/5/1950", "03051950", "1950-05-03") as AAAA-MM-JJ; empty when it is none."""
    found = re.fullmatch(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})\s*", text)
    if found:
        year, month, day = found.groups()
    else:
        found = re.fullmatch(r"\s*(\d{1,2})\D+(\d{1,2})\D+(\d{4})\s*|\s*(\d{2})(\d{2})(\d{4})\s*", text)
        if not found:
            return ""
        day, month, year = (part for part in found.groups() if part is not None)
    return f"{year}-{int(month):02d}-{int(day):02d}"


def _last(text: str) -> str:
    return digits(text)[-SHOWN_DIGITS:]


def _some(*values: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))


def _whole_day(known: Known) -> tuple[str, ...]:
    return () if "-00" in known.date_naissance else _some(known.date_naissance)


_NAMED: Final = frozenset({"nom", "prenom", "naissance"})
QUESTIONS: Final[tuple[Question, ...]] = (
    Question(
        "vitale", "Quels sont les quatre derniers chiffres du numéro de série, au dos de votre carte Vitale ?",
        "4 chiffres", True, lambda known: _some(_last(known.vitale_serie)), _last,
    ),
    Question(
        "mobile", "Quels sont les quatre derniers chiffres du téléphone mobile que vous nous avez indiqué ?",
        "4 chiffres", True, lambda known: _some(_last(known.mobile)), _last,
    ),
    Question(
        "courrier", "Quel est le numéro imprimé en haut à droite du courrier que vous avez sous les yeux ?",
        "14 chiffres, avec ou sans tirets", True, lambda known: _some(*map(digits, known.letters)), digits,
        frozenset({"courrier"}),
    ),
    Question(
        "email", "Quelle adresse électronique nous avez-vous indiquée ?", "l’adresse entière", True,
        lambda known: _some(known.email.casefold()), lambda text: text.strip().casefold(),
    ),
    Question(
        "naissance", "Quelle est votre date de naissance ?", "JJ/MM/AAAA", False, _whole_day, iso_day,
        frozenset({"naissance", "nir"}),
    ),
    Question(
        "code_postal", "Quel est le code postal de votre adresse ?", "5 chiffres", False,
        lambda known: _some(digits(known.code_postal)), digits, frozenset({"code_postal"}),
    ),
    Question(
        "prenom", "Quel est votre premier prénom d’état civil ?", "le prénom, accents facultatifs", False,
        lambda known: _some(folded(known.prenom)), folded, frozenset({"prenom"}),
    ),
    Question(
        "nom_naissance", "Quel est votre nom de naissance ?", "le nom, accents facultatifs", False,
        lambda known: _some(folded(known.nom_naissance)) if known.nom_usage else (), folded, frozenset({"nom"}),
    ),
)  # fmt: skip
"""The pool; those about something one has come first."""
_BY_NAME: Final[Mapping[str, Question]] = {question.name: question for question in QUESTIONS}


def question_named(name: str) -> Question:
    """The declared question of this name. Raises Invalid when there is none."""
    if name not in _BY_NAME:
        raise Invalid("Cette question n’existe plus : rechargez la page.")
    return _BY_NAME[name]


def pool_of(known: Known, found_by: Collection[str], *, letter_at_hand: bool) -> tuple[Question, ...]:
    """What may be asked of this person: known to the base, not what they were found by, a letter only if it is there."""
    return tuple(
        question
        for question in QUESTIONS
        if question.expected(known)
        and question.given_by.isdisjoint(found_by)
        and (letter_at_hand or question.name != "courrier")
    )


def draw(
    pool: Sequence[Question], asked: Sequence[str], earlier: Sequence[str], chance: Random, *, possession: int = 2
) -> Question | None:
    """The next question, or None when nothing is left.

    The first `possession` are about something one has, while there are any. Those asked in `earlier` calls come last, the
    latest of all at the very end, so that who listened to one call does not know the next; chance decides among equals.
    """
    left = [question for question in pool if question.name not in asked]
    had = sum(question_named(name).possession for name in asked)
    if had < possession and any(question.possession for question in left):
        left = [question for question in left if question.possession]
    if not left:
        return None
    # `earlier` holds the latest question last: the further back, the sooner it may come again.
    age = {name: rank for rank, name in enumerate(earlier)}
    oldest = min(age.get(question.name, -1) for question in left)
    return chance.choice([question for question in left if age.get(question.name, -1) == oldest])


def is_right(question: Question, known: Known, typed: str) -> bool:
    """Whether the caller's answer is the one the base knows."""
    answer = question.normalised(typed)
    return bool(answer) and answer in question.expected(known)
