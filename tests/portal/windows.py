"""A real Chromium on an application that is served, for every test that looks at it as a person would."""

import gzip
import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Locator, Page, expect, sync_playwright
from werkzeug.serving import make_server

AXE = Path(__file__).parents[1] / "vendor" / "axe-core" / "axe.min.js.gz"
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
PHONE, DESK = (360, 740), (1280, 900)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine")
    expect.set_options(timeout=30_000)  # how long a busy machine may take; nothing waits longer than it must
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*QUIET, "--lang=fr-FR"])
        yield browser
        browser.close()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address of the application, on a port of its own."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    with served(app) as found:
        yield found


Open = Callable[..., Page]


@pytest.fixture
def open_window(chromium: Chromium, address: str) -> Iterator[Open]:
    contexts = []

    def make(size: tuple[int, int] = DESK, *, scripts: bool = True) -> Page:
        context = chromium.new_context(
            base_url=address, viewport={"width": size[0], "height": size[1]}, locale="fr-FR",
            timezone_id="Europe/Paris", java_script_enabled=scripts,
        )  # fmt: skip
        context.set_default_timeout(30_000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until it is there; a visible ring says so."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"{selector} cannot be reached")


def turn(page: Page, control: Locator) -> None:
    """Press what leads to another page, and wait until that page is whole: before, there may be nothing to look at."""
    with page.expect_event("load"):
        control.click()


def faults(page: Page, source: str | None = None) -> list[str]:
    """What axe-core finds, when its source is given, and whether the page must be scrolled sideways."""
    page.wait_for_load_state()
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    sideways = [f"{wide} px too wide"] if wide > 0 else []
    if source is None:
        return sideways
    page.evaluate(source)  # past the policy of the page, which lets no foreign script in
    found = page.evaluate("rules => axe.run(document, {iframes: false, runOnly: rules})", RULES)
    told = [f"{rule['id']}: {[node['html'][:200] for node in rule['nodes']]}" for rule in found["violations"]]
    return told + sideways


def axe_source() -> str:
    """axe-core itself, to be given to `faults`."""
    return gzip.decompress(AXE.read_bytes()).decode()
