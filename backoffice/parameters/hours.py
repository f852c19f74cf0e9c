"""When each caisse is open: its week, and the days it is closed beside the public holidays."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, Final

from sqlalchemy.orm import Session

from backoffice.core.caisse import caisse_of
from backoffice.core.errors import Invalid
from backoffice.core.opening_hours import STANDARD_WEEK, WEEKDAYS, OpeningHours, Week
from backoffice.core.typography import NBSP
from backoffice.parameters.declaration import Parameter
from backoffice.parameters.reading import current

MOST_SPANS: Final = 2
MOST_CLOSED_DAYS: Final = 200
LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class ClosedDay:
    """A day without opening, and why."""

    day: date
    why: str


ClosedDays = tuple[ClosedDay, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningWeek(Parameter[Week]):
    """The hours of each weekday."""

    default: Week = field(default=STANDARD_WEEK)
    per_caisse: bool = True

    def checked(self, value: Week) -> Week:
        """Seven days, each with spans in order, and one that opens."""
        if len(value) != 7:
            raise Invalid("Les horaires décrivent sept jours, du lundi au dimanche.")
        for name, day in zip(WEEKDAYS, value, strict=True):
            if len(day) > MOST_SPANS:
                raise Invalid(f"Le {name} a plus de deux plages d’ouverture.")
            times = [at for span in day for at in span]
            if any(at.second or at.microsecond for at in times):
                raise Invalid(f"Les horaires du {name} s’écrivent en heures et minutes.")
            if any(later <= earlier for earlier, later in itertools.pairwise(times)):
                raise Invalid(f"Les horaires du {name} ne se suivent pas : chaque heure vient après la précédente.")
        if not any(value):
            raise Invalid("Aucun jour n’est ouvert : les échéances ne tomberaient jamais. Ouvrez au moins un jour.")
        return value

    def to_json(self, value: Week) -> Any:
        """Hours as "08:30"."""
        return [[[f"{begins:%H:%M}", f"{ends:%H:%M}"] for begins, ends in day] for day in value]

    def from_json(self, kept: Any) -> Week:
        """The week again."""
        return self.checked(
            tuple(tuple((time.fromisoformat(begins), time.fromisoformat(ends)) for begins, ends in day) for day in kept)
        )

    def in_words(self, value: Week) -> str:
        """ "lundi à vendredi 8 h 30 – 17 h 30": days with the same hours said together."""
        runs: list[tuple[int, int]] = []
        for index, day in enumerate(value):
            if runs and value[runs[-1][0]] == day:
                runs[-1] = (runs[-1][0], index)
            else:
                runs.append((index, index))
        parts = []
        for first, last in runs:
            if value[first]:
                days = WEEKDAYS[first] if first == last else f"{WEEKDAYS[first]} à {WEEKDAYS[last]}"
                parts.append(f"{days} {' et '.join(span_in_words(*span) for span in value[first])}")
        return " ; ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closures(Parameter[ClosedDays]):
    """Days without opening."""

    default: ClosedDays = field(default=())

    def checked(self, value: ClosedDays) -> ClosedDays:
        """Each day once, in order, each with its reason."""
        if len(value) > MOST_CLOSED_DAYS:
            raise Invalid(f"Pas plus de {MOST_CLOSED_DAYS} jours : retirez ceux qui sont passés.")
        seen: set[date] = set()
        for one in value:
            said = f"{one.day:%d/%m/%Y}"
            if one.day in seen:
                raise Invalid(f"Le {said} est écrit deux fois.")
            if not one.why.strip():
                raise Invalid(f"Dites pourquoi la caisse est fermée le {said}.")
            if len(one.why) > LONGEST_NAME:
                raise Invalid(f"Le motif du {said} dépasse {LONGEST_NAME} caractères.")
            seen.add(one.day)
        return tuple(sorted(value, key=lambda one: one.day))

    def to_json(self, value: ClosedDays) -> Any:
        """Days as AAAA-MM-JJ."""
        return [{"day": one.day.isoformat(), "why": one.why} for one in value]

    def from_json(self, kept: Any) -> ClosedDays:
        """The days again."""
        return tuple(ClosedDay(date.fromisoformat(one["day"]), one["why"]) for one in kept)

    def in_words(self, value: ClosedDays) -> str:
        """The days, each with its reason."""
        return ", ".join(f"{one.day:%d/%m/%Y} ({one.why})" for one in value) or "aucun"


WEEK: Final = OpeningWeek(
    name="horaires.semaine", label="Horaires d’ouverture",
    meaning="Les échéances des demandes, les rappels et les rendez-vous se comptent dans ces heures.",
)  # fmt: skip
CLOSED_DAYS: Final = Closures(
    name="horaires.fermetures", label="Jours de fermeture de la caisse", per_caisse=True,
    meaning="Des jours sans ouverture, en plus des jours fériés : pont, inventaire, fête locale.",
)  # fmt: skip
CLOSED_EVERYWHERE: Final = Closures(
    name="horaires.fermetures_communes", label="Jours de fermeture communs aux neuf caisses",
    meaning="Des jours sans ouverture dans toutes les caisses, en plus des jours fériés.",
)  # fmt: skip

HOURS: Final[Sequence[Parameter[Any]]] = (WEEK, CLOSED_DAYS, CLOSED_EVERYWHERE)


def hours_of(session: Session, caisse: str) -> OpeningHours:
    """When this caisse is open, as the administrator says now; Invalid when there is no such caisse."""
    now, region = current(session), caisse_of(caisse).region
    closed = (*now.of(CLOSED_DAYS, caisse), *now.of(CLOSED_EVERYWHERE))
    return OpeningHours(now.of(WEEK, caisse), frozenset(one.day for one in closed), region)


def span_in_words(begins: time, ends: time) -> str:
    """ "8 h 30 – 17 h 30"."""
    return f"{_hour(begins)} – {_hour(ends)}"


def _hour(at: time) -> str:
    return f"{at.hour}{NBSP}h" + (f"{NBSP}{at.minute:02}" if at.minute else "")
