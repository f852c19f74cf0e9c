"""Every letter as a mail client shows it: on a phone and a desk, light and dark, with nothing fetched from anywhere."""

from itertools import product

import pytest
from playwright.sync_api import Browser as Chromium
from portal.windows import axe_source, chromium

from backoffice.letters.compile import PageProgram, compile_template
from backoffice.letters.kinds import LETTER_KINDS
from backoffice.letters.message import render_message
from backoffice.settings import PROJECT_ROOT

__all__ = ["chromium"]
pytestmark = pytest.mark.browser

CODE = "7KXR 4DHW 9PCT"
WIDTHS, SCHEMES = (360, 600), ("light", "dark")


def programs() -> dict[str, PageProgram]:
    folder = PROJECT_ROOT / "templates" / "letters"
    return {kind.name: compile_template(folder / kind.template, kind) for kind in LETTER_KINDS}


def test_every_letter_is_readable_wherever_it_is_opened(chromium: Chromium) -> None:
    for (name, program), width, scheme in product(programs().items(), WIDTHS, SCHEMES):
        code = CODE if program.kind.late else None
        _, _, html = render_message(program, program.kind.samples, code)
        fetched: list[str] = []
        context = chromium.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        page.on("request", lambda asked, seen=fetched: seen.append(asked.url))  # type: ignore[misc]
        page.set_content(html)
        where = (name, width, scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, where
        assert page.locator("h1").count() == 1, where
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert dark is (scheme == "dark"), where
        if code:
            box = page.get_by_text(code).bounding_box()
            assert box is not None
            assert box["height"] < 40, where  # on one line, or it is read wrong aloud
        page.evaluate(axe_source())
        found = page.evaluate("axe.run({runOnly: ['color-contrast', 'html-has-lang', 'link-name']})")["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], where
        assert [url for url in fetched if url != "about:blank"] == [], where
        context.close()
