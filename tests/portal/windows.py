"""Windows of a real Chromium on a running mon-dmp, for every test that looks at it as a person would."""

import logging
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect, sync_playwright
from werkzeug.serving import make_server

AXE = Path(__file__).parents[1] / "vendor" / "axe-core" / "axe.min.js.gz"
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
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


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


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
