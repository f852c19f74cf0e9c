"""A history read back from its CDA: from the entries, by their codes; nothing outside the document is ever fetched."""

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from dmp_core.errors import Invalid
from dmp_core.record.cda import H, one, parsed
from dmp_core.record.reimbursements.history import Analysis, Care, Delivery, History, Imaging, Stay, Supply

_SUPPLIES: Final = {"10160-0": Supply.MEDICINE, "11369-6": Supply.VACCINE, "46264-8": Supply.DEVICE}
_STAYS: Final = "46240-8"
_ACTS: Final = "29554-3"
_CARES, _IMAGES, _ANALYSES = "67803-7", "18726-0", "26436-6"
_NOT_ONE: Final = "Ce document n’est pas un historique de remboursements lisible : il est abîmé."


def history_in(document: bytes) -> History:
    """The history that `writing` wrote. Raises Invalid for anything else."""
    try:
        return _read(parsed(document, _NOT_ONE))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, InvalidOperation):
        raise Invalid(_NOT_ONE) from None


def _read(root: Any) -> History:
    event = one(root, "h:documentationOf/h:serviceEvent/h:effectiveTime")
    deliveries: list[tuple[int, Delivery]] = []
    stays: list[Stay] = []
    analyses: list[Analysis] = []
    cares: list[Care] = []
    images: list[Imaging] = []
    for section in root.iterfind("h:component/h:structuredBody/h:component/h:section", H):
        code = one(section, "h:code").get("code")
        translation = section.find("h:code/h:translation", H)
        table = translation.get("code") if translation is not None else ""
        for entry in section.iterfind("h:entry", H):
            if code in _SUPPLIES:
                deliveries.append(_delivery(one(entry, "h:supply"), _SUPPLIES[code]))
            elif code == _STAYS:
                stays.append(_stay(one(entry, "h:encounter")))
            elif (code, table) == (_ACTS, _ANALYSES):
                analyses.append(_analysis(one(entry, "h:act")))
            elif (code, table) == (_ACTS, _CARES):
                cares.append(_care(one(entry, "h:act")))
            elif (code, table) == (_ACTS, _IMAGES):
                images.append(_image(one(entry, "h:act")))
    return History(
        _day(one(event, "h:low")), _day(one(event, "h:high")),
        deliveries=tuple(row for _, row in sorted(deliveries, key=lambda each: each[0])),
        stays=tuple(stays), analyses=tuple(analyses), cares=tuple(cares), images=tuple(images),
    )  # fmt: skip


def _delivery(supply: Any, kind: Supply) -> tuple[int, Delivery]:
    material = one(supply, "h:product/h:manufacturedProduct/h:manufacturedMaterial")
    substances = tuple(each.get("displayName") for each in material.iterfind("h:code/h:translation", H))
    row = Delivery(
        _day(one(supply, "h:effectiveTime")), one(material, "h:name").text, substances,
        int(one(supply, "h:quantity").get("value")), kind, _in_hospital(supply),
    )  # fmt: skip
    return int(one(supply, "h:id").get("extension")), row


def _stay(encounter: Any) -> Stay:
    lasts = one(encounter, "h:effectiveTime")
    return Stay(_day(one(lasts, "h:low")), int(one(lasts, "h:width").get("value")), _words(encounter))


def _analysis(act: Any) -> Analysis:
    return Analysis(_day(one(act, "h:effectiveTime")), _code(act), _words(act), int(_value(act)))


def _care(act: Any) -> Care:
    specialty = act.find("h:performer/h:assignedEntity/h:code/h:originalText", H)
    return Care(
        _day(one(act, "h:effectiveTime")), _code(act), Decimal(_value(act)), _words(act),
        specialty.text if specialty is not None else "", _in_hospital(act),
    )  # fmt: skip


def _image(act: Any) -> Imaging:
    return Imaging(
        _day(one(act, "h:effectiveTime")), _code(act), Decimal(_value(act)), _words(act), _in_hospital(act)
    )  # fmt: skip


def _code(act: Any) -> str:
    return str(one(act, "h:code").get("code"))


def _words(act: Any) -> str:
    return str(one(act, "h:code/h:originalText").text)


def _value(act: Any) -> str:
    return str(one(act, "h:entryRelationship/h:observation/h:value").get("value"))


def _in_hospital(element: Any) -> bool:
    return element.find("h:participant/h:participantRole[@classCode='SDLOC']", H) is not None


def _day(element: Any) -> date:
    written = element.get("value")
    return date(int(written[:4]), int(written[4:6]), int(written[6:8]))
