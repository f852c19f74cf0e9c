"""A mobile application as one would write it: it knows its identifier, and nothing else of ours."""

import base64
import hashlib
import json
import secrets
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from fhirclient.models.bundle import Bundle
from fhirclient.models.capabilitystatement import CapabilityStatement
from fhirclient.models.documentreference import DocumentReference
from fhirclient.models.fhirabstractresource import FHIRAbstractResource
from fhirclient.models.list import List
from fhirclient.models.operationoutcome import OperationOutcome
from fhirclient.models.patient import Patient
from flask import Flask
from portal.world import token_of
from portal_account.world import Holder
from werkzeug.test import TestResponse

from dmp_core.holder.mobile import Application

from .judge import problems

APPLICATION = Application("essai", "DMP de poche", ("fr.exemple.dmp:/retour", "http://127.0.0.1/retour"))
BACK = "fr.exemple.dmp:/retour"
AUTHORISE = "/mon-dmp/applications/autoriser"
EVERYTHING = "patient/*.read patient/*.write offline_access"
MODELS = (Bundle, CapabilityStatement, DocumentReference, List, OperationOutcome, Patient)


def judged(told: dict[str, Any]) -> FHIRAbstractResource:
    """The resource, read by a library that did not make it: it refuses what is missing, superfluous or of another type."""
    assert problems(told) == []
    model = next(each for each in MODELS if each.resource_type == told["resourceType"])
    return model(told)


class Telephone:
    """One application on one telephone."""

    def __init__(self, app: Flask, address: str = "192.0.2.7", client_id: str = "essai") -> None:
        self.client, self.address, self.client_id = app.test_client(), address, client_id
        self.verifier = secrets.token_urlsafe(48)
        self.tokens: dict[str, Any] = {}

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def asks(self, **changes: str | None) -> str:
        """The address that it opens in the holder's browser; None takes a parameter out."""
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": BACK, "scope": EVERYTHING,
            "state": "état", "code_challenge": self.challenge, "code_challenge_method": "S256",
        } | changes  # fmt: skip
        return f"{AUTHORISE}?{urlencode({name: value for name, value in asked.items() if value is not None})}"

    def let_in(self, holder: Holder, **changes: str | None) -> "Telephone":
        answer = self.exchange(code_in(agree(holder, self.asks(**changes))))
        assert answer.status_code == 200, answer.text
        return self

    def exchange(self, code: str, **changes: str) -> TestResponse:
        return self.post(
            "/api/oauth/token",
            {
                "grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": self.client_id,
                "code_verifier": self.verifier,
            } | changes,
        )  # fmt: skip

    def refresh(self, token: str | None = None, **changes: str) -> TestResponse:
        return self.post(
            "/api/oauth/token",
            {
                "grant_type": "refresh_token", "refresh_token": token or self.tokens["refresh_token"],
                "client_id": self.client_id,
            } | changes,
        )  # fmt: skip

    def post(self, where: str, form: dict[str, str]) -> TestResponse:
        answer = self.client.post(where, data=form, environ_base={"REMOTE_ADDR": self.address})
        if answer.status_code == 200 and answer.json and "access_token" in answer.json:
            self.tokens = answer.json
        return answer

    def call(self, method: str, where: str, told: Any = None, **headers: str) -> TestResponse:
        """A call with the access token; `told` goes as FHIR's JSON."""
        kind = {"Content-Type": headers.pop("kind", "application/fhir+json")} if told is not None else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.open(
            f"/api/{where}", method=method, data=None if told is None else json.dumps(told),
            headers={"Authorization": f"Bearer {self.tokens.get('access_token', 'rien')}"} | kind | named,
            environ_base={"REMOTE_ADDR": self.address},
        )  # fmt: skip
        if answer.mimetype == "application/fhir+json":
            assert problems(answer.json) == []
        return answer

    def get(self, where: str, **headers: str) -> Any:
        """The resource there, judged."""
        answer = self.call("GET", f"fhir/{where}", **headers)
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "application/fhir+json; charset=utf-8"
        judged(answer.json or {})
        return answer.json

    def refused(self, status: int, method: str, where: str, told: Any = None, **headers: str) -> str:
        """The one sentence of a refusal, whose outcome is judged."""
        answer = self.call(method, f"fhir/{where}", told, **headers)
        assert answer.status_code == status, answer.text
        judged(answer.json or {})
        return str((answer.json or {})["issue"][0]["diagnostics"])


def agree(holder: Holder, where: str, **typed: str) -> TestResponse:
    """The holder reads the page and answers yes, unless `reponse` says otherwise."""
    token = token_of(holder.get(where).text)
    return holder.client.post(
        where, data={"csrf_token": token, "reponse": "oui"} | typed, environ_base={"REMOTE_ADDR": holder.address}
    )


def code_in(answer: TestResponse) -> str:
    assert answer.status_code == 302, answer.text
    found = parse_qs(urlsplit(str(answer.location)).query)
    return found["code"][0]


def a_document(data: bytes, title: str = "Ordonnance du docteur Martin", **changes: Any) -> dict[str, Any]:
    """A DocumentReference as ITI-105 deposits it."""
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "type": {"coding": [{"system": "urn:oid:1.2.250.1.213.1.1.4.12", "code": "EXPPAT_2"}]},
        "content": [
            {
                "attachment": {
                    "contentType": "application/pdf", "title": title, "data": base64.b64encode(data).decode(),
                    "size": len(data), "hash": base64.b64encode(hashlib.sha1(data).digest()).decode(),
                }
            }
        ],
    } | changes  # fmt: skip
