"""Windows of people who are signed in, in a real Chromium on the back office."""

from collections.abc import Callable, Iterator

import pytest
from campaigns.world import World
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from portal.windows import chromium, served

from backoffice.embedded.staff import DEMONSTRATION_PASSWORD

__all__ = ["Open", "address", "chromium", "open_as"]


@pytest.fixture(scope="module")
def address(app: Flask) -> Iterator[str]:
    """The application served on a port of its own."""
    with served(app) as found:
        yield found


Open = Callable[..., Page]


@pytest.fixture
def open_as(chromium: Chromium, address: str, world: World) -> Iterator[Open]:
    """A window of somebody signed in."""
    contexts = []

    def make(login: str, width: int = 1280, height: int = 900) -> Page:
        context = chromium.new_context(
            base_url=address, viewport={"width": width, "height": height}, locale="fr-FR", timezone_id="Europe/Paris"
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.goto("/connexion")
        page.get_by_label("Identifiant").fill(login)
        page.get_by_label("Mot de passe").fill(DEMONSTRATION_PASSWORD)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text("Bonjour")
        return page

    yield make
    for context in contexts:
        context.close()
