"""Lines of the trace as AuditEvents (FHIR R4; IHE BALP 1.1.3: Patient Read, Create, Update, Delete, Query; ITI-81)."""

from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from dmp_core.access.trace import Action, ActorKind, Line, Mode
from dmp_core.fhir import systems
from dmp_core.fhir.resources import Resource, instant

_TYPES: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTIONS: Final = "http://hl7.org/fhir/restful-interaction"
_PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLES: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_PURPOSE: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_BALP: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit"
# FHIR's letter of the action, the interaction, BALP's profile.
_KINDS: Final = {
    Action.LIST: ("E", "search-type", "PatientQuery"),
    Action.LOOK: ("R", "read", "PatientRead"),
    Action.READ: ("R", "read", "PatientRead"),
    Action.LOOK_OWN: ("R", "read", "PatientRead"),
    Action.EXPORT: ("E", "search-type", "PatientQuery"),
    Action.READ_TRACE: ("E", "search-type", "PatientQuery"),
    Action.EXPORT_TRACE: ("E", "search-type", "PatientQuery"),
    Action.SEE_CIRCLE: ("E", "search-type", "PatientQuery"),
    Action.PREVIEW: ("E", "search-type", "PatientQuery"),
    Action.SEE_ADMINISTRATION: ("R", "read", "PatientRead"),
    Action.CREATE: ("C", "create", "PatientCreate"),
    Action.ADD: ("C", "create", "PatientCreate"),
    Action.DELETE: ("D", "delete", "PatientDelete"),
}
_CHANGE: Final = ("U", "update", "PatientUpdate")
_OF_EMERGENCY: Final = {Mode.EMERGENCY: "BTG", Mode.CENTRE_15: "ETREAT"}


def audit_event(dossier: UUID, line: Line) -> Resource:
    """One access, made or refused. What was looked for in a list is not kept, and no query is told."""
    letter, interaction, profile = _KINDS.get(line.action, _CHANGE)
    who = line.who
    system = systems.PROFESSIONALS if who.kind is ActorKind.PROFESSIONAL else systems.AUTHORS
    entities: list[dict[str, Any]] = [
        {
            "what": {"reference": f"Patient/{dossier}"},
            "type": {"system": _ENTITY, "code": "1"},
            "role": {"system": _ROLES, "code": "1"},
        }
    ]
    if line.document is not None:
        entities.append(
            {
                "what": {"reference": f"DocumentReference/{line.document}"},
                "type": {"system": _ENTITY, "code": "2"},
                "role": {"system": _ROLES, "code": "3"},
            }
        )
    told: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(uuid5(NAMESPACE_URL, f"{dossier}/{line.number}")),
        "meta": {"profile": [f"{_BALP}.{profile}"]},
        "type": {"system": _TYPES, "code": "rest"},
        "subtype": [{"system": _INTERACTIONS, "code": interaction}],
        "action": letter,
        "recorded": instant(line.at),
        "outcome": "0" if line.granted else "4",
        "outcomeDesc": line.action.label if not line.reason else f"{line.action.label} ({line.reason})",
        "agent": [
            {
                "type": {"coding": [{"system": _PARTICIPATION, "code": "IRCP"}]},
                "who": {"identifier": {"system": system, "value": who.id}, "display": who.name},
                "requestor": True,
            }
        ],
        "source": {"observer": {"display": "Dossier médical partagé"}},
        "entity": entities,
    }
    if who.mode in _OF_EMERGENCY:
        told["purposeOfEvent"] = [{"coding": [{"system": _PURPOSE, "code": _OF_EMERGENCY[who.mode]}]}]
    return told
