"""Letting an application in with a real Chromium, on a telephone: the form's answer leads out of the site."""

import re
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from playwright.sync_api import expect
from portal.windows import PHONE, Open, address, axe_source, chromium, faults, open_window
from portal_account.test_browser_account import give_code, heading
from portal_account.world import GOOD, AccountWorld, Holder

from .client import Telephone

__all__ = ["address", "chromium", "open_window"]
pytestmark = pytest.mark.browser


class Back(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(b"<title>Retour</title><h1>De retour</h1>")

    def log_message(self, *args: object) -> None:
        """Nothing."""


def test_a_holder_signs_in_reads_what_is_asked_agrees_and_puts_it_out(
    open_window: Open, world: AccountWorld, signed_in: Holder
) -> None:
    telephone = Telephone(signed_in.client.application)
    with HTTPServer(("127.0.0.1", 0), Back) as waiting:
        Thread(target=waiting.serve_forever, daemon=True).start()
        back = f"http://127.0.0.1:{waiting.server_port}/retour"
        page = open_window(PHONE)
        page.goto(telephone.asks(redirect_uri=back))
        expect(page.get_by_text("Connectez-vous pour répondre à l’application")).to_be_visible()
        page.get_by_label("Identifiant de connexion").fill(signed_in.who.login)
        page.get_by_label("Mot de passe", exact=True).fill(GOOD)
        page.get_by_role("button", name="Me connecter").click()
        expect(page.get_by_label("Code à 6 chiffres")).to_be_visible()
        give_code(page, world.outside.code(signed_in.who.mail))
        expect(heading(page)).to_contain_text("Autoriser l’application « DMP de poche »")
        assert faults(page, axe_source()) == []
        page.get_by_role("button", name="Autoriser").press("Enter")
        expect(page.get_by_role("heading", name="De retour")).to_be_visible()
        found = re.search(r"[?&]code=([^&]+)", page.url)
        waiting.shutdown()
    assert found is not None
    assert telephone.exchange(found[1], redirect_uri=back).status_code == 200
    page.goto("/mon-dmp/connexions")
    assert faults(page, axe_source()) == []
    page.get_by_role("button", name=re.compile("Retirer DMP de poche")).click()
    expect(page.get_by_text("L’application n’a plus accès à votre DMP")).to_be_visible()
    assert telephone.call("GET", "fhir/DocumentReference").status_code == 401
