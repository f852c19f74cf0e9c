"""Whom a patient names to be asked and to be called: professionals who are in read them, an emergency too; nobody else."""

import pytest
from record.vsm.samples import FULL
from representatives.world import MINOR, declare
from sqlalchemy import text

from dmp_core.access import circle
from dmp_core.access.professional import NotIn
from dmp_core.access.rules import Basis
from dmp_core.access.software import SoftwareGate
from dmp_core.access.summaries import SummaryGate
from dmp_core.access.trace import Action, Mode
from dmp_core.holder.relatives import (
    Relative,
    Relatives,
    emergency_contacts,
    name_emergency_contacts,
    name_trusted_person,
    trusted_person,
)
from dmp_core.record.metadata import Status
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder

from .samples import NUMBERS
from .test_visit import let_in, statements, visits
from .world import Record, RecordWorld, a_professional, member

_numbers = NUMBERS

CLAIRE, PAUL, ANNE = (
    Relative("Claire Dupond", "+33142345678", "ma fille"), Relative("Paul Dupond", "+33612345678", "mon frère"),
    Relative("Anne Voisin", "+3225551234", ""),
)  # fmt: skip


def with_relatives(record: Record) -> None:
    """A person of trust, and two to be called."""
    with record.world.store.transaction(record.dossier) as connection:
        now = record.world.clock()
        name_trusted_person(connection, now, record.dossier, PAUL)
        name_trusted_person(connection, now, record.dossier, CLAIRE)
        name_emergency_contacts(connection, now, record.dossier, [CLAIRE])
        name_emergency_contacts(connection, now, record.dossier, [PAUL, ANNE])


def test_whoever_is_in_reads_whom_the_patient_names_and_nobody_else(world: RecordWorld) -> None:
    record, gate = world.a_record(), visits(world)
    with_relatives(record)
    record.put("bilan")
    named, nobody = Relatives(CLAIRE, (PAUL, ANNE)), Relatives()
    doctor, urgent, blocked, stranger = let_in(record), *(a_professional(next(_numbers)) for _ in range(3))
    with statements(world.professionals) as sent:
        assert gate.overview(doctor, record.dossier).patient.relatives == named
    assert len(sent) <= 6
    assert record.chain()[-1].action is Action.LIST
    gate.break_glass(urgent, record.dossier, Mode.EMERGENCY, "Inconscient")
    assert gate.overview(urgent, record.dossier).patient.relatives == named
    with pytest.raises(NotIn):
        gate.overview(stranger, record.dossier)
    record.as_owner(circle.block, member(blocked), world.clock())
    ask = text(
        "SELECT (SELECT count(name) FROM medical.trusted_person) + (SELECT count(name) FROM medical.emergency_contact)"
    )
    for who, count in ((doctor, 3), (urgent, 3), (stranger, 0), (blocked, 0)):
        with world.professionals.transaction(who.id, world.clock(), record.dossier) as connection:
            assert connection.scalar(ask) == count
    world.clock.forward(hours=2)  # the emergency is over
    with world.professionals.transaction(urgent.id, world.clock(), record.dossier) as connection:
        assert connection.scalar(ask) == 0
    other = world.a_record()
    assert gate.overview(let_in(other), other.dossier).patient.relatives == nobody


def test_software_reads_them_among_the_administrative_data(world: RecordWorld) -> None:
    record = world.a_record()
    with_relatives(record)
    gate = SoftwareGate(world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock)
    told = gate.administration(let_in(record), record.dossier)
    assert (told.relatives, told.represented_by) == (Relatives(CLAIRE, (PAUL, ANNE)), ())


def test_a_representative_reads_whom_to_call_and_not_the_person_of_trust(world: RecordWorld) -> None:
    someone = world.someone(birth_date=MINOR)
    who = declare(world, someone)
    with_relatives(Record(world, someone.dossier))
    with world.store.acting(who.id, world.clock).transaction(someone.dossier) as connection:
        assert (trusted_person(connection), emergency_contacts(connection)) == (None, (PAUL, ANNE))
        connection.execute(text("UPDATE medical.emergency_contact SET until = now()"))
        assert emergency_contacts(connection) == (PAUL, ANNE)


def test_the_summary_tells_those_named_when_it_is_written(world: RecordWorld) -> None:
    record = world.a_record()
    gate = SummaryGate(world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock)
    doctor = let_in(record, basis=Basis.ATTENDING)
    first = gate.write(doctor, record.dossier, FULL, None)
    assert gate.summary(doctor, record.dossier).told.relatives == Relatives()
    with_relatives(record)
    second = gate.write(doctor, record.dossier, FULL, first.id)
    assert second.version == 2  # the same words, and whom to call besides
    assert gate.summary(doctor, record.dossier).told.relatives == Relatives(CLAIRE, (PAUL, ANNE))
    assert gate.write(doctor, record.dossier, FULL, second.id).id == second.id


def test_a_summary_that_a_representative_may_read_does_not_tell_the_person_of_trust(world: RecordWorld) -> None:
    someone = world.someone(birth_date=MINOR)
    record = Record(world, someone.dossier)
    declare(world, someone)
    with_relatives(record)
    gate = SummaryGate(world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock)
    doctor = let_in(record, basis=Basis.ATTENDING)
    gate.write(doctor, record.dossier, FULL, None)
    assert gate.summary(doctor, record.dossier).told.relatives == Relatives(None, (PAUL, ANNE))


def test_wishes_stand_first_for_who_reads_them_in_an_emergency_too(world: RecordWorld) -> None:
    world.clock.now = world.clock.now.replace(year=2018, month=3, day=5)  # their own type is in use
    record, gate = world.a_record(), visits(world)
    record.put("bilan")
    record.put("volontés", "EXPPAT_1")
    record.put("anciennes", "EXPPAT_3", status=Status.ARCHIVED)
    world.clock.forward(days=1)
    record.put("directives", "EXPPAT_3")
    record.put("masquées", "EXPPAT_3", masked=True)
    doctor, dentist, urgent = let_in(record), let_in(record, "G15_40"), a_professional(next(_numbers))
    gate.break_glass(urgent, record.dossier, Mode.EMERGENCY, "Inconscient")
    expected = [record.documents[each] for each in ("directives", "volontés")]
    assert gate.overview(doctor, record.dossier).wills == expected
    assert gate.overview(urgent, record.dossier).wills == expected
    assert gate.overview(dentist, record.dossier).wills == []
