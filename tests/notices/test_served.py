"""The process that sends notices, over real SMTP and a real gateway, and killed at work."""

import os
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import pytest
from mail.test_portal_messages import serve
from professionals.samples import NUMBERS
from professionals.world import RecordWorld, a_professional

from backoffice.adapters.mailer import MailSettings
from backoffice.adapters.sms import SmsGateway
from backoffice.core import errors
from backoffice.embedded.mail_page import create_mail_page
from backoffice.embedded.mailbox import Mailbox
from backoffice.embedded.processes import wait_until
from backoffice.notifying import PAUSE_S, HouseOutlet, open_sender
from backoffice.settings import Settings
from dmp_core.access.trace import Mode
from dmp_core.errors import Invalid, Unavailable
from dmp_core.notices.sending import Doubtful, Message

__all__ = ["serve"]
_numbers = NUMBERS
_AN_ID = UUID(int=7)
PATIENCE_S = 60


class House:
    """The process, started and killed as often as wanted; it is given its own database address and nothing else."""

    def __init__(self, folder: Path, url: str, smtp: str, sms: str) -> None:
        self.folder = folder
        self.env = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ},
            "CAISSE_DATA": str(folder), "DMP_NOTICES_URL": url, "SMTP_URL": smtp, "SMS_URL": sms,
            "MAIL_SENDER": "L’Assurance Maladie <ne-pas-repondre@mon-dmp.example.org>",
        }  # fmt: skip
        self.process: psutil.Popen | None = None

    def start(self) -> None:
        with (self.folder / "journal").open("ab") as journal:
            self.process = psutil.Popen(
                [sys.executable, "-m", "backoffice.notifying"], env=self.env, stdout=journal, stderr=journal
            )

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)
        self.process = None

    def stop(self) -> int | None:
        if self.process is None:
            return None
        if self.process.is_running():
            self.process.terminate()
        status: int = self.process.wait(30)
        self.process = None
        return status

    @property
    def told(self) -> str:
        return (self.folder / "journal").read_text()


@pytest.fixture
def house(
    cluster: Any, calm: None, world: RecordWorld, settings: MailSettings, mailbox: Mailbox,
    serve: Callable[..., str], tmp_path: Path,
) -> Iterator[House]:  # fmt: skip
    world.clock.now = datetime.now(UTC)
    made = House(tmp_path, cluster.url("avis", "dmp"), settings.url, serve(create_mail_page(mailbox)))
    yield made
    made.stop()


def received(mailbox: Mailbox) -> Counter[str]:
    """Notices by id, e-mails and SMS together."""
    mails, _ = mailbox.page(1, 1000)
    texts, _ = mailbox.sms_page(1, 1000)
    found = [str(mailbox.message(one.name)["Message-ID"]).partition("@")[0].removeprefix("<avis-") for one in mails]
    return Counter([*found, *(f"{one.to} {one.text}" for one in texts)])


def test_a_holder_knows_of_an_emergency_by_mail_and_sms_within_the_minute(
    house: House, world: RecordWorld, mailbox: Mailbox
) -> None:
    assert PAUSE_S < 60
    someone = world.someone()
    house.start()
    wait_until(lambda: mailbox.page(1, 5)[1] == 1 and mailbox.sms_page(1, 5)[1] == 1, PATIENCE_S, "pas d’avis")
    world.gate().break_glass(a_professional(next(_numbers)), someone.dossier, Mode.EMERGENCY, "Malaise au marché")
    wait_until(lambda: mailbox.page(1, 5)[1] == 2 and mailbox.sms_page(1, 5)[1] == 2, PATIENCE_S, "pas d’avis")
    mails = [mailbox.message(one.name) for one in mailbox.page(1, 5)[0]]
    (urgent,) = [one for one in mails if one["Subject"] == "Votre DMP a été ouvert en urgence"]
    assert urgent["To"] == someone.mail
    assert "en urgence" in urgent.get_content()
    assert "Malaise" not in str(urgent)
    assert house.stop() == 0
    assert someone.mail not in house.told
    assert someone.mobile not in house.told


def test_killed_at_any_moment_it_sends_nothing_twice_and_names_what_is_in_doubt(
    house: House, world: RecordWorld, mailbox: Mailbox, cluster: Any
) -> None:
    dossiers = [world.someone().dossier for _ in range(40)]
    kills = 0
    for least in (3, 20, 45):
        house.start()
        wait_until(lambda n=least: received(mailbox).total() >= n, PATIENCE_S, "rien ne part")  # type: ignore[misc]
        house.kill()
        kills += 1
    later = Settings.from_env(house.env)
    sender = open_sender(later, lambda: datetime.now(UTC) + timedelta(minutes=5))
    try:
        while sender.round().sent:
            pass
    finally:
        sender.close()
    found = received(mailbox)
    assert max(found.values()) == 1
    rows = world.rows(
        "SELECT id, channel, state FROM medical.notice WHERE dossier_id = ANY(:all)", all=dossiers
    )  # fmt: skip
    states = Counter(row.state for row in rows)
    assert set(states) <= {"sent", "doubtful"}
    assert states["doubtful"] <= kills
    assert states.total() == 80
    assert {str(row.id) for row in rows if row.channel == "mail" and row.state == "sent"} <= found.keys()
    assert states["sent"] <= found.total() <= 80


def test_a_mail_server_that_comes_back_gets_what_waited(
    house: House, world: RecordWorld, mailbox: Mailbox, settings: MailSettings
) -> None:
    someone = world.someone(mobile=False)
    away = Settings.from_env({**house.env, "SMTP_URL": "smtp://127.0.0.1:1"})
    sender = open_sender(away, world.clock)
    assert sender.round().later == 1
    sender.close()
    world.clock.forward(minutes=1)
    back = open_sender(Settings.from_env(house.env), world.clock)
    assert back.round().sent == 1
    back.close()
    ((kept,), total) = mailbox.page(1, 5)
    assert (mailbox.message(kept.name)["To"], total) == (someone.mail, 1)


@pytest.mark.parametrize(
    ("domain", "refusal"), [("introuvable", Invalid), ("filtree", Invalid), ("saturee", Unavailable)]
)
def test_what_the_mail_server_refuses_is_told_apart(
    settings: MailSettings, domain: str, refusal: type[Exception]
) -> None:
    outlet = HouseOutlet(settings, SmsGateway("http://127.0.0.1:1/sms"), lambda: datetime.now(UTC))
    message = Message(_AN_ID, f"zoe@{domain}.example.org", "Votre DMP est créé", "…")
    with pytest.raises(refusal) as told:
        outlet.mail(message)
    assert not isinstance(told.value, Doubtful)


def test_an_answer_that_never_comes_is_a_doubt_and_a_closed_door_is_none(settings: MailSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def hang_up() -> None:
            client, _ = door.accept()
            client.recv(65536)
            client.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        gateway = SmsGateway(f"http://127.0.0.1:{door.getsockname()[1]}/sms")
        outlet = HouseOutlet(settings, gateway, lambda: datetime.now(UTC))
        with pytest.raises(Doubtful):
            outlet.sms(Message(_AN_ID, "+33639980001", "", "…"))
        thread.join()
    away = HouseOutlet(settings, SmsGateway("http://127.0.0.1:1/sms"), lambda: datetime.now(UTC))
    with pytest.raises(Unavailable) as told:
        away.sms(Message(_AN_ID, "+33639980001", "", "…"))
    assert not isinstance(told.value, Doubtful)


def test_without_its_address_it_says_what_is_missing(tmp_path: Path) -> None:
    env = {
        "CAISSE_DATA": str(tmp_path),
        "DATABASE_URL": "postgresql://x",
        "DMP_DATABASE_URL": "postgresql://x",
        "SMTP_URL": "smtp://127.0.0.1:1",
    }
    with pytest.raises(errors.Unavailable, match="DMP_NOTICES_URL"):
        open_sender(Settings.from_env(env))
    done = subprocess.run(
        [sys.executable, "-m", "backoffice.notifying"], env={"PATH": os.environ["PATH"], **env}, capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "indiquez DMP_NOTICES_URL" in done.stderr
    assert "Traceback" not in done.stderr
