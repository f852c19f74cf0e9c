"""What the server says of itself is what it does; no route is open by forgetting."""

import json
import re
from typing import Any

import pytest
from flask import Flask
from record.samples import a_pdf

from dmp_core.holder.mobile import READ
from dmp_core.portals.mobile.access import declared

from .client import Telephone, a_document, judged


def api(app: Flask) -> Flask:
    found = app.extensions["mondmp.api"]
    assert isinstance(found, Flask)
    return found


def test_every_route_says_who_may_call_it_and_holds_to_it(app: Flask) -> None:
    inner, public = api(app), set()
    stranger = app.test_client()
    for rule in inner.url_map.iter_rules():
        wanted = declared(inner.view_functions[rule.endpoint])
        assert wanted is not None, rule.endpoint
        if not wanted:
            public.add(rule.rule)
            continue
        address = "/api" + re.sub(r"<[^>]+>", "00000000-0000-4000-8000-000000000000", rule.rule)
        for method in rule.methods - {"OPTIONS"} if rule.methods else ():
            assert stranger.open(address, method=method).status_code == 401, (method, address)
    assert public == {
        "/oauth/token", "/oauth/revoke", "/.well-known/oauth-authorization-server",
        "/fhir/.well-known/smart-configuration", "/fhir/metadata", "/openapi.json",
    }  # fmt: skip


def test_the_capability_statement_tells_what_the_routes_do(app: Flask) -> None:
    told = app.test_client().get("/api/fhir/metadata")
    judged(told.json or {})
    (rest,) = (told.json or {})["rest"]
    rules = {(rule.rule, method) for rule in api(app).url_map.iter_rules() for method in rule.methods or ()}
    for resource in rest["resource"]:
        done = {each["code"] for each in resource["interaction"]}
        kind = f"/fhir/{resource['type']}"
        assert ("search-type" in done) == ((kind, "GET") in rules)
        assert ("create" in done) == ((kind, "POST") in rules)
        assert ("patch" in done) == ((kind, "PATCH") in rules)
    assert ("/fhir", "POST") in rules


def test_every_parameter_that_is_told_is_understood(app: Flask, telephone: Telephone) -> None:
    (rest,) = (app.test_client().get("/api/fhir/metadata").json or {})["rest"]
    good = {"date": "2016-11-02", "reference": "x", "token": "x"}
    apart = {"status": "current", "isArchived": "true"}
    for resource in rest["resource"]:
        for each in resource.get("searchParam", []):
            value = apart.get(each["name"], good[each["type"]])
            answer = telephone.call("GET", f"fhir/{resource['type']}?{each['name']}={value}", Prefer="handling=strict")
            assert answer.status_code == 200, (resource["type"], each, answer.text)


def test_where_to_be_let_in_is_told(app: Flask) -> None:
    told = app.test_client().get("/api/.well-known/oauth-authorization-server").json or {}
    assert told["issuer"] == "http://localhost/api"
    assert told["code_challenge_methods_supported"] == ["S256"]
    smart = app.test_client().get("/api/fhir/.well-known/smart-configuration").json or {}
    assert smart["token_endpoint"] == told["token_endpoint"] == "http://localhost/api/oauth/token"


def test_the_nine_categories_and_who_came(app: Flask, telephone: Telephone) -> None:
    telephone.call("POST", "fhir/DocumentReference", a_document(a_pdf("Un"), "Un"))
    told = telephone.call("GET", "categories").json or {}
    assert len(told["categories"]) == 9
    assert {each["id"]: each["documents"] for each in told["categories"]}["expression-libre"] == 1
    assert (told["current"], told["recent"], told["archived"]) == (1, 1, 0)
    seen = telephone.call("GET", "accesses?by=holder").json or {}
    assert [each["title"] for each in seen["accesses"] if each["title"]] == ["Un"]
    assert telephone.call("GET", "accesses?page=zéro").status_code == 422
    assert telephone.call("GET", "accesses?by=dieu").status_code == 422


def test_the_openapi_description_holds_for_what_is_sent(app: Flask, telephone: Telephone) -> None:
    told: dict[str, Any] = app.test_client().get("/api/openapi.json").json or {}
    assert told["openapi"] == "3.1.0"
    for path, calls in told["paths"].items():
        reference = calls["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        schema = told["components"]["schemas"][reference.rpartition("/")[2]]
        sent = telephone.call("GET", path.lstrip("/")).json or {}
        assert set(sent) == set(schema["properties"])
        assert calls["get"]["security"] == [{"oauth": [READ]}]


@pytest.mark.parametrize(
    "path", ["/api/", "/api/fhir/Observation", "/api/fhir/Patient/moi", "/api/connexion", "/api/mon-dmp"]
)
def test_nothing_else_is_there(app: Flask, telephone: Telephone, path: str) -> None:
    answer = telephone.client.get(path, headers={"Authorization": f"Bearer {telephone.tokens['access_token']}"})
    assert answer.status_code == 404
    judged(json.loads(answer.data))


def test_no_cookie_opens_the_api_and_no_token_opens_the_portal(app: Flask, telephone: Telephone) -> None:
    assert "Set-Cookie" not in telephone.call("GET", "fhir/DocumentReference").headers
    page = telephone.client.get("/mon-dmp", headers={"Authorization": f"Bearer {telephone.tokens['access_token']}"})
    assert page.location == "/connexion"
