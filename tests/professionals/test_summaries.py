"""The medical summary through the gate: who writes it, one in force, masked and blocked as the rules say, all in the trace."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from lxml import etree
from record.vsm.samples import FULL, NOTHING
from record.vsm.test_cda import SCHEMA
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from dmp_core.access import circle, trace
from dmp_core.access.professional import NotIn
from dmp_core.access.rules import Basis
from dmp_core.access.summaries import Moved, NotAttending, OfAnother, SummaryGate
from dmp_core.access.trace import Action, Mode, first_fault
from dmp_core.errors import DmpError, NotFound
from dmp_core.professionals.certificates import Professional
from dmp_core.record import documents
from dmp_core.record.contents import VSM, Content, Format
from dmp_core.record.metadata import Document, Status
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder
from dmp_core.record.vsm.summary import Absence, Problem, Summary, Wrong

from .samples import NUMBERS
from .world import Record, RecordWorld, a_professional, member, rows_seen

_numbers = NUMBERS


@pytest.fixture
def gate(world: RecordWorld) -> SummaryGate:
    return SummaryGate(
        world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock, world.regulators
    )


@pytest.fixture
def record(world: RecordWorld) -> Record:
    return world.a_record()


def a_physician(record: Record | None = None, basis: Basis | None = None, profession: str = "G15_10") -> Professional:
    who = a_professional(next(_numbers), profession)
    if record and basis:
        record.relate(who, basis)
    return who


def done(record: Record) -> list[tuple[Action, bool, UUID | None]]:
    return [(line.action, line.granted, line.document) for line in record.chain()]


def states(record: Record) -> dict[UUID, str]:
    rows = record.world.rows("SELECT id, status FROM medical.document WHERE dossier_id = :d", d=record.dossier)
    return {row.id: row.status for row in rows}


def change(**changes: Any) -> Summary:
    return msgspec.structs.replace(FULL, **changes)


def test_the_attending_physician_writes_and_everyone_let_in_reads(record: Record, gate: SummaryGate) -> None:
    attending, nurse = a_physician(record, Basis.ATTENDING), a_physician(record, Basis.CONSENT, "G15_60")
    begun = gate.begin(attending, record.dossier)
    assert (begun.seen, begun.told) == (None, None)
    made = gate.write(attending, record.dossier, FULL, None)
    assert (made.type_code, made.class_code, made.version, made.author.id) == ("SYNTH", "11", 1, str(attending.id))
    for who, writes in ((attending, True), (nurse, False)):
        found = gate.summary(who, record.dossier)
        assert (found.document.id, found.told.summary, found.writes) == (made.id, FULL, writes)
    data = gate.read(attending, record.dossier, made.id)[1]
    SCHEMA.assertValid(etree.fromstring(data))
    names = "SELECT value, system = '1.2.250.1.213.1.4.2' AS ins_c FROM enrolment.identifier WHERE dossier_id = :d"
    assert {row.ins_c: row.value.encode() in data for row in record.world.rows(names, d=record.dossier)} == {
        True: True, False: False,
    }  # fmt: skip
    assert done(record) == [
        (Action.LIST, True, None), (Action.ADD, True, made.id), (Action.READ, True, made.id),
        (Action.READ, True, made.id), (Action.READ, True, made.id),
    ]  # fmt: skip
    row = record.world.rows("SELECT format_code, unique_id FROM medical.document WHERE id = :i", i=made.id)[0]
    assert row.format_code == "urn:asip:ci-sis:vsm:2012"


def test_the_next_one_takes_the_place_of_the_last_whoever_wrote_it(record: Record, gate: SummaryGate) -> None:
    first, second = a_physician(record, Basis.ATTENDING), a_physician()
    old = gate.write(first, record.dossier, FULL, None)
    record.as_owner(circle.end_attending, record.world.clock())
    record.relate(second, Basis.ATTENDING)
    begun = gate.begin(second, record.dossier)
    assert begun.told is not None
    assert (begun.seen, begun.told.summary, begun.told.author) == (old.id, FULL, first.name)
    new = gate.write(second, record.dossier, NOTHING, begun.seen)
    assert (new.logical_id, new.version, new.author.id) == (old.logical_id, 2, str(second.id))
    assert states(record) == {old.id: "deprecated", new.id: "approved"}
    with pytest.raises(NotIn):
        gate.write(first, record.dossier, FULL, new.id)
    assert (Action.REPLACE, True, new.id) in done(record)


def test_a_second_click_makes_no_second_version(record: Record, gate: SummaryGate) -> None:
    who = a_physician(record, Basis.ATTENDING)
    first = gate.write(who, record.dossier, FULL, None)
    lines = len(done(record))
    assert gate.write(who, record.dossier, FULL, None).id == first.id
    assert (len(states(record)), len(done(record))) == (1, lines)


def test_what_was_written_meanwhile_is_not_covered_over(record: Record, gate: SummaryGate) -> None:
    who = a_physician(record, Basis.ATTENDING)
    first = gate.write(who, record.dossier, FULL, None)
    second = gate.write(who, record.dossier, NOTHING, first.id)
    for seen in (None, first.id, uuid4()):
        with pytest.raises(Moved) as told:
            gate.write(who, record.dossier, change(past=Absence.UNKNOWN), seen)
        assert told.value.current == second.id
    assert states(record) == {first.id: "deprecated", second.id: "approved"}


def test_of_many_at_once_one_is_in_force(record: Record, gate: SummaryGate) -> None:
    who = a_physician(record, Basis.ATTENDING)

    def write(number: int) -> str:
        try:
            gate.write(who, record.dossier, change(problems=(Problem(f"Pathologie {number}"),)), None)
        except Moved:
            return "moved"
        return "made"

    with ThreadPoolExecutor(6) as threads:
        assert sorted(threads.map(write, range(6))) == ["made"] + ["moved"] * 5
    assert list(states(record).values()) == ["approved"]
    assert first_fault(record.dossier, record.chain()) is None


@pytest.mark.parametrize(
    ("basis", "profession"),
    [(Basis.CONSENT, "G15_10"), (Basis.TEAM, "G15_10"), (Basis.CONSENT, "G15_60"), (Basis.ATTENDING, "G15_50")],
)
def test_nobody_else_writes_and_the_refusal_is_in_the_trace(
    record: Record, gate: SummaryGate, basis: Basis, profession: str
) -> None:
    who = a_physician(record, basis, profession)
    for ask in (lambda: gate.begin(who, record.dossier), lambda: gate.write(who, record.dossier, FULL, None)):
        with pytest.raises(NotAttending, match="Seul le médecin traitant"):
            ask()
    assert states(record) == {}
    assert done(record) == [(Action.REPLACE, False, None)] * 2


def test_neither_in_an_emergency_nor_blocked_nor_closed(record: Record, gate: SummaryGate) -> None:
    urgent, blocked, stranger = a_physician(), a_physician(record, Basis.ATTENDING), a_physician()
    gate.break_glass(urgent, record.dossier, Mode.EMERGENCY, "Malaise")
    with pytest.raises(NotAttending):
        gate.write(urgent, record.dossier, FULL, None)
    with pytest.raises(NotIn):
        gate.write(stranger, record.dossier, FULL, None)
    record.as_owner(circle.block, member(blocked), record.world.clock())
    with pytest.raises(NotFound):
        gate.write(blocked, record.dossier, FULL, None)
    record.as_owner(circle.unblock, str(blocked.id), record.world.clock())
    gate.write(blocked, record.dossier, FULL, None)
    record.state("closed")
    for ask in (
        lambda: gate.write(blocked, record.dossier, NOTHING, None),
        lambda: gate.summary(blocked, record.dossier),
    ):
        with pytest.raises(NotFound):
            ask()
    assert len(states(record)) == 1


def test_masked_it_does_not_exist_and_the_next_one_stays_masked(record: Record, gate: SummaryGate) -> None:
    attending, colleague = a_physician(record, Basis.ATTENDING), a_physician(record, Basis.CONSENT)

    def answer() -> str:
        try:
            gate.summary(colleague, record.dossier)
        except DmpError as refusal:
            return f"{type(refusal).__name__}: {refusal}"
        return "read"

    absent = answer()
    made = gate.write(attending, record.dossier, FULL, None)
    assert (absent.partition(":")[0], answer()) == ("NotFound", "read")
    with record.world.owner.begin() as connection:
        documents.mask(connection, made, record.world.clock(), masked=True)
    assert answer() == absent
    new = gate.write(attending, record.dossier, NOTHING, made.id)
    assert (new.masked, answer(), rows_seen(record.world, colleague, record.dossier)) == (True, absent, set())
    assert gate.summary(attending, record.dossier).document.id == new.id


def test_in_an_emergency_it_is_read_unless_masked(record: Record, gate: SummaryGate) -> None:
    attending, urgent = a_physician(record, Basis.ATTENDING), a_physician()
    made = gate.write(attending, record.dossier, FULL, None)
    gate.break_glass(urgent, record.dossier, Mode.EMERGENCY, "Malaise")
    assert gate.summary(urgent, record.dossier).writes is False
    assert [line.who.mode for line in record.chain() if line.action is Action.READ] == [Mode.EMERGENCY]
    with record.world.owner.begin() as connection:
        documents.mask(connection, made, record.world.clock(), masked=True)
    with pytest.raises(NotFound):
        gate.summary(urgent, record.dossier)


def test_what_cannot_be_written_in_the_trace_is_not_deposited(
    record: Record, gate: SummaryGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = a_physician(record, Basis.ATTENDING)
    old = gate.write(who, record.dossier, FULL, None)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(trace, "write", fail)
        with pytest.raises(RuntimeError, match="gone"):
            gate.write(who, record.dossier, NOTHING, old.id)
        with pytest.raises(RuntimeError, match="gone"):
            gate.summary(who, record.dossier)
    assert states(record) == {old.id: "approved"}
    assert gate.write(who, record.dossier, NOTHING, old.id).version == 2


def test_one_of_another_making_is_replaced_all_the_same(record: Record, gate: SummaryGate) -> None:
    who = a_physician(record, Basis.ATTENDING)
    other = record.put(
        "ailleurs", "SYNTH", content=Content(b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>", Format.CDA, VSM)
    )
    begun = gate.begin(who, record.dossier)
    assert (begun.seen, begun.told) == (other.id, None)
    with pytest.raises(OfAnother):
        gate.summary(who, record.dossier)
    new = gate.write(who, record.dossier, FULL, other.id)
    assert states(record) == {other.id: "deprecated", new.id: "approved"}


def test_one_put_aside_by_the_holder_still_begins_the_next(record: Record, gate: SummaryGate) -> None:
    who = a_physician(record, Basis.ATTENDING)
    made = gate.write(who, record.dossier, FULL, None)
    with record.world.owner.begin() as connection:
        documents.set_status(connection, made, record.world.clock(), Status.ARCHIVED)
    assert gate.begin(who, record.dossier).seen == made.id
    new = gate.write(who, record.dossier, NOTHING, made.id)
    assert states(record) == {made.id: "deprecated", new.id: "approved"}


def test_what_cannot_stand_leaves_nothing(record: Record, gate: SummaryGate) -> None:
    who = a_physician(record, Basis.ATTENDING)
    with pytest.raises(Wrong, match="Pathologies en cours, ligne 1"):
        gate.write(who, record.dossier, change(problems=(Problem(""),)), None)
    assert (states(record), done(record)) == ({}, [])


def test_an_authorisation_that_ended_a_second_ago_reads_no_more(record: Record, gate: SummaryGate) -> None:
    attending, colleague = a_physician(record, Basis.ATTENDING), a_physician(record, Basis.CONSENT)
    gate.write(attending, record.dossier, FULL, None)
    gate.summary(colleague, record.dossier)
    record.world.clock.now += timedelta(days=365)
    with pytest.raises(NotIn):
        gate.summary(colleague, record.dossier)


INSERT = (
    "INSERT INTO medical.document SELECT gen_random_uuid(), dossier_id, gen_random_uuid(), gen_random_uuid(), 1, "
    "gen_random_uuid()::text, class_code, type_code, type_system, mime, format_code, size, sha1, sha256, author_kind, "
    ":me, created_at, service_start, submitted_at, 'deprecated', masked, "
    "hidden_until, about, gen_random_uuid(), changed_at, gen_random_uuid() FROM medical.document WHERE id = :id"
)


@pytest.mark.parametrize(("basis", "mine"), [(Basis.CONSENT, True), (Basis.ATTENDING, False)])
def test_postgresql_refuses_by_itself_what_the_gate_would(
    record: Record, gate: SummaryGate, basis: Basis, mine: bool
) -> None:
    attending = a_physician(record, Basis.ATTENDING)
    made = gate.write(attending, record.dossier, FULL, None)
    report = record.put("compte rendu", "11488-4")
    who = attending if basis is Basis.ATTENDING else a_physician(record, basis)

    def sql(statement: str, document: Document, **more: Any) -> int:
        world = record.world
        with world.professionals.transaction(who.id, world.clock(), record.dossier) as connection:
            return connection.execute(text(statement), {"id": document.id, **more}).rowcount

    with pytest.raises(ProgrammingError, match="row-level security"):
        sql(INSERT, made, me=str(who.id) if mine else "8199999999999")
    assert sql("UPDATE medical.document SET status = 'deprecated' WHERE id = :id", report) == 0
    with pytest.raises(ProgrammingError, match="permission denied"):
        sql("UPDATE medical.document SET masked = false WHERE id = :id", made)
    if basis is Basis.CONSENT:
        assert sql("UPDATE medical.document SET status = 'deprecated' WHERE id = :id", made) == 0
        assert sql("SELECT value FROM enrolment.identifier WHERE dossier_id <> :id", made) == 0
    else:
        with pytest.raises(ProgrammingError, match="row-level security"):
            sql("UPDATE medical.document SET status = 'archived' WHERE id = :id", made)
