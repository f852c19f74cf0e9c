"""`caisse demo application`: a mobile application reduced to its essentials, which asks to be let in and reads the record.

It knows what any application would: the address of the site and its own identifier. Everything else it is told.
"""

import base64
import hashlib
import secrets
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import click
import httpx

from backoffice.cli.common import json_option, print_json
from backoffice.core.errors import Unavailable, WrongState

_CLIENT = "demonstration"
_SCOPE = "patient/*.read"
_PAGE = "<!doctype html><html lang=fr><meta charset=utf-8><title>Retour</title><p>Vous pouvez fermer cette page.</p>"


class _Waiting(HTTPServer):
    """Waits on loopback for the browser to come back."""

    answer: dict[str, str] | None = None


class _Back(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/retour":
            assert isinstance(self.server, _Waiting)
            self.server.answer = {name: values[0] for name, values in parse_qs(asked.query).items()}
        self.send_response(200 if asked.path == "/retour" else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(_PAGE.encode())

    def log_message(self, *args: object) -> None:
        """Nothing: the address holds a code."""


@click.command()
@click.option("--portal", default="http://127.0.0.1:8001", show_default=True, help="Adresse de mon-dmp.")
@click.option("--wait", default=300, show_default=True, help="Secondes laissées au titulaire pour répondre.")
@json_option
def application(portal: str, wait: int, as_json: bool) -> None:
    """Une application mobile de démonstration : elle se fait autoriser par un titulaire, puis lit son DMP."""
    try:
        documents = _read(portal.rstrip("/"), wait)
    except httpx.HTTPError as error:
        raise Unavailable(f"mon-dmp ne répond pas à {portal} : lancez « ./run », ou donnez son adresse.") from error
    if as_json:
        print_json(documents)
        return
    click.echo(f"{len(documents)} document{'s' if len(documents) > 1 else ''} dans ce DMP :")
    for one in documents:
        click.echo(f"  {one['date'][:10]}  {one['type']} : {one['titre']} ({one['octets']} octets)")


def _read(portal: str, wait: int) -> list[dict[str, str]]:
    with httpx.Client(timeout=10, trust_env=False) as http, _Waiting(("127.0.0.1", 0), _Back) as waiting:
        offer = http.get(f"{portal}/api/.well-known/oauth-authorization-server").raise_for_status().json()
        verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        back = f"http://127.0.0.1:{waiting.server_port}/retour"
        asked = {
            "response_type": "code", "client_id": _CLIENT, "redirect_uri": back, "scope": _SCOPE, "state": state,
            "code_challenge": challenge, "code_challenge_method": "S256",
        }  # fmt: skip
        click.echo(
            f"Ouvrez cette adresse dans un navigateur :\n{offer['authorization_endpoint']}?{urlencode(asked)}", err=True
        )
        waiting.timeout = wait
        waiting.handle_request()
        answer = waiting.answer
        if answer is None or answer.get("state") != state or answer.get("iss") != offer["issuer"]:
            raise WrongState("Le titulaire n’a pas répondu à temps : recommencez.")
        if "code" not in answer:
            raise WrongState("Le titulaire a refusé cet accès.")
        given = http.post(
            offer["token_endpoint"],
            data={
                "grant_type": "authorization_code", "code": answer["code"], "redirect_uri": back,
                "client_id": _CLIENT, "code_verifier": verifier,
            },
        )  # fmt: skip
        token = given.raise_for_status().json()["access_token"]
        found, where = [], f"{offer['issuer']}/fhir/DocumentReference?status=current"
        while where:
            page = http.get(where, headers={"Authorization": f"Bearer {token}"}).raise_for_status().json()
            found += [_told(each["resource"]) for each in page.get("entry", [])]
            where = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
        http.post(offer["revocation_endpoint"], data={"token": token, "client_id": _CLIENT})
    return found


def _told(resource: dict[str, object]) -> dict[str, str]:
    match resource:
        case {
            "date": str(day),
            "type": {"coding": [{"display": str(kind)}, *_]},
            "content": [{"attachment": {"title": str(title), "size": int(size)}}, *_],
        }:
            return {"date": day, "type": kind, "titre": title, "octets": str(size)}
    raise Unavailable("La réponse de mon-dmp n’est pas celle d’un serveur FHIR attendu.")
