"""Pages are destroyed and links erased in time, once, wherever a crash comes; what is proved and counted stays."""

import contextlib
import csv
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from backoffice.audit.journal import check_chain
from backoffice.campaigns import cancelling, retention, sealing
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.handing import LotFile, hand_over
from backoffice.campaigns.lists import access_list, keep_list
from backoffice.campaigns.models import Lot
from backoffice.campaigns.printing import Report, acknowledge, hand_to_printer, note_report
from backoffice.campaigns.reprint import reprint
from backoffice.campaigns.retention import Retained, overwrite, run_retention
from backoffice.campaigns.rules import Channel
from backoffice.campaigns.status import letters_of
from backoffice.campaigns.work import make_lot
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.correspondence.gathering import gather
from backoffice.letters.reference import format_letter_id
from backoffice.letters.requests import request_letter
from campaigns.printers import a_printer
from campaigns.world import SYSTEM, Post, World, a_person, new_nir


@pytest.fixture
def acknowledged(world: World) -> str:
    """Four letters in a lot that its printer has; one of their readers opens a DMP."""
    world.load([a_person() for _ in range(4)])
    reference = world.sealed()
    a_printer(world)
    (lot,) = world.lots(reference)
    with world.session() as session:
        hand_to_printer(
            session, world.office, SYSTEM, world.campaign(reference), session.get_one(Lot, lot.id), "imprimeur-63"
        )
    with world.session() as session:
        acknowledge(session, world.office, SYSTEM, session.get_one(Lot, lot.id))
    return reference


def due(world: World, dry_run: bool = False) -> Retained:
    return run_retention(world.office, SYSTEM, dry_run=dry_run)


def pdf(world: World, reference: str) -> Path:
    return world.folder_of(reference) / f"{world.lots(reference)[0].name}.pdf"


def opens_a_dmp(world: World, person: int) -> None:
    world.sql(
        "UPDATE enrolment.creation_code SET state = 'used', state_changed_at = now() WHERE person_id = :p",
        "dmp",
        p=person,
    )
    world.sql(
        "INSERT INTO enrolment.dossier (id, request_id, caisse, person_id, civilite, nom_naissance, nom_usage, prenom, "
        "date_naissance, way, opened_at) VALUES (gen_random_uuid(), gen_random_uuid(), '631', :p, 'MME', 'X', '', 'Y', "
        "'1950-01-01', 'online', now())",
        "dmp",
        p=person,
    )


def test_pages_are_destroyed_in_time_and_proofs_stay(world: World, acknowledged: str) -> None:
    world.clock.move(days=89)
    assert due(world) == Retained()
    world.clock.move(days=2)
    assert due(world, dry_run=True).lots_destroyed == 1
    assert pdf(world, acknowledged).exists()
    assert due(world).lots_destroyed == 1
    folder = world.folder_of(acknowledged)
    assert sorted(path.suffix for path in folder.iterdir()) == [".csv", ".json"]
    assert list((world.settings.files / "imprimeurs").rglob("*.p7m")) == []
    assert due(world).lots_destroyed == 0
    assert world.verify().faults == []
    (line,) = world.sql("SELECT detail FROM audit_entry WHERE action = 'lot.detruire'")
    assert line[0]["sha256"] == (world.lots(acknowledged)[0].pdf_sha256 or b"").hex()


def test_nothing_is_taken_from_a_lot_that_is_not_at_its_printer_s_or_in_dispute(
    world: World, acknowledged: str
) -> None:
    (lot,) = world.lots(acknowledged)
    with world.session() as session:
        note_report(session, world.office, SYSTEM, session.get_one(Lot, lot.id), Report(letters=3))  # one is missing
    world.load([a_person()])
    other = world.sealed(letter_date=world.clock().date() + timedelta(days=60))
    world.clock.move(days=100)
    assert due(world) == Retained()
    assert pdf(world, acknowledged).exists()
    assert pdf(world, other).exists()


def test_what_is_destroyed_is_refused_in_a_sentence(world: World, acknowledged: str) -> None:
    world.clock.move(days=91)
    due(world)
    (lot,) = world.lots(acknowledged)
    letter = world.letters(acknowledged)[0]
    with world.session() as session, pytest.raises(WrongState, match="détruites"):
        reprint(session, world.office, SYSTEM, format_letter_id("631", letter.number), "tachée")
    with world.session() as session, pytest.raises(WrongState, match="détruites"):
        hand_to_printer(
            session,
            world.office,
            SYSTEM,
            world.campaign(acknowledged),
            session.get_one(Lot, lot.id),
            "imprimeur-63",
            "x",
        )
    campaign = world.campaign(acknowledged)
    with world.session() as session, pytest.raises(WrongState, match="détruites"):
        hand_over(session, world.office, SYSTEM, campaign, lot, LotFile.PAGES)
    with world.session() as session:
        assert hand_over(session, world.office, SYSTEM, campaign, lot, LotFile.MANIFEST).exists()


def test_who_did_not_open_a_dmp_is_forgotten_and_counts_stay(world: World, acknowledged: str) -> None:
    before = world.status(acknowledged)
    letters = world.letters(acknowledged)
    holder = letters[0].person_id
    opens_a_dmp(world, holder)
    world.clock.now = world.clock.now.replace(year=2017, month=7, day=13)  # the last day of six months after 14 January
    assert due(world).lots_erased == 0
    world.clock.move(days=2)
    assert due(world, dry_run=True).letters_erased == 4
    found = due(world)
    assert (found.lots_erased, found.letters_erased, found.codes_erased) == (1, 3, 3)
    assert [letter.person_id for letter in world.letters(acknowledged)] == [
        holder,
        *(-one.number for one in letters[1:]),
    ]
    after = world.status(acknowledged)
    assert (after.letters, after.eligible, after.pages) == (before.letters, before.eligible, before.pages)
    assert world.sql("SELECT count(*) FROM enrolment.creation_code", "dmp") == [(1,)]
    (lot,) = world.lots(acknowledged)
    with (world.folder_of(acknowledged) / f"{lot.name}.csv").open(encoding="utf-8", newline="") as source:
        rows = list(csv.DictReader(source, delimiter=";"))
    assert [row["personne"] for row in rows] == [str(holder), "", "", ""]
    assert world.verify().faults == []
    with world.session() as session:
        assert len(letters_of(session, lot, 10)) == 4
        assert check_chain(session).fault is None
    assert due(world) == Retained()


def in_time(world: World) -> None:
    """Six months after the codes of letters dated 14 November, and a little more."""
    world.clock.now = world.clock.now.replace(year=2017, month=9, day=1)


def test_what_says_more_of_a_letter_forgets_its_person_too(world: World, post: Post) -> None:
    world.load([a_person(canal="mail", email="x@introuvable.example.org"), a_person()])
    office = world.with_settings(**post.settings())
    reference = world.launched()
    for channel in Channel:
        for lot in world.lots(reference, channel):
            make_lot(office, lot.id)
    first, second = (person for (person,) in world.sql("SELECT id FROM person ORDER BY id"))
    with world.session() as session:
        request_letter(session, "code_request", "631", second, by="x", at=world.clock.now)
    gather(office, SYSTEM, post_now=True)
    for (lot_id,) in world.sql("SELECT id FROM lot WHERE state = 'prevu'"):
        make_lot(office, lot_id)
    assert world.sql("SELECT person_id FROM mail_incident") == [(first,)]
    assert world.sql("SELECT person_id FROM letter_request") == [(second,)]
    in_time(world)
    assert due(world).letters_erased == 3
    for table in ("mail_incident", "letter_request"):
        assert world.sql(f"SELECT person_id + letter_number FROM {table}") == [(0,)]
    assert world.sql("SELECT count(*) FROM letter WHERE person_id > 0") == [(0,)]
    assert world.verify().faults == []
    assert due(world) == Retained()


def test_a_cancelled_campaign_forgets_whom_it_would_have_written_to(world: World) -> None:
    world.load([a_person() for _ in range(3)])
    reference = world.launched()
    world.do(cancelling.cancel, reference, "annulée pour l’essai")
    assert due(world) == Retained()
    in_time(world)
    assert due(world).letters_erased == 3
    assert world.sql("SELECT count(*) FROM letter WHERE person_id > 0") == [(0,)]
    assert world.verify().faults == []


def test_a_list_of_persons_goes_with_the_campaigns_that_used_it(world: World) -> None:
    nirs = [new_nir() for _ in range(3)]
    world.load([a_person(nir=nir) for nir in nirs])
    with world.session() as session:
        used = keep_list(session, world.office, SYSTEM, "\n".join(nirs)).list_id
        unused = keep_list(session, world.office, SYSTEM, nirs[0]).list_id
    reference = world.create(criteria=Criteria(list_id=used))
    in_time(world)
    assert due(world, dry_run=True).lists_erased == 1  # the draft still needs the other
    assert due(world).lists_erased == 1
    with world.session() as session:
        assert access_list(session, SYSTEM, used).found == 3
        with pytest.raises(NotFound, match="effacée"):
            access_list(session, SYSTEM, unused)
    world.do(cancelling.cancel, reference, "plus besoin")
    assert due(world).lists_erased == 1
    assert world.sql("SELECT count(*) FROM person_list_member") == [(0,)]
    assert world.sql("SELECT found FROM person_list ORDER BY id") == [(3,), (1,)]
    with pytest.raises(Invalid, match=r"effacée.*Donnez-la à nouveau"):
        world.create(criteria=Criteria(list_id=used), letter_date=date(2017, 9, 4))
    assert due(world) == Retained()


def test_a_later_posting_keeps_the_link_longer(world: World, acknowledged: str) -> None:
    (lot,) = world.lots(acknowledged)
    world.clock.move(days=40)
    with world.session() as session:
        note_report(session, world.office, SYSTEM, session.get_one(Lot, lot.id), Report(posted_on=date(2016, 12, 10)))
    world.clock.now = world.clock.now.replace(year=2017, month=8, day=9)
    assert due(world).lots_erased == 0
    world.clock.move(days=2)
    assert due(world).lots_erased == 1


@pytest.mark.parametrize("step", range(8))
def test_killed_at_any_step_the_next_round_ends_it(
    world: World, acknowledged: str, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    class Killed(BaseException):
        pass

    steps = 0

    def counting(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal steps
            if steps == step:
                raise Killed
            steps += 1
            return real(*arguments, **options)

        return call

    world.clock.now = world.clock.now.replace(year=2017, month=9)
    with monkeypatch.context() as patched:
        patched.setattr(retention, "overwrite", counting(retention.overwrite))
        patched.setattr(retention, "take_back", counting(retention.take_back))
        patched.setattr(retention, "record", counting(retention.record))
        patched.setattr(retention, "_without_dmp", counting(retention._without_dmp))
        patched.setattr(retention, "_rewrite", counting(retention._rewrite))
        patched.setattr(sealing, "sync_folder", counting(sealing.sync_folder))
        with contextlib.suppress(Killed):
            due(world)
    due(world)
    assert world.verify().faults == []
    assert {letter.person_id < 0 for letter in world.letters(acknowledged)} == {True}
    assert not pdf(world, acknowledged).exists()
    with world.session() as session:
        assert session.scalar(text("SELECT count(*) FROM lot_retention WHERE erased_at IS NOT NULL")) == 1


def test_a_file_is_written_over_before_it_goes(tmp_path: Path) -> None:
    path, twin = tmp_path / "lot.pdf", tmp_path / "lien.pdf"
    path.write_bytes(b"code" * 1000)
    path.chmod(0o440)
    twin.hardlink_to(path)
    overwrite(path)
    assert not path.exists()
    assert b"code" not in twin.read_bytes()
    overwrite(path)


def test_a_page_that_came_back_is_a_fault(world: World, acknowledged: str) -> None:
    kept = pdf(world, acknowledged).read_bytes()
    world.clock.move(days=91)
    due(world)
    pdf(world, acknowledged).write_bytes(kept)
    assert any("encore sur le disque" in fault for fault in world.verify().faults)
