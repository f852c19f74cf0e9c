"""Answers when something goes wrong: mail refused, another way taken meanwhile, processes killed, a hand too quick."""

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
from campaigns.world import SYSTEM, World, a_person, manager
from cli.test_commands import environ
from pypdf import PdfReader

from backoffice.adapters.dmp import Consent, Contacts, Kind, Way
from backoffice.adapters.queue import queue_of
from backoffice.campaigns import actions, cancelling
from backoffice.campaigns.preview import preview_letter
from backoffice.core.errors import DomainError
from backoffice.correspondence.gathering import gather
from backoffice.correspondence.receiving import receive
from backoffice.embedded.mailbox import Mailbox
from backoffice.embedded.mailcatcher import Catcher, SmtpDoor
from backoffice.population.insured import InsuredPersons
from backoffice.worker import look_round

from .test_answers import NIR, PARIS, happen, load, make_lots

CREATION = '{"purpose": "creation"}'


@pytest.fixture
def mailbox(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path / "mail")


@pytest.fixture
def mailing(world: World, mailbox: Mailbox) -> Iterator[World]:
    """The same world with a mail server."""
    door = SmtpDoor(Catcher(mailbox))
    door.start()
    before = world.office
    world.office = world.with_settings(smtp_url=f"smtp://127.0.0.1:{door.port}")
    yield world
    world.office = before
    door.stop()


def answered(world: World, *, now: bool = True) -> str:
    receive(world.office)
    gather(world.office, SYSTEM, post_now=now)
    return make_lots(world)


def test_the_email_of_a_receipt_never_holds_the_whole_nir(mailing: World, mailbox: Mailbox) -> None:
    person = load(mailing, nir=NIR, canal="mail", email="zoe@courriel.example.org")
    happen(mailing, Kind.DOSSIER_OPENED, person)
    answered(mailing)
    [kept], _ = mailbox.page(1, 10)
    source, message = mailbox.source(kept.name), mailbox.message(kept.name)
    [joined] = message.iter_attachments()
    page = PdfReader(io.BytesIO(joined.get_payload(decode=True))).pages[0].extract_text()
    parts = [message.get_body((kind,)).get_content() for kind in ("plain", "html")]
    for shown in (source.decode("utf-8", "replace"), page, *parts):
        digits = re.sub(r"[^0-9]", "", re.sub(r"(?<=[0-9])[\s\u00a0]+(?=[0-9])", "", shown))
        assert NIR not in digits
        assert NIR[7:13] not in digits
    assert "2 50 08 63 *** *** **" in page.replace("\u00a0", " ")


def test_who_looks_at_a_letter_on_screen_does_not_see_the_whole_nir(world: World) -> None:
    person = load(world, nir=NIR)
    happen(world, Kind.DOSSIER_OPENED, person)
    reference = answered(world)
    [(number,)] = world.sql("SELECT number FROM letter")
    with world.session() as session:
        page = preview_letter(session, world.office, manager(), world.campaign(reference), "631", number)
    shown = PdfReader(io.BytesIO(page)).pages[0].extract_text()
    assert NIR not in re.sub(r"[\s\u00a0]", "", shown)


def test_a_code_whose_email_is_refused_goes_by_post_the_next_working_day(mailing: World) -> None:
    person = load(mailing, canal="mail", email="zoe@introuvable.example.org")
    happen(mailing, Kind.CODE_REQUESTED, person, CREATION)
    answered(mailing)
    assert mailing.sql("SELECT channel, state FROM letter") == [("mail", "exception")]
    assert mailing.codes() == {}
    gather(mailing.office, SYSTEM)
    mailing.clock.now = datetime(2016, 11, 3, 16, 0, tzinfo=PARIS)
    answered(mailing, now=False)
    assert mailing.sql("SELECT channel, state FROM letter ORDER BY number") == [
        ("mail", "exception"), ("courrier", "scellee"),
    ]  # fmt: skip
    assert list(mailing.codes().values()) == [person]
    assert mailing.verify().faults == []


def test_no_lot_is_made_on_a_day_without_post(mailing: World) -> None:
    person = load(mailing, canal="mail", email="zoe@introuvable.example.org")
    mailing.clock.now = datetime(2016, 11, 10, 15, 0, tzinfo=PARIS)  # the 11th is a public holiday, then a week-end
    happen(mailing, Kind.CODE_REQUESTED, person, CREATION)
    answered(mailing)
    made = []
    for day, hour in ((10, 16), (11, 0), (11, 16), (12, 9), (13, 16), (14, 0), (14, 9), (14, 16)):
        mailing.clock.now = datetime(2016, 11, day, hour, 0, tzinfo=PARIS)
        if gather(mailing.office, SYSTEM).letters:
            made.append((day, hour))
    assert made == [(14, 0)]


def test_a_letter_already_sent_whose_code_a_refused_email_replaced_is_no_fault(mailing: World) -> None:
    person = load(mailing, canal="courrier", email="zoe@introuvable.example.org")
    mailing.sealed()
    mailing.sql("UPDATE person SET canal = 'mail' WHERE id = :id", id=person)
    mailing.clock.move(hours=1)
    happen(mailing, Kind.CODE_REQUESTED, person, CREATION)
    answered(mailing)
    assert mailing.codes() == {}
    assert mailing.verify().faults == []


def test_a_letter_already_sent_whose_reader_opened_their_dmp_at_the_counter_is_no_fault(world: World) -> None:
    load(world, nir=NIR)
    world.sealed()
    base = InsuredPersons(world.databases.url("titulaire", "caisse"), world.clock)
    found = base.by_nir(NIR)
    base.close()
    assert found is not None
    consent = Consent("2016-11-02", b"0" * 32, "Je consens", "agent", None)
    world.office.dmp.open_dossier(uuid4(), found, Contacts(mail="a@exemple.fr"), consent, Way.COUNTER)
    assert world.codes() == {}
    assert world.verify().faults == []


def test_nobody_cancels_what_persons_are_owed(world: World) -> None:
    happen(world, Kind.DOSSIER_OPENED, load(world))
    receive(world.office)
    gather(world.office, SYSTEM, post_now=True)
    [(reference,)] = world.sql("SELECT reference FROM campaign")
    with pytest.raises(DomainError):
        world.do(cancelling.cancel, reference, "trop de courriers", actor=manager())
    world.do(actions.pause, reference, "imprimante", actor=manager())
    world.do(actions.resume, reference, actor=manager())
    make_lots(world)
    assert world.sql("SELECT state FROM letter") == [("scellee",)]


def outbox_waiting(world: World) -> int:
    return int(world.sql("SELECT count(*) FROM enrolment.outbox WHERE done_at IS NULL", "dmp")[0][0])


@pytest.mark.crash
@pytest.mark.parametrize(
    "strike",
    ["SELECT count(*) > 0 FROM dmp_event", "SELECT count(*) >= 6 FROM dmp_event", "SELECT count(*) > 0 FROM letter"],
    ids=["first event", "midway", "first letters"],
)
def test_killed_anywhere_each_event_gets_one_letter(world: World, strike: str) -> None:
    world.load([a_person() for _ in range(12)])
    persons = [person for (person,) in world.sql("SELECT id FROM person ORDER BY id")]
    for rank, person in enumerate(persons):
        happen(world, *((Kind.DOSSIER_OPENED,) if rank % 2 else (Kind.CODE_REQUESTED,)), person=person, detail=CREATION)
    command = [sys.executable, "-c", "from backoffice.cli import main; main()", "correspondence", "gather", "--now"]
    process = subprocess.Popen(
        command, env={**os.environ, **environ(world)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and not world.sql(strike)[0][0]:
        pass
    process.kill()
    process.wait()
    for _ in range(2):
        receive(world.office)
        gather(world.office, SYSTEM, post_now=True)
    for (reference,) in world.sql("SELECT reference FROM campaign"):
        world.make_all(reference)
    assert outbox_waiting(world) == 0
    assert world.sql("SELECT person_id, state FROM letter ORDER BY person_id") == [(one, "scellee") for one in persons]
    assert world.sql("SELECT count(DISTINCT letter_number), count(*) FROM letter_request") == [(12, 12)]
    assert sorted(world.codes().values()) == persons[::2]
    assert world.verify().faults == []


def test_answers_that_cannot_be_made_keep_no_other_work_waiting(world: World) -> None:
    world.load([a_person()])
    reference = world.launched()
    world.office.redis.flushdb()
    happen(world, Kind.DOSSIER_OPENED, load(world, canal="mail", email="a@exemple.fr"))
    (world.settings.files / "modeles").rename(world.folder / "modeles")
    (world.settings.files / "modeles").write_text("")  # nothing can be kept where the templates are
    look_round(world.office)
    assert world.sql("SELECT state FROM letter_request") == [("attente",)]
    [lot] = world.lots(reference)
    assert f"lot-{lot.id}" in queue_of(world.office.redis).get_job_ids()
    (world.settings.files / "modeles").unlink()
    (world.folder / "modeles").rename(world.settings.files / "modeles")
    look_round(world.office)
    assert world.sql("SELECT state FROM letter_request") == [("courrier",)]
