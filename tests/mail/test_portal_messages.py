"""What mon-dmp has its host send: e-mails over SMTP and SMS over the gateway, to real doors."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask, Response, request
from werkzeug.serving import make_server

from backoffice.adapters.mailer import MailSettings
from backoffice.adapters.sms import SmsGateway
from backoffice.core.errors import Invalid as RefusedHere
from backoffice.core.errors import Unavailable as AwayHere
from backoffice.embedded.mail_page import create_mail_page
from backoffice.embedded.mailbox import Mailbox
from backoffice.mondmp import HostMessenger
from dmp_core.errors import Invalid, Unavailable
from dmp_core.holder.messages import Notice

from .conftest import NOW

CODE = "482913"
MAIL = Notice("zoe.faure@courriel.example.org", "Votre code à usage unique", f"Votre code : {CODE}")
SMS = Notice("+33639980001", "", f"Votre code : {CODE}")
AWAY = "http://127.0.0.1:1/sms"


@pytest.fixture
def serve() -> Iterator[Any]:
    """Serves an application on a free port until the test ends; gives its address."""
    ends = []

    def start(app: Flask) -> str:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        ends.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/sms"

    yield start
    for server, thread in ends:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def messenger(settings: MailSettings, mailbox: Mailbox, serve: Any) -> HostMessenger:
    return HostMessenger(settings, SmsGateway(serve(create_mail_page(mailbox))), lambda: NOW)


def test_an_email_reaches_its_reader_once_with_its_words(messenger: HostMessenger, mailbox: Mailbox) -> None:
    messenger.mail(MAIL)
    [kept], total = mailbox.page(1, 10)
    message = mailbox.message(kept.name)
    assert total == 1
    assert message["To"] == MAIL.to
    assert message["Subject"] == MAIL.subject
    assert message["Message-ID"].endswith("@mon-dmp.example.org>")
    assert CODE in message.get_content()


def test_an_sms_reaches_its_number_once_with_its_words(messenger: HostMessenger, mailbox: Mailbox) -> None:
    messenger.sms(SMS)
    [kept], total = mailbox.sms_page(1, 10)
    assert total == 1
    assert (kept.to, kept.text) == (SMS.to, SMS.text)


def test_many_threads_send_at_once_and_each_reader_gets_their_own(messenger: HostMessenger, mailbox: Mailbox) -> None:
    notices = [Notice(f"p{n}@courriel.example.org", "Code", f"Votre code : {n:06}") for n in range(24)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(messenger.mail, notices))
    found, total = mailbox.page(1, 50)
    assert total == len(notices)
    got = {(message["To"], message.get_content().strip()) for message in (mailbox.message(one.name) for one in found)}
    assert got == {(notice.to, notice.text) for notice in notices}


@pytest.mark.parametrize(
    ("domain", "refusal"),
    [("introuvable", Invalid), ("filtree", Invalid), ("saturee", Unavailable)],
)
def test_what_the_mail_server_refuses_is_told_apart_without_the_address(
    messenger: HostMessenger, domain: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal) as told:
        messenger.mail(replace(MAIL, to=f"zoe@{domain}.example.org"))
    assert "zoe" not in str(told.value)
    assert CODE not in str(told.value)


def test_a_mail_server_that_is_away_is_told_to_try_again(settings: MailSettings) -> None:
    away = HostMessenger(replace(settings, url="smtp://127.0.0.1:1"), SmsGateway(AWAY), lambda: NOW)
    with pytest.raises(Unavailable, match="demandez un nouveau code"):
        away.mail(MAIL)


def test_a_number_that_the_gateway_refuses_and_a_gateway_that_is_away_are_told_apart(
    messenger: HostMessenger, settings: MailSettings
) -> None:
    with pytest.raises(Invalid, match="vérifiez le numéro"):
        messenger.sms(replace(SMS, to="0639980001"))
    with pytest.raises(Unavailable, match="momentanément indisponible"):
        HostMessenger(settings, SmsGateway(AWAY), lambda: NOW).sms(SMS)


@pytest.mark.parametrize(
    ("status", "refusal"),
    [(200, None), (201, None), (400, RefusedHere), (422, RefusedHere), (401, AwayHere), (429, AwayHere), (302, AwayHere),
     (503, AwayHere)],
)  # fmt: skip
def test_each_answer_of_a_gateway_is_read_for_what_it_is(
    serve: Any, status: int, refusal: type[Exception] | None
) -> None:
    seen = []
    app = Flask("passerelle")

    @app.post("/sms")
    def take() -> Response:
        seen.append(request.get_json())
        return Response(status=status, headers={"Location": "/sms"} if status == 302 else None)

    gateway = SmsGateway(serve(app))
    if refusal is None:
        gateway.send(SMS.to, SMS.text)
    else:
        with pytest.raises(refusal) as told:
            gateway.send(SMS.to, SMS.text)
        assert SMS.to not in str(told.value)
        assert CODE not in str(told.value)
    gateway.close()
    assert len(seen) == 1
    assert set(seen[0]) == {"id", "to", "text"}


@pytest.mark.parametrize("url", ["sms", "ftp://passerelle/sms", "http://", "http://moi:secret@passerelle/sms"])
def test_an_address_that_means_nothing_or_would_tell_a_password_in_clear_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="https://"):
        SmsGateway(url)


def test_a_notice_shows_neither_its_reader_nor_its_words() -> None:
    assert CODE not in repr(MAIL)
    assert MAIL.to not in repr(MAIL)
