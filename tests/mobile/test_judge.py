"""The judge of FHIR answers finds the faults that it is there for: a judge that finds nothing proves nothing."""

import copy
from typing import Any

import pytest

from .client import Telephone, a_document
from .judge import problems


@pytest.fixture
def good(telephone: Telephone) -> dict[str, Any]:
    told = telephone.call("POST", "fhir/DocumentReference", a_document(b"Note")).json or {}
    assert problems(told) == []
    return told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda one: one.pop("status"), "DocumentReference.status: 0 times"),
        (lambda one: one.pop("content"), "DocumentReference.content: 0 times"),
        (lambda one: one.update(status="archived"), "none of its codes"),
        (lambda one: one.update(titre="x"), "no element"),
        (lambda one: one.update(date="hier"), "schema"),
        (lambda one: one.update(author="moi"), "schema"),
        (lambda one: one["content"][0]["attachment"].update(size="12"), "no unsignedInt"),
        (lambda one: one["contained"].append({"resourceType": "Organization", "id": "x", "name": "X"}), "dom-3"),
        (lambda one: one["contained"][0].pop("resourceType"), "is not known"),
        (lambda one: one.pop("securityLabel"), "MHD: securityLabel"),
        (lambda one: one["content"][0]["attachment"].pop("hash"), "MHD: one content"),
    ],
)
def test_a_fault_is_found(good: dict[str, Any], change: Any, told: str) -> None:
    damaged = copy.deepcopy(good)
    change(damaged)
    assert any(told in each for each in problems(damaged)), problems(damaged)


@pytest.mark.parametrize(
    ("resource", "told"),
    [
        ({"resourceType": "Bundle", "type": "transaction", "total": 1}, "bdl-1"),
        ({"resourceType": "Bundle", "type": "searchset", "entry": [{"fullUrl": "x"}]}, "bdl-5"),
        ({"resourceType": "OperationOutcome", "issue": []}, "issue: 0 times"),
        ({"resourceType": "Observation", "status": "final"}, "schema"),
    ],
)
def test_other_resources_have_their_invariants(resource: dict[str, Any], told: str) -> None:
    assert any(told in each for each in problems(resource)), problems(resource)
