"""No sequence of declarations, ends, marks and days shows a document to a representative whom the rules refuse.

Hypothesis draws the sequences over the real database; after each step the gate, the gate without its wall and PostgreSQL
alone are asked, and held against a few sets that know the sentences of the law and none of the code.
"""

from datetime import date, timedelta
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from professionals.world import Record, RecordWorld
from sqlalchemy import text

from dmp_core.access.trace import first_fault
from dmp_core.errors import DmpError
from dmp_core.holder.representatives import end_of_access
from dmp_core.record import documents
from dmp_core.record.metadata import Status
from dmp_core.record.sealing import DossierKeys

from .world import AGENT, MINOR, Acting, a_declaration, a_guardian, declare, gate_of, refused, without_the_wall

WHAT = st.integers(0, 3)
"""Biology, a report, reimbursements, the person's will."""
OF_AGE = date(2018, 3, 15)


class Sequences(RuleBasedStateMachine):
    world: RecordWorld

    def __init__(self) -> None:
        super().__init__()
        self.world.clock.now = self.world.clock.now.replace(year=2018, month=3, day=1)
        self.someone, other = self.world.someone(birth_date=MINOR), self.world.someone(birth_date=MINOR)
        self.record = Record(self.world, self.someone.dossier)
        put = self.record.put
        self.what = [put("biologie"), put("compte rendu", "11488-4"), put("soins", "REMB"), put("volontés", "EXPPAT_1")]
        self.who: list[Acting] = [declare(self.world, other), declare(self.world, other)]
        self.mandates: dict[int, tuple[str, date | None]] = {}
        """By representative: the mandate in its book, and its last day."""
        self.hidden: set[int] = set()
        self.deleted: set[int] = set()
        self.open = True

    @property
    def today(self) -> date:
        return self.world.clock().date()

    def in_force(self, who: int) -> bool:
        if who not in self.mandates or not self.open:
            return False
        last = self.mandates[who][1]
        return last is None or self.today <= last

    @rule(who=st.integers(0, 1), guardian=st.booleans(), days=st.integers(0, 20))
    def declared(self, who: int, guardian: bool, days: int) -> None:
        until = self.today + timedelta(days=days)
        told = (
            a_guardian(login=self.who[who].login, until=until) if guardian else a_declaration(login=self.who[who].login)
        )
        minor = self.today < OF_AGE
        may = self.open and (guardian or minor) and not self.in_force(who)
        before = self.mandates.get(who)
        try:
            made = self.world.enrolment.representatives.declare(uuid4(), self.someone.person, told, AGENT)
        except DmpError:
            assert not may
        else:
            assert may, before
            last = min(until if guardian else date.max, OF_AGE - timedelta(days=1) if minor else date.max)
            self.mandates[who] = (str(made.mandate), last)

    @rule(who=st.integers(0, 1), by_holder=st.booleans())
    def ended(self, who: int, by_holder: bool) -> None:
        if who not in self.mandates:
            return
        mandate, person = self.mandates[who][0], self.someone.person
        try:
            if by_holder:
                with self.world.store.transaction(self.someone.dossier) as connection:
                    end_of_access(connection, self.world.clock(), self.today, UUID(mandate))
            else:
                self.world.enrolment.representatives.end(person.caisse, person.person_id, UUID(mandate), "essai")
        except (DmpError, ValueError):
            assert by_holder
            assert self.today < OF_AGE or not self.open
        else:
            del self.mandates[who]

    @rule(what=WHAT, hidden=st.booleans())
    def marked(self, what: int, hidden: bool) -> None:
        with self.world.owner.begin() as connection:
            box = DossierKeys(self.world.record).box(connection, self.someone.dossier, self.world.clock())
            found = documents.document_of(connection, box, self.what[what].id)
            assert found is not None
            documents.hide_from_representatives(connection, found, self.world.clock(), hidden)
        (self.hidden.add if hidden else self.hidden.discard)(what)

    @rule(what=WHAT)
    def withdrawn(self, what: int) -> None:
        with self.world.owner.begin() as connection:
            box = DossierKeys(self.world.record).box(connection, self.someone.dossier, self.world.clock())
            found = documents.document_of(connection, box, self.what[what].id)
            assert found is not None
            documents.set_status(connection, found, self.world.clock(), Status.DELETED)
        self.deleted.add(what)

    @rule(days=st.integers(1, 10))
    def days_pass(self, days: int) -> None:
        self.world.clock.forward(days=days)

    @rule()
    def closed_or_opened(self) -> None:
        person, dossiers = self.someone.person, self.world.enrolment.dossiers
        (dossiers.close if self.open else dossiers.reopen)(person.caisse, person.person_id, "essai")
        self.open = not self.open

    @invariant()
    def nobody_sees_what_the_rules_refuse(self) -> None:
        d = self.someone.dossier
        for number, who in enumerate(self.who):
            there = set(range(3)) - self.hidden if self.in_force(number) else set()
            wanted = {self.what[one].id for one in there - self.deleted}
            gate = gate_of(self.world, who)
            ids = {each.id for each in self.what}
            assert {one for one in ids if refused(lambda one=one, g=gate: g.read(d, one)) is None} == wanted
            with self.world.store.acting(who.id, self.world.clock).transaction(d) as connection:
                rows = set(connection.scalars(text("SELECT id FROM medical.document")))
            assert rows == {self.what[one].id for one in there}
            if self.in_force(number):
                with without_the_wall(self.world, who) as alone:
                    assert {one for one in ids if refused(lambda one=one, g=alone: g.look(d, one)) is None} == wanted

    def teardown(self) -> None:
        assert first_fault(self.someone.dossier, self.record.chain()) is None


def test_no_sequence_shows_a_document_to_a_representative_whom_the_rules_refuse(world: RecordWorld) -> None:
    machine = type("OfThisWorld", (Sequences,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )  # fmt: skip
