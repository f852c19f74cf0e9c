"""The session of a card: bound to it, ended by a quarter of an hour without a request, begun again by a gesture."""

from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives import hashes
from flask import Flask
from portal.world import token_of
from werkzeug.test import TestResponse

from dmp_core.portals.professionals.card import PEER
from dmp_core.professionals.authority import Issued, TestAuthority
from dmp_core.record.cda import Edition, Patient
from dmp_core.record.contents import REIMBURSEMENTS, Content, Format
from dmp_core.record.reimbursements.cda import writing
from dmp_core.record.reimbursements.history import history_of

from .practice import an_app
from .samples import NUMBERS, a_doctor
from .world import RecordWorld

_numbers = NUMBERS


@pytest.fixture
def app(world: RecordWorld, authority: TestAuthority) -> Flask:
    return an_app(world, authority)


class Desk:
    """A browser in front of the application itself, its card as the server would hand it over."""

    def __init__(self, app: Flask, card: Issued) -> None:
        self.client, self.card = app.test_client(), card

    def ask(self, where: str, **typed: str) -> TestResponse:
        given: dict[str, Any] = {"base_url": "https://localhost", "environ_base": {PEER: self.card.der}}
        if not typed:
            return self.client.get(where, **given)
        token = token_of(self.client.get("/", **given).text)
        headers = {"Referer": "https://localhost/"}
        return self.client.post(where, data={"csrf_token": token, **typed}, headers=headers, **given)


@pytest.fixture
def desk(world: RecordWorld, app: Flask, authority: TestAuthority) -> Desk:
    return Desk(app, a_doctor(authority, next(_numbers), world.clock(), speciality="G15_10/SM54"))


def test_a_quarter_of_an_hour_without_a_request_asks_for_a_gesture(world: RecordWorld, desk: Desk) -> None:
    assert desk.ask("/").status_code == 200
    world.clock.forward(minutes=15)
    assert desk.ask("/").status_code == 200
    world.clock.forward(minutes=15, seconds=1)
    away = desk.ask("/")
    assert (away.status_code, away.location) == (303, "/session")
    page = desk.ask("/session")
    assert "Reprendre avec ma carte" in page.text
    given: dict[str, Any] = {"base_url": "https://localhost", "environ_base": {PEER: desk.card.der}}
    resumed = desk.client.post(
        "/session", data={"csrf_token": token_of(page.text)}, headers={"Referer": "https://localhost/"}, **given
    )
    assert resumed.location == "/"
    assert desk.ask("/").status_code == 200


def test_nothing_is_done_by_a_form_that_waited_too_long(world: RecordWorld, desk: Desk) -> None:
    record = world.a_record()
    token = token_of(desk.ask("/").text)
    world.clock.forward(minutes=16)
    answer = desk.client.post(
        f"/dossiers/{record.dossier}/consentement", data={"csrf_token": token, "consentement": "oui"},
        headers={"Referer": "https://localhost/"}, base_url="https://localhost", environ_base={PEER: desk.card.der},
    )  # fmt: skip
    assert answer.location == "/session"
    assert record.chain() == []


def test_without_its_token_no_form_does_anything(world: RecordWorld, desk: Desk) -> None:
    record = world.a_record()
    answer = desk.client.post(
        f"/dossiers/{record.dossier}/consentement", data={"consentement": "oui"}, base_url="https://localhost",
        environ_base={PEER: desk.card.der},
    )  # fmt: skip
    assert answer.status_code == 403
    assert record.chain() == []


def test_every_answer_is_kept_by_no_cache_and_its_cookie_bound_to_the_host(desk: Desk) -> None:
    answer = desk.ask("/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-dmp-ps=")
    assert {"Secure", "HttpOnly", "SameSite=Strict"} <= set(cookie.split("; "))


def test_what_was_typed_wrong_is_said_and_kept(desk: Desk) -> None:
    answer = desk.ask("/patients", nir="123", prenom="Nicolas", naissance="1952-05-11")
    assert answer.status_code == 422
    assert "clé du NIR" in answer.text
    assert 'value="Nicolas"' in answer.text


def test_without_the_box_ticked_no_consent_is_written(world: RecordWorld, desk: Desk) -> None:
    record = world.a_record()
    assert desk.ask(f"/dossiers/{record.dossier}/consentement", x="1").status_code == 422
    assert record.chain() == []


def test_a_colleague_joins_the_team_and_a_wrong_number_is_said(world: RecordWorld, desk: Desk) -> None:
    record = world.a_record()
    team = f"/dossiers/{record.dossier}/equipe"
    desk.ask(f"/dossiers/{record.dossier}/consentement", consentement="oui")
    desk.ask(team, nom="Luc Petit", numero="12", profession="G15_60")
    assert "numéro RPPS" in desk.ask(f"/dossiers/{record.dossier}").text
    desk.ask(team, nom="Luc Petit", numero="0631234567", profession="G15_60")
    assert "Luc Petit fait partie" in desk.ask(f"/dossiers/{record.dossier}").text
    assert "Luc Petit (0631234567)" in [line.reason for line in record.chain()]


def test_pages_and_categories(world: RecordWorld, desk: Desk) -> None:
    record = world.a_record()
    for number in range(21):
        record.put(f"numero {number}")
    record.put("consultation", "11488-4")
    where = f"/dossiers/{record.dossier}"
    desk.ask(f"{where}/consentement", consentement="oui")
    listed = f"{where}/documents"
    first, second = desk.ask(listed).text, desk.ask(f"{listed}?page=2").text
    assert (first.count("<tr><td"), second.count("<tr><td")) == (20, 2)
    assert "Page suivante" in first
    assert "Page suivante" not in second
    assert desk.ask(where).text.count("<tr><td") == 10
    assert desk.ask(f"{listed}?categorie=comptes-rendus").text.count("<tr><td") == 1
    assert desk.ask(f"{listed}?etat=archives").text.count("<tr><td") == 0
    assert desk.ask(f"{listed}?categorie=ailleurs").status_code == 404
    wrong = desk.ask(f"{listed}?du=hier&q=numero")
    assert wrong.status_code == 422
    assert "Une date s’écrit" in wrong.text
    assert 'value="numero"' in wrong.text


def test_the_reimbursements_are_read_as_pages(world: RecordWorld, desk: Desk) -> None:
    record = world.a_record()
    patient = Patient("1234567890123456789012", "Dupond", "", "Nicolas", "1952-05-11", woman=False)
    edition = Edition(uuid4(), uuid4(), 1, world.clock())
    data = writing(history_of([], date(2016, 11, 2)), patient, edition)
    made = record.put("remboursements", "REMB", content=Content(data, Format.CDA, REIMBURSEMENTS))
    desk.ask(f"/dossiers/{record.dossier}/consentement", consentement="oui")
    where = f"/dossiers/{record.dossier}/documents/{made.id}"
    assert "Document structuré" in desk.ask(where).text
    pages = desk.ask(f"{where}/contenu")
    assert (pages.mimetype, pages.data[:5]) == ("application/pdf", b"%PDF-")
    assert desk.ask(f"{where}/contenu?forme=original").data == data


def test_a_card_is_named_by_its_certificate(desk: Desk) -> None:
    with desk.client.session_transaction(base_url="https://localhost") as before:
        assert "card" not in before
    desk.ask("/")
    with desk.client.session_transaction(base_url="https://localhost") as held:
        assert held["card"] == desk.card.certificate.fingerprint(hashes.SHA256()).hex()
