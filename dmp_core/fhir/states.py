"""TD0.2 as a Patient (pdsm4dmp, flux TD02): is there a DMP, is it open, may this professional consult it.

No identity trait goes with it: a software must not show those of the DMP (RG_0320), and so is not sent any. The INS is the
one that was asked by.
"""

from typing import Any, Final

from dmp_core.access.authorisation import Authorisation, Closer, State
from dmp_core.clock import PARIS
from dmp_core.errors import Invalid
from dmp_core.fhir import systems
from dmp_core.fhir.resources import Resource, instant
from dmp_core.identity.identifiers import System

_MOTIVES: Final = {
    Closer.HOLDER: {
        "coding": [{"system": systems.CLOSING_MOTIVES, "code": "patient-demande"}],
        "text": "À la demande du patient",
    },
    Closer.CAISSE: {"text": "Par la caisse d’assurance maladie"},
}
_LENGTHS: Final = {System.INS_C: 22, System.NIR: 15}


def ins_of(token: str) -> tuple[System, str]:
    """The INS that a token parameter names: `urn:oid:…|value`. Raises Invalid."""
    named, _, value = token.rpartition("|")
    for system, length in _LENGTHS.items():
        if named == systems.oid(system) and len(value) == length and value.isascii() and value.isalnum():
            return system, value.upper()
    raise Invalid(
        f"Désignez le patient par son INS : {systems.oid(System.INS_C)}| et 22 chiffres, ou {systems.oid(System.NIR)}| "
        "et les 15 caractères du NIR."
    )


def patient_state(state: State, ins: tuple[System, str] | None = None) -> Resource:
    """The state as a resource."""
    told: Resource = {
        "resourceType": "Patient",
        "id": str(state.dossier),
        "active": state.open,
        "extension": [{"url": systems.ATTENDING, "valueBoolean": state.attending}],
    }
    if ins is not None:
        told["identifier"] = [{"use": "official", "system": systems.oid(ins[0]), "value": ins[1]}]
    if state.authorisation is not None:
        told["extension"].append(
            {"url": systems.AUTHORISATION, "extension": _authorisation(state, state.authorisation)}
        )
    if state.closed_at is not None and state.closed_by is not None:
        day = state.closed_at.astimezone(PARIS).date()
        told["extension"].append(
            {
                "url": systems.CLOSING,
                "extension": [
                    {"url": "dateFermeture", "valueDate": day.isoformat()},
                    {"url": "motifFermeture", "valueCodeableConcept": _MOTIVES[state.closed_by]},
                ],
            }
        )
    return told


def _authorisation(state: State, found: Authorisation) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [
        {"url": "etat", "valueCode": found.value},
        {"url": "motif", "valueString": found.sentence},
    ]
    if state.until is not None:
        parts.append({"url": "fin", "valueDateTime": instant(state.until)})
    return parts
