"""A practice software in front of the application itself, and how its answers are judged."""

import base64
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.patient import Patient
from fhirclient.models.patient import Patient as JudgedPatient
from flask import Flask
from mobile.judge import problems
from werkzeug.test import TestResponse

from dmp_core.access.circle import Member
from dmp_core.fhir import systems
from dmp_core.identity import insc
from dmp_core.portals.professionals.app import create_app
from dmp_core.portals.professionals.card import PEER
from dmp_core.portals.professionals.parts import Parts
from dmp_core.professionals.authority import Issued, TestAuthority
from dmp_core.professionals.certificates import Professional
from dmp_core.professionals.trust import Trust
from dmp_core.record.shelf import Folder

from .samples import NUMBERS, a_doctor
from .served import SECRET
from .world import Record, RecordWorld

INS_C, NIR = "urn:oid:1.2.250.1.213.1.4.2", "urn:oid:1.2.250.1.213.1.4.8"
_numbers = NUMBERS


class Practice:
    """A software with one card, in front of the application itself."""

    def __init__(self, app: Flask, card: Issued, who: Professional) -> None:
        self.client, self.card, self.who = app.test_client(), card, who

    @property
    def member(self) -> Member:
        return Member(str(self.who.id), self.who.name, self.who.profession.code)

    def ask(self, method: str, where: str, **more: Any) -> TestResponse:
        more.setdefault("environ_base", {PEER: self.card.der})
        answer = self.client.open(where, method=method, base_url="https://localhost", **more)
        if answer.mimetype == "application/fhir+json":
            assert problems(answer.get_json()) == []
        return answer

    def state(self, system: str, value: str) -> TestResponse:
        return self.ask("POST", "/api/v1/fhir/Patient/_search", data={"identifier": f"{system}|{value}"})

    def consent(self, record: Record) -> None:
        where = f"/api/v1/dmp/{record.dossier}/autorisation"
        assert self.ask("PUT", where, json={"patient_informe": True}).status_code == 204

    def deposit(self, record: Record, data: bytes, code: str = "11488-4", **more: Any) -> TestResponse:
        told: dict[str, Any] = {
            "resourceType": "DocumentReference", "status": "current", "type": {"coding": [{"code": code}]},
            "content": [{"attachment": {"title": "Consultation", "data": base64.b64encode(data).decode()}}],
        } | more  # fmt: skip
        return self.ask(
            "POST", f"{base(record)}/DocumentReference", data=json.dumps(told), content_type="application/fhir+json"
        )

    def listed(self, record: Record, **asked: str) -> list[str]:
        answer = self.ask("GET", f"{base(record)}/DocumentReference", query_string=asked)
        assert answer.status_code == 200, answer.text
        bundle = answer.get_json()
        Bundle.model_validate(bundle)
        found = [each["resource"]["id"] for each in bundle.get("entry", [])]
        assert bundle["total"] >= len(found)
        return found


def base(record: Record) -> str:
    return f"/api/v1/dmp/{record.dossier}/fhir"


def replacing(document: str) -> dict[str, Any]:
    return {"relatesTo": [{"code": "replaces", "target": {"reference": f"DocumentReference/{document}"}}]}


def an_app(
    world: RecordWorld, authority: TestAuthority, revoked: Sequence[x509.Certificate] = (), **more: Any
) -> Flask:  # fmt: skip
    """The application itself, which trusts this authority and reads its list again; `more`: other parts of it."""
    trust = Trust(authority.anchors, lambda: authority.lists([*revoked], world.clock()))
    made = create_app(
        Parts(world.clock, world.professionals, trust, world.record, Folder(world.folder), SECRET, **more)
    )
    made.testing = made.extensions["professionals.api"].testing = True
    return made


@pytest.fixture
def app(world: RecordWorld, authority: TestAuthority) -> Flask:
    return an_app(world, authority, embedders=("https://logiciel.exemple",))


@pytest.fixture
def practice(app: Flask, world: RecordWorld, authority: TestAuthority) -> Practice:
    return a_practice(app, world, authority)


def a_practice(app: Flask, world: RecordWorld, authority: TestAuthority, **more: Any) -> Practice:
    card = a_doctor(authority, next(_numbers), world.clock() - timedelta(hours=1), **more)
    return Practice(app, card, app.extensions["professionals"].trust.professional(card.der, world.clock()))


@pytest.fixture
def patient(world: RecordWorld) -> tuple[Any, Record]:
    someone = world.someone()
    return someone.person, Record(world, someone.dossier)


def ins_c_of(person: Any) -> str:
    return insc.compute(person.given_name, insc.birth_date_of(person.birth_date), person.nir)


def told(answer: TestResponse) -> dict[str, Any]:
    """What TD0.2 says, and that it names nobody."""
    assert answer.status_code == 200, answer.text
    (entry,) = answer.get_json()["entry"]
    Patient.model_validate(entry["resource"])
    JudgedPatient(entry["resource"])
    assert not {"name", "birthDate", "gender", "address"} & set(entry["resource"])
    found = {each["url"]: each for each in entry["resource"]["extension"]}
    rights = {each["url"]: each for each in found.get(systems.AUTHORISATION, {}).get("extension", [])}
    closing = {each["url"]: each for each in found.get(systems.CLOSING, {}).get("extension", [])}
    return {
        "active": entry["resource"]["active"],
        "state": rights["etat"]["valueCode"] if rights else None,
        "until": rights.get("fin", {}).get("valueDateTime"),
        "attending": found[systems.ATTENDING]["valueBoolean"],
        "closing": (closing["dateFermeture"]["valueDate"], closing["motifFermeture"]["valueCodeableConcept"]["text"])
        if closing else None,
    }  # fmt: skip


def refused(answer: TestResponse, status: int, words: str) -> None:
    assert answer.status_code == status, answer.text
    (issue,) = OperationOutcome.model_validate(answer.get_json()).issue
    assert words in issue.diagnostics
    assert issue.diagnostics.endswith((".", "}."))
