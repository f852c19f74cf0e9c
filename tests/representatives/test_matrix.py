"""What a legal representative sees: actor × document × state, cell by cell, against the table that follows.

x is there, . is not. What is not there is one refusal to the letter; lists, search, counts and the zip say the same as the
addresses; the gate without the wall, and PostgreSQL without the gate, each say it too.
"""

import io
import zipfile
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from portal_account.world import Someone
from professionals.world import Record, RecordWorld, a_professional
from sqlalchemy import text

from dmp_core.access import trace
from dmp_core.access.gate import HolderGate
from dmp_core.access.holder_circle import HolderCircle
from dmp_core.access.trace import Action, ActorKind, Filter, Mode, Who, first_fault
from dmp_core.errors import NotFound
from dmp_core.holder.representatives import end_of_access
from dmp_core.record.metadata import Status

from .world import (
    AGENT,
    MINOR,
    Acting,
    a_guardian,
    declare,
    gate_of,
    gate_of_holder,
    listed,
    named,
    refused,
    without_the_wall,
)

TABLE = """
               plain masked unannounced archived replaced repaid secret shelved will directives deleted management other absent
parent           x     x         .         x        x       x      .       .     .       .         .        .        .     .
guardian         x     x         .         x        x       x      .       .     .       .         .        .        .     .
second_parent    x     x         .         x        x       x      .       .     .       .         .        .        .     .
of_two           x     x         .         x        x       x      .       .     .       .         .        .        .     .
last_day         x     x         x         x        x       x      .       .     .       .         .        .        .     .
declared_again   x     x         .         x        x       x      .       .     .       .         .        .        .     .
of_age           .     .         .         .        .       .      .       .     .       .         .        .        .     .
judgment_over    .     .         .         .        .       .      .       .     .       .         .        .        .     .
ended            .     .         .         .        .       .      .       .     .       .         .        .        .     .
ended_by_holder  .     .         .         .        .       .      .       .     .       .         .        .        .     .
of_another       .     .         .         .        .       .      .       .     .       .         .        .        .     .
nobody           .     .         .         .        .       .      .       .     .       .         .        .        .     .
"""
ADULTS = ("guardian", "judgment_over", "ended_by_holder")


def cells() -> dict[str, dict[str, bool]]:
    head, *lines = [line.split() for line in TABLE.strip().splitlines()]
    return {name: dict(zip(head, (mark == "x" for mark in marks), strict=True)) for name, *marks in lines}


def filled(world: RecordWorld, someone: Someone) -> dict[str, UUID]:
    record = Record(world, someone.dossier)
    later = world.clock() + timedelta(days=30)
    record.put("plain")
    record.put("masked", masked=True)
    record.put("unannounced", hidden_until=later)
    record.put("archived", status=Status.ARCHIVED)
    record.put("replaced", status=Status.DEPRECATED)
    record.put("repaid", "REMB")
    record.put("secret", hidden_from_representatives=True)
    record.put("shelved", status=Status.ARCHIVED, hidden_from_representatives=True)
    record.put("will", "EXPPAT_1")
    moment = world.clock.now
    world.clock.now = moment.replace(year=2018, month=6)  # a type of its own from 2018 only
    record.put("directives", "EXPPAT_3")
    world.clock.now = moment
    record.put("deleted", status=Status.DELETED)
    record.put("management", "INSCR_RCP")
    other = Record(world, world.someone().dossier)
    other.put("other")
    ids = {name: document.id for name, document in record.documents.items()}
    return {**ids, "other": other.documents["other"].id, "absent": uuid4()}


def stand(world: RecordWorld, name: str, someone: Someone) -> Acting:
    """A representative in the standing of this line."""
    clock, person = world.clock, someone.person
    if name == "of_another":
        return declare(world, world.someone(birth_date=MINOR))
    if name == "nobody":
        return Acting(uuid4(), uuid4(), someone.dossier, "", "", "")
    who = declare(world, someone)
    match name:
        case "second_parent":
            return declare(world, someone)
        case "of_two":
            declare_again = replace(a_guardian(), login=who.login)
            world.enrolment.representatives.declare(uuid4(), world.someone().person, declare_again, AGENT)
        case "last_day":
            clock.now = clock.now.replace(year=2018, month=3, day=14, hour=22)
        case "of_age":
            clock.now = clock.now.replace(year=2018, month=3, day=14, hour=23)  # midnight in Paris
        case "judgment_over":
            clock.now = clock.now.replace(year=2020, month=6, day=1)
        case "ended" | "declared_again":
            world.enrolment.representatives.end(person.caisse, person.person_id, who.mandate, "jugement levé")
            if name == "declared_again":
                again = replace(a_guardian(), until=None, login=who.login)
                world.enrolment.representatives.declare(uuid4(), person, again, AGENT)
        case "ended_by_holder":
            with world.store.transaction(someone.dossier) as connection:
                end_of_access(connection, clock(), clock().date(), who.mandate)
    return who


@pytest.mark.parametrize("state", ["open", "suspended", "closed"])
@pytest.mark.parametrize("name", cells())
def test_every_cell(world: RecordWorld, name: str, state: str) -> None:
    someone = world.someone(**{} if name in ADULTS else {"birth_date": MINOR})
    ids, dossier = filled(world, someone), someone.dossier
    who = stand(world, name, someone)
    record = Record(world, dossier)
    record.state(state)
    inside = state == "open" and cells()[name]["plain"]
    wanted = {ids[one] for one, there in cells()[name].items() if there and state == "open"}
    gate = gate_of(world, who)
    before = len(record.chain())
    refusals = {refused(lambda each=each: gate.read(dossier, each)) for each in ids.values() if each not in wanted}
    assert len(refusals) == 1
    assert {each for each in ids.values() if refused(lambda each=each: gate.read(dossier, each)) is None} == wanted
    assert {each for each in ids.values() if refused(lambda each=each: gate.look(dossier, each)) is None} == wanted
    if not inside:
        for ask in (gate.overview, gate.lines, lambda d: listed(gate, d)):
            with pytest.raises(Exception):  # noqa: B017, PT011 - nothing is there, in whatever words
                ask(dossier) if ask is not gate.lines else gate.lines(dossier, _ALL, 20)
    else:
        lines = record.chain()[before:]
        assert {line.who.kind for line in lines} == {ActorKind.REPRESENTATIVE}
        assert {line.who.id for line in lines} == {str(who.id)}
        assert {line.document for line in lines if line.granted} == wanted
        assert first_fault(dossier, record.chain()) is None
        agree(gate, dossier, ids, wanted)
        with without_the_wall(world, who) as alone:
            agree(alone, dossier, ids, wanted)
    rows = rows_seen(world, who, dossier)
    hidden = {ids[one] for one in ("secret", "shelved", "will", "directives", "other", "absent")}
    assert rows == (set(ids.values()) - hidden if inside else set())


def agree(gate: HolderGate, dossier: UUID, ids: dict[str, UUID], wanted: set[UUID]) -> None:
    """Lists, search, counts, the zip and the history tell of nothing but what is there."""
    current = wanted - {ids["replaced"]}
    assert listed(gate, dossier) == listed(gate, dossier, "titre") == current
    counts = gate.overview(dossier)
    assert counts.current + counts.archived == len(current)
    assert sum(counts.counts.values()) == counts.current
    assert {one for one in ids.values() if refused(lambda one=one: gate.look(dossier, one)) is None} == wanted
    with gate.export(dossier, lambda named: " ".join(str(d.id) for d, _ in named), _no_pages) as out:
        told = zipfile.ZipFile(io.BytesIO(out.read()))
    assert set(map(UUID, told.read("index.html").decode().split())) == current
    assert len(told.namelist()) == len(current) + 1
    named = {line.document for line in gate.lines(dossier, _ALL, 500).lines} - {None}
    assert named <= wanted | {ids["unannounced"], ids["deleted"], ids["management"]}


@pytest.mark.parametrize("gesture", ["add", "replace", "archive", "delete", "hide_from_representatives", "whole_trace"])
def test_what_the_holder_does_alone(world: RecordWorld, gesture: str) -> None:
    someone = world.someone(birth_date=MINOR)
    record, who = Record(world, someone.dossier), declare(world, someone)
    document = record.put("plain").id
    asked: dict[str, Any] = {
        "add": lambda g: g.add(someone.dossier, "EXPPAT_2", "Note", [b"texte"], "Nicolas"),
        "replace": lambda g: g.replace(someone.dossier, document, "Note", [b"texte"], "Nicolas"),
        "archive": lambda g: g.archive(someone.dossier, document, archived=True),
        "delete": lambda g: g.delete(someone.dossier, document),
        "hide_from_representatives": lambda g: g.hide_from_representatives(someone.dossier, document, hidden=True),
        "whole_trace": lambda g: g.whole_trace(someone.dossier),
    }
    with without_the_wall(world, who) as alone:
        for gate in (gate_of(world, who), alone):
            assert "représentant légal ne le peut pas" in (refused(lambda g=gate: asked[gesture](g)) or "")
    gate_of(world, who).mask(someone.dossier, document, masked=True)  # in the person's interest
    assert record.chain()[-1].who.id == str(who.id)


def test_the_wall_alone_lets_a_representative_change_nothing_of_the_person_s(world: RecordWorld) -> None:
    someone = world.someone(birth_date=MINOR)
    who, d = declare(world, someone), someone.dossier
    Record(world, d).put("secret", hidden_from_representatives=True)
    store = world.store.acting(who.id, world.clock)
    for table in ("password", "contact", "account", "identifier", "consent", "session", "device"):
        with store.transaction(d) as connection:
            assert connection.scalar(text(f"SELECT count(*) FROM enrolment.{table}")) == 0, table
    for table in ("trusted_person", "notice_refusal"):
        with store.transaction(d) as connection:
            assert connection.scalar(text(f"SELECT count(*) FROM medical.{table}")) == 0, table
    for statement in (
        "UPDATE enrolment.dossier SET state = 'closed'",
        "UPDATE medical.document SET hidden_from_representatives = false",
        "UPDATE enrolment.mandate SET ended_at = now(), ended_by = 'holder'",
        "UPDATE enrolment.password SET ended_at = now()",
    ):
        with store.transaction(d) as connection:
            assert connection.execute(text(statement)).rowcount == 0, statement
    for statement in (
        "INSERT INTO medical.emergency_refusal (id, dossier_id, since) VALUES (gen_random_uuid(), :d, now())",
        "INSERT INTO medical.relation (id, dossier_id, professional_id, name, profession, basis, sees_all, given_by, since) "
        "VALUES (gen_random_uuid(), :d, '8000', 'X', 'G15_10', 'attending', true, 'titulaire', now())",
        "INSERT INTO medical.trusted_person (id, dossier_id, name, phone, relation, since) "
        "VALUES (gen_random_uuid(), :d, 'X', '+33142345678', '', now())",
        "INSERT INTO medical.emergency_contact (id, dossier_id, rank, name, phone, relation, since) "
        "VALUES (gen_random_uuid(), :d, 1, 'X', '+33142345678', '', now())",
        "INSERT INTO enrolment.contact (id, dossier_id, kind, value, since) "
        "VALUES (gen_random_uuid(), :d, 'mail', 'x@exemple.fr', now())",
        "INSERT INTO medical.trace VALUES (:d, 999, now(), 'holder', 'titulaire', 'Vous', '', 'normal', 'document.read', "
        "NULL, true, '', sha256(''), sha256(''))",
    ):
        with pytest.raises(Exception, match="row-level security"), store.transaction(d) as connection:
            connection.execute(text(statement), {"d": d})


def test_what_was_done_in_secret_is_not_told_that_day_nor_by_whom(
    world: RecordWorld,
) -> None:
    someone = world.someone(birth_date=MINOR)
    record, who = Record(world, someone.dossier), declare(world, someone)
    gynaecologist, family = a_professional(7_001), a_professional(7_002, name="FAMILLE")
    gate = world.gate()
    for each in (gynaecologist, family):
        gate.consent(each, record.dossier, informed=True)
    record.put("secret", by=gynaecologist, hidden_from_representatives=True)
    with world.owner.begin() as connection:
        secret = Who(ActorKind.PROFESSIONAL, str(gynaecologist.id), "ANNE", "Médecin", Mode.SECRET)
        trace.write(
            connection, record.dossier, world.clock(), secret, Action.ADD, record.documents["secret"].id
        )  # fmt: skip
    told = {line.who.id for line in record.chain()}
    assert {str(gynaecologist.id), str(family.id)} <= told
    with without_the_wall(world, who) as alone:
        for view in (gate_of(world, who), alone):
            lines = view.lines(record.dossier, _ALL, 500).lines
            assert str(family.id) in {line.who.id for line in lines}
            assert str(gynaecologist.id) not in {line.who.id for line in lines}
    own = gate_of_holder(world).lines(record.dossier, _ALL, 500).lines
    assert Mode.SECRET in {line.who.mode for line in own}
    circle = HolderCircle(world.store.acting(who.id, world.clock), world.clock, named(who))
    with without_the_wall(world, who):
        unwalled = HolderCircle(world.store, world.clock, named(who))
        for each in (circle, unwalled):
            around = {one.known.who.id for one in each.circle(record.dossier).placed}
            assert str(family.id) in around
            assert str(gynaecologist.id) not in around
            with pytest.raises(NotFound):
                each.block(record.dossier, str(gynaecologist.id))
            for alone in (
                lambda c=each: c.name_attending(record.dossier, str(family.id)),
                lambda c=each: c.let_see_all(record.dossier, str(family.id), everything=True),
                lambda c=each: c.refuse_emergencies(record.dossier, refused=True),
            ):
                assert "représentant légal ne le peut pas" in (refused(alone) or "")
    circle.block(record.dossier, str(family.id))
    circle.unblock(record.dossier, str(family.id))
    assert record.chain()[-1].who.kind is ActorKind.REPRESENTATIVE


def test_the_holder_of_age_keeps_a_document_from_representatives_and_a_minor_does_not(world: RecordWorld) -> None:
    adult, minor = world.someone(), world.someone(birth_date=MINOR)
    gate, who = gate_of_holder(world), declare(world, adult)
    document = Record(world, adult.dossier).put("plain").id
    gate.hide_from_representatives(adult.dossier, document, hidden=True)
    assert listed(gate_of(world, who), adult.dossier) == set()
    gate.hide_from_representatives(adult.dossier, document, hidden=False)
    assert listed(gate_of(world, who), adult.dossier) == {document}
    theirs = Record(world, minor.dossier).put("secret", hidden_from_representatives=True).id
    assert "mineur" in (
        refused(lambda: gate.hide_from_representatives(minor.dossier, theirs, hidden=False)) or ""
    )  # fmt: skip
    world.clock.now = world.clock.now.replace(year=2018, month=3, day=15)
    gate.hide_from_representatives(minor.dossier, theirs, hidden=False)


def rows_seen(world: RecordWorld, who: Acting, dossier: UUID) -> set[UUID]:
    """What PostgreSQL itself lets this representative see, whatever the gate would say."""
    with world.store.acting(who.id, world.clock).transaction(dossier) as connection:
        return set(connection.scalars(text("SELECT id FROM medical.document")))


def _no_pages(document: Any, data: bytes) -> None:
    return None


_ALL = Filter()
