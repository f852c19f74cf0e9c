"""Treatments in progress: what the medical summary says and what was dispensed, side by side, by date; pure.

Where the two disagree, the line says so and decides nothing: a doctor does. A line is tied to a delivery when both name one
brand, or when the summary names every active substance of it; in doubt they stay apart, since a disagreement that is shown
for nothing costs a glance and one that is hidden may cost more.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from dateutil.relativedelta import relativedelta

from dmp_core.record.reimbursements.history import Delivery, History, Supply
from dmp_core.record.vsm.summary import Absence, Summary, Treatment

_UNITS: Final = frozenset({"CPR", "MCG", "MG", "ML", "UI"})
SILENT_MONTHS: Final = 3
"""Boxes for a month, some for three: longer than that without any, the medicine is probably not taken any more."""
_SALTS: Final = frozenset(
    {
        "ACIDE", "ACETATE", "ANHYDRE", "ARGININE", "BASE", "BESILATE", "BROMHYDRATE", "CALCIQUE", "CHLORHYDRATE",
        "CHLORURE", "CITRATE", "DIHYDRATE", "DIHYDRATEE", "DIPOTASSIQUE", "DISODIQUE", "DL", "FUMARATE",
        "HEMIHYDRATE", "HYDROGENOSULFATE", "LYSINE", "MAGNESIQUE", "MALEATE", "MESILATE", "MONOHYDRATE",
        "MONOHYDRATEE", "MONOSODIQUE", "NITRATE", "PHOSPHATE", "POTASSIQUE", "SODIQUE", "SODIUM", "SUCCINATE",
        "SULFATE", "TARTRATE", "TERTBUTYLAMINE", "TRIHYDRATE", "TRIHYDRATEE",
    }
)  # fmt: skip
"""Words of a substance that name its salt, and many others' as well."""


class Discordance(StrEnum):
    """Where the summary and the dispensed medicines disagree."""

    SILENT = "silent"
    """In the summary, and not dispensed for months."""
    SINCE = "since"
    """Dispensed since the summary was drawn up, which therefore cannot name it."""
    UNLISTED = "unlisted"
    """Dispensed before the summary was drawn up and after, and not in it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One treatment as both sources tell it."""

    treatment: Treatment | None
    """None when the summary does not name it."""
    delivered: str = ""
    """What was dispensed last, as it was labelled; empty for nothing."""
    substances: tuple[str, ...] = ()
    last: date | None = None
    """Day of the last delivery."""
    times: int = 0
    """Days on which it was dispensed."""
    discordance: Discordance | None = None

    def __repr__(self) -> str:
        """Nothing medical in a log."""
        return "Line(…)"


@dataclass(frozen=True, slots=True)
class Treatments:
    """What is told of the treatments in progress."""

    lines: tuple[Line, ...]
    compared: bool
    """Whether both sources were there: without one, no disagreement is ever told."""
    until: date | None
    """Last day of which deliveries are known."""


def in_progress(summary: tuple[Summary, date] | None, history: History | None, today: date) -> Treatments:
    """The treatments in progress, disagreements first. `summary` comes with the day it was drawn up.

    A delivery counts as in progress for three months; a treatment of the summary until its end, if it says one.
    """
    stated = [each for each in _stated(summary) if not _is_over(each, today)]
    medicines = [each for each in history.deliveries if each.kind is Supply.MEDICINE] if history else []
    compared = summary is not None and history is not None and summary[0].treatments is not Absence.UNKNOWN
    lines, taken = [], set[int]()
    for treatment in stated:
        own = [place for place, each in enumerate(medicines) if matches(treatment, each)]
        taken |= set(own)
        lines.append(_of_summary(treatment, [medicines[place] for place in own], history if compared else None))
    # What an ended line of the summary names was known to its writer: dispensed again, it is told as any other.
    others = [each for place, each in enumerate(medicines) if place not in taken]
    recent = _silent_since(history.until) if history else today
    drawn_up = summary[1] if summary and compared else None
    lines += [_of_pharmacy(group, drawn_up) for group in _grouped(others) if max(each.day for each in group) >= recent]
    order = {Discordance.SILENT: 0, Discordance.UNLISTED: 1, Discordance.SINCE: 2}
    lines.sort(key=lambda each: order[each.discordance] if each.discordance else 3)
    return Treatments(tuple(lines), compared, history.until if history else None)


def matches(treatment: Treatment, delivery: Delivery) -> bool:
    """Whether a line of the summary and a delivery name one medicine."""
    named = set(_words(treatment.medicine))
    substances = [_main(each) for each in delivery.substances]
    if substances and all(_is_named(each, named) for each in substances):
        return True
    brand = next(iter(_words(delivery.label)), "")
    # A label that begins with a substance is no brand: a fixed combination is not the first of its substances alone.
    return brand in named and brand not in _SALTS and not any(brand in each for each in substances)


def _stated(summary: tuple[Summary, date] | None) -> tuple[Treatment, ...]:
    if summary is None or isinstance(summary[0].treatments, Absence):
        return ()
    return summary[0].treatments


def _is_over(treatment: Treatment, today: date) -> bool:
    return bool(treatment.until) and treatment.until < today.isoformat()[: len(treatment.until)]


def _of_summary(treatment: Treatment, own: list[Delivery], history: History | None) -> Line:
    last = max(own, key=lambda each: each.day, default=None)
    discordance = None
    if history is not None and _begun(treatment, _silent_since(history.until)):
        silent = last is None or last.day < _silent_since(history.until)
        discordance = Discordance.SILENT if silent else None
    return Line(
        treatment, last.label if last else "", last.substances if last else (), last.day if last else None,
        len({each.day for each in own}), discordance,
    )  # fmt: skip


def _of_pharmacy(group: list[Delivery], drawn_up: date | None) -> Line:
    last = max(group, key=lambda each: each.day)
    discordance = None
    if drawn_up is not None:
        before = any(each.day <= drawn_up for each in group)
        discordance = Discordance.UNLISTED if before else Discordance.SINCE
    return Line(None, last.label, last.substances, last.day, len({each.day for each in group}), discordance)


def _grouped(deliveries: Iterable[Delivery]) -> list[list[Delivery]]:
    """Deliveries of one medicine together: the same substances, or the same label where none is told."""
    found: dict[tuple[str, ...], list[Delivery]] = {}
    for each in deliveries:
        key = tuple(sorted(" ".join(sorted(_main(one))) for one in each.substances)) or (each.label,)
        found.setdefault(key, []).append(each)
    return list(found.values())


def _silent_since(until: date) -> date:
    return until - relativedelta(months=SILENT_MONTHS)


def _begun(treatment: Treatment, day: date) -> bool:
    """Whether it had begun by then; without a date, it had."""
    return not treatment.since or treatment.since <= day.isoformat()[: len(treatment.since)]


def _main(substance: str) -> frozenset[str]:
    """The words by which a substance is known; all of them when they only name salts."""
    words = _words(substance)
    return frozenset(each for each in words if each not in _SALTS) or frozenset(words)


def _is_named(substance: frozenset[str], named: set[str]) -> bool:
    """By any word of its own; of one that has none (a salt alone), by all of them."""
    own = substance - _SALTS
    return bool(own & named) if own else substance <= named


def _words(text: str) -> list[str]:
    plain = "".join(one for one in unicodedata.normalize("NFKD", text.upper()) if not unicodedata.combining(one))
    return [
        each
        for each in re.split(r"[^A-Z0-9]+", plain)
        if len(each) > 1 and not each[0].isdigit() and each not in _UNITS
    ]
