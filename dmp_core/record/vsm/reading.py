"""A summary read back from its CDA: from the entries, by their codes; nothing outside the document is ever fetched."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dmp_core.errors import Invalid
from dmp_core.holder.relatives import NOBODY, Relative, Relatives
from dmp_core.record.cda import NS, H, one, parsed
from dmp_core.record.vsm import codes
from dmp_core.record.vsm.summary import (
    Absence,
    Allergy,
    AllergyKind,
    Exposure,
    Finding,
    Habit,
    HabitKind,
    Kin,
    Kinship,
    Line,
    Operation,
    Past,
    Problem,
    Summary,
    Treatment,
)

_NOT_ONE: Final = "Ce document n’est pas une synthèse médicale lisible : il est abîmé."
_LEAF: Final = {section.code: name for name, section in codes.SECTIONS.items()}
_HABITS: Final = {code: kind for kind, code in codes.HABITS.items()}
_NOTHING: Final = frozenset(code for code, _ in (codes.NO_PROBLEM, codes.NO_PAST, codes.NO_ALLERGY, codes.NO_TREATMENT))


@dataclass(frozen=True, slots=True)
class Written:
    """A summary with who wrote it and when, as its document says."""

    summary: Summary
    author_id: str
    author: str = field(repr=False)
    at: datetime
    relatives: Relatives = field(default=NOBODY, repr=False)
    """Those whom the patient named when it was written."""


def summary_in(document: bytes) -> Written:
    """What `writing` wrote. Raises Invalid for anything else."""
    try:
        return _read(parsed(document, _NOT_ONE))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise Invalid(_NOT_ONE) from None


def _read(root: Any) -> Written:
    if root.find(f"h:templateId[@root='{codes.MODEL}']", H) is None:
        raise ValueError(codes.MODEL)
    found: dict[str, Any] = {}
    for section in root.iterfind(f"h:component/h:structuredBody//{{{NS}}}section", H):
        name = _LEAF.get(one(section, "h:code").get("code"))
        if name is not None:
            found[name] = _section(name, section)
    author = one(root, "h:author/h:assignedAuthor")
    person = one(author, "h:assignedPerson/h:name")
    return Written(
        Summary(**{name: found[name] for name in codes.SECTIONS}),
        one(author, "h:id").attrib["extension"],
        f"{_text(one(person, 'h:given'))} {_text(one(person, 'h:family'))}",
        datetime.strptime(one(root, "h:effectiveTime").get("value"), "%Y%m%d%H%M%S%z"),
        _relatives(root),
    )


def _relatives(root: Any) -> Relatives:
    named = [(each.get("classCode"), _relative(each)) for each in root.iterfind("h:informant/h:relatedEntity", H)]
    trusted = [one for kind, one in named if kind == codes.TRUSTED]
    return Relatives(
        trusted[0] if trusted else None, tuple(one for kind, one in named if kind == codes.TO_CALL)
    )  # fmt: skip


def _relative(entity: Any) -> Relative:
    name, words = one(entity, "h:relatedPerson/h:name"), entity.find("h:code/h:originalText", H)
    parts = (name.find("h:given", H), name.find("h:family", H))
    return Relative(
        " ".join(_text(each) for each in parts if each is not None),
        one(entity, "h:telecom").attrib["value"].removeprefix("tel:"), _text(words) if words is not None else "",
    )  # fmt: skip


def _section(name: str, section: Any) -> tuple[Line, ...] | Absence:
    if section.get("nullFlavor") is not None:
        return Absence.UNKNOWN
    if name in codes.NARRATIVE_ALONE:
        lines = [_of_text(name, row) for row in section.iterfind("h:text/h:table/h:tbody/h:tr", H)]
        return tuple(lines) or Absence.NONE
    entries = [one(entry, "*") for entry in section.iterfind("h:entry", H)]
    if len(entries) == 1 and _says_nothing(entries[0]):
        return Absence.NONE
    if not entries:
        raise ValueError(name)
    return tuple(_READ[name](entry) for entry in entries)


def _says_nothing(entry: Any) -> bool:
    observed = entry.find("h:component/h:observation", H)
    if entry.get("negationInd") == "true" or (observed is not None and observed.get("negationInd") == "true"):
        return True
    coded = [entry.find("h:code", H), entry.find("h:entryRelationship/h:observation/h:value", H)]
    return any(
        each is not None and each.get("codeSystem") == codes.SNOMED_CT and each.get("code") in _NOTHING
        for each in coded
    )


def _of_text(name: str, row: Any) -> Line:
    texts = [_text(cell) for cell in row.iterfind("h:td", H)]
    if name == "exposures":
        (label,) = texts
        return Exposure(label)
    day, label = texts
    return Finding(label, "-".join(reversed(day.split("/"))))


def _problem(act: Any) -> Problem:
    told = one(act, "h:entryRelationship/h:observation")
    value = one(told, "h:value")
    return Problem(_words(value), _bound(told, "low"), value.get("code", ""))


def _past(act: Any) -> Past:
    told = one(act, "h:entryRelationship/h:observation")
    value = one(told, "h:value")
    return Past(_words(value), _bound(told, "low"), _bound(told, "high"), value.get("code", ""))


def _operation(procedure: Any) -> Operation:
    coded = one(procedure, "h:code")
    return Operation(_words(coded), _day(one(procedure, "h:effectiveTime")), coded.get("code", ""))


def _allergy(act: Any) -> Allergy:
    told = one(act, "h:entryRelationship/h:observation")
    agent = one(told, "h:participant/h:participantRole/h:playingEntity/h:code")
    value = one(told, "h:value")
    return Allergy(AllergyKind(one(told, "h:code").get("code")), _words(agent), _words(value), _bound(told, "low"))


def _habit(observation: Any) -> Habit:
    kind = _HABITS.get(one(observation, "h:code").get("code"), HabitKind.OTHER)
    return Habit(kind, _text(one(observation, "h:value")))


def _kin(organizer: Any) -> Kin:
    who = Kinship(one(organizer, "h:subject/h:relatedSubject/h:code").get("code"))
    value = one(organizer, "h:component/h:observation/h:value")
    return Kin(who, _words(value), value.get("code", ""))


def _treatment(administration: Any) -> Treatment:
    coded = one(administration, "h:consumable/h:manufacturedProduct/h:manufacturedMaterial/h:code")
    dosage = administration.find("h:entryRelationship[@typeCode='SUBJ']/h:act/h:text", H)
    reason = administration.find("h:entryRelationship[@typeCode='RSON']/h:act/h:code", H)
    return Treatment(
        _words(coded), _text(dosage) if dosage is not None else "", _bound(administration, "low"),
        _bound(administration, "high"), _words(reason) if reason is not None else "", coded.get("code", ""),
    )  # fmt: skip


def _words(coded: Any) -> str:
    return _text(one(coded, "h:originalText"))


def _text(element: Any) -> str:
    return (element.text or "").strip()


def _bound(element: Any, which: str) -> str:
    return _day(one(element, f"h:effectiveTime/h:{which}"))


def _day(element: Any) -> str:
    written = element.get("value", "")
    return "-".join(each for each in (written[:4], written[4:6], written[6:8]) if each)


_READ: Final[dict[str, Callable[[Any], Line]]] = {
    "problems": _problem, "past": _past, "operations": _operation, "allergies": _allergy, "habits": _habit,
    "family": _kin, "treatments": _treatment,
}  # fmt: skip
