"""Search parameters of ITI-66 and ITI-67, read into criteria (FHIR R4, 3.1.1; PDSm flux 05; pdsm4dmp TD3.1a).

What is not understood is told, and ignored unless the application asks for strict handling (FHIR R4, 3.1.1.4.3).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from dateutil.relativedelta import relativedelta

from dmp_core.clock import PARIS
from dmp_core.errors import Invalid
from dmp_core.fhir import systems
from dmp_core.identity.identifiers import System
from dmp_core.record.finding import STANDING, Criteria, Order, Span
from dmp_core.record.metadata import Status
from dmp_core.record.nomenclatures import system_of_type

DEFAULT_COUNT: Final = 20
LARGEST_COUNT: Final = 100
LARGEST_OFFSET: Final = 10_000
_LONGEST: Final = 2_000
"""Characters of one value."""
_MOST_VALUES: Final = 50
_DATE: Final = re.compile(
    r"(?P<prefix>eq|gt|lt|ge|le|sa|eb)?(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d{1,9})?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A search, understood."""

    criteria: Criteria
    patients: tuple[str, ...] = field(repr=False)
    """Whose documents, each as `system|value`, `|value` or an id; empty when it is left out."""
    count: int
    offset: int
    ignored: tuple[str, ...]
    """Parameters that were not understood."""
    used: tuple[tuple[str, str], ...] = field(repr=False)
    """Those that were, in their order: for the link to the same page and the next."""


def documents_asked(arguments: Sequence[tuple[str, str]]) -> Asked:
    """Parameters of ITI-67. Raises Invalid for a value that cannot be read."""
    return _read(arguments, DOCUMENT_PARAMETERS)


def sets_asked(arguments: Sequence[tuple[str, str]]) -> Asked:
    """Parameters of ITI-66. Raises Invalid for a value that cannot be read."""
    return _read(arguments, SET_PARAMETERS)


def is_meant(patients: Iterable[str], dossier: UUID, ins_c: str | None) -> bool:
    """Whether each of these names the one patient there is; of any other, nothing is said."""
    own = {str(dossier), f"Patient/{dossier}"}
    if ins_c is not None:
        own |= {f"{systems.oid(System.INS_C)}|{ins_c}", ins_c}
    return all(each in own for each in patients)


def span_of(text: str) -> Span:
    """What a date parameter wants: the whole of the year, month, day, minute or second it names, or what lies beyond.

    A time without its zone is one of Paris. Raises Invalid.
    """
    found = _DATE.fullmatch(text)
    try:
        since, after = _bounds(found) if found else _unreadable(text)
    except (ValueError, OverflowError):
        since, after = _unreadable(text)
    match found and found["prefix"]:
        case "gt" | "sa":
            return Span(since=after)
        case "lt" | "eb":
            return Span(before=since)
        case "ge":
            return Span(since=since)
        case "le":
            return Span(before=after)
        case _:
            return Span(since, after)


def _bounds(found: re.Match[str]) -> tuple[datetime, datetime]:
    year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    start = datetime(year, month, day, tzinfo=PARIS)
    if found["month"] is None:
        return start, start + relativedelta(years=1)
    if found["day"] is None:
        return start, start + relativedelta(months=1)
    if found["hour"] is None:
        return start, start + timedelta(days=1)
    zone = found["zone"]
    exact = (
        f"{found['year']}-{found['month']}-{found['day']}T{found['hour']}:{found['minute']}:{found['second'] or '00'}"
    )
    moment = datetime.fromisoformat(exact + zone) if zone else datetime.fromisoformat(exact).replace(tzinfo=PARIS)
    return moment, moment + (timedelta(seconds=1) if found["second"] else timedelta(minutes=1))


def _unreadable(text: str) -> tuple[datetime, datetime]:
    raise Invalid(
        f"La date « {text[:30]} » ne se lit pas : écrivez AAAA-MM-JJ, précédée au besoin de ge, le, gt ou lt."
    )


Reader = Callable[[Criteria, str], Criteria]


def _tokens(value: str, allowed: Iterable[str] | None = None) -> tuple[str, ...]:
    """The codes of a token parameter; one of another code system matches nothing."""
    codes = []
    for each in value.split(","):
        system, bar, code = each.rpartition("|")
        foreign = bar and system and allowed is not None and system not in allowed
        codes.append("" if foreign else code.strip())
    if len(codes) > _MOST_VALUES:
        raise Invalid(f"Un paramètre a plus de {_MOST_VALUES} valeurs : faites plusieurs recherches.")
    return tuple(codes)


def _status(criteria: Criteria, value: str) -> Criteria:
    meant = {"current": STANDING, "superseded": {Status.DEPRECATED}, "entered-in-error": frozenset[Status]()}
    wanted: set[Status] = set()
    for code in _tokens(value):
        if code not in meant:
            raise Invalid("Le statut d’une fiche est « current » ou « superseded ».")
        wanted |= meant[code]
    return replace(criteria, statuses=criteria.statuses & wanted)


def _archived(criteria: Criteria, value: str) -> Criteria:
    if value not in ("true", "false"):
        raise Invalid("isArchived vaut « true » ou « false ».")
    kept = {Status.ARCHIVED} if value == "true" else set(Status) - {Status.ARCHIVED}
    return replace(criteria, statuses=criteria.statuses & kept)


def _label(criteria: Criteria, value: str) -> Criteria:
    codes = set(_tokens(value))
    if "N" in codes:  # which every document has
        return criteria
    # A limit that no document here can bear matches none.
    return replace(criteria, masked=True) if systems.MASKED in codes else replace(criteria, ids=())


def ids_of(*values: str) -> tuple[UUID, ...]:
    """Those that can be ids of ours: any other names nothing."""
    found = []
    for each in values:
        try:
            found.append(UUID(each))
        except ValueError:
            continue
    return tuple(found)


def _ids(criteria: Criteria, value: str) -> Criteria:
    return replace(criteria, ids=ids_of(*_tokens(value)))


def _submission_ids(criteria: Criteria, value: str) -> Criteria:
    return replace(criteria, submissions=ids_of(*(each.removeprefix("urn:uuid:") for each in _tokens(value))))


def _order(criteria: Criteria, value: str) -> Criteria:
    orders = {
        "-date": Order.LATEST, "date": Order.EARLIEST, "-creation": Order.LATEST, "creation": Order.EARLIEST,
        "-_lastUpdated": Order.LATEST_CHANGE, "_lastUpdated": Order.EARLIEST_CHANGE, "-period": Order.LATEST_ACT,
    }  # fmt: skip
    if value not in orders:
        raise Invalid(f"Le tri se demande par : {', '.join(orders)}.")
    return replace(criteria, order=orders[value])


def _code(criteria: Criteria, value: str) -> Criteria:
    # The only kind of List there is.
    return criteria if "submissionset" in _tokens(value) else replace(criteria, ids=())


def _set_status(criteria: Criteria, value: str) -> Criteria:
    return criteria if "current" in _tokens(value) else replace(criteria, ids=())


def _types(criteria: Criteria, value: str) -> Criteria:
    codes = []
    for each in value.split(",")[:_MOST_VALUES]:
        system, _, code = each.rpartition("|")
        own = system_of_type(code)
        meant = own is not None and system in ("", systems.oid(own), systems.system_of_type(own))
        codes.append(code if meant else "")
    return replace(criteria, types=tuple(codes))


def _with(criteria: Criteria, name: str, value: object) -> Criteria:
    changes: dict[str, Any] = {name: value}
    return replace(criteria, **changes)


def _within(name: str) -> Reader:
    def read(criteria: Criteria, value: str) -> Criteria:
        held: Span = getattr(criteria, name)
        return _with(criteria, name, held.within(span_of(value)))

    return read


def _codes(name: str, *known: str) -> Reader:
    def read(criteria: Criteria, value: str) -> Criteria:
        codes = _tokens(value, known or None)
        held: tuple[str, ...] | None = getattr(criteria, name)
        return _with(criteria, name, codes if held is None else tuple(set(held) & set(codes)))

    return read


DOCUMENT_PARAMETERS: Final[Mapping[str, Reader]] = {
    "_id": _ids,
    "_lastUpdated": _within("changed"),
    "_sort": _order,
    "identifier": _codes("names", systems.URI),
    "status": _status,
    "isArchived": _archived,
    "type": _types,
    "category": _codes("classes", systems.CLASSES, systems.oid("1.2.250.1.213.1.1.4.1")),
    "format": _codes("formats"),
    "security-label": _label,
    "author.identifier": _codes("authors", systems.AUTHORS, systems.PROFESSIONALS),
    "date": _within("created"),
    "creation": _within("created"),
    "period": _within("started"),
    "period-start": _within("started"),
}
SET_PARAMETERS: Final[Mapping[str, Reader]] = {
    "_id": _submission_ids,
    "identifier": _submission_ids,
    "status": _set_status,
    "code": _code,
    "date": _within("submitted"),
    "source.identifier": _codes("authors", systems.AUTHORS, systems.PROFESSIONALS),
}
_PATIENT: Final = ("patient", "patient.identifier", "subject", "subject.identifier")
_PLAIN: Final = ("_format", "_pretty")


def _read(arguments: Sequence[tuple[str, str]], readers: Mapping[str, Reader]) -> Asked:
    criteria, patients, ignored, used = Criteria(), [], [], []
    count, offset = DEFAULT_COUNT, 0
    for name, value in arguments:
        if len(value) > _LONGEST:
            raise Invalid(f"Le paramètre {name[:40]} est trop long.")
        if name in _PATIENT:
            patients += value.split(",")
        elif name == "_count":
            count = min(_number(name, value), LARGEST_COUNT)
            continue
        elif name == "_offset":
            offset = min(_number(name, value), LARGEST_OFFSET)
            continue
        elif name in readers:
            criteria = readers[name](criteria, value)
        elif name in _PLAIN:
            continue
        else:
            ignored.append(name[:40])
            continue
        used.append((name, value))
    return Asked(criteria, tuple(patients), count, offset, tuple(ignored), tuple(used))


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise Invalid(f"{name} est un nombre entier.")
    return int(value)
