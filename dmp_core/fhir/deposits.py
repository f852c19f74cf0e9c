"""What an application deposits: a DocumentReference with its content (ITI-105), or a whole set as a transaction (ITI-65).

The author, the class, the dates, the size and the hash are the record's own: what is sent of them is checked where it would
hide a damaged transfer, and never believed.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.documentreference import DocumentReference
from pydantic import ValidationError

from dmp_core.access.application import Deposit
from dmp_core.clock import PARIS
from dmp_core.errors import Invalid
from dmp_core.fhir import systems
from dmp_core.fhir.patching import limits_of

MOST: Final = 30
"""Documents of one set."""
_DEEPEST: Final = 40
_Model = TypeVar("_Model", DocumentReference, Bundle)


class Unreadable(Invalid):
    """No FHIR at all: not JSON, or not the resource expected. `where` names the element at fault."""

    def __init__(self, sentence: str, where: str | None = None) -> None:
        super().__init__(sentence)
        self.where = where


class Unfit(Invalid):
    """FHIR, but not what may be deposited."""

    def __init__(self, sentence: str, where: str) -> None:
        super().__init__(sentence)
        self.where = where


@dataclass(frozen=True, slots=True)
class Submitted:
    """The documents of a transaction, in its order, and the place of each in it."""

    deposits: list[Deposit]
    entries: list[str]
    """What each entry of the Bundle is: List, DocumentReference, Binary or Patient."""


def json_of(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises Unreadable."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("Le corps de la demande n’est pas du JSON.") from error
    if not isinstance(found, dict):
        raise Unreadable("Une ressource FHIR est un objet JSON.")
    return found


def deposit_of(told: dict[str, Any], find: Callable[[str], UUID | None]) -> Deposit:
    """The document of ITI-105, its content in `attachment.data`. `find`: the version that an identifier or a reference
    names, None for none. Raises Unreadable, Unfit."""
    resource = _parsed(DocumentReference, told, "DocumentReference")
    if _attachment(resource).data is None:
        raise Unfit("Le contenu du document manque : il va dans « data », en base64.", "content[0].attachment.data")
    data = _decoded(told["content"][0]["attachment"]["data"], "content[0].attachment.data")
    return _deposit(resource, told, data, find, "")


def submission_of(told: dict[str, Any], find: Callable[[str], UUID | None]) -> Submitted:
    """The documents of ITI-65: one List, DocumentReferences, and a Binary for each. Raises Unreadable, Unfit."""
    bundle = _parsed(Bundle, told, "Bundle")
    if bundle.type != "transaction":
        raise Unfit("Un lot se dépose par un Bundle de type « transaction ».", "Bundle.type")
    held: dict[str, list[tuple[int, Any]]] = {}
    contents: dict[str, bytes] = {}
    entries = []
    for index, entry in enumerate(bundle.entry or []):
        where = f"Bundle.entry[{index}]"
        if entry.resource is None or entry.request is None or entry.request.method != "POST":
            raise Unfit("Chaque entrée du lot est une ressource à créer (POST).", where)
        name = entry.resource.get_resource_type()
        if name not in ("List", "DocumentReference", "Binary", "Patient"):
            raise Unfit(f"Un lot ne contient pas de {name}.", where)
        raw = told["entry"][index]["resource"]
        if name == "Binary" and entry.fullUrl:
            contents[entry.fullUrl] = _decoded(raw.get("data", ""), f"{where}.resource.data")
        held.setdefault(name, []).append((index, entry.resource))
        entries.append(name)
    if len(held.get("List", [])) != 1:
        raise Unfit("Un lot a une fiche de lot (List), et une seule.", "Bundle.entry")
    if not 1 <= len(held.get("DocumentReference", [])) <= MOST:
        raise Unfit(f"Un lot a de 1 à {MOST} documents.", "Bundle.entry")
    deposits = []
    for index, resource in held["DocumentReference"]:
        attachment = _attachment(resource, f"Bundle.entry[{index}].resource.")
        if attachment.data is not None:
            data = _decoded(
                told["entry"][index]["resource"]["content"][0]["attachment"]["data"],
                f"Bundle.entry[{index}].resource.content[0].attachment.data",
            )
        elif attachment.url in contents:
            data = contents[attachment.url]
        else:
            raise Unfit(
                "Le contenu de ce document n’est pas dans le lot : son « url » est le fullUrl d’un Binary.",
                f"Bundle.entry[{index}].resource.content[0].attachment.url",
            )
        raw = told["entry"][index]["resource"]
        deposits.append(_deposit(resource, raw, data, find, f"Bundle.entry[{index}].resource."))
    return Submitted(deposits, entries)


def _parsed(model: type[_Model], told: dict[str, Any], name: str) -> _Model:
    if told.get("resourceType") != name:
        raise Unreadable(f"Une ressource {name} est attendue ici.", "resourceType")
    if _depth(told) > _DEEPEST:
        raise Unreadable("La ressource est imbriquée trop profondément.")
    try:
        return model.model_validate(told)
    except ValidationError as error:
        place: tuple[int | str, ...] = error.errors(include_url=False, include_context=False, include_input=False)[0][
            "loc"
        ]
        where = ".".join(str(part) for part in (name, *place))
        raise Unreadable("La ressource n’est pas conforme à FHIR R4 : corrigez l’élément indiqué.", where) from None
    except (TypeError, ValueError, AttributeError, KeyError, IndexError, RecursionError, ArithmeticError):
        # The models fall over some resources within others; what they cannot read is no FHIR either.
        raise Unreadable("La ressource n’est pas conforme à FHIR R4 : corrigez-la.", name) from None


def _depth(told: Any) -> int:
    """How deep lists and objects lie in one another, without going deeper than is of interest."""
    level, depth = [told], 0
    while level and depth <= _DEEPEST:
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        ]
        depth += 1
    return depth


def _attachment(resource: DocumentReference, at: str = "") -> Any:
    if len(resource.content or []) != 1:
        raise Unfit("Une fiche a un contenu, et un seul.", f"{at}content")
    found = resource.content[0].attachment
    if found is None:
        raise Unfit("Le contenu du document manque.", f"{at}content[0].attachment")
    return found


def _decoded(data: Any, where: str) -> bytes:
    """The bytes of a text in base64, to the letter: the models let through what is none."""
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise Unfit("Le contenu n’est pas du base64.", where) from error


def _deposit(
    resource: DocumentReference, told: dict[str, Any], data: bytes, find: Callable[[str], UUID | None], at: str
) -> Deposit:  # fmt: skip
    attachment = resource.content[0].attachment
    where = f"{at}content[0].attachment"
    if attachment.size is not None and attachment.size != len(data):
        raise Unfit("La taille annoncée n’est pas celle du contenu : envoyez-le de nouveau.", f"{where}.size")
    if attachment.hash is not None and attachment.hash != hashlib.sha1(data, usedforsecurity=False).digest():
        raise Unfit("L’empreinte annoncée n’est pas celle du contenu : envoyez-le de nouveau.", f"{where}.hash")
    codings = resource.type.coding if resource.type else None
    if not codings or not codings[0].code:
        raise Unfit("Le type du document manque.", f"{at}type")
    unique = resource.masterIdentifier.value if resource.masterIdentifier else None
    if unique is not None and not (unique.startswith(("urn:oid:", "urn:uuid:")) and 12 <= len(unique) <= 128):
        raise Unfit("L’identifiant du document est une urn:oid ou une urn:uuid.", f"{at}masterIdentifier.value")
    try:
        limits = limits_of(told["securityLabel"]) if told.get("securityLabel") else frozenset()
    except Invalid as refusal:
        raise Unfit(str(refusal), f"{at}securityLabel") from None
    return Deposit(
        type_code=codings[0].code, title=attachment.title or "", data=data, unique_id=unique,
        replaces=_replaced(resource, find, at), service_start=_act(resource), masked=systems.MASKED in limits,
        held=systems.HELD in limits, secret=systems.SECRET in limits,
    )  # fmt: skip


def _act(resource: DocumentReference) -> datetime | None:
    period = resource.context.period if resource.context else None
    began = period.start if period else None
    if isinstance(began, datetime):
        return began if began.tzinfo else began.replace(tzinfo=PARIS)
    return datetime(began.year, began.month, began.day, tzinfo=PARIS) if isinstance(began, date) else None


def _replaced(resource: DocumentReference, find: Callable[[str], UUID | None], at: str) -> UUID | None:
    relations = resource.relatesTo or []
    if not relations:
        return None
    if len(relations) > 1 or relations[0].code != "replaces":
        raise Unfit("Une fiche ne peut que remplacer une autre fiche (replaces), et une seule.", f"{at}relatesTo")
    target = relations[0].target
    if target is None:
        raise Unfit("Le document à remplacer n’est pas nommé.", f"{at}relatesTo[0].target")
    named = (
        target.identifier.value if target.identifier else (target.reference or "").removeprefix("DocumentReference/")
    )
    found = find(named or "")
    if found is None:
        raise Unfit("Le document à remplacer n’est pas dans ce DMP.", f"{at}relatesTo[0].target")
    return found
