"""Somebody at their keyboard: no gesture of a mouse, in a window of their own."""

from typing import Self

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Locator, Page, expect

from backoffice.embedded.staff import DEMONSTRATION_PASSWORD

_MOUSE = "addEventListener('mousedown', () => { throw new Error('a mouse'); }, true)"


class Desk:
    """One member of staff, signed in."""

    def __init__(self, chromium: Chromium, address: str, login: str) -> None:
        self.login = login
        self.faults: list[str] = []
        self.context = chromium.new_context(
            base_url=address, viewport={"width": 1280, "height": 900}, locale="fr-FR", timezone_id="Europe/Paris"
        )
        self.context.set_default_timeout(30_000)
        self.context.add_init_script(_MOUSE)
        self.page: Page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.go("/connexion").type("#identifiant", login).type("#mot_de_passe", DEMONSTRATION_PASSWORD).press("Enter")
        self.reads("Bonjour")

    def go(self, place: str) -> Self:
        """The address typed in the bar."""
        self.page.goto(place)
        return self

    def focus(self, selector: str) -> Self:
        """Where Tab leads; what a keyboard cannot reach takes no focus."""
        found = self.page.locator(selector).first
        found.focus()
        expect(found).to_be_focused()
        return self

    def press(self, *keys: str) -> Self:
        for key in keys:
            self.page.keyboard.press(key)
        return self

    def send(self, key: str = "Enter") -> Self:
        """A key that leads to another page."""
        with self.page.expect_navigation():
            self.page.keyboard.press(key)
        return self

    def type(self, selector: str, words: str) -> Self:
        self.focus(selector)
        self.page.keyboard.type(words)
        return self

    def tick(self, selector: str) -> Self:
        self.focus(selector).press("Space")
        expect(self.page.locator(selector)).to_be_checked()
        return self

    def choose(self, selector: str, value: str) -> Self:
        """An option of a list, by its arrows."""
        values = self.page.locator(f"{selector} option").evaluate_all("all => all.map(one => one.value)")
        self.focus(selector).press("Home", *["ArrowDown"] * values.index(value))
        expect(self.page.locator(selector)).to_have_value(value)
        return self

    def button(self, label: str) -> Self:
        """The button of this name, with Enter."""
        found = self.page.get_by_role("button", name=label, exact=True).first
        found.focus()
        expect(found).to_be_focused()
        return self.send()

    def reads(self, words: str) -> Self:
        expect(self.page.locator("main")).to_contain_text(words)
        return self

    def rows(self, label: str) -> list[list[str]]:
        """The figures of a table, row by row."""
        table: Locator = self.page.get_by_role("region", name=label, exact=True)
        return [
            [cell.strip().partition("\n")[0] for cell in row.locator("th, td").all_inner_texts()]
            for row in table.locator("tbody tr").all()
        ]
