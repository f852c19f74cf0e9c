"""The form of the medical summary: lines as they are typed, and the summary that they make. Nothing typed is ever lost."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from dmp_core.record.vsm.summary import (
    DATES,
    MOST_LINES,
    NAMES,
    SECTIONS,
    Absence,
    AllergyKind,
    HabitKind,
    Kinship,
    Line,
    Summary,
    Wrong,
    faults_of,
    tidied,
)
from dmp_core.record.vsm.words import shown

MORE: Final = 3
"""Lines that one click adds."""
_FIRST: Final = 2
_LONGEST_TYPED: Final = 400
CHOICES: Final[dict[str, type[StrEnum]]] = {"allergies": AllergyKind, "habits": HabitKind, "family": Kinship}
"""Sections whose lines begin with a choice, and which."""
FIELDS: Final = {
    "problems": ("since", "label", "code"),
    "past": ("since", "until", "label", "code"),
    "operations": ("day", "label", "code"),
    "allergies": ("since", "kind", "agent", "reaction"),
    "habits": ("kind", "label"),
    "exposures": ("label",),
    "family": ("who", "label", "code"),
    "findings": ("day", "label"),
    "treatments": ("since", "until", "medicine", "dosage", "reason", "code"),
}
"""The fields of a line, in the order of the columns."""
_CHOSEN: Final = {"kind", "who"}


@dataclass(slots=True)
class Block:
    """One section as it stands on the page."""

    name: str
    absence: str = ""
    """An Absence; empty where the lines count."""
    lines: list[dict[str, str]] = field(default_factory=list, repr=False)

    def grow(self, more: int) -> None:
        """Add empty lines, up to the bound."""
        empty = dict.fromkeys(FIELDS[self.name], "")
        self.lines += [dict(empty) for _ in range(max(0, min(more, MOST_LINES - len(self.lines))))]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and the field of the page that it is about."""

    sentence: str
    """Said at the top of the page, with its section and line."""
    target: str
    short: str = ""
    """Said beside the field."""


def empty_form() -> list[Block]:
    """The first summary of a patient: no section says anything yet."""
    return form_of(None)


def form_of(summary: Summary | None) -> list[Block]:
    """The form that says what this summary says."""
    blocks = []
    for name in SECTIONS:
        lines: Any = getattr(summary, name) if summary else ()
        block = Block(name, lines.value) if isinstance(lines, Absence) else Block(name)
        if not isinstance(lines, Absence):
            block.lines = [_typed(name, line) for line in lines]
        block.grow(1 if block.lines else _FIRST)
        blocks.append(block)
    return blocks


def form_in(typed: MultiDict[str, str]) -> list[Block]:
    """What was typed, to the letter; lines that were sent and no more than a summary takes."""
    blocks = []
    for name in SECTIONS:
        absence = typed.get(f"{name}-etat", "")
        block = Block(name, absence if absence in set(Absence) else "")
        count = typed.get(f"{name}-lignes", "")
        for number in range(min(int(count), MOST_LINES) if count.isascii() and count.isdigit() else 0):
            block.lines.append(
                {each: typed.get(f"{name}-{number}-{each}", "")[:_LONGEST_TYPED] for each in FIELDS[name]}
            )
        if not block.lines:
            block.grow(_FIRST)
        blocks.append(block)
    return blocks


def summary_of(blocks: list[Block], today: date) -> tuple[Summary | None, list[Fault]]:
    """The summary that the form makes; None, with everything that is wrong, where it cannot stand."""
    made: dict[str, Any] = {}
    places: dict[str, list[int]] = {}
    faults = []
    for block in blocks:
        filled = [number for number, line in enumerate(block.lines) if _says_something(line)]
        places[block.name] = filled
        if filled and block.absence:
            faults.append(
                _fault(block.name, "des lignes sont remplies : videz-les, ou cochez « les lignes ci-dessous ».")
            )
        if block.absence:
            made[block.name] = Absence(block.absence)
        elif filled:
            made[block.name] = tuple(_line(block.name, block.lines[number]) for number in filled)
            faults += _not_chosen(block, filled)
        else:
            faults.append(
                _fault(block.name, "remplissez une ligne, ou dites qu’il n’y a rien ou que ce n’est pas renseigné.")
            )
            made[block.name] = Absence.UNKNOWN
    summary = tidied(Summary(**made))
    for wrong in faults_of(summary, today):
        place = places[wrong.section][wrong.line] if wrong.line is not None else None
        target = f"{wrong.section}-etat" if place is None else f"{wrong.section}-{place}-{wrong.name}"
        faults.append(_fault(wrong.section, wrong.sentence, place, target))
    return (None, faults) if faults else (summary, [])


def _not_chosen(block: Block, filled: list[int]) -> list[Fault]:
    """Lines whose choice was not made: none of ours is the right one by default."""
    if block.name not in CHOICES:
        return []
    chosen = next(each for each in FIELDS[block.name] if each in _CHOSEN)
    known = {each.value for each in CHOICES[block.name]}
    return [
        _fault(block.name, f"choisissez le {NAMES[chosen].lower()}.", number, f"{block.name}-{number}-{chosen}")
        for number in filled if block.lines[number][chosen] not in known
    ]  # fmt: skip


def _fault(name: str, sentence: str, line: int | None = None, target: str = "") -> Fault:
    """A fault, its line numbered as on the page."""
    return Fault(
        str(Wrong(name, line, "", sentence)), target or f"{name}-etat", f"{sentence[:1].upper()}{sentence[1:]}"
    )


def _says_something(line: dict[str, str]) -> bool:
    return any(value.strip() for name, value in line.items() if name not in _CHOSEN)


def _line(name: str, typed: dict[str, str]) -> Line:
    values: dict[str, Any] = {}
    for each, value in typed.items():
        values[each] = _choice(CHOICES[name], value) if each in _CHOSEN else value
    return SECTIONS[name](**values)


def _choice(choices: type[StrEnum], typed: str) -> StrEnum:
    """The choice made; the last one, "other", where none was, which is a fault besides."""
    return next((each for each in choices if each.value == typed), list(choices)[-1])


def _typed(name: str, line: Line) -> dict[str, str]:
    return {
        each: shown(str(getattr(line, each))) if each in DATES else str(getattr(line, each)) for each in FIELDS[name]
    }
