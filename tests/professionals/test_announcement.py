"""Documents held back until they are announced: by their author, to the holder, for a month at most, on a clock that stands."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from notices.conftest import calm, sender
from notices.test_notices import Hand
from sqlalchemy import text
from werkzeug.test import TestResponse

from dmp_core.access import circle
from dmp_core.access.announcement import held_until
from dmp_core.access.gate import HolderGate
from dmp_core.access.rules import Basis
from dmp_core.access.trace import Action, first_fault
from dmp_core.errors import NotFound
from dmp_core.fhir import systems
from dmp_core.notices.sending import NoticeSender, Outlet
from dmp_core.professionals.authority import TestAuthority
from dmp_core.record.metadata import Wanted
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder

from .practice import Practice, a_practice, app, base, patient, practice, refused, replacing
from .world import Record, RecordWorld

__all__ = ["app", "calm", "patient", "practice", "sender"]

N = {"coding": [{"system": systems.CONFIDENTIALITY, "code": "N"}]}
HELD = {"coding": [{"system": systems.VISIBILITY, "code": systems.HELD}]}
HOLD = {"securityLabel": [N, HELD]}
SHOW = [{"op": "replace", "path": "/securityLabel", "value": [N]}]


def holder_of(world: RecordWorld) -> HolderGate:
    return HolderGate(world.store, Folder(world.folder), DossierKeys(world.record), world.clock)


def patched(practice: Practice, record: Record, document: str, operations: Any, **headers: str) -> TestResponse:
    return practice.ask(
        "PATCH", f"{base(record)}/DocumentReference/{document}", json=operations,
        headers={"Content-Type": "application/json-patch+json", **headers},
    )  # fmt: skip


def seen(world: RecordWorld, record: Record) -> list[str]:
    return [str(each.id) for each in holder_of(world).browse(record.dossier, Wanted(), 20).documents]


def labels(answer: TestResponse) -> set[str]:
    return {each["coding"][0]["code"] for each in answer.get_json()["securityLabel"]}


def test_held_back_it_is_not_there_for_the_holder_and_shows_by_itself_after_a_month(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    made = practice.deposit(record, b"Anatomopathologie", **HOLD)
    assert (made.status_code, labels(made)) == (201, {"N", systems.HELD})
    one, gate = UUID(made.get_json()["id"]), holder_of(world)
    with pytest.raises(NotFound):
        gate.read(record.dossier, one)
    assert gate.overview(record.dossier).current == 0
    world.clock.forward(days=29, hours=23)
    assert seen(world, record) == []
    world.clock.forward(hours=1)  # 2 November and 2 December, at the same hour of winter
    assert seen(world, record) == [str(one)]
    practice.consent(record)
    assert labels(practice.ask("GET", f"{base(record)}/DocumentReference/{one}")) == {"N"}
    refused(
        patched(practice, record, str(one), [{"op": "add", "path": "/securityLabel/-", "value": HELD}]),
        409,
        "voit déjà",
    )


@pytest.mark.parametrize(
    ("deposited", "shown"),
    [
        ("2017-01-31T10:00:00+01:00", "2017-02-28T10:00:00+01:00"),
        ("2017-03-10T10:00:00+01:00", "2017-04-10T10:00:00+02:00"),
        ("2016-10-15T23:30:00+02:00", "2016-11-15T23:30:00+01:00"),
    ],
)
def test_a_month_is_one_of_the_calendar(deposited: str, shown: str) -> None:
    assert held_until(datetime.fromisoformat(deposited)) == datetime.fromisoformat(shown)


def test_its_author_announces_it_and_never_takes_it_back(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    one = practice.deposit(record, b"Anatomopathologie", **HOLD).get_json()["id"]
    read = {"If-Match": 'W/"00000000-0000-4000-8000-000000000000"'}
    refused(patched(practice, record, one, SHOW, **read), 412, "a changé")
    announced = patched(practice, record, one, SHOW)
    assert (announced.status_code, labels(announced)) == (200, {"N"})
    assert seen(world, record) == [one]
    assert patched(practice, record, one, SHOW).status_code == 200
    refused(
        patched(practice, record, one, [{"op": "add", "path": "/securityLabel/-", "value": HELD}]), 409, "voit déjà"
    )
    refused(practice.deposit(record, b"Corrige", **HOLD, **replacing(one)), 409, "voit déjà")
    actions = [line.action for line in record.chain() if line.granted]
    assert actions.count(Action.ANNOUNCE) == 1
    assert first_fault(record.dossier, record.chain()) is None


def test_a_correction_stays_held_back_as_long_as_what_it_replaces(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    first = practice.deposit(record, b"Un", **HOLD).get_json()["id"]
    world.clock.forward(days=20)
    second = practice.deposit(record, b"Deux", **replacing(first))
    assert labels(second) == {"N", systems.HELD}
    refused(patched(practice, record, first, SHOW), 409, "plus récente")
    world.clock.forward(days=10)
    assert seen(world, record) == [second.get_json()["id"]]


def test_the_attending_physician_announces_it_too_and_nobody_else(
    app: Flask, world: RecordWorld, authority: TestAuthority, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    one = practice.deposit(record, b"Anatomopathologie", **HOLD).get_json()["id"]
    colleague, attending = (a_practice(app, world, authority) for _ in range(2))
    refused(patched(colleague, record, one, SHOW), 404, "pas dans ce DMP")
    colleague.consent(record)
    assert labels(colleague.ask("GET", f"{base(record)}/DocumentReference/{one}")) == {"N", systems.HELD}
    refused(patched(colleague, record, one, SHOW), 409, "pas l’auteur")
    with world.professionals.transaction(colleague.who.id, world.clock(), record.dossier, feeding=True) as connection:
        entry = connection.scalar(text("SELECT entry_uuid FROM medical.document"))
        asked = {"one": UUID(one), "seen": entry}
        assert not connection.scalar(text("SELECT medical.announce(:one, :seen, gen_random_uuid())"), asked)
    record.relate(attending.who, Basis.ATTENDING)
    archive = [{"op": "replace", "path": "/extension/0/valueBoolean", "value": True}]
    refused(patched(attending, record, one, archive), 409, "l’archivent")
    assert labels(patched(attending, record, one, SHOW)) == {"N"}
    assert seen(world, record) == [one]


def test_its_author_archives_and_only_the_holder_masks(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    name = f"urn:uuid:{UUID(int=record.dossier.int ^ 1)}"
    one = practice.deposit(
        record, b"Note", masterIdentifier={"system": systems.URI, "value": name}
    ).get_json()["id"]  # fmt: skip
    by_url = f"/extension[url:'{systems.IS_ARCHIVED}']/valueBoolean"
    for value in (True, False):
        answer = practice.ask(
            "PATCH", f"{base(record)}/DocumentReference?identifier={systems.URI}|{name}",
            json=[{"op": "replace", "path": by_url, "value": value}], headers={"Content-Type": "application/json-patch+json"},
        )  # fmt: skip
        assert (answer.status_code, answer.get_json()["extension"][0]["valueBoolean"]) == (200, value)
    masked = {"coding": [{"system": systems.VISIBILITY, "code": systems.MASKED}]}
    refused(patched(practice, record, one, [{"op": "add", "path": "/securityLabel/-", "value": masked}]), 405, "seul")
    refused(practice.deposit(record, b"Autre", securityLabel=[N, masked]), 422, "seul masque")
    refused(patched(practice, record, one, [{"op": "replace", "path": "/type", "value": {}}]), 405, "securityLabel")
    refused(practice.deposit(record, b"Autre", securityLabel=[HELD]), 422, "« N »")
    record.as_owner(circle.block, practice.member, world.clock())
    refused(patched(practice, record, one, SHOW), 404, "DMP")
    actions = [line.action for line in record.chain() if line.granted]
    assert (actions.count(Action.ARCHIVE), actions.count(Action.RESTORE)) == (1, 1)


Make = Callable[[Outlet], NoticeSender]


def test_after_two_weeks_the_holder_is_told_once_to_see_a_professional(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record], sender: Make
) -> None:
    _, record = patient
    hand, gate = Hand(), holder_of(world)
    made = sender(hand)
    made.round()
    hand.sent.clear()
    first = practice.deposit(record, b"Un", **HOLD).get_json()["id"]
    soon = practice.deposit(record, b"Deux", **HOLD).get_json()["id"]
    assert patched(practice, record, soon, SHOW).status_code == 200
    world.clock.forward(days=13, hours=23)
    assert (made.round().sent, gate.overview(record.dossier).awaited) == (0, False)
    practice.deposit(record, b"Un, corrige", **replacing(first))
    world.clock.forward(hours=1)
    assert (made.round().sent, gate.overview(record.dossier).awaited) == (2, True)
    assert {message.subject for _, message in hand.sent} == {"Un document vous attend dans votre DMP"}
    for word in ("analyse", "laboratoire", "résultat", "examen", practice.who.surname):
        assert word not in hand.sent[0][1].text
    world.clock.forward(days=7)
    assert made.round().sent == 0
    world.clock.forward(days=14)
    assert not gate.overview(record.dossier).awaited


def test_a_notice_waits_for_a_closed_dossier_and_dies_with_a_withdrawal(
    world: RecordWorld, practice: Practice, patient: tuple[Any, Record], sender: Make
) -> None:
    _, record = patient
    one = practice.deposit(record, b"Un", **HOLD).get_json()["id"]
    record.state("suspended")
    world.clock.forward(days=15)
    hand = Hand()
    made = sender(hand)
    of_record = "FROM medical.notice WHERE dossier_id = :d AND kind = 'announcement'"
    assert made.round().sent == 0
    assert {row.state for row in world.rows(f"SELECT state {of_record}", d=record.dossier)} == {"waiting"}
    world.rows("UPDATE enrolment.dossier SET state = 'open' WHERE id = :d RETURNING id", d=record.dossier)
    assert practice.ask("DELETE", f"{base(record)}/DocumentReference/{one}").status_code == 204
    world.clock.forward(days=2)
    assert made.round().sent == 0
    assert {row.state for row in world.rows(f"SELECT state {of_record}", d=record.dossier)} == {"declined"}


def test_the_secret_towards_representatives_is_its_author_s_to_put_and_to_lift(
    practice: Practice, patient: tuple[Any, Record]
) -> None:
    _, record = patient
    secret = {"coding": [{"system": systems.VISIBILITY, "code": systems.SECRET}]}
    made = practice.deposit(record, b"Consultation", securityLabel=[N, secret])
    assert labels(made) == {"N", systems.SECRET}
    one = made.get_json()["id"]
    lifted = patched(practice, record, one, [{"op": "remove", "path": "/securityLabel/1"}])
    assert labels(lifted) == {"N"}
    again = patched(practice, record, one, [{"op": "add", "path": "/securityLabel/-", "value": secret}])
    assert labels(again) == {"N", systems.SECRET}
    assert {line.who.mode.value for line in record.chain() if line.document} == {"secret"}
