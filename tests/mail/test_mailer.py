"""Handing messages to a real SMTP server."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from email import policy
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from backoffice.adapters.mailer import (
    Attachment,
    Mail,
    MailDelayed,
    Mailer,
    MailRefused,
    MailSettings,
    Reason,
    compose,
)
from backoffice.embedded.certificates import ensure_certificates
from backoffice.embedded.mailbox import Mailbox
from backoffice.embedded.mailcatcher import Catcher, SmtpDoor

from .conftest import LETTER, NOW, SENDER

MakeMail = Callable[..., Mail]


def test_a_message_arrives_as_it_was_written(settings: MailSettings, mailbox: Mailbox, letter: MakeMail) -> None:
    with Mailer(settings) as mailer:
        mailer.send(letter(html="<p>Votre code…</p>", attachments=[Attachment("lettre é.pdf", b"%PDF-1.7")]), NOW)
    [envelope], total = mailbox.page(1, 10)
    assert total == 1
    assert (envelope.recipients, envelope.subject) == (LETTER.to, LETTER.subject)
    message = mailbox.message(envelope.name)
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content().replace("\r\n", "\n").rstrip("\n") == LETTER.text
    assert [part.get_filename() for part in message.iter_attachments()] == ["lettre é.pdf"]
    assert message["X-Envelope-From"] == "ne-pas-repondre@mon-dmp.example.org"


def test_headers_say_that_a_machine_writes_in_french() -> None:
    message = compose(LETTER, SENDER, NOW)
    assert message["Date"] == "Wed, 02 Nov 2016 08:30:00 +0000"
    assert message["Message-ID"] == LETTER.message_id
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "fr"
    assert str(message["From"]) == "L’Assurance Maladie <ne-pas-repondre@mon-dmp.example.org>"


def test_what_travels_is_plain_ascii_in_short_lines(letter: MakeMail) -> None:
    content = compose(letter(text="é" * 5000, html="<p>" + "à" * 5000), SENDER, NOW).as_bytes()
    assert content.isascii()
    assert max(len(line) for line in content.split(b"\r\n")) <= 78
    assert BytesParser(policy=policy.default).parsebytes(content)["Subject"] == LETTER.subject


def test_an_accented_domain_is_written_in_ascii(letter: MakeMail) -> None:
    assert compose(letter(to="zoe@société.example.org"), SENDER, NOW)["To"] == "zoe@xn--socit-esab.example.org"


@pytest.mark.parametrize("address", ["", "zoe", "zoe@", "zoé@courriel.fr", "a@b.fr, c@d.fr", "a@b.fr\nBcc: c@d.fr"])
def test_an_address_that_cannot_be_one_is_refused_for_good(letter: MakeMail, address: str) -> None:
    with pytest.raises(MailRefused) as refusal:
        compose(letter(to=address), SENDER, NOW)
    assert refusal.value.reason is Reason.ADDRESS
    assert not address or address not in str(refusal.value)


@pytest.mark.parametrize("changes", [{"subject": "Bonjour\nBcc: x@y.fr"}, {"message_id": "<a@b>\r\nX: y"}])
def test_a_header_cannot_be_smuggled_in(letter: MakeMail, changes: dict[str, str]) -> None:
    with pytest.raises(MailRefused) as refusal:
        compose(letter(**changes), SENDER, NOW)
    assert refusal.value.reason is Reason.CONTENT


@pytest.mark.parametrize(
    ("domain", "kind", "reason", "code"),
    [
        ("introuvable.example.org", MailRefused, Reason.ADDRESS, "550 5.1.1"),
        ("saturee.example.org", MailDelayed, Reason.BUSY, "452 4.2.2"),
        ("filtree.example.org", MailRefused, Reason.POLICY, "554 5.7.1"),
    ],
)
def test_a_refusal_says_whether_to_try_again_and_why(
    settings: MailSettings, mailbox: Mailbox, letter: MakeMail, domain: str, kind: type[Any], reason: Reason, code: str
) -> None:
    with Mailer(settings) as mailer:
        with pytest.raises(kind) as refusal:
            mailer.send(letter(to=f"zoe@{domain}"), NOW)
        assert (refusal.value.reason, refusal.value.code) == (reason, code)
        assert "zoe" not in str(refusal.value)
        mailer.send(LETTER, NOW)  # the same connection goes on
    assert mailbox.page(1, 10)[1] == 1


def test_a_batch_takes_one_connection(door: SmtpDoor, settings: MailSettings, mailbox: Mailbox) -> None:
    connections = []
    make = door.factory
    door.factory = lambda: connections.append(1) or make()  # type: ignore[func-returns-value, method-assign]
    with Mailer(settings) as mailer:
        for _ in range(20):
            mailer.send(LETTER, NOW)
    assert mailbox.page(1, 10)[1] == 20
    assert len(connections) == 1


def test_a_connection_the_server_has_closed_is_opened_again(settings: MailSettings, mailbox: Mailbox) -> None:
    with Mailer(settings) as mailer:
        mailer.send(LETTER, NOW)
        assert mailer._smtp is not None
        assert mailer._smtp.sock is not None
        mailer._smtp.sock.shutdown(socket.SHUT_RDWR)
        mailer.send(LETTER, NOW)
    assert mailbox.page(1, 10)[1] == 2


def test_a_server_that_is_down_delays_everything(letter: MakeMail) -> None:
    with pytest.raises(MailDelayed) as delay, Mailer(MailSettings("smtp://127.0.0.1:1", SENDER)) as mailer:
        mailer.send(LETTER, NOW)
    assert delay.value.reason is Reason.SERVER


def scripted(*answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that gives these answers, one a line it hears, the first at once; then stays silent."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = listener.accept()
        with client, client.makefile("rb") as lines:
            client.settimeout(3)
            client.sendall(answers[0])
            try:
                for answer, line in zip(answers[1:], lines, strict=False):
                    heard.append(line)
                    client.sendall(answer)
                lines.read()
            except OSError:
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1], heard
    listener.close()
    thread.join()


@pytest.mark.parametrize(
    ("answers", "kind", "reason"),
    [
        ([], MailDelayed, Reason.SERVER),  # accepts and never speaks
        ([b"220 a\r\n", b"250 a\r\n", b"550 5.7.1 no relaying\r\n"], MailDelayed, Reason.SERVER),  # MAIL FROM
        ([b"220 a\r\n", b"250 a\r\n", b"250 a\r\n", b"421 4.3.2 bye\r\n"], MailDelayed, Reason.SERVER),
        ([b"220 a\r\n", b"250 a\r\n", b"250 a\r\n", b"550 5.7.1 policy\r\n"], MailRefused, Reason.POLICY),
        ([b"220 a\r\n", b"250 a\r\n", b"250 a\r\n", b"550 zoe@x unknown\r\n"], MailRefused, Reason.ADDRESS),
        ([b"220 a\r\n", b"250 a\r\n", b"250 a\r\n", b"250 a\r\n", b"451 later\r\n"], MailDelayed, Reason.BUSY),
        ([b"220 a\r\n", b"250 a\r\n", b"250 a\r\n", b"250 a\r\n", b"354 go\r\n"], MailDelayed, Reason.SERVER),
    ],
)
def test_whatever_a_server_answers_is_one_of_our_failures(
    answers: list[bytes], kind: type[Any], reason: Reason
) -> None:
    for port, _ in scripted(*(answers or [b""])):
        settings = MailSettings(f"smtp://127.0.0.1:{port}", SENDER, timeout=0.25)
        with pytest.raises(kind) as failure, Mailer(settings) as mailer:
            mailer.send(LETTER, NOW)
        assert failure.value.reason is reason
        assert "zoe" not in failure.value.code


class Guard:
    """Takes one login alone."""

    def __call__(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"caisse", b"p@ss:w/rd"))


@pytest.fixture
def guarded(mailbox: Mailbox, tmp_path: Path) -> Iterator[tuple[SmtpDoor, Path]]:
    made = ensure_certificates(tmp_path / "tls")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.certificate, made.key)
    door = SmtpDoor(
        Catcher(mailbox), tls=tls, require_starttls=True, auth_required=True, authenticator=Guard(),
    )  # fmt: skip
    door.start()
    yield door, made.authority
    door.stop()


def test_a_server_that_asks_for_tls_and_a_password_gets_them(guarded: tuple[SmtpDoor, Path], mailbox: Mailbox) -> None:
    door, authority = guarded
    url = f"smtp+starttls://caisse:p%40ss%3Aw%2Frd@127.0.0.1:{door.port}"
    with Mailer(MailSettings(url, SENDER, ca_file=authority)) as mailer:
        mailer.send(LETTER, NOW)
    assert mailbox.page(1, 10)[1] == 1


@pytest.mark.parametrize("trouble", ["wrong password", "other authority", "no tls"])
def test_a_server_that_does_not_let_us_in_blames_no_recipient(
    guarded: tuple[SmtpDoor, Path], tmp_path: Path, trouble: str
) -> None:
    door, authority = guarded
    scheme = "smtp" if trouble == "no tls" else "smtp+starttls"
    user = "" if trouble == "no tls" else "caisse:faux@"
    if trouble == "other authority":
        authority = ensure_certificates(tmp_path / "other").authority
    settings = MailSettings(f"{scheme}://{user}127.0.0.1:{door.port}", SENDER, ca_file=authority, timeout=1)
    with pytest.raises(MailDelayed) as delay, Mailer(settings) as mailer:
        mailer.send(LETTER, NOW)
    assert delay.value.reason is Reason.SERVER


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("http://127.0.0.1", SENDER),
        ("smtp://", SENDER),
        ("smtp://caisse:secret@127.0.0.1", SENDER),  # a password in clear
        ("smtp://127.0.0.1", "L’Assurance Maladie"),
    ],
)
def test_settings_that_cannot_work_are_refused(url: str, sender: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        MailSettings(url, sender)


def test_settings_do_not_show_the_password() -> None:
    assert "secret" not in repr(MailSettings("smtps://caisse:secret@127.0.0.1", SENDER))
