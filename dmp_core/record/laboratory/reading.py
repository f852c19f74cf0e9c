"""The numeric results of a structured report of biology: CDA R2 of the model CR-BIO of the CI-SIS (IHE XD-LAB).

Read by codes, from the entries alone; nothing outside the document is ever fetched. What is no number (a culture, a word)
stays in the report, where it is read as a whole.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from dmp_core.clock import PARIS
from dmp_core.errors import Invalid
from dmp_core.record.cda import NS, H, moment, one, parsed
from dmp_core.record.laboratory.results import Analyte, Measure, Report

MOST: Final = 2_000
"""Results of one report; more is no report."""
_NOT_ONE: Final = "Ce document n’est pas un compte rendu de biologie lisible : il est abîmé."
_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_NUMBERS: Final = frozenset({"PQ", "REAL", "INT"})
_OUT: Final = frozenset({"aborted", "cancelled", "nullified"})
_WHOLE: Final = 14
"""Digits down to the second."""
_FRACTION: Final = re.compile(r"\.[0-9]+")
_LONGEST: Final = 200


def results_in(document: bytes) -> Report:
    """The numeric results. Raises Invalid for what is no readable CDA."""
    root = parsed(document, _NOT_ONE)
    try:
        body = one(root, "h:component/h:structuredBody")
        stated = _instant(one(root, "h:effectiveTime"))
        measures = tuple(_measures(body, _of_event(root) or stated))
    except (AttributeError, KeyError, TypeError, ValueError, InvalidOperation, OverflowError):
        raise Invalid(_NOT_ONE) from None
    name = root.findtext("h:custodian/h:assignedCustodian/h:representedCustodianOrganization/h:name", "", H)
    return Report(_plain(name), measures)


def _measures(body: Any, otherwise: datetime | None) -> Iterator[Measure]:
    for count, observation in enumerate(body.iter(f"{{{NS}}}observation")):
        if count >= MOST:
            raise ValueError("too many")
        found = _measure(observation, otherwise)
        if found is not None:
            yield found


def _measure(observation: Any, otherwise: datetime | None) -> Measure | None:
    value, coded = observation.find("h:value", H), _coded(observation.find("h:code", H))
    status = observation.find("h:statusCode", H)
    if value is None or coded is None or observation.get("negationInd") == "true":
        return None
    if status is not None and status.get("code") in _OUT:
        return None
    number, at = _number(value), _when(observation) or otherwise
    if number is None or at is None:
        return None
    unit = _unit(value.get("unit", ""))
    system, code, label = coded
    low, high = _range(observation, unit)
    return Measure(Analyte(system, code, unit), label, number, at, low, high)


def _coded(code: Any) -> tuple[str, str, str] | None:
    """(system, code, label); a code of no system of its own gives way to its translation."""
    if code is None:
        return None
    for each in (code, *code.iterfind("h:translation", H)):
        if each.get("code"):
            label = _plain(each.get("displayName") or code.get("displayName") or code.findtext("h:originalText", "", H))
            return each.get("codeSystem", ""), each.get("code"), label or each.get("code")
    return None


def _number(value: Any) -> Decimal | None:
    if value.get(_TYPE, "").rpartition(":")[2] not in _NUMBERS or value.get("value") is None:
        return None
    return _decimal(value.get("value"))


def _decimal(written: str) -> Decimal | None:
    if len(written) > 24:
        return None
    found = Decimal(written)
    # A chart and its table show what a laboratory measures; 1e300 is none of it.
    return found if found.is_finite() and abs(found) < Decimal("1e12") else None


def _range(observation: Any, unit: str) -> tuple[Decimal | None, Decimal | None]:
    """The bounds of the first range that is in the value's own unit."""
    for given in observation.iterfind("h:referenceRange/h:observationRange/h:value", H):
        bounds = []
        for which in ("low", "high"):
            found = given.find(f"h:{which}", H)
            same = found is not None and found.get("value") is not None and _unit(found.get("unit", unit)) == unit
            bounds.append(_decimal(found.get("value")) if same else None)
        if bounds != [None, None]:
            return bounds[0], bounds[1]
    return None, None


def _unit(written: str) -> str:
    """UCUM writes a litre l or L: one unit."""
    found = _plain(written)
    return "" if found == "1" else "/".join("L" if part == "l" else part for part in found.split("/"))


def _when(element: Any) -> datetime | None:
    """When it was measured: as it says, or as what holds it says."""
    while element is not None and element.tag != f"{{{NS}}}structuredBody":
        told = element.find("h:effectiveTime", H)
        found = _instant(told) if told is not None else None
        if found is not None:
            return found
        element = element.getparent()
    return None


def _of_event(root: Any) -> datetime | None:
    told = root.find("h:documentationOf/h:serviceEvent/h:effectiveTime", H)
    return _instant(told) if told is not None else None


def _instant(told: Any) -> datetime | None:
    """An instant as CDA writes it, from the day on; without a zone it is Paris’s. Raises ValueError for what is none."""
    low = told.find("h:low", H)
    written = _FRACTION.sub("", told.get("value") or (low.get("value", "") if low is not None else ""))
    if len(written) < len("20161102"):
        return None
    if len(written) > len("20161102") and written.isascii() and written.isdigit():
        return (
            datetime.strptime(written[:_WHOLE].ljust(_WHOLE, "0"), "%Y%m%d%H%M%S").replace(tzinfo=PARIS).astimezone(UTC)
        )
    found = moment(written)
    if found is None:
        raise ValueError(written)
    return found.astimezone(UTC)


def _plain(text: str | None) -> str:
    words = " ".join((text or "").split())[:_LONGEST]
    return words if words.isprintable() else ""
