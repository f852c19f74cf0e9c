"""A mail catcher in this process, and mailers that talk to it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from backoffice.adapters.mailer import Mail, MailSettings
from backoffice.embedded.mailbox import Mailbox
from backoffice.embedded.mailcatcher import Catcher, SmtpDoor

NOW = datetime(2016, 11, 2, 8, 30, tzinfo=UTC)
SENDER = "L’Assurance Maladie <ne-pas-repondre@mon-dmp.example.org>"
LETTER = Mail(
    to="zoe.faure@courriel.example.org",
    subject="Créez votre dossier médical partagé",
    text="Bonjour,\n\nVotre code : B2CD 3FGH 4JKM\n.\nFin",
    message_id="<lettre-631-000001@mon-dmp.example.org>",
)


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    """Its clock moves on by one second a message."""
    ticks = iter(NOW + timedelta(seconds=n) for n in range(100_000))
    return Mailbox(tmp_path / "mail", lambda: next(ticks))


@pytest.fixture
def door(mailbox: Mailbox) -> Iterator[SmtpDoor]:
    door = SmtpDoor(Catcher(mailbox))
    door.start()
    yield door
    door.stop()


@pytest.fixture
def settings(door: SmtpDoor) -> MailSettings:
    return MailSettings(f"smtp://127.0.0.1:{door.port}", SENDER, timeout=5)


@pytest.fixture
def letter() -> Callable[..., Mail]:
    """The letter of the tests, with changes."""

    def make(**changes: Any) -> Mail:
        return replace(LETTER, **changes)

    return make
