"""What the templates of the pages may ask, beyond the frame's own filters."""

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Flask, current_app

from backoffice.campaigns.kinds import Exclusion, in_words, kind_of
from backoffice.core.caisse import CAISSE_CODES, caisse_of
from backoffice.core.typography import NBSP
from backoffice.web.access import current_actor, may_open
from backoffice.web.pages.criteria_words import STEP_LABELS, criteria_facts

_SYSTEM = "systeme"


def equip(app: Flask) -> None:
    """Add the filters, and `may_open(endpoint)`: whether the person who asks may follow a link there."""
    app.jinja_env.filters.update(
        caisses=caisses, caisses_short=caisses_short, exclusion_rows=exclusion_rows, capitalised=capitalised,
        person=person, reason=in_words, answer_label=answer_label,
        file_size=file_size, option=option, kind_option=kind_option, caisse_options=caisse_options,
        colleague_option=lambda one: (one.login, one.name),
        criteria_facts=criteria_facts, step_label=lambda name: STEP_LABELS.get(name, name), kind_label=answer_label,
    )  # fmt: skip
    # Not a filter: Jinja works out a filter over a constant once, for the first person who opens the page.
    app.jinja_env.globals["may_open"] = lambda endpoint: may_open(current_app, current_actor(), endpoint)


def caisses(codes: Iterable[str]) -> str:
    """The caisses in words."""
    found = sorted(codes)
    if len(found) == len(CAISSE_CODES):
        return "les neuf caisses"
    return ", ".join(caisse_of(code).label for code in found)


def caisses_short(codes: Iterable[str]) -> str:
    """As `caisses`, but no more than two names."""
    found = sorted(codes)
    return caisses(found) if len(found) in (1, 2, len(CAISSE_CODES)) else f"{len(found)} caisses"


def exclusion_rows(excluded: Mapping[str, int]) -> list[tuple[str, int]]:
    """(reason in words, persons), the most numerous first."""
    return sorted(((Exclusion(key).label, number) for key, number in excluded.items()), key=lambda row: -row[1])


def answer_label(name: str) -> str:
    """A kind of letter that answers, in words."""
    return kind_of(name).label


def file_size(octets: int) -> str:
    """The size of a file: "240 ko", "1,2 Mo"."""
    if octets < 1_000_000:
        return f"{max(1, round(octets / 1000))}{NBSP}ko"
    return f"{octets / 1_000_000:.1f}{NBSP}Mo".replace(".", ",")


def option(choice: Any) -> tuple[Any, str]:
    """A member of a labelled enumeration, as a choice of a form."""
    return choice.value, choice.label


def kind_option(kind: Any) -> tuple[str, str]:
    """A declared kind, as a choice of a form."""
    return kind.name, kind.label


def caisse_options(codes: Iterable[str]) -> list[tuple[str, str]]:
    """Caisses, as choices of a form."""
    return [(code, caisse_of(code).label) for code in sorted(codes)]


def capitalised(text: str) -> str:
    """The first letter as a capital, the others as they are."""
    return text[:1].upper() + text[1:]


def person(login: str) -> str:
    """Who acted, as read in a history."""
    return "le traitement automatique" if login == _SYSTEM else login
