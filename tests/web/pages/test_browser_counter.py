"""The counter with the keyboard alone, in a real Chromium: few keys, the right place each time, nothing for axe to say."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from campaigns.world import World, a_person, new_nir
from flask import Flask
from playwright.sync_api import Page, Route, expect
from portal.windows import axe_source, chromium

from backoffice.embedded.card_reader import Reader, insert, slot_of

from .conftest import AGENT
from .test_browser_way import Open, address, faults, open_as

__all__ = ["address", "chromium", "open_as"]
pytestmark = pytest.mark.browser

NIR, SERIAL = new_nir(), "1234567890"
MAIL = "zoe.vasseur@example.org"


@pytest.fixture
def card(app: Flask, world: World, tmp_path: Path) -> Iterator[None]:
    """A person with their card in the reader."""
    row = a_person(
        prenom="ZOÉ", nom_naissance="VASSEUR", nom_usage="", nir=NIR, date_naissance="1950-08-12", vitale_serie=SERIAL
    )
    world.load([row, a_person(prenom="LUC", nom_naissance="VASSEUROT", nom_usage="")])
    with Reader(0, slot_of(tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        before = app.extensions["office"]
        known = replace(before.settings, card_reader=f"tcp://127.0.0.1:{server.server_address[1]}")
        app.extensions["office"] = replace(before, settings=known)
        insert(tmp_path, NIR, SERIAL)
        yield
        app.extensions["office"] = before
        server.shutdown()
        thread.join()


class Keys:
    """Counts what a hand does: a key, or a field filled in one go."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def press(self, key: str) -> None:
        self.count += 1
        self.page.keyboard.press(key)

    def type(self, words: str) -> None:
        self.count += 1
        self.page.keyboard.type(words)


def test_a_visit_takes_twelve_keys_from_the_card_to_the_door(card: None, open_as: Open, world: World) -> None:
    page, printed = open_as(AGENT), []

    def to_the_printer(route: Route) -> None:
        # A Chromium without a screen has no printer, nor a viewer to print from: the document is taken here instead.
        printed.append(route.fetch().body()[:5])
        route.fulfill(body="<!doctype html><title>Document</title>", content_type="text/html")

    page.route("**/accueil/documents/*", to_the_printer)
    page.goto("/accueil")
    keys = Keys(page)
    expect(page.get_by_role("button", name="Lire la carte Vitale")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("button", name="Carte nationale d’identité")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_label("Adresse électronique")).to_be_focused()
    keys.type(MAIL)
    keys.press("Tab")
    keys.type(MAIL)
    keys.press("Enter")
    expect(page.get_by_label("L’information a été donnée")).to_be_focused()
    keys.press("Space")
    keys.press("Tab")
    keys.press("Space")
    keys.press("Enter")
    expect(page.get_by_role("button", name="Imprimer le document")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_text("Le document part à l’imprimante")).to_be_visible()
    wait_for_print(page, world)
    expect(page.get_by_role("button", name="Document remis")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_text("La visite est terminée.")).to_be_visible()
    assert keys.count <= 12
    assert printed == [b"%PDF-"]
    assert "document=" not in page.url
    assert world.sql("SELECT state, prints FROM visit")[0] == ("terminee", 1)


def wait_for_print(page: Page, world: World) -> None:
    for _ in range(100):
        if world.sql("SELECT prints FROM visit")[0][0]:
            return
        page.wait_for_timeout(100)
    raise AssertionError("nothing was printed")


def test_the_search_answers_while_one_types_and_arrows_open(card: None, open_as: Open) -> None:
    page = open_as(AGENT)
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Rechercher")
    expect(field).to_be_focused()
    page.keyboard.type("vass")
    options = page.get_by_role("option")
    expect(options).to_have_count(2)
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Escape")
    expect(options.first).to_be_hidden()
    page.keyboard.type("eur")
    expect(options.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Pourquoi ouvrir cette fiche ?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("VASSEUR")
    assert "vass" not in page.url


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_fault_and_no_page_scrolls_sideways(card: None, open_as: Open, world: World, width: int) -> None:
    source = axe_source()
    page = open_as(AGENT, width)
    page.goto("/accueil")
    page.get_by_role("button", name="Lire la carte Vitale").click()
    wrong = {}

    def look(name: str) -> None:
        if found := faults(page, source):
            wrong[name] = found
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wrong[name] = [*wrong.get(name, []), "too wide"]

    look("identity")
    page.get_by_role("button", name="Passeport").click()
    look("contacts")
    page.get_by_label("Adresse électronique").fill(MAIL)
    page.get_by_role("button", name="Continuer").click()
    look("contacts refused")
    page.get_by_label("La même, une seconde fois").fill(MAIL)
    page.get_by_role("button", name="Continuer").click()
    look("consent")
    for place in ("/accueil", "/accueil/ecran", "/personnes/recherche"):
        page.goto(place)
        look(place)
    person = world.sql("SELECT id FROM person WHERE nir = :n", n=NIR)[0][0]
    for place in (f"/personnes/631/{person}", f"/personnes/631/{person}/code"):
        page.goto(place)
        look(place)
    assert wrong == {}
