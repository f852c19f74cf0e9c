"""A real Chromium with a card: a file, one click; held back, announced, corrected, withdrawn; axe, on a telephone too."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import expect
from portal.windows import address, axe_source, chromium, faults, open_window, turn
from record.samples import a_pdf

from .test_browser_card import find, with_card

__all__ = ["address", "chromium", "open_window"]
pytestmark = pytest.mark.browser


def test_a_file_is_deposited_in_two_clicks_and_followed(chromium: Chromium, served: Any, tmp_path: Path) -> None:
    someone = served.world.someone()
    letter = tmp_path / "Compte rendu de cardiologie.pdf"
    letter.write_bytes(a_pdf("Compte rendu"))
    page = with_card(chromium, served, served.doctor(69_001, speciality="G15_10/SM54"))
    found: dict[str, list[str]] = {}
    find(page, someone)
    turn(page, page.get_by_role("link", name="Déposer un document dans ce DMP"))
    found["deposit"] = faults(page, axe_source())
    page.screenshot(path=tmp_path / "deposit.png", full_page=True)
    page.get_by_label("Fichier").set_input_files(letter)
    page.get_by_label("Cacher au patient").check()
    page.get_by_role("button", name="Déposer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Compte rendu de cardiologie")
    found["own"] = faults(page, axe_source())
    page.screenshot(path=tmp_path / "own.png", full_page=True)
    page.get_by_role("button", name="Le document est annoncé au patient").click()
    expect(page.get_by_role("status")).to_contain_text("Le patient voit désormais ce document")
    page.get_by_role("link", name="Mes dépôts").click()
    expect(page.get_by_role("row")).to_have_count(2)
    found["receipts"] = faults(page, axe_source())
    page.screenshot(path=tmp_path / "receipts.png", full_page=True)
    page.set_viewport_size({"width": 390, "height": 844})
    found["receipts, small"] = faults(page, axe_source())
    page.screenshot(path=tmp_path / "receipts-390.png", full_page=True)
    turn(page, page.get_by_role("row").nth(1).get_by_role("link"))
    found["own, small"] = faults(page, axe_source())
    page.screenshot(path=tmp_path / "own-390.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_text("Retirer ce document du DMP").click()
    page.get_by_role("button", name="Retirer").click()
    expect(page.get_by_role("status")).to_contain_text("plus personne ne le lit")
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
