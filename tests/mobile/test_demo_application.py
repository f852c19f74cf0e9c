"""The application of the demonstration, over real sockets: let in by a holder in a browser, it reads their record."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from flask import Flask
from portal_account.world import AccountWorld, Holder, settle
from record.samples import a_pdf
from werkzeug.serving import make_server

import backoffice.embedded
from backoffice.core.errors import Unavailable
from backoffice.mondmp import applications_in

from .client import APPLICATION, Telephone, a_document, agree

CAISSE = str(Path(sys.executable).parent / "caisse")


@pytest.fixture
def app(world: AccountWorld) -> Iterator[Flask]:
    """With the applications of the demonstration."""
    known = applications_in(Path(next(iter(backoffice.embedded.__path__))) / "applications.json")
    app = world.app(applications=(APPLICATION, *known))
    yield app
    settle(app)


@pytest.fixture
def portal(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run(portal: str, holder: Holder, answer: str) -> tuple[int, str, str]:
    """The command, while the holder answers in their browser what it asks: exit status, what it wrote, where."""
    command = [CAISSE, "demo", "application", "--portal", portal, "--wait", "30", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        running.stderr.readline()
        where = running.stderr.readline().strip().removeprefix(portal)
        # The browser of these tests knows the site by another name than the sockets do.
        back = str(agree(holder, where, reponse=answer).location).replace(
            quote("http://localhost", ""), quote(portal, "")
        )
        assert httpx.get(back, trust_env=False).status_code == 200
        out, err = running.communicate(timeout=60)
    return running.returncode, out, err


def test_it_is_let_in_reads_and_gives_up_its_access(portal: str, app: Flask, signed_in: Holder) -> None:
    Telephone(app).let_in(signed_in).call("POST", "fhir/DocumentReference", a_document(a_pdf("Un"), "Un"))
    status, out, err = run(portal, signed_in, "oui")
    assert status == 0, err
    assert [each["titre"] for each in json.loads(out)] == ["Un"]
    assert "mon-dmp de démonstration" not in signed_in.get("/mon-dmp/connexions").text
    assert "par l’application mon-dmp de démonstration" in signed_in.get("/mon-dmp/acces").text


def test_a_refusal_is_one_sentence(portal: str, signed_in: Holder) -> None:
    status, _, err = run(portal, signed_in, "non")
    assert (status, err.strip()) == (1, "Le titulaire a refusé cet accès.")


def test_a_portal_that_is_not_there_is_one_sentence() -> None:
    done = subprocess.run(
        [CAISSE, "demo", "application", "--portal", "http://127.0.0.1:1"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "mon-dmp ne répond pas" in done.stderr


@pytest.mark.parametrize("content", ["", "{}", '[{"client_id": "x"}]'])
def test_a_file_of_applications_that_cannot_be_read_is_said_at_the_start(tmp_path: Path, content: str) -> None:
    (tmp_path / "applications.json").write_text(content)
    with pytest.raises(Unavailable, match="MONDMP_APPLICATIONS"):
        applications_in(tmp_path / "applications.json")
    assert applications_in(None) == ()
