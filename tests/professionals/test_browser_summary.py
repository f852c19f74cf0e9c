"""A real Chromium: the médecin traitant writes the summary with the keyboard, a colleague reads it; axe on each page."""

from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from portal.windows import PHONE, Open, address, axe_source, chromium, faults, open_window, turn
from portal_account.test_browser_account import sign_in
from record.vsm.samples import FULL

from dmp_core.access.rules import Basis
from dmp_core.access.summaries import SummaryGate
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder

from .samples import NUMBERS
from .served import Served
from .test_browser_card import find, with_card
from .world import Record, RecordWorld, a_professional

__all__ = ["address", "chromium", "open_window"]
pytestmark = pytest.mark.browser
_numbers = NUMBERS


def at_the_desk(chromium: Chromium, served: Served, record: Record, basis: Basis) -> Page:
    number = next(_numbers)
    record.relate(a_professional(number), basis)
    return with_card(chromium, served, served.doctor(number, speciality="G15_10/SM54"))


def nothing_in(page: Page, but: tuple[str, ...]) -> None:
    for fieldset in page.locator("fieldset").all():
        name = (fieldset.get_attribute("id") or "").removesuffix("-etat")
        if name not in but:
            fieldset.locator("input[value=aucun]").check()


def test_a_summary_is_written_with_the_keyboard_and_read_by_a_colleague(chromium: Chromium, served: Served) -> None:
    someone = served.world.someone()
    record = Record(served.world, someone.dossier)
    page = at_the_desk(chromium, served, record, Basis.ATTENDING)
    found: dict[str, Any] = {}
    find(page, someone)
    turn(page, page.get_by_role("link", name="Écrire la synthèse médicale"))
    found["form"] = faults(page, axe_source())
    page.get_by_role("button", name="Déposer la synthèse").click()
    expect(page.get_by_role("alert").get_by_role("listitem")).to_have_count(9)
    found["refused"] = faults(page, axe_source())
    nothing_in(page, but=("allergies", "treatments"))
    page.get_by_role("alert").get_by_role("link", name="Allergies et intolérances").click()
    page.get_by_label("Allergies et intolérances, ligne 1, Depuis").press_sequentially("2012")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("Amoxicilline")
    page.keyboard.press("Enter")  # checks, and deposits nothing
    expect(page.get_by_role("alert")).to_contain_text("Traitements : remplissez une ligne")
    expect(page.get_by_label("Allergies et intolérances, ligne 1, Agent")).to_have_value("Amoxicilline")
    page.get_by_role("button", name="Ajouter des lignes : Traitements").press("Enter")
    expect(page.get_by_label("Traitements, ligne 3, Depuis")).to_be_focused()
    page.get_by_label("Traitements, ligne 1, Médicament").fill("PERINDOPRIL 5 mg")
    page.get_by_label("Traitements, ligne 1, Depuis").fill("demain")
    page.get_by_role("button", name="Déposer la synthèse").click()
    expect(page.get_by_label("Traitements, ligne 1, Depuis")).to_have_attribute("aria-invalid", "true")
    found["one fault"] = faults(page, axe_source())
    page.get_by_label("Traitements, ligne 1, Depuis").fill("06/2009")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    found["narrow"] = faults(page, axe_source())
    page.get_by_role("button", name="Déposer la synthèse").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Synthèse médicale")
    found["written"] = faults(page, axe_source())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    reader = at_the_desk(chromium, served, record, Basis.CONSENT)
    find(reader, someone)
    reader.get_by_role("link", name="Lire la synthèse médicale").click()
    expect(reader.get_by_role("heading", level=2).first).to_have_text("Allergies et intolérances")
    expect(reader.get_by_role("cell", name="Amoxicilline")).to_be_visible()
    expect(reader.get_by_role("link", name="Écrire la nouvelle synthèse")).to_have_count(0)
    found["read"] = faults(reader, axe_source())
    assert {where: each for where, each in found.items() if each} == {}


def test_its_holder_reads_it_on_a_telephone(open_window: Open, world: RecordWorld) -> None:
    someone = world.someone()
    record, who = Record(world, someone.dossier), a_professional(next(_numbers))
    record.relate(who, Basis.ATTENDING)
    gate = SummaryGate(world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock)
    gate.write(who, record.dossier, FULL, None)
    page = open_window(PHONE)
    sign_in(page, world, someone)
    page.goto("/mon-dmp/documents/liste/syntheses")
    turn(page, page.get_by_role("link", name="Synthèse médicale"))
    assert faults(page, axe_source()) == []
    page.get_by_role("link", name="Lire le document").click()
    expect(page.get_by_role("heading", level=2).first).to_have_text("Allergies et intolérances")
    expect(page.get_by_text("Amoxicilline")).to_be_visible()
    assert faults(page, axe_source()) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
