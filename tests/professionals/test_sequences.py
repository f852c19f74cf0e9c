"""No sequence of grants, blocks, masks and emergencies shows a document to somebody whom the rules refuse.

Hypothesis draws the sequences; what is there is asked of the real gate over the real database after each step, and held
against a model of a few sets that knows the sentences of the law and none of the code.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from dmp_core.access import circle
from dmp_core.access.rules import Basis
from dmp_core.access.trace import Mode, first_fault
from dmp_core.errors import DmpError
from dmp_core.professionals.certificates import Professional
from dmp_core.record.metadata import Document, Wanted

from .samples import NUMBERS
from .world import Record, RecordWorld, a_professional, member, rows_seen, tried

_numbers = NUMBERS
WHO = st.integers(0, 3)
"""Two physicians, a nurse, a physiotherapist."""
WHAT = st.integers(0, 4)
"""Biology by another, biology by each physician, reimbursements, a report."""
READS = [{0, 1, 2, 3, 4}, {0, 1, 2, 3, 4}, {0, 1, 2, 4}, {4}]


class Sequences(RuleBasedStateMachine):
    world: RecordWorld

    def __init__(self) -> None:
        super().__init__()
        self.record: Record = self.world.a_record()
        self.gate = self.world.gate()
        names = ("G15_10", "G15_10", "G15_60", "G15_70")
        self.who: list[Professional] = [a_professional(next(_numbers), name) for name in names]
        put = self.record.put
        self.what: list[Document] = [
            put("autre"), put("sien 0", by=self.who[0]), put("sien 1", by=self.who[1]), put("remboursements", "REMB"),
            put("compte rendu", "11488-4"),
        ]  # fmt: skip
        self.masked: set[int] = set()
        self.blocked: set[int] = set()
        self.until: dict[int, datetime | None] = {}
        self.all: set[int] = set()
        self.attending: int | None = None
        self.emergency: dict[int, datetime] = {}
        self.refuses = False
        self.open = True
        self.turn = 0

    @property
    def now(self) -> datetime:
        return self.world.clock()

    def related(self, one: int) -> bool:
        return one in self.until and (self.until[one] is None or self.now < self.until[one])  # type: ignore[operator]

    def inside(self, one: int) -> bool:
        urgent = one in self.emergency and self.now < self.emergency[one] and not self.refuses
        return self.open and one not in self.blocked and (self.related(one) or urgent)

    def sees(self, one: int) -> set[int]:
        if not self.inside(one):
            return set()
        everything = one in self.all and self.related(one)
        return {
            what for what in READS[one]
            if everything or what not in self.masked or (what in (1, 2) and what - 1 == one)
        }  # fmt: skip

    def forget(self, one: int) -> None:
        self.until.pop(one, None)
        self.all.discard(one)
        self.attending = None if self.attending == one else self.attending

    @rule(one=WHO)
    def consent(self, one: int) -> None:
        given = tried(lambda: self.gate.consent(self.who[one], self.record.dossier, informed=True)) is None
        assert given is (self.open and one not in self.blocked)
        if given and not self.related(one):
            self.forget(one)
            self.until[one] = self.now + timedelta(days=365)

    @rule(one=WHO, other=WHO)
    def bring_in(self, one: int, other: int) -> None:
        may = self.open and one not in self.blocked and self.related(one)
        try:
            self.gate.bring_in(self.who[one], self.record.dossier, member(self.who[other]))
        except DmpError:
            assert not may or other in self.until
        else:
            assert may
            assert other not in self.until
            self.until[other] = self.now + timedelta(days=365)

    @rule(one=WHO)
    def declare_an_emergency(self, one: int) -> None:
        may = self.open and one not in self.blocked and not self.related(one) and not self.refuses
        try:
            ends = self.gate.break_glass(self.who[one], self.record.dossier, Mode.EMERGENCY, "Inconscient")
        except DmpError:
            assert not may
        else:
            assert may
            self.emergency[one] = ends

    @rule(one=WHO, everything=st.booleans())
    def holder_gives(self, one: int, everything: bool) -> None:
        self.record.as_owner(circle.end_relation, str(self.who[one].id), self.now)
        self.forget(one)
        self.record.relate(self.who[one], Basis.CONSENT, sees_all=everything)
        self.until[one] = self.now + timedelta(days=365)
        if everything:
            self.all.add(one)

    @rule(one=st.integers(0, 1))
    def holder_names_attending(self, one: int) -> None:
        self.record.as_owner(circle.end_attending, self.now)
        if self.attending is not None:
            self.forget(self.attending)
        self.record.as_owner(circle.end_relation, str(self.who[one].id), self.now)
        self.forget(one)
        self.record.relate(self.who[one], Basis.ATTENDING)
        self.until[one], self.attending = None, one
        self.all.add(one)

    @rule(one=WHO)
    def holder_withdraws(self, one: int) -> None:
        self.record.as_owner(circle.end_relation, str(self.who[one].id), self.now)
        self.forget(one)

    @rule(one=WHO, blocked=st.booleans())
    def holder_blocks(self, one: int, blocked: bool) -> None:
        if blocked:
            self.record.as_owner(circle.block, member(self.who[one]), self.now)
            self.blocked.add(one)
        else:
            self.record.as_owner(circle.unblock, str(self.who[one].id), self.now)
            self.blocked.discard(one)

    @rule(refused=st.booleans())
    def holder_refuses_emergencies(self, refused: bool) -> None:
        self.record.as_owner(circle.refuse_emergencies, self.now, refused=refused)
        self.refuses = refused

    @rule(what=WHAT, masked=st.booleans())
    def holder_masks(self, what: int, masked: bool) -> None:
        with self.world.owner.begin() as connection:
            connection.execute(
                text("UPDATE medical.document SET masked = :m WHERE id = :id"), {"m": masked, "id": self.what[what].id}
            )
        (self.masked.add if masked else self.masked.discard)(what)

    @rule(state=st.sampled_from(["open", "suspended"]))
    def caisse_suspends(self, state: str) -> None:
        self.world.rows(
            "UPDATE enrolment.dossier SET state = :s WHERE id = :d RETURNING id", s=state, d=self.record.dossier
        )
        self.open = state == "open"

    @rule(minutes=st.sampled_from([1, 59, 60, 61]))
    def time_passes(self, minutes: int) -> None:
        self.world.clock.forward(minutes=minutes)

    @rule()
    def a_year_passes(self) -> None:
        self.world.clock.forward(days=365)

    @invariant()
    def everyone_sees_what_the_rules_say_and_nothing_else(self) -> None:
        # By address one professional a step, in turns; by list, and past the gate, everybody.
        self.turn = (self.turn + 1) % len(self.who)
        for one, who in enumerate(self.who):
            wanted = {self.what[what].id for what in self.sees(one)}
            if one == self.turn:
                read = {
                    each.id for each in self.what
                    if tried(lambda each=each, who=who: self.gate.look(who, self.record.dossier, each.id)) is None
                }  # fmt: skip
                assert read == wanted
            page: list[UUID] = []
            refused = tried(
                lambda who=who, page=page: page.extend(
                    each.id for each in self.gate.browse(who, self.record.dossier, Wanted(), 20).documents
                )
            )
            assert (refused is None) is self.inside(one)
            assert set(page) == wanted
            assert wanted <= rows_seen(self.world, who, self.record.dossier)

    def teardown(self) -> None:
        assert first_fault(self.record.dossier, self.record.chain()) is None


def test_no_sequence_shows_what_the_rules_refuse(world: RecordWorld) -> None:
    machine: Any = type("OfThisWorld", (Sequences,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=8, stateful_step_count=14, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
