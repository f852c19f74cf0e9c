"""A real Chromium with a card in its reader: the button in another site's frame, and a DMP created and closed on the pages."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect
from portal.windows import axe_source, chromium, faults, turn

from .samples import NUMBERS
from .served import Served, insure
from .test_browser_card import with_card
from .world import RecordWorld

__all__ = ["chromium"]
pytestmark = pytest.mark.browser
_numbers = NUMBERS


@contextmanager
def another_site(served: Served) -> Iterator[tuple[str, dict[str, str]]]:
    """A practice software's own site, at another address than the DMP's; the pages that a test gives it."""
    pages: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(pages.get(self.path, "").encode())

        def log_message(self, *_: Any) -> None:
            pass

    issued = served.authority.server("127.0.0.1", served.now - timedelta(hours=1))
    file = served.folder / "autre-site.pem"
    file.write_bytes(issued.pem + issued.key_pem)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}", pages
    server.shutdown()
    thread.join()
    server.server_close()


def shot(page: Page, folder: Path, name: str) -> None:
    """Kept beside the test's other files, to be looked at."""
    page.screenshot(path=folder / f"{name}.png", full_page=True)


def test_a_dmp_is_created_on_the_pages_by_keyboard_and_on_a_telephone(
    chromium: Chromium, served: Served, caisse_owner_url: str, tmp_path: Path
) -> None:
    person = insure(caisse_owner_url, served.world.person(given_name="Odette", civilite="MME"))
    page, found = with_card(chromium, served, served.doctor(next(_numbers))), {}
    page.goto("/")
    turn(page, page.get_by_role("link", name="créez-le ou réactivez-le avec sa carte Vitale"))
    found["card"] = faults(page, axe_source())
    shot(page, tmp_path, "carte")
    page.get_by_label("NIR, clé comprise").fill(person.nir)
    page.get_by_label("Prénom").fill(person.given_name)
    page.get_by_label("Date de naissance").fill(person.birth_date)
    page.get_by_label("Numéro de série de la carte Vitale").fill("88888888")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("n’est pas reconnue")
    expect(page.get_by_label("NIR, clé comprise")).to_have_value(person.nir)
    found["not recognised"] = faults(page, axe_source())
    page.get_by_label("Numéro de série de la carte Vitale").fill(person.serial)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Créer un DMP pour Odette Dupond")
    page.get_by_label("Adresse électronique", exact=True).fill("odette@exemple.fr")
    page.get_by_label("Adresse électronique, une seconde fois").fill("odete@exemple.fr")
    page.get_by_label("Le patient a reçu cette information").check()
    page.get_by_label("Le patient le dit").check()
    page.get_by_label("Oui").check()
    page.get_by_role("button", name="Créer le DMP").click()
    expect(page.get_by_role("alert")).to_contain_text("ne sont pas identiques")
    expect(page.get_by_label("Le patient le dit")).to_be_checked()
    found["step"] = faults(page, axe_source())
    shot(page, tmp_path, "creation")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    shot(page, tmp_path, "creation-telephone")
    page.get_by_label("Adresse électronique, une seconde fois").fill("odette@exemple.fr")
    page.get_by_role("button", name="Créer le DMP").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Le DMP est créé")
    found["done"] = faults(page, axe_source())
    shot(page, tmp_path, "cree-telephone")
    with page.expect_popup() as popup:
        page.get_by_role("button", name="Imprimer le document des secrets").click()
    assert popup.value.url.endswith("/creation/document")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("link", name="Ouvrir le DMP").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Odette Dupond")
    page.goto("/creation")
    for label, value in (
        ("NIR, clé comprise", person.nir), ("Prénom", person.given_name), ("Date de naissance", person.birth_date),
        ("Numéro de série de la carte Vitale", person.serial),
    ):  # fmt: skip
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Continuer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Odette Dupond a un DMP")
    found["known"] = faults(page, axe_source())
    shot(page, tmp_path, "connu")
    assert {where: each for where, each in found.items() if each} == {}
    assert person.nir not in page.url


def test_the_button_in_a_frame_of_another_site(
    chromium: Chromium, cluster: Any, world: RecordWorld, tmp_path: Path
) -> None:
    someone = world.someone()
    first = Served(world, cluster.url("ps", "dmp"), _folder(tmp_path, "un"))
    try:
        with another_site(first) as (allowed, pages), another_site(first) as (stranger, others):
            second = Served(world, cluster.url("ps", "dmp"), _folder(tmp_path, "deux"), PS_EMBEDDERS=allowed)
            try:
                where = f"https://localhost:{second.port}/bouton/{someone.dossier}"
                frame = f'<!doctype html><title>Cabinet</title><iframe title="DMP" src="{where}" width="420"></iframe>'
                pages["/"] = others["/"] = frame
                page = with_card(chromium, second, second.doctor(next(_numbers)))
                page.goto(f"{allowed}/")
                button = page.frame_locator("iframe").get_by_role("link", name="DMP : Ouvert")
                expect(button).to_be_visible()
                assert page.context.cookies(f"https://localhost:{second.port}") == []  # a third party, and none is set
                shot(page, tmp_path, "bouton")
                with page.context.expect_page() as opened:
                    button.click()
                record = opened.value
                expect(record.get_by_role("heading", level=1)).to_have_text("Entrer dans le DMP")
                assert record.evaluate("window.opener === null")
                (cookie,) = record.context.cookies(f"https://localhost:{second.port}")
                assert (cookie["name"], cookie["sameSite"]) == ("__Host-dmp-ps", "Strict")
                # With a session now, the frame is still sent none of it.
                page.reload()
                expect(page.frame_locator("iframe").get_by_role("link", name="DMP : Ouvert")).to_be_visible()
                # A site that the host did not name shows nothing of it, nor does any page but the button.
                pages["/dossier"] = frame.replace("/bouton/", "/dossiers/")
                for elsewhere in (f"{stranger}/", f"{allowed}/dossier"):
                    with page.expect_event("requestfailed") as blocked:
                        page.goto(elsewhere)
                    assert str(someone.dossier) in blocked.value.url
                    assert blocked.value.failure == "net::ERR_BLOCKED_BY_RESPONSE"
            finally:
                second.stop()
    finally:
        first.stop()


def _folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made
