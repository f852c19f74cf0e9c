"""The page where caught messages are read, the SMS gateway, and the process that serves both."""

import smtplib
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from backoffice.adapters.mailer import Attachment, Mail, compose
from backoffice.embedded.mail_page import PAGE_SIZE, create_mail_page, french_size
from backoffice.embedded.mailbox import Mailbox

from .conftest import NOW, SENDER


@pytest.fixture
def client(mailbox: Mailbox) -> FlaskClient:
    return create_mail_page(mailbox).test_client()


def keep(mailbox: Mailbox, mail: Mail) -> str:
    return mailbox.keep(compose(mail, SENDER, NOW).as_bytes(), "a@b.fr", [mail.to])


def test_an_empty_box_says_so(client: FlaskClient) -> None:
    assert "Aucun courriel" in client.get("/").text
    assert "Aucun SMS" in client.get("/sms").text


def test_thousands_of_messages_are_read_page_by_page_newest_first(
    client: FlaskClient, mailbox: Mailbox, letter: Callable[..., Mail]
) -> None:
    content = compose(letter(), SENDER, NOW).as_bytes()
    for number in range(2001):
        mailbox.keep(
            content.replace(b"Message-ID", b"X-Number: %d\r\nMessage-ID" % number), "a@b.fr", [f"p{number}@x.fr"]
        )
    first = client.get("/").text
    assert "2\u00a0001 courriels" in first
    assert "p2000@x.fr" in first
    assert first.count("<tr>") == PAGE_SIZE + 1
    assert "p0@x.fr" in client.get("/?page=41").text
    assert client.get("/?page=0").text == client.get("/?page=x").text == first


def test_a_message_shows_its_text_headers_and_attachments(
    client: FlaskClient, mailbox: Mailbox, letter: Callable[..., Mail]
) -> None:
    name = keep(mailbox, letter(html="<h1>Bonjour</h1>", attachments=[Attachment("lettre.pdf", b"%PDF-1.7")]))
    page = client.get(f"/courriels/{name}").text
    assert "B2CD 3FGH 4JKM" in page
    assert "Auto-Submitted" in page
    assert f'src="/courriels/{name}/html"' in page
    joined = client.get(f"/courriels/{name}/pieces/1")
    assert joined.data == b"%PDF-1.7"
    assert joined.headers["Content-Disposition"] == "attachment; filename=lettre.pdf"
    assert client.get(f"/courriels/{name}/pieces/2").status_code == 404
    assert client.get(f"/courriels/{name}/source").data == mailbox.source(name)


def test_the_html_of_a_message_can_do_nothing(
    client: FlaskClient, mailbox: Mailbox, letter: Callable[..., Mail]
) -> None:
    name = keep(mailbox, letter(html="<script>alert(1)</script>"))
    shown = client.get(f"/courriels/{name}/html")
    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert "sandbox" in client.get(f"/courriels/{name}").text
    assert "script-src" not in client.get("/").headers["Content-Security-Policy"]


def test_what_a_message_says_of_itself_is_escaped(
    client: FlaskClient, mailbox: Mailbox, letter: Callable[..., Mail]
) -> None:
    name = keep(mailbox, letter(subject="<b>gras</b>", text="<i>italique</i>"))
    for page in (client.get("/").text, client.get(f"/courriels/{name}").text):
        assert "<b>gras" not in page
        assert "<i>italique" not in page


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"Content-Type: text/plain; charset=martien\r\n\r\n\xe9"])
def test_a_broken_message_is_shown_all_the_same(client: FlaskClient, mailbox: Mailbox, content: bytes) -> None:
    name = mailbox.keep(content, "a@b.fr\r\nX: y", ["c@d.fr"])
    assert client.get("/").status_code == 200
    assert client.get(f"/courriels/{name}").status_code == 200
    assert "X: y" not in mailbox.source(name).decode("latin-1").splitlines()


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "x", "00000000000000000000-00000000"])
def test_a_message_that_is_not_there_is_one_sentence(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/courriels/{name}")
    assert answer.status_code == 404
    assert "n’existe pas" in answer.text


def test_an_sms_is_kept_once_whatever_is_repeated(client: FlaskClient, mailbox: Mailbox) -> None:
    sms = {"id": "sms-1", "to": "+33639980001", "text": "Votre code : 123456"}
    assert client.post("/sms", json=sms).status_code == 201
    assert client.post("/sms", json=sms).status_code == 200
    assert client.get("/sms").text.count("Votre code : 123456") == 1


def test_kept_sms_are_found_again_even_after_a_line_cut_short(tmp_path: Path) -> None:
    Mailbox(tmp_path).keep_sms("sms-1", "+33639980001", "Bonjour")
    with (tmp_path / "sms.jsonl").open("a") as lines:
        lines.write('{"id": "sms-2", "to"')
    again = Mailbox(tmp_path)
    assert [sms.id for sms in again.sms_page(1, 10)[0]] == ["sms-1"]
    assert not again.keep_sms("sms-1", "+33639980001", "Bonjour")


@pytest.mark.parametrize(
    "sms",
    [
        {},
        {"id": "1", "to": "0639980001", "text": "a"},
        {"id": "1", "to": "+33639980001", "text": " "},
        {"id": "1", "to": "+33639980001", "text": "a" * 2000},
        {"id": "", "to": "+33639980001", "text": "a"},
        {"id": "1", "to": "+33639980001", "text": "a", "autre": 1},
    ],
)
def test_an_sms_that_cannot_be_one_is_refused_in_a_sentence(client: FlaskClient, sms: dict[str, object]) -> None:
    answer = client.post("/sms", json=sms)
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["error"].endswith(".")


def test_another_site_can_neither_post_an_sms_nor_read_the_box(client: FlaskClient) -> None:
    assert (
        client.post("/sms", data='{"id":"1","to":"+33639980001","text":"a"}', content_type="text/plain").status_code
        == 415
    )
    assert client.get("/", headers={"Host": "pirate.example"}).status_code == 400


def test_sizes_are_french() -> None:
    assert [french_size(n) for n in (812, 14_200, 2_340_000)] == ["812\u00a0o", "14\u00a0ko", "2,3\u00a0Mo"]


def test_the_process_takes_mail_serves_its_page_and_ends_cleanly(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "backoffice.embedded.mailcatcher", "--dir", str(tmp_path / "boîte aux lettres")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    word, smtp, http = process.stdout.readline().split()
    assert word == "courriel"
    with smtplib.SMTP("127.0.0.1", int(smtp)) as server:
        server.sendmail("a@b.fr", ["c@d.fr"], "Subject: Essai\r\n\r\nBonjour")
    with urllib.request.urlopen(f"http://127.0.0.1:{http}/") as page:
        assert "Essai" in page.read().decode()
    taken = subprocess.run(
        [sys.executable, "-m", "backoffice.embedded.mailcatcher", "--smtp-port", smtp, "--dir", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (taken.returncode, taken.stderr) == (
        1,
        f"Le serveur de courriels de démonstration ne peut pas écouter sur le port {smtp} : il est pris.\n",
    )
    process.terminate()
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (0, "", "")
