"""What practice software and establishments send, damaged at random: a refusal they can read, never an error of ours."""

import json
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
from fuzzing import damaged, fuzzed, reaching_nothing, said
from hypothesis import example, given
from hypothesis import strategies as st
from record.foreign import a_cda
from record.samples import a_pdf

from dmp_core.errors import Invalid
from dmp_core.fhir.deposits import deposit_of, json_of, submission_of
from dmp_core.portals.professionals.card import PEER
from dmp_core.professionals.authority import TestAuthority
from dmp_core.professionals.trust import Trust
from dmp_core.professionals.vihf import AssertionRefused, acting
from dmp_core.record.contents import as_sent

from .assertions import vihf
from .practice import Practice, base, ins_c_of
from .samples import NOW, rpps
from .test_software import app, patient, practice
from .test_vihf import feeding
from .world import Record, RecordWorld

__all__ = ["app", "patient", "practice"]

_AUTHORITY = TestAuthority(NOW)
_HOUSE = _AUTHORITY.establishment("1750712184", "CLINIQUE DE TEST", NOW)
_SIGNED = vihf(_HOUSE, rpps(90_001), "1541187387477485562488", NOW)
_DOCUMENT: dict[str, Any] = {
    "resourceType": "DocumentReference", "status": "current", "type": {"coding": [{"code": "11488-4"}]},
    "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": "urn:uuid:3f0e8a5e-1d7c-4a55-9f0e-0123456789ab"},
    "content": [{"attachment": {"title": "Consultation", "contentType": "text/plain", "data": "Qm9uam91cg==", "size": 7}}],
    "context": {"period": {"start": "2016-10-30"}},
    "relatesTo": [{"code": "replaces", "target": {"reference": "DocumentReference/x"}}],
}  # fmt: skip
_SET: dict[str, Any] = {
    "resourceType": "Bundle", "type": "transaction",
    "entry": [
        {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "List", "status": "current", "mode": "working"},
         "request": {"method": "POST", "url": "List"}},
        {"resource": _DOCUMENT, "request": {"method": "POST", "url": "DocumentReference"}},
    ],
}  # fmt: skip
_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=12),
    st.sampled_from(["\ud800", "urn:oid:", "9" * 400, "2016-13-45", "data:,x", "http://169.254.169.254/"]),
)  # fmt: skip
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)


@st.composite
def changed(draw: st.DrawFn, told: Any) -> Any:
    """`told` with values put in the place of others, wherever they stand."""
    if draw(st.integers(0, 9)) == 0:
        return draw(_JSON)
    if isinstance(told, dict):
        return {name: draw(changed(value)) for name, value in told.items() if draw(st.integers(0, 15))}
    if isinstance(told, list):
        return [draw(changed(value)) for value in told]
    return told


@fuzzed
@given(damaged(_SIGNED))
def test_a_damaged_assertion_says_nothing(sent: bytes) -> None:
    lists = _AUTHORITY.lists([], NOW)
    house = feeding(Trust(_AUTHORITY.anchors, lambda: lists), _HOUSE, NOW)
    with reaching_nothing():
        try:
            acting(sent, _HOUSE.der, house, NOW + timedelta(seconds=1))
        except AssertionRefused as refusal:
            said(refusal)


def _with(**parts: Any) -> dict[str, Any]:
    return {**_SET, "entry": [_SET["entry"][0], {**_SET["entry"][1], "resource": _DOCUMENT | parts}]}


@fuzzed
@given(st.one_of(changed(_DOCUMENT), changed(_SET)))
@example(_with(content=[{"attachment": None}]))
@example(_with(content=[{"attachment": {"data": None}}]))
@example(_with(relatesTo=[{"code": "replaces", "target": None}]))
@example({"resourceType": "Bundle", "entry": [[], {"resource": {"resourceType": None}}]})
def test_a_damaged_resource_is_read_or_refused(told: Any) -> None:
    with reaching_nothing():
        for read in (deposit_of, submission_of):
            try:
                read(json_of(json.dumps(told).encode()), lambda _: None)
            except Invalid as refusal:
                said(refusal)


@fuzzed
@given(damaged(json.dumps(_DOCUMENT).encode()))
def test_damaged_json_is_read_or_refused(sent: bytes) -> None:
    with reaching_nothing():
        try:
            deposit_of(json_of(sent), lambda _: None)
        except Invalid as refusal:
            said(refusal)


@pytest.fixture
def ready(practice: Practice) -> Practice:
    as_sent(a_pdf())
    practice.client.application.testing = False  # an error of ours is a 500, as outside
    return practice


def test_the_api_answers_every_deposit_by_a_receipt_or_a_refusal(
    world: RecordWorld, ready: Practice, patient: tuple[Any, Record]
) -> None:
    person, record = patient
    ours = a_cda(ins_c_of(person), str(ready.who.id), code="11488-4")

    @fuzzed
    @given(st.one_of(changed(_DOCUMENT), damaged(ours)))
    def ask(told: Any) -> None:
        with reaching_nothing(str(world.folder)):
            if isinstance(told, bytes):
                sent = _DOCUMENT | {"content": [{"attachment": {"title": "x", "data": b64encode(told).decode()}}]}
                del sent["relatesTo"]
            else:
                sent = told
            # Not by the client that has each answer judged by HL7's rules: that takes a second.
            answer = ready.client.post(
                f"{base(record)}/DocumentReference", data=json.dumps(sent), content_type="application/fhir+json",
                base_url="https://localhost", environ_base={PEER: ready.card.der},
            )  # fmt: skip
        assert answer.status_code in (200, 201, 400, 403, 404, 409, 422), answer.text
        if answer.status_code >= 400:
            assert answer.get_json()["resourceType"] == "OperationOutcome"

    assert ready.deposit(record, b"Consultation").status_code == 201  # what is opened once is open
    ask()
