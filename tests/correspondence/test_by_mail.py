"""Answers by e-mail, over real SMTP; one that is refused goes by post."""

from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from campaigns.world import SYSTEM, World
from pypdf import PdfReader

from backoffice.adapters.dmp import Kind
from backoffice.campaigns.rules import Channel
from backoffice.correspondence.gathering import gather
from backoffice.correspondence.receiving import receive
from backoffice.embedded.mailbox import Mailbox
from backoffice.embedded.mailcatcher import Catcher, SmtpDoor
from backoffice.office import Office
from dmp_core.identity.nir import grouped, mask

from .test_answers import NIR, events, happen, load


@pytest.fixture
def post(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    folder = tmp_path / "courriels"
    door = SmtpDoor(Catcher(Mailbox(folder)))
    door.start()
    yield folder, door.port
    door.stop()


@pytest.fixture
def office(world: World, post: tuple[Path, int]) -> Office:
    return world.with_settings(smtp_url=f"smtp://127.0.0.1:{post[1]}")


def messages(folder: Path) -> list[EmailMessage]:
    parser = BytesParser(policy=policy.default)
    return [parser.parsebytes(path.read_bytes()) for path in sorted(folder.rglob("*.eml"))]


def send(world: World, office: Office) -> None:
    gather(office, SYSTEM)
    (reference,) = world.sql("SELECT reference FROM campaign ORDER BY id DESC LIMIT 1")[0]
    for lot in world.lots(reference, Channel.MAIL):
        world.make(lot, office)


def test_the_receipt_by_e_mail_never_shows_the_whole_nir(
    world: World, office: Office, post: tuple[Path, int], tmp_path: Path
) -> None:
    happen(world, Kind.DOSSIER_OPENED, load(world, nir=NIR, canal="mail", email="eloise@exemple.fr"))
    receive(office)
    send(world, office)
    (message,) = messages(post[0])
    assert message["To"] == "eloise@exemple.fr"
    assert message["Subject"] == "Votre Dossier Médical Partagé a été créé"
    (joined,) = message.iter_attachments()
    (tmp_path / "joint.pdf").write_bytes(joined.get_payload(decode=True))  # type: ignore[arg-type]
    page = PdfReader(tmp_path / "joint.pdf").pages[0].extract_text()
    bodies = [message.get_body((kind,)).get_content() for kind in ("plain", "html")]  # type: ignore[union-attr]
    for content in (page, *bodies):
        shown = content.replace("\u00a0", " ").replace("&nbsp;", " ")
        assert mask(NIR) in shown
        assert grouped(NIR) not in shown
        assert NIR not in shown


def test_a_refused_e_mail_becomes_a_letter(world: World, office: Office, post: tuple[Path, int]) -> None:
    person = load(world, canal="mail", email="x@introuvable.example.org")
    happen(world, Kind.CODE_REQUESTED, person, '{"purpose": "creation"}')
    receive(office)
    send(world, office)
    assert messages(post[0]) == []
    assert world.codes() == {}
    world.clock.move(days=1)
    assert gather(office, SYSTEM, post_now=True).letters == 1
    ((_, _, state, channel, reason),) = events(world)
    assert (state, channel) == ("courrier", "courrier")
    assert reason.startswith("Courriel non remis")
    (reference,) = world.sql("SELECT reference FROM campaign ORDER BY id DESC LIMIT 1")[0]
    world.make_all(reference)
    assert set(world.codes().values()) == {person}
    assert world.verify().faults == []


def test_what_is_asked_for_by_e_mail_joins_the_days_campaign(world: World, office: Office) -> None:
    for name in ("a", "b"):
        happen(world, Kind.DOSSIER_OPENED, load(world, canal="mail", email=f"{name}@exemple.fr"))
        receive(office)
        send(world, office)
    assert world.sql("SELECT count(*) FROM campaign") == [(1,)]
    assert world.sql("SELECT eligible, (SELECT count(*) FROM letter WHERE state = 'envoyee') FROM campaign") == [(2, 2)]
    assert world.verify().faults == []
