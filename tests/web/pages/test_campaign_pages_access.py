"""Who opens which page: every address of the application, as every role, from its table of routes."""

import uuid
from typing import Any

import pytest
from campaigns.world import SYSTEM, World, a_person
from flask import Flask

from backoffice.campaigns.rules import ChannelRule
from backoffice.cases.actions import open_case
from backoffice.cases.kinds.closure import CLOSURE_ONLINE
from backoffice.letters.reference import format_letter_id
from backoffice.web.access import access_table

from .conftest import (
    ADMINISTRATOR,
    ADVISOR,
    AGENT,
    FOREIGN_MANAGER,
    MANAGER,
    SUPERVISOR,
    SignIn,
)

ALL, READERS, LETTERS, MANAGERS = (
    {AGENT, MANAGER, ADVISOR, SUPERVISOR, ADMINISTRATOR},
    {MANAGER, SUPERVISOR, ADMINISTRATOR},
    {MANAGER, SUPERVISOR},
    {MANAGER},
)
CASES = {AGENT, ADVISOR, SUPERVISOR}
REGISTERS = {SUPERVISOR, ADMINISTRATOR}
CELLS = {
    "home.index": ALL,
    "session.sign_out": ALL,
    "campaigns.index": READERS,
    "campaigns.show": READERS,
    "campaigns.progress": READERS,
    "campaigns.exceptions": READERS,
    "campaigns.new": MANAGERS,
    "campaigns.create": MANAGERS,
    "campaigns.confirm": MANAGERS,
    "campaigns.advance": MANAGERS,
    "campaigns.confirm_release": MANAGERS,
    "campaigns.release": MANAGERS,
    "campaigns.download": MANAGERS,
    "campaigns.lot": LETTERS,
    "campaigns.preview": LETTERS,
    "campaigns.preview_file": LETTERS,
    "campaigns.find_letter": LETTERS,
    "campaigns.letter": LETTERS,
    "campaigns.letter_file": LETTERS,
    "population.index": READERS,
    "population.show": READERS,
    "population.progress": READERS,
    "population.choose": MANAGERS,
    "population.upload": MANAGERS,
    "population.report": MANAGERS,
    "registers.index": REGISTERS,
    "cases.index": CASES,
    "cases.show": CASES,
    "cases.act": CASES,
    "cases.workflow": CASES,
    "cases.take_next": CASES,
    "cases.mentions": CASES,
    "cases.attach": CASES,
    "cases.presence": CASES,
    "cases.act_on_many": CASES,
    "cases.many": CASES,
    "cases.many_news": CASES,
    "cases.save_view": CASES,
    "cases.drop_view": CASES,
    "cases.file": CASES,
    "cases.withdraw": CASES,
    "supervision.index": {SUPERVISOR},
    "supervision.weekly": {SUPERVISOR},
    "supervision.away": {SUPERVISOR},
    "supervision.note_absence": {SUPERVISOR},
    "supervision.end_absence": {SUPERVISOR},
    "supervision.quality": {SUPERVISOR},
    "supervision.sample": {SUPERVISOR},
    "supervision.review": {SUPERVISOR},
    "supervision.journal": {SUPERVISOR},
    "supervision.looked": {SUPERVISOR},
    "correspondence.index": READERS,
    "correspondence.gather_now": MANAGERS,
} | {
    f"registre_{name}.{view}_view": REGISTERS
    for name in ("campagnes", "lots", "imports", "evenements", "courriers-demandes", "journal")
    for view in ("index", "details")
}
PUBLIC = {"session.sign_in", "shell.static"}


@pytest.fixture
def places(app: Flask, world: World) -> dict[str, str]:
    """Arguments of addresses that lead to something real of the caisse 631."""
    world.load([a_person()])
    reference = world.sealed(channel_rule=ChannelRule.POST)
    letter = world.letters(reference)[0]
    with world.session() as session:
        case = open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", letter.person_id)
    return {
        "reference": reference, "lot_id": str(world.lots(reference)[0].id), "import_id": "1", "slug": "annuler",
        "letter_id": format_letter_id("631", letter.number), "part": "pdf", "id": "1",
        "number": case.number, "name": CLOSURE_ONLINE.name, "uid": str(uuid.uuid4()), "run_id": "1", "view_id": "1",
    }  # fmt: skip


def addresses(app: Flask, places: dict[str, str]) -> list[tuple[str, str, str]]:
    """(endpoint, method, address) of every route."""
    adapter = app.url_map.bind("localhost")
    found = []
    for rule in app.url_map.iter_rules():
        values: dict[str, Any] = {name: places[name] for name in rule.arguments if name in places}
        values = {
            name: (
                uuid.UUID(value)
                if name == "uid"
                else int(value)
                if name.endswith("_id") and name != "letter_id"
                else value
            )
            for name, value in values.items()
        }
        if rule.endpoint == "shell.static":
            continue
        address = adapter.build(rule.endpoint, values, force_external=False)
        found += [(rule.endpoint, method, address) for method in sorted((rule.methods or set()) & {"GET", "POST"})]
    return found


def test_every_route_has_its_line_in_the_matrix(app: Flask) -> None:
    assert {route.endpoint for route in access_table(app)} == set(CELLS) | PUBLIC


@pytest.mark.parametrize("login", [AGENT, MANAGER, ADVISOR, SUPERVISOR, ADMINISTRATOR])
def test_a_role_opens_its_own_pages_and_is_refused_at_the_others(
    login: str, app: Flask, places: dict[str, str], sign_in: SignIn
) -> None:
    browser = sign_in(login)
    wrong = []
    for endpoint, method, address in addresses(app, places):
        if endpoint in PUBLIC or endpoint == "session.sign_out":
            continue
        status = browser.client.open(address, method=method, buffered=True).status_code
        # Let in, a post without its token is taken for a forgery: that is said only after the role was looked at.
        expected = (
            ({400} if method == "POST" else {200, 302, 303, 404, 409, 422}) if login in CELLS[endpoint] else {403}
        )
        if status not in expected:
            wrong.append((endpoint, method, status))
    assert wrong == []


def test_without_a_session_every_page_leads_to_the_sign_in(app: Flask, places: dict[str, str]) -> None:
    client = app.test_client()
    for endpoint, method, address in addresses(app, places):
        if endpoint not in PUBLIC:
            answer = client.open(address, method=method)
            assert answer.status_code == 303, endpoint
            assert answer.location.startswith("/connexion"), endpoint


def test_another_caisse_does_not_learn_that_a_campaign_or_an_import_exists(
    app: Flask, places: dict[str, str], sign_in: SignIn
) -> None:
    stranger = sign_in(FOREIGN_MANAGER)
    for endpoint, method, address in addresses(app, places):
        if endpoint.startswith(("campaigns.", "population.")) and ("<" in str(endpoint) or "/" in address.strip("/")):
            if endpoint in ("campaigns.new", "campaigns.create", "population.choose", "population.upload"):
                continue
            answer = (
                stranger.get(address)
                if method == "GET"
                else stranger.send(address, "/campagnes/nouvelle", motif="essai")
            )
            if endpoint == "campaigns.find_letter":
                answer = stranger.get(f"{address}?numero={places['letter_id']}")
            assert answer.status_code == 404, (endpoint, answer.status_code)
            assert "Essai" not in answer.text
    assert places["reference"] not in stranger.get("/campagnes").text
