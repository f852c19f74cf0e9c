"""Judges a FHIR R4 answer by HL7's own rules, with libraries that made none of it: the JSON schema (`jsonschema`), the
StructureDefinitions' cardinalities, types, codes and invariants (`fhirpathpy`), and what IHE MHD 4.2.3 asks besides.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import fhirpathpy
from fhirpathpy.models import models
from jsonschema import Draft6Validator

_VENDOR = Path(__file__).parents[1] / "vendor" / "fhir"
_R4 = models["r4"]
_PRIMITIVES = {
    "boolean": bool, "integer": int, "positiveInt": int, "unsignedInt": int, "decimal": (int, float),
}  # fmt: skip
_OWN = frozenset({"resourceType"})


def problems(told: Any) -> list[str]:
    """Everything that is wrong with this resource; empty when it is valid."""
    found = [f"schema: {each.json_path}: {each.message[:200]}" for each in _schema().iter_errors(told)]
    if isinstance(told, dict) and told.get("resourceType") in _structure():
        found += _element(told, told["resourceType"], told["resourceType"], told)
        found += _mhd(told)
    return found


@cache
def _schema() -> Draft6Validator:
    return Draft6Validator(json.loads((_VENDOR / "fhir.schema.json").read_text()))


@cache
def _structure() -> dict[str, dict[str, dict[str, Any]]]:
    """By type, its elements by their path."""
    held = json.loads((_VENDOR / "structure.json").read_text())
    return {name: {each["path"]: each for each in elements} for name, elements in held.items()}


@cache
def _children(kind: str, path: str) -> dict[str, dict[str, Any]]:
    depth = path.count(".") + 1
    held = _structure()[kind]
    return {
        each.rpartition(".")[2]: one
        for each, one in held.items()
        if each.startswith(f"{path}.") and each.count(".") == depth
    }


@cache
def _compiled(expression: str) -> Any:
    # R4 writes `as` where several elements are meant: FHIRPath has since called that `ofType`.
    written = re.sub(r"\.as\((\w+)\)", r".ofType(\1)", expression)
    has_value = {"fn": lambda values: len(values) == 1, "arity": {0: []}}
    return fhirpathpy.compile(written, _R4, {"userInvocationTable": {"hasValue": has_value}})


def _element(told: dict[str, Any], kind: str, path: str, resource: dict[str, Any]) -> list[str]:
    """An element and all within it, by the snapshot of its type."""
    found = [
        f"{rule['key']} at {path}"
        for rule in _structure()[kind][path].get("rules", ())
        if not _holds(rule["expression"], told, resource)
    ]
    children, left = _children(kind, path), {name for name in told if not name.startswith("_")} - _OWN
    for name, element in children.items():
        names = _names(name, element)
        given = [(one, told[one]) for one in names if one in told]
        left -= names
        values = given[0][1] if given and isinstance(given[0][1], list) else [value for _, value in given]
        most = float("inf") if element["max"] == "*" else int(element["max"])
        if not element["min"] <= len(values) <= most:
            found.append(f"{path}.{name}: {len(values)} times, not {element['min']}..{element['max']}")
        for value in values:
            found += _value(value, element, given[0][0] if given else name, kind, path, resource)
    return found + [f"{path}.{name} is no element" for name in sorted(left)]


def _names(name: str, element: dict[str, Any]) -> set[str]:
    if not name.endswith("[x]"):
        return {name}
    return {f"{name[:-3]}{each[:1].upper()}{each[1:]}" for each in element["types"]}


def _value(
    value: Any, element: dict[str, Any], name: str, kind: str, path: str, resource: dict[str, Any]
) -> list[str]:  # fmt: skip
    at = f"{path}.{name}"
    if "as" in element:
        return _element(value, kind, element["as"], resource)
    stem = element["path"].rpartition(".")[2]
    one = element["types"][0] if not stem.endswith("[x]") else next(
        each for each in element["types"] if name == f"{stem[:-3]}{each[:1].upper()}{each[1:]}"
    )  # fmt: skip
    if one in ("Element", "BackboneElement"):
        return _element(value, kind, element["path"], resource)
    if one in ("Resource", "DomainResource"):
        inner = value.get("resourceType")
        return [f"{at}: {inner} is not known"] if inner not in _structure() else _element(value, inner, inner, value)
    if one in _structure():
        return _element(value, one, one, resource)
    wanted = _PRIMITIVES.get(one, str)
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        return [f"{at} is no {one}"]
    if "codes" in element and value not in element["codes"]:
        return [f"{at}: {value} is none of its codes"]
    return []


def _holds(expression: str, told: dict[str, Any], resource: dict[str, Any]) -> bool:
    found = _compiled(expression)(
        told, {"resource": resource, "rootResource": resource, "ucum": "http://unitsofmeasure.org"}
    )
    return all(each is not False for each in found)


def _mhd(told: dict[str, Any]) -> list[str]:
    """What IHE MHD 4.2.3 asks besides FHIR, of the resources that are served."""
    match told["resourceType"]:
        case "DocumentReference":
            checks = {
                "masterIdentifier 1..1, a URI": told.get("masterIdentifier", {}).get("system") == "urn:ietf:rfc:3986",
                "an identifier that is its entryUUID": any(
                    each.get("value", "").startswith("urn:uuid:") for each in told.get("identifier", [])
                ),
                "status current or superseded": told.get("status") in ("current", "superseded"),
                "type 1..1 and category 1..1": "type" in told and len(told.get("category", [])) == 1,
                "subject, date, author": {"subject", "date", "author"} <= set(told),
                "securityLabel 1..*": bool(told.get("securityLabel")),
                "one content, its kind, language, address, size, hash and creation": [
                    {"contentType", "language", "url", "size", "hash", "creation"} <= set(each["attachment"])
                    for each in told.get("content", [])
                ] == [True],
                "a format with its system": all(
                    {"system", "code"} <= set(each.get("format", {})) for each in told.get("content", [])
                ),
                "context.sourcePatientInfo and its period": {"sourcePatientInfo", "period"} <= set(told.get("context", {})),
                "each contained resource is referred to": all(
                    f'"#{each["id"]}"' in json.dumps(told) for each in told.get("contained", [])
                ),
            }  # fmt: skip
        case "List":
            extensions = {each["url"].rpartition("/")[2] for each in told.get("extension", [])}
            checks = {
                "a submission set, current, working": (
                    told["code"]["coding"][0]["code"], told["status"], told["mode"],
                ) == ("submissionset", "current", "working"),
                "sourceId and designationType": {"ihe-sourceId", "ihe-designationType"} <= extensions,
                "an official identifier, subject, date, source": {"identifier", "subject", "date", "source"} <= set(told),
                "its entries refer to documents": all(
                    each["item"]["reference"].startswith("DocumentReference/") for each in told.get("entry", [])
                ),
            }  # fmt: skip
        case "Bundle":
            inner = [each["resource"] for each in told.get("entry", []) if "resource" in each]
            return [fault for each in inner for fault in _mhd(each)]
        case _:
            return []
    return [f"MHD: {name}" for name, right in checks.items() if not right]
