"""A call by the keyboard alone, in a real Chromium, and its pages looked at by axe-core."""

import pytest
from campaigns.world import World, a_person
from playwright.sync_api import expect
from portal.windows import axe_source, faults

from .conftest import ADVISOR
from .test_call_pages import RIGHT, ZOE
from .windows import Open, address, chromium, open_as

__all__ = ["address", "chromium", "open_as"]
pytestmark = pytest.mark.browser


def test_a_call_by_the_keyboard_from_f2_to_f9(open_as: Open, world: World) -> None:
    world.load([a_person(**ZOE)])
    page = open_as(ADVISOR)

    def sound() -> None:
        assert faults(page, axe_source()) == []

    for place in ("/demandes", "/clotures", "/appels", "/"):
        # As soon as a page can be read, before it is whole: the key is not lost.
        page.goto(place, wait_until="commit")
        page.get_by_role("heading", level=1).wait_for()
        page.keyboard.press("F2")
        expect(page.get_by_label("Nom", exact=True)).to_be_focused()
    sound()
    page.keyboard.type("Quillec")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("03/08/1950")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Poser les questions")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(3):
        expect(page.locator("#reponse")).to_be_focused()
        asked = page.locator(".asked").inner_text()
        page.keyboard.type(next(answer for words, answer in RIGHT.items() if words in asked))
        with page.expect_navigation():
            page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Zoé Quillec")).to_be_visible()
    page.get_by_role("link", name="N’arrive pas à se connecter").press("Enter")
    expect(page.get_by_role("heading", name="N’arrive pas à se connecter")).to_be_visible()
    sound()
    page.keyboard.press("F9")
    page.keyboard.press("Enter")
    expect(page.get_by_text("L’appel est terminé.")).to_be_visible()
    assert world.sql("SELECT subject, outcome FROM phone_call ORDER BY id DESC LIMIT 1") == [("connexion", "repondu")]
    sound()
    page.goto("/appels/statistiques")
    sound()
