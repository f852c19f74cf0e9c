"""Changing metadata: JSON Patch on what may be settled of a document, and nothing else (PDSm flux 03; DOMAIN 4.3, TD3.3):
confidentiality and archiving. Whose right each of them is, the gates decide.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from jsonpatch import JsonPatch, JsonPatchException, JsonPointerException

from dmp_core.errors import Invalid, WrongState
from dmp_core.fhir import systems

MOST_OPERATIONS: Final = 20
# PDSm names an extension in a pointer by its url; JSON Pointer knows places alone.
_BY_URL: Final = re.compile(r"^/extension\[url:.?(?P<url>https://[^\]’”'\"]+).?\](?P<rest>/.*)?$")


class NotAllowed(WrongState):
    """The patch touches what only the author, or nobody, may change: 405 (PDSm flux 04)."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What is settled of a document."""

    masked: bool
    """From professionals."""
    held: bool
    """From the holder, until it is announced."""
    archived: bool
    secret: bool = False
    """From the person's legal representatives."""


def patched(resource: dict[str, Any], operations: object) -> Marks:
    """What these operations leave of the resource. Raises Invalid, NotAllowed."""
    if not isinstance(operations, list) or not 1 <= len(operations) <= MOST_OPERATIONS:
        raise Invalid(f"Une modification est une liste de 1 à {MOST_OPERATIONS} opérations JSON Patch.")
    if not all(isinstance(each, dict) for each in operations):
        raise Invalid("Une opération JSON Patch est un objet.")
    try:
        made = JsonPatch([_placed(resource, each) for each in operations]).apply(resource)
    except (JsonPatchException, JsonPointerException, KeyError, TypeError, AttributeError, ValueError) as error:
        raise Invalid(
            "Une opération ne peut pas être appliquée à cette fiche : relisez-la, puis recommencez."
        ) from error
    if not isinstance(made, dict) or _fixed(made) != _fixed(resource):
        raise NotAllowed("Seuls la confidentialité (securityLabel) et l’archivage (isArchived) se modifient.")
    limits = limits_of(made.get("securityLabel"))
    return Marks(
        systems.MASKED in limits, systems.HELD in limits, _archived(made.get("extension")), systems.SECRET in limits
    )


def _placed(resource: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    found = _BY_URL.match(str(operation.get("path", "")))
    if found is None:
        return operation
    for index, each in enumerate(resource.get("extension", [])):
        if each["url"] == found["url"]:
            return {**operation, "path": f"/extension/{index}{found['rest'] or ''}"}
    raise Invalid("Cette extension n’est pas celle d’une fiche du DMP.")


def _fixed(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in ("securityLabel", "extension")}


def limits_of(labels: object) -> frozenset[str]:
    """The limits to who sees a document that its labels set besides « N » (DOMAIN 5.1). Raises Invalid."""
    found = set()
    for label in labels if isinstance(labels, list) else [labels]:
        codings = label.get("coding") if isinstance(label, dict) else None
        if not isinstance(codings, list) or len(codings) != 1 or not isinstance(codings[0], dict):
            raise Invalid("Chaque securityLabel a un code, et un seul.")
        system, code = codings[0].get("system"), codings[0].get("code")
        found.add((systems.VISIBILITY if system in systems.VISIBILITIES else system, code))
    known = {(systems.VISIBILITY, each) for each in (systems.MASKED, systems.HELD, systems.SECRET)}
    if not found <= known | {(systems.CONFIDENTIALITY, "N")}:
        raise Invalid(
            f"La confidentialité d’une fiche est « N », avec ou sans « {systems.MASKED} », « {systems.HELD} » et "
            f"« {systems.SECRET} »."
        )
    if (systems.CONFIDENTIALITY, "N") not in found:
        raise Invalid("Une fiche garde toujours la confidentialité « N ».")
    return frozenset(str(code) for system, code in found if system == systems.VISIBILITY)


def _archived(extensions: object) -> bool:
    match extensions:
        case [{"url": systems.IS_ARCHIVED, "valueBoolean": bool(archived)}]:
            return archived
    raise Invalid("isArchived est une extension de valeur « true » ou « false ».")
