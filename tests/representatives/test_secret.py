"""The secret of a minor (CSP L.1111-5), from the deposit to what a representative never learns."""

from dataclasses import replace
from typing import Any

import pytest
from professionals.world import Record, RecordWorld, a_professional

from dmp_core.access.application import Deposit
from dmp_core.access.depositing import Settled
from dmp_core.access.gate import NotTheAuthor
from dmp_core.access.software import SoftwareGate
from dmp_core.access.trace import Filter, Mode
from dmp_core.access.visit import VisitGate
from dmp_core.record.metadata import Status
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder

from .world import MINOR, declare, gate_of, gate_of_holder, listed, without_the_wall

SENT = Deposit("11488-4", "Consultation", b"Consultation du matin", secret=True)


def software(world: RecordWorld) -> SoftwareGate:
    return SoftwareGate(world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock)


def test_a_secret_deposit_is_the_minor_s_alone_and_tells_nobody_else(world: RecordWorld) -> None:
    someone = world.someone(birth_date=MINOR)
    who, gate, doctor = declare(world, someone), software(world), a_professional(9_101, name="SECRETE")
    record = Record(world, someone.dossier)
    notices = "SELECT count(*) AS n FROM medical.notice WHERE dossier_id = :d AND kind = 'first_access'"
    _, made, _ = gate.deposit(doctor, someone.dossier, SENT)
    assert made.hidden_from_representatives
    (line,) = record.chain()
    assert line.who.mode is Mode.SECRET
    assert world.rows(notices, d=someone.dossier)[0].n == 0
    assert listed(gate_of_holder(world), someone.dossier) == {made.id}
    with without_the_wall(world, who) as alone:
        for each in (gate_of(world, who), alone):
            assert listed(each, someone.dossier) == set()
            told = each.lines(someone.dossier, Filter(), 100).lines
            assert not {one.who.id for one in told} & {str(doctor.id)}


def test_every_version_keeps_the_secret_whoever_began_without_it(world: RecordWorld) -> None:
    someone = world.someone(birth_date=MINOR)
    who, gate, doctor = declare(world, someone), software(world), a_professional(9_102)
    d = someone.dossier
    _, first, _ = gate.deposit(doctor, d, replace(SENT, secret=False))
    assert listed(gate_of(world, who), d) == {first.id}
    _, second, _ = gate.deposit(doctor, d, replace(SENT, data=b"Deux", replaces=first.id))
    _, third, _ = gate.deposit(doctor, d, replace(SENT, data=b"Trois", secret=False, replaces=second.id))
    assert third.hidden_from_representatives
    for each in (first, second, third):
        with pytest.raises(Exception, match="n’est pas dans votre DMP"):
            gate_of(world, who).look(d, each.id)
    hidden = world.rows("SELECT hidden_from_representatives AS h FROM medical.document WHERE dossier_id = :d", d=d)
    assert [row.h for row in hidden] == [True] * 3


def test_its_author_alone_lifts_and_sets_it(world: RecordWorld) -> None:
    someone = world.someone(birth_date=MINOR)
    who, gate, doctor, other = declare(world, someone), software(world), a_professional(9_103), a_professional(9_104)
    d = someone.dossier
    _, made, _ = gate.deposit(doctor, d, SENT)

    def settle(by: Any, secret: bool) -> None:
        gate.settle(by, d, made.id, lambda document, *_: Settled(False, document.status is Status.ARCHIVED, secret))

    settle(doctor, False)
    assert listed(gate_of(world, who), d) == {made.id}
    gate.consent(other, d, informed=True)
    with pytest.raises(NotTheAuthor):
        settle(other, True)
    settle(doctor, True)
    assert listed(gate_of(world, who), d) == set()
    settle(doctor, True)  # as it is: nothing happens
    modes = {line.who.mode for line in Record(world, d).chain() if line.who.id == str(doctor.id) and line.granted}
    assert modes == {Mode.SECRET}


def test_who_is_in_reads_who_represents_the_patient(world: RecordWorld) -> None:
    someone, doctor = world.someone(birth_date=MINOR), a_professional(9_105)
    gate = VisitGate(world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock)
    gate.consent(doctor, someone.dossier, informed=True)
    assert gate.overview(doctor, someone.dossier).patient.represented_by == ()
    declare(world, someone)
    assert gate.overview(doctor, someone.dossier).patient.represented_by == (
        "Claire Dupond, titulaire de l’autorité parentale",
    )
    world.clock.now = world.clock.now.replace(year=2018, month=3, day=15)
    gate.consent(doctor, someone.dossier, informed=True)
    assert gate.overview(doctor, someone.dossier).patient.represented_by == ()
