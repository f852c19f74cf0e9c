"""Which day each wave leaves, pure: admissible days, laying out a plan, moving a wave, and whether its hour has come."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import Enum
from itertools import islice

from backoffice.core.calendar import holiday_name
from backoffice.core.clock import PARIS
from backoffice.core.errors import Invalid

OPENS = time(8, 0)
"""In Paris: before, no wave starts by itself; somebody should soon be there to see it."""
CLOSES = time(17, 30)
"""After, none starts by itself either: a slot of the day that is missed is missed for the day."""
MOST_WAVES = 400
MOST_TOLERANCE = 10
_FARTHEST = timedelta(days=730)
_WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")


@dataclass(frozen=True, slots=True)
class Embargo:
    """Days, both ends included, on which no letter leaves."""

    first: date
    last: date
    label: str

    def covers(self, day: date) -> bool:
        """Whether `day` is one of them."""
        return self.first <= day <= self.last

    def check(self) -> None:
        """Raise Invalid unless it is a stretch of days with a name."""
        if self.last < self.first:
            raise Invalid(
                f"L’embargo finit le {self.last:%d/%m/%Y}, avant son début le {self.first:%d/%m/%Y} : échangez les deux dates."
            )
        if self.last - self.first > timedelta(days=370):
            raise Invalid("Un embargo dure un an au plus : vérifiez ses dates.")
        if not self.label.strip():
            raise Invalid("Dites pourquoi rien ne part pendant cet embargo.")
        if len(self.label) > 80:
            raise Invalid("Le motif de l’embargo dépasse 80 caractères : raccourcissez-le.")

    def as_json(self) -> dict[str, str]:
        """For the plan's column."""
        return {"first": self.first.isoformat(), "last": self.last.isoformat(), "label": self.label}

    @classmethod
    def from_json(cls, content: Mapping[str, str]) -> "Embargo":
        """Back from the column."""
        return cls(date.fromisoformat(content["first"]), date.fromisoformat(content["last"]), content["label"])


@dataclass(frozen=True, slots=True)
class Days:
    """The days on which a campaign's letters may leave."""

    caisses: tuple[str, ...]
    embargoes: tuple[Embargo, ...] = ()

    def closed(self, day: date) -> str | None:
        """Why nothing leaves on `day`, in a few French words; None when it may."""
        if day.weekday() >= 5:
            return _WEEKDAYS[day.weekday()]
        if name := holiday_name(day, self.caisses):
            return f"jour férié ({name})"
        return next((f"embargo ({one.label})" for one in self.embargoes if one.covers(day)), None)

    def open_from(self, start: date) -> Iterator[date]:
        """The days on which letters may leave, from `start` on; ends after two years."""
        return (day for day in _calendar(start, start + _FARTHEST) if self.closed(day) is None)

    def after(self, day: date, count: int) -> date:
        """The `count`-th day to leave after `day`; `day` itself for 0. Raises Invalid when embargoes leave none."""
        if count == 0:
            return day
        try:
            return next(islice(self.open_from(day + timedelta(days=1)), count - 1, None))
        except StopIteration:
            raise _no_day_left() from None


def _calendar(first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        yield day
        day += timedelta(days=1)


def _no_day_left() -> Invalid:
    return Invalid("Il ne reste pas assez de jours pour ces vagues : les embargos ferment tout. Raccourcissez-les.")


@dataclass(frozen=True, slots=True)
class Slot:
    """A wave as planned."""

    number: int
    day: date
    letters: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What a manager decides about a plan."""

    start: date
    per_day: int
    end: date | None = None
    tolerance: int = 1
    """Days to leave after its own on which a wave may still start by itself: « au plus tard le »."""
    embargoes: tuple[Embargo, ...] = ()
    sizes: tuple[tuple[date, int], ...] = ()
    """Envois by day, when they were worked out to fit the staff; empty: `per_day` each day."""

    def check(self, today: date) -> None:
        """Raise Invalid, in one sentence, at the first thing that cannot be."""
        if self.start < today:
            raise Invalid(
                f"Le premier départ ({self.start:%d/%m/%Y}) est passé : choisissez aujourd’hui ou un jour à venir."
            )
        if self.start > today + _FARTHEST:
            raise Invalid(f"Le premier départ ({self.start:%d/%m/%Y}) est à plus de deux ans : vérifiez l’année.")
        if self.per_day < 1:
            raise Invalid("Le nombre d’envois par jour doit être d’au moins 1.")
        if self.end is not None and self.end < self.start:
            raise Invalid(
                f"La fin ({self.end:%d/%m/%Y}) vient avant le premier départ ({self.start:%d/%m/%Y}) : changez l’une des deux."
            )
        if not 0 <= self.tolerance <= MOST_TOLERANCE:
            raise Invalid(f"La tolérance va de 0 à {MOST_TOLERANCE} jours ouvrés.")
        for embargo in self.embargoes:
            embargo.check()


def lay_out(terms: Terms, days: Days, total: int, *, first_number: int = 1) -> list[Slot]:
    """The waves of `total` letters: at most `per_day` a day, one a day to leave, nothing after the end.

    Raises Invalid, saying what to change.
    """
    if total < 1:
        raise Invalid("Il ne reste aucun envoi à programmer.")
    if terms.sizes:
        slots = [Slot(first_number + rank, day, size) for rank, (day, size) in enumerate(terms.sizes)]
        _check_sizes(slots, terms, days, total)
        return slots
    needed = -(-total // terms.per_day)
    if needed > MOST_WAVES:
        raise Invalid(
            f"À {terms.per_day} envois par jour, il faudrait {needed} vagues ; {MOST_WAVES} au plus : augmentez ce nombre."
        )
    chosen = list(islice(days.open_from(terms.start), needed))
    if len(chosen) < needed:
        raise _no_day_left()
    if terms.end is not None and chosen[-1] > terms.end:
        raise Invalid(
            f"À {terms.per_day} envois par jour, la dernière vague partirait le {chosen[-1]:%d/%m/%Y}, après la fin demandée "
            f"({terms.end:%d/%m/%Y}) : augmentez les envois par jour ou repoussez la fin."
        )
    left = total - terms.per_day * (needed - 1)
    return [
        Slot(first_number + rank, day, terms.per_day if rank < needed - 1 else left) for rank, day in enumerate(chosen)
    ]


def _check_sizes(slots: Sequence[Slot], terms: Terms, days: Days, total: int) -> None:
    again = "Demandez une nouvelle proposition."
    if sum(slot.letters for slot in slots) != total or len(slots) > MOST_WAVES:
        raise Invalid(f"La proposition ne couvre plus les {total} envois de la campagne. {again}")
    previous = terms.start - timedelta(days=1)
    for slot in slots:
        if slot.day <= previous or days.closed(slot.day) or not 1 <= slot.letters <= terms.per_day:
            raise Invalid(f"La vague du {slot.day:%d/%m/%Y} ne convient plus à ce plan. {again}")
        previous = slot.day
    if terms.end is not None and previous > terms.end:
        raise Invalid(f"La dernière vague partirait le {previous:%d/%m/%Y}, après la fin demandée. {again}")


def move(
    slots: Sequence[Slot], number: int, day: date, days: Days, *, today: date, end: date | None, follow: bool,
    after: date | None = None,
) -> list[Slot]:  # fmt: skip
    """The pending waves once wave `number` leaves on `day`: same order, same letters, one a day to leave.

    The following ones move only as far as they must; with `follow`, by as many days to leave as this one. `after` is the
    day of the last wave that has started. Raises Invalid, saying what to choose instead.
    """
    rank = next((place for place, slot in enumerate(slots) if slot.number == number), None)
    if rank is None:
        raise Invalid(f"La vague {number} ne peut plus être déplacée.")
    if day < today:
        raise Invalid(f"Le {day:%d/%m/%Y} est passé : choisissez aujourd’hui ou un jour à venir.")
    if day > today + _FARTHEST:
        raise Invalid(f"Le {day:%d/%m/%Y} est à plus de deux ans : vérifiez l’année.")
    if reason := days.closed(day):
        raise Invalid(
            f"Rien ne part le {day:%d/%m/%Y} : {reason}. Le premier jour possible ensuite est le "
            f"{days.after(day, 1):%d/%m/%Y}."
        )
    earlier = slots[rank - 1].day if rank else after
    if earlier is not None and day <= earlier:
        before = f"la vague {slots[rank - 1].number}" if rank else "la dernière vague partie"
        raise Invalid(
            f"La vague {number} doit rester après {before} ({earlier:%d/%m/%Y}) : choisissez un jour plus tard, ou déplacez "
            "d’abord l’autre."
        )
    shift = _distance(days, slots[rank].day, day) if follow else 0
    moved = [*slots[:rank], replace(slots[rank], day=day)]
    for slot in slots[rank + 1 :]:
        wanted = _shifted(days, slot.day, shift)
        moved.append(replace(slot, day=_next(days, max(wanted, moved[-1].day + timedelta(days=1)))))
    if end is not None and moved[-1].day > end:
        raise Invalid(
            f"La dernière vague partirait le {moved[-1].day:%d/%m/%Y}, après la fin du plan ({end:%d/%m/%Y}) : choisissez un "
            "jour plus tôt, ou refaites le plan avec une autre fin."
        )
    return moved


def _next(days: Days, day: date) -> date:
    try:
        return next(days.open_from(day))
    except StopIteration:
        raise _no_day_left() from None


def _distance(days: Days, source: date, target: date) -> int:
    """Days to leave from `source` to `target`, negative backwards."""
    first, last = sorted((source, target))
    count = sum(days.closed(day) is None for day in _calendar(first + timedelta(days=1), last))
    return count if source <= target else -count


def _shifted(days: Days, day: date, shift: int) -> date:
    if shift >= 0:
        return days.after(day, shift)
    while shift:
        day -= timedelta(days=1)
        shift += days.closed(day) is None
    return day


class Verdict(Enum):
    """What becomes of a planned wave at one moment."""

    WAIT = "attendre"
    START = "démarrer"
    ASK = "demander"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and, when a person is asked, why."""

    verdict: Verdict
    reason: str = ""


def judge(
    planned_on: date, latest_on: date, now: datetime, days: Days, *, decided_at: datetime, known_since: datetime | None,
    held: bool,
) -> Judgement:  # fmt: skip
    """Whether a planned wave starts now, waits, or asks a person.

    `known_since`: when this environment was allowed to send; a slot from before, unless it was decided here since
    (`decided_at`), may have been served by the one it was restored or copied from. `held`: another wave of the campaign
    keeps it from starting now.
    """
    local = now.astimezone(PARIS)
    today = local.date()
    opens = datetime.combine(planned_on, OPENS, tzinfo=PARIS)
    if now < opens:
        return Judgement(Verdict.WAIT)
    if known_since is None or known_since > max(opens, decided_at):
        return Judgement(
            Verdict.ASK,
            f"Cet environnement a été installé, restauré ou adopté après l’heure prévue ({planned_on:%d/%m/%Y}) : la vague est "
            "peut-être déjà partie d’ailleurs.",
        )
    closing = datetime.combine(latest_on, CLOSES, tzinfo=PARIS)
    if now >= closing:
        return Judgement(
            Verdict.ASK,
            f"La vague prévue le {planned_on:%d/%m/%Y}, au plus tard le {latest_on:%d/%m/%Y}, n’est pas partie à temps.",
        )
    if all(days.closed(day) for day in _calendar(max(today, planned_on), latest_on)):
        return Judgement(
            Verdict.ASK, f"Rien ne peut plus partir d’ici le {latest_on:%d/%m/%Y} : {days.closed(latest_on)}."
        )
    if held or days.closed(today) or not OPENS <= local.time() < CLOSES:
        return Judgement(Verdict.WAIT)
    return Judgement(Verdict.START)


def share_out(counts: Mapping[str, int], sizes: Sequence[int]) -> list[dict[str, int]]:
    """How many of each stream's letters go into each wave: every wave has its share of each, to the nearest letter.

    The streams are emptied and each wave has exactly its size; the sizes add up to the counts.
    """
    left = dict(counts)
    shares = []
    for size in sizes:
        total = sum(left.values())
        exact = {name: (size * number // total, size * number % total) for name, number in left.items()}
        share = {name: whole for name, (whole, _) in exact.items()}
        missing = size - sum(share.values())
        for name in sorted(exact, key=lambda one: (-exact[one][1], one))[:missing]:
            share[name] += 1
        for name, number in share.items():
            left[name] -= number
        shares.append(share)
    return shares


def in_months(days: Iterable[date]) -> list[tuple[int, int]]:
    """(year, month) of every month from the first of these days to the last."""
    found = sorted(days)
    if not found:
        return []
    first, last = found[0], found[-1]
    start, stop = first.year * 12 + first.month - 1, last.year * 12 + last.month
    return [(month // 12, month % 12 + 1) for month in range(start, stop)]
