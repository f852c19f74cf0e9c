"""Sets of documents (ITI-65, ITI-66), news since a moment, pages; and what the API says of itself is what it does."""

import base64
import json
import re
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from dmp_core.access.trace import Action
from dmp_core.fhir import systems
from dmp_core.portals.professionals.app import create_app
from dmp_core.portals.professionals.card import PEER
from dmp_core.professionals.authority import TestAuthority

from .practice import Practice, a_practice, app, base, patient, practice, refused, replacing
from .world import Record, RecordWorld

__all__ = ["app", "patient", "practice"]


def entry(resource: dict[str, Any], url: str = "") -> dict[str, Any]:
    full = {"fullUrl": url} if url else {}
    return {**full, "resource": resource, "request": {"method": "POST", "url": resource["resourceType"]}}


def a_set(*contents: bytes, documents: list[dict[str, Any]] | None = None, **changes: Any) -> dict[str, Any]:
    """A transaction of ITI-65: each content in a Binary of its own."""
    entries = [entry({"resourceType": "List", "status": "current", "mode": "working"})]
    for index, content in enumerate(contents):
        url = f"urn:uuid:{uuid4()}"
        told: dict[str, Any] = {
            "resourceType": "DocumentReference", "status": "current", "type": {"coding": [{"code": "11488-4"}]},
            "content": [{"attachment": {"title": f"Document {index}", "url": url}}],
        } | ((documents or [{}] * len(contents))[index])  # fmt: skip
        data = base64.b64encode(content).decode()
        entries += [entry(told), entry({"resourceType": "Binary", "contentType": "text/plain", "data": data}, url)]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries} | changes


def sent(practice: Practice, record: Record, told: dict[str, Any]) -> TestResponse:
    return practice.ask("POST", base(record), data=json.dumps(told), content_type="application/fhir+json")


def located(answer: TestResponse, kind: str) -> list[str]:
    assert answer.status_code == 200, answer.text
    places = [each["response"].get("location", "") for each in answer.get_json()["entry"]]
    return [each.split("/")[1] for each in places if each.startswith(kind)]


def test_a_set_enters_whole_is_found_as_one_and_sent_again_is_there_once(
    practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    answer = sent(practice, record, a_set(b"Un", b"Deux", b"Trois"))
    made, (submission,) = located(answer, "DocumentReference"), located(answer, "List")
    assert [each["response"]["status"] for each in answer.get_json()["entry"]] == ["201 Created"] * 7
    again = sent(practice, record, a_set(b"Un", b"Deux", b"Trois"))
    assert (located(again, "DocumentReference"), located(again, "List")) == (made, [submission])
    assert {each["response"]["status"] for each in again.get_json()["entry"][1::2]} == {"200 OK"}
    practice.consent(record)
    found = practice.ask("GET", f"{base(record)}/List?code=submissionset&patient=Patient/{record.dossier}").get_json()
    (one,) = found["entry"]
    assert (found["total"], one["resource"]["id"]) == (1, submission)
    held = {each["item"]["reference"].removeprefix("DocumentReference/") for each in one["resource"]["entry"]}
    assert held == set(made)
    assert practice.ask("GET", f"{base(record)}/List/{submission}").get_json() == one["resource"]
    posted = practice.ask("POST", f"{base(record)}/List/_search", data={"identifier": f"urn:uuid:{submission}"})
    assert posted.get_json()["total"] == 1
    reasons = [line.reason for line in record.chain() if line.action is Action.ADD]
    assert reasons == [""] * 3 + ["contenu déjà présent"] * 3


@pytest.mark.parametrize(
    ("told", "status", "words"),
    [
        (a_set(b"Un", b"<html>"), 422, "PDF"),
        (a_set(b"Un", b"Deux", documents=[{}, {"type": {"coding": [{"code": "REMB"}]}}]), 422, "profession"),
        (a_set(b"Un", b"Deux", documents=[{}, replacing(str(uuid4()))]), 404, "pas dans ce DMP"),
        (a_set(b"Un", type="batch"), 422, "transaction"),
        (a_set(), 422, "documents"),
        (a_set(b"Un") | {"entry": a_set(b"Un")["entry"][1:]}, 422, "List"),
        (a_set(b"Un") | {"entry": [*a_set(b"Un")["entry"], a_set()["entry"][0]]}, 422, "List"),
        (a_set(b"Un") | {"entry": a_set(b"Un")["entry"][:2]}, 422, "Binary"),
    ],
)
def test_of_a_set_that_is_refused_nothing_enters_and_nothing_is_left_on_the_shelf(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record], told: dict[str, Any], status: int, words: str
) -> None:
    _, record = patient
    before = sum(1 for each in world.folder.rglob("*") if each.is_file())
    refused(sent(practice, record, told), status, words)
    assert sum(1 for each in world.folder.rglob("*") if each.is_file()) == before
    assert world.rows("SELECT 1 FROM medical.document WHERE dossier_id = :d", d=record.dossier) == []


def test_a_set_replaces_and_adds_together(practice: Practice, patient: tuple[Any, Record]) -> None:
    _, record = patient
    name = f"urn:uuid:{uuid4()}"
    first = practice.deposit(record, b"Un", masterIdentifier={"system": systems.URI, "value": name}).get_json()["id"]
    over = {"relatesTo": [{"code": "replaces", "target": {"identifier": {"system": systems.URI, "value": name}}}]}
    made = located(sent(practice, record, a_set(b"Un, corrige", b"Deux", documents=[over, {}])), "DocumentReference")
    practice.consent(record)
    assert set(practice.listed(record, status="current")) == set(made)
    assert practice.listed(record, status="superseded") == [first]


def test_of_a_set_what_is_masked_is_not_there_in_no_count_either(
    app: Flask, world: RecordWorld, authority: TestAuthority, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    shown, hidden = located(sent(practice, record, a_set(b"Un", b"Deux")), "DocumentReference")
    gone = located(sent(practice, record, a_set(b"Trois")), "DocumentReference")
    for each in (hidden, *gone):
        world.rows("UPDATE medical.document SET masked = true WHERE id = :id RETURNING id", id=UUID(each))
    other = a_practice(app, world, authority)
    other.consent(record)
    found = other.ask("GET", f"{base(record)}/List").get_json()
    assert found["total"] == 1
    (one,) = found["entry"]
    assert one["resource"]["entry"] == [{"item": {"reference": f"DocumentReference/{shown}"}}]
    assert not {hidden, *gone} & set(re.findall(r"[0-9a-f-]{36}", json.dumps(found)))
    sets = world.rows("SELECT submission FROM medical.document WHERE id = :id", id=UUID(gone[0]))
    answers = [other.ask("GET", f"{base(record)}/List/{each}") for each in (sets[0].submission, uuid4())]
    refused(answers[0], 404, "existe")
    assert answers[0].data == answers[1].data
    practice.consent(record)
    assert practice.ask("GET", f"{base(record)}/List").get_json()["total"] == 2


def test_news_since_a_moment_and_every_page_once(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    practice.consent(record)
    old = [str(record.put(f"ancien {number}").id) for number in range(3)]
    world.clock.forward(hours=1)
    since = world.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    new = [str(record.put(f"nouveau {number}").id) for number in range(5)]
    record.put("masque", masked=True)
    seen, where = [], f"{base(record)}/DocumentReference?_lastUpdated=ge{since}&_count=2"
    while where:
        told = practice.ask("GET", where).get_json()
        assert told["total"] == 5
        seen += [each["resource"]["id"] for each in told["entry"]]
        links = {each["relation"]: each["url"] for each in told["link"]}
        where = links["next"].removeprefix("https://localhost") if "next" in links else ""
    assert (sorted(seen), set(seen) & set(old)) == (sorted(new), set())
    world.clock.forward(hours=1)
    later = world.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    world.rows(
        "UPDATE medical.document SET changed_at = :n WHERE id = :id RETURNING id", n=world.clock(), id=UUID(old[0])
    )
    assert practice.listed(record, _lastUpdated=f"ge{later}") == old[:1]
    strict = practice.ask(
        "GET", f"{base(record)}/DocumentReference?couleur=bleu", headers={"Prefer": "handling=strict"}
    )
    refused(strict, 400, "couleur")


def api(app: Flask) -> Flask:
    found = app.extensions["professionals.api"]
    assert isinstance(found, Flask)
    return found


def test_the_capability_statement_tells_exactly_what_the_routes_do(
    app: Flask, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    told = practice.ask("GET", "/api/v1/metadata").get_json()
    of_base = practice.ask("GET", f"{base(record)}/metadata").get_json()
    assert of_base["implementation"]["url"] == f"https://localhost{base(record)}"
    (rest,) = told["rest"]
    said = {(each["type"], one["code"]) for each in rest["resource"] for one in each["interaction"]}
    said |= {("", each["code"]) for each in rest["interaction"]}
    served = set()
    for rule in api(app).url_map.iter_rules():
        found = re.match(r"(?:/dmp/<uuid:dossier>)?/fhir(?:/(?P<kind>[A-Z]\w+))?(?P<rest>.*)$", rule.rule)
        if found is None or "metadata" in rule.rule:
            continue
        one = found["rest"].startswith("/<")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            code = {
                "GET": "read" if one else "search-type", "PATCH": "patch", "DELETE": "delete",
                "POST": "search-type" if "_search" in rule.rule else "create" if found["kind"] else "transaction",
            }[method]  # fmt: skip
            served.add((found["kind"] or "", code))
    assert said == served


def test_every_parameter_that_is_told_is_understood(practice: Practice, patient: tuple[Any, Record]) -> None:
    _, record = patient
    practice.consent(record)
    (rest,) = practice.ask("GET", "/api/v1/metadata").get_json()["rest"]
    good = {"date": "2016-11-02", "reference": "x", "token": "x"}
    apart = {"status": "current", "isArchived": "true"}
    for resource in rest["resource"]:
        if resource["type"] == "Patient":  # asked for by an INS, elsewhere
            continue
        for each in resource.get("searchParam", []):
            value = apart.get(each["name"], good[each["type"]])
            where = f"{base(record)}/{resource['type']}?{each['name']}={value}"
            assert practice.ask("GET", where, headers={"Prefer": "handling=strict"}).status_code == 200, where


def test_the_openapi_description_holds_for_every_call_that_is_no_fhir(
    app: Flask, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    told = practice.ask("GET", "/api/v1/openapi.json").get_json()
    assert (told["openapi"], told["components"]["securitySchemes"]["carte"]["type"]) == ("3.1.0", "mutualTLS")
    served = {
        (rule.rule.replace("<uuid:dossier>", "{dmp}").replace("<uuid:operation>", "{operation}"), method.lower())
        for rule in api(app).url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if "fhir" not in rule.rule and "metadata" not in rule.rule and "openapi" not in rule.rule
    }
    said = {(path, each) for path, calls in told["paths"].items() for each in calls if each != "parameters"}
    assert said == served
    practice.consent(record)
    practice.deposit(record, b"Consultation")
    for path in ("/patients", "/depots", "/types"):
        schema = told["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        answer = practice.ask("GET", f"/api/v1{path}").get_json()
        Draft202012Validator(schema | {"components": told["components"]}).validate(answer)
        (name,) = [each for each in answer if isinstance(answer[each], list)]
        assert answer[name]


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/api/v1/ailleurs", {}, 404),
        ("GET", "{base}/Observation", {}, 404),
        ("PUT", "{base}/DocumentReference", {}, 405),
        ("DELETE", "/api/v1/types", {}, 405),
        ("GET", "{base}/DocumentReference", {"headers": {"Accept": "application/fhir+xml"}}, 406),
        ("GET", "/api/v1/metadata?_format=xml", {}, 406),
        ("POST", "{base}/DocumentReference", {"data": b"x" * 15_500_000, "content_type": "application/fhir+json"}, 413),
        ("PUT", "/api/v1/dmp/{dossier}/autorisation", {"data": b"x" * 70_000, "content_type": "application/json"}, 413),
        ("POST", "{base}", {"data": b"x", "content_type": "text/plain"}, 415),
        ("PATCH", "{base}/DocumentReference/{dossier}", {"json": []}, 415),
        ("POST", "{base}", {"data": b"[]", "content_type": "application/fhir+json"}, 400),
        ("PATCH", "{base}/DocumentReference", {"data": b"[]", "content_type": "application/json-patch+json"}, 422),
    ],
)  # fmt: skip
def test_every_refusal_is_one_outcome(
    practice: Practice, patient: tuple[Any, Record], method: str, path: str, more: dict[str, Any], status: int
) -> None:
    _, record = patient
    practice.consent(record)
    answer = practice.ask(method, path.format(base=base(record), dossier=record.dossier), **more)
    refused(answer, status, "")
    assert answer.mimetype == "application/fhir+json"
    if status == 405:
        assert answer.headers["Allow"]


def test_who_comes_too_often_is_told_how_long_to_wait_and_nobody_else_waits(
    app: Flask, world: RecordWorld, authority: TestAuthority
) -> None:
    slow = create_app(replace(app.extensions["professionals"], calls_per_minute=3))
    slow.testing = slow.extensions["professionals.api"].testing = True
    hasty, other = (a_practice(slow, world, authority) for _ in range(2))
    for _ in range(3):
        assert hasty.ask("GET", "/api/v1/types").status_code == 200
    answer = hasty.ask("GET", "/api/v1/types")
    refused(answer, 429, "patientez")
    assert answer.headers["Retry-After"] == "20"
    assert other.ask("GET", "/api/v1/types").status_code == 200
    world.clock.forward(seconds=20)
    assert hasty.ask("GET", "/api/v1/types").status_code == 200
    assert hasty.ask("GET", "/api/v1/types").status_code == 429
    house = authority.establishment("1750712184", "CLINIQUE DE TEST", world.clock() - timedelta(hours=1))
    answers = [hasty.ask("POST", "/etablissement/documents", environ_base={PEER: house.der}) for _ in range(4)]
    assert [each.status_code for each in answers] == [422, 422, 422, 429]
    assert (answers[3].headers["Retry-After"], "patientez" in answers[3].get_json()["erreur"]) == ("20", True)
