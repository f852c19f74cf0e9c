"""The counter with the keyboard alone, in a real Chromium: few keys, the right place each time, nothing for axe to say."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from campaigns.world import SYSTEM, World, a_person, new_nir
from flask import Flask
from playwright.sync_api import Page, Route, expect
from portal.windows import axe_source, chromium, faults, turn

from backoffice.cases.actions import open_case
from backoffice.cases.kinds.undeliverable import UNDELIVERABLE
from backoffice.embedded.card_reader import Reader, insert, remove, slot_of
from backoffice.letters.reference import format_letter_id

from .conftest import AGENT
from .windows import Open, address, open_as

__all__ = ["address", "chromium", "open_as"]
pytestmark = pytest.mark.browser

NIR, SERIAL = new_nir(), "1234567890"
MAIL = "zoe.vasseur@example.org"
COLLEAGUE = "mathilde.roche"


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
    """Counts what a hand does: a key, or a field filled in one go; and each stroke of it."""

    def __init__(self, page: Page) -> None:
        self.page, self.count, self.strokes = page, 0, 0

    def press(self, *keys: str) -> None:
        for key in keys:
            self.count += 1
            self.strokes += 1
            self.page.keyboard.press(key)

    def type(self, words: str) -> None:
        self.count += 1
        self.strokes += len(words)
        self.page.keyboard.type(words)


SLOW_TYPIST_S = 0.5
"""A stroke of somebody who looks for each key (Card, Moran and Newell: 0.5 s for random letters)."""


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
    assert keys.strokes * SLOW_TYPIST_S < 60
    assert printed == [b"%PDF-"]
    assert "document=" not in page.url
    assert world.sql("SELECT state, prints FROM visit")[0] == ("terminee", 1)


def test_without_a_card_from_the_ticket_and_the_search_it_stays_under_two_minutes_of_keys(
    card: None, tmp_path: Path, open_as: Open, world: World
) -> None:
    remove(tmp_path)  # no card in the reader: its number is typed
    page = open_as(AGENT)
    page.route("**/accueil/documents/*", to_nowhere)
    page.goto("/accueil")
    keys = Keys(page)
    page.get_by_role("button", name="Nouveau ticket").focus()
    keys.press("Enter")
    expect(page.get_by_text("donnez ce numéro à la personne")).to_be_visible()
    page.get_by_label("Votre guichet").focus()
    keys.type("Guichet 2")
    keys.press("Enter")
    expect(page.get_by_text("Le numéro A001 est appelé.")).to_be_visible()
    page.get_by_role("button", name="Lire la carte Vitale").focus()
    keys.press("/")
    keys.type("vasseur zoe")
    expect(page.get_by_role("option")).not_to_have_count(0)
    keys.press("ArrowDown", "Enter")
    expect(page.get_by_label("La personne est devant moi")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("VASSEUR")
    page.get_by_role("button", name="Ouvrir une visite").focus()
    keys.press("Enter")
    expect(page.get_by_role("button", name="Carte nationale d’identité")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("button", name="Lire la carte", exact=True)).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Aucune carte dans le lecteur")
    expect(page.get_by_label("Numéro de série de la carte")).to_be_focused()
    keys.type(SERIAL)
    keys.press("Enter")
    expect(page.get_by_label("Adresse électronique")).to_be_focused()
    keys.type(MAIL)
    keys.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("ne sont pas identiques")
    expect(page.get_by_label("La même, une seconde fois")).to_be_focused()
    keys.type(MAIL)
    keys.press("Enter")
    expect(page.get_by_label("L’information a été donnée")).to_be_focused()
    keys.press("Space", "Tab", "Space", "Enter")
    expect(page.get_by_role("button", name="Imprimer le document")).to_be_focused()
    keys.press("Enter")
    wait_for_print(page, world)
    expect(page.get_by_role("button", name="Document remis")).to_be_focused()
    keys.press("Enter")
    expect(page.get_by_text("La visite est terminée.")).to_be_visible()
    # With the Tabs that lead to three buttons, counted generously.
    assert (keys.strokes + 3 * 15) * SLOW_TYPIST_S < 120
    assert world.sql("SELECT state, card, prints FROM visit")[0] == ("terminee", "saisie", 1)
    assert world.sql("SELECT left_at IS NOT NULL FROM ticket")[0][0]


def test_at_every_step_a_colleague_takes_it_up_where_it_stood(card: None, open_as: Open, world: World) -> None:
    hands = [open_as(AGENT), open_as(COLLEAGUE)]
    for page in hands:
        page.route("**/accueil/documents/*", to_nowhere)
    hands[0].goto("/accueil")
    hands[0].get_by_role("button", name="Lire la carte Vitale").press("Enter")
    steps: tuple[tuple[str, Callable[[Page], object]], ...] = (
        ("Quelle pièce d’identité", lambda page: page.get_by_role("button", name="Passeport").press("Enter")),
        ("Où envoyer les codes", contacts),
        ("Informer, puis recueillir", agreed),
        ("Remettre le document", lambda page: page.get_by_role("button", name="Imprimer le document").press("Enter")),
    )
    for rank, (words, step) in enumerate(steps):
        mine, other = hands[rank % 2], hands[(rank + 1) % 2]
        expect(mine.get_by_role("heading", level=2).first).to_contain_text(words)
        other.goto(mine.url)
        expect(other.get_by_role("button", name="Reprendre la visite")).to_be_focused()
        other.keyboard.press("Enter")
        expect(other.get_by_role("heading", level=2).first).to_contain_text(words)
        if words.startswith("Quelle"):
            mine.keyboard.press("Enter")  # who was there first is told, and changes nothing
            expect(mine.get_by_role("alert")).to_contain_text(f"suivie par {COLLEAGUE}")
        step(other)
    wait_for_print(hands[0], world)
    assert world.sql("SELECT count(*) FROM visit_entry WHERE what = 'reprise'")[0][0] == 4
    assert world.sql("SELECT count(*) FROM enrolment.dossier", "dmp")[0][0] == 1


def test_a_button_pressed_twice_at_once_makes_one_dmp_and_prints_once(
    card: None, open_as: Open, world: World
) -> None:  # fmt: skip
    page = open_as(AGENT)
    page.route("**/accueil/documents/*", to_nowhere)
    page.goto("/accueil")
    page.get_by_role("button", name="Lire la carte Vitale").dblclick()
    page.get_by_role("button", name="Passeport").dblclick()
    page.get_by_label("Adresse électronique").fill(MAIL)
    page.get_by_label("La même, une seconde fois").fill(MAIL)
    page.get_by_role("button", name="Continuer").dblclick()
    page.get_by_label("L’information a été donnée").check()
    page.get_by_label("La personne dit").check()
    page.get_by_role("button", name="Créer le DMP").dblclick()
    page.get_by_role("button", name="Imprimer le document").dblclick()
    expect(page.get_by_role("button", name="Document remis")).to_be_focused()
    wait_for_print(page, world)
    assert world.sql("SELECT state, prints FROM visit") == [("document", 1)]
    assert world.sql("SELECT count(*) FROM enrolment.dossier", "dmp")[0][0] == 1


def contacts(page: Page) -> None:
    page.get_by_label("Adresse électronique").fill(MAIL)
    page.get_by_label("La même, une seconde fois").fill(MAIL)
    page.keyboard.press("Enter")


def agreed(page: Page) -> None:
    page.get_by_label("L’information a été donnée").check()
    page.get_by_label("La personne dit").check()
    page.get_by_role("button", name="Créer le DMP").press("Enter")


def to_nowhere(route: Route) -> None:
    route.fetch()
    route.fulfill(body="<!doctype html><title>Document</title>", content_type="text/html")


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


def test_one_field_understands_whatever_is_typed(card: None, open_as: Open, world: World) -> None:
    reference = world.sealed()
    world.sql("UPDATE person SET mobile = '+33639981234' WHERE nir = :n", n=NIR)
    person = int(world.sql("SELECT id FROM person WHERE nir = :n", n=NIR)[0][0])
    (letter,) = (one for one in world.letters(reference) if one.person_id == person)
    with world.session() as session:
        number = open_case(session, world.office, SYSTEM, UNDELIVERABLE, "631", person).number
    page = open_as(AGENT)
    options = page.get_by_role("option")
    for typed in (
        "zoé vasseur", "vasseur zoe", "vaseur zoe", "vassuer zoe", "vass", "12/08/1950", "12 août 1950", "vasseur 1950",
        NIR, NIR[:7], NIR[-8:], "06 39 98 12 34", format_letter_id("631", letter.number),
    ):  # fmt: skip
        page.keyboard.press("/")
        page.keyboard.press("Control+a")
        page.keyboard.type(typed)
        expect(page.get_by_role("option", name="VASSEUR").first, typed).to_contain_text("ZOÉ")
        page.keyboard.press("Escape")
        expect(options.first).to_be_hidden()
        page.locator("main a").first.focus()
    page.keyboard.press("/")
    page.keyboard.press("Control+a")
    page.keyboard.type(number)
    expect(options).to_contain_text(["Demande"])
    assert NIR[:7] not in page.url


@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_fault_and_no_page_scrolls_sideways(card: None, open_as: Open, world: World, width: int) -> None:
    source = axe_source()
    page = open_as(AGENT, width)
    page.goto("/accueil")
    turn(page, page.get_by_role("button", name="Lire la carte Vitale"))
    wrong = {}

    def look(name: str) -> None:
        if found := faults(page, source):
            wrong[name] = found

    look("identity")
    turn(page, page.get_by_role("button", name="Passeport"))
    look("contacts")
    page.get_by_label("Adresse électronique").fill(MAIL)
    turn(page, page.get_by_role("button", name="Continuer"))
    look("contacts refused")
    page.get_by_label("La même, une seconde fois").fill(MAIL)
    turn(page, page.get_by_role("button", name="Continuer"))
    look("consent")
    page.get_by_label("L’information a été donnée").check()
    page.get_by_label("La personne dit").check()
    turn(page, page.get_by_role("button", name="Créer le DMP"))
    look("document")
    minor = world.sql("SELECT id FROM person WHERE nir <> :n", n=NIR)[0][0]
    world.sql("UPDATE person SET birth_latest = '2009-01-01' WHERE id = :id", id=minor)
    page.goto(f"/personnes/631/{minor}")
    page.get_by_role("button", name="Ouvrir la fiche").click()
    page.get_by_role("button", name="Ouvrir une visite").click()
    expect(page.get_by_role("button", name="Terminer la visite")).to_be_focused()
    look("impossible")
    for place in ("/accueil", "/accueil/ecran", "/personnes/recherche"):
        page.goto(place)
        look(place)
    person = world.sql("SELECT id FROM person WHERE nir = :n", n=NIR)[0][0]
    for place in (f"/personnes/631/{person}", f"/personnes/631/{person}/code"):
        page.goto(place)
        look(place)
    assert wrong == {}
