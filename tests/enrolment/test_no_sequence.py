"""Whatever is done, in whatever order, a person has one dossier, one live code and one live password at most."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from enrolment_clock import SetClock
from enrolment_people import CONSENT, CONTACTS, an_insured
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from dmp_core.clock import PARIS
from dmp_core.enrolment import dossiers
from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.checking import CodeCheck, codes_of, consume
from dmp_core.enrolment.dossiers import ClosedBy, DossierState, Way, open_dossier
from dmp_core.enrolment.events import Kind, events_since, record_event
from dmp_core.errors import WrongState
from dmp_core.storage.keyring import Keyring

COUNTS = text("""
WITH mine AS (SELECT dossier_id AS id FROM enrolment.identifier WHERE value = :nir AND valid_to IS NULL)
SELECT
    (SELECT count(*) FROM enrolment.dossier WHERE person_id = ANY(:persons)) AS dossiers,
    (SELECT count(*) FROM mine) AS known,
    (SELECT count(*) FROM enrolment.creation_code WHERE person_id = :person AND caisse = '631' AND state = 'live'
        AND expires_at > :now) AS live_codes,
    (SELECT count(*) FROM enrolment.password p JOIN mine ON mine.id = p.dossier_id WHERE ended_at IS NULL) AS passwords,
    (SELECT count(*) FROM enrolment.account a JOIN mine ON mine.id = a.dossier_id) AS accounts,
    (SELECT state FROM enrolment.dossier WHERE id = (SELECT id FROM mine)) AS state,
    (SELECT count(*) FROM enrolment.outbox WHERE person_id = ANY(:persons) AND kind = 'dossier.opened') AS told
""")


LONG_AGO = datetime(2000, 1, 1, tzinfo=PARIS)


class Life(RuleBasedStateMachine):
    """One person, the caisse, the portal, and time."""

    caisse_engine: Engine
    holder_engine: Engine
    owner_engine: Engine
    ring: Keyring

    def __init__(self) -> None:
        super().__init__()
        self.clock = SetClock()
        self.enrolment = Enrolment(self.caisse_engine, self.ring, self.clock)
        self.person = an_insured()
        self.moved = replace(self.person, caisse="311", person_id=self.person.person_id + 2**43)
        self.codes: list[str] = []
        self.live: tuple[str, datetime] | None = None
        self.requests: list[UUID] = []
        self.state: DossierState | None = None
        self.kept: datetime | None = None
        self.dossier: UUID | None = None

    def refused_unless(self, allowed: bool, act: Any) -> Any:
        """Do it, or see it refused in a sentence, as the model expects."""
        if allowed:
            return act()
        with pytest.raises(WrongState):
            act()
        return None

    @property
    def code_now(self) -> str | None:
        return self.live[0] if self.live and self.live[1] > self.clock.now else None

    def issue(self) -> None:
        day = self.clock.now.astimezone(PARIS).date()
        issued = self.enrolment.issue_codes(uuid4(), "631", [self.person.person_id], day)
        had = self.code_now
        assert (issued.refused == {self.person.person_id}) == (had is not None)
        if had is None:
            code = issued.codes[self.person.person_id]
            self.codes.append(code)
            state = self.enrolment.code_states("631", [self.person.person_id])[self.person.person_id]
            end = datetime.combine(state.expires_on + timedelta(days=1), datetime.min.time(), PARIS)
            self.live = (code, end)

    @rule()
    def a_letter(self) -> None:
        self.issue()

    @rule()
    def the_person_asks_for_a_code(self) -> None:
        with self.holder_engine.begin() as connection:
            purpose = {"purpose": "creation" if self.state is None else "access"}
            who = self.person.caisse, self.person.person_id
            before, _ = events_since(connection, Kind.CODE_REQUESTED, *who, LONG_AGO)
            record_event(connection, Kind.CODE_REQUESTED, *who, self.clock.now, purpose)
            now, _ = events_since(connection, Kind.CODE_REQUESTED, *who, LONG_AGO)
            assert now == before + 1
        self.the_caisse_revokes()
        self.issue()

    @rule()
    def the_caisse_revokes(self) -> None:
        gone = self.enrolment.revoke("631", [self.person.person_id], "essai")
        assert gone == (self.code_now is not None)
        self.live = None

    @rule(rank=st.integers(0, 5))
    def opens_online(self, rank: int) -> None:
        code = self.codes[rank % len(self.codes)] if self.codes else "CDFHJKMNPQRT"
        live = code == self.code_now
        with self.holder_engine.connect() as connection:
            known = codes_of(connection, self.ring, self.person, code, self.clock.now)
            assert (known is CodeCheck.LIVE) == live
            assert consume(connection, self.ring, self.person, code, self.clock.now) == live
            if not live:
                return
            if self.state is not None:
                with pytest.raises(WrongState):
                    self.open_now(connection)
                return  # not committed: the code lives on
            self.dossier = self.open_now(connection)
            connection.commit()
        self.state, self.live = DossierState.OPEN, None

    def open_now(self, connection: Any) -> UUID:
        made = open_dossier(connection, self.clock.now, uuid4(), self.person, CONTACTS, CONSENT, Way.ONLINE)
        return made.dossier_id

    @rule(again=st.booleans(), elsewhere=st.booleans())
    def opens_at_the_counter(self, again: bool, elsewhere: bool) -> None:
        if again and self.requests:
            request, person, allowed = self.requests[-1], self.person, self.state is DossierState.OPEN
        else:
            request, allowed = uuid4(), self.state is None
            person = self.moved if elsewhere and self.state is not None else self.person
        made = self.refused_unless(
            allowed, lambda: self.enrolment.dossiers.open(request, person, CONTACTS, CONSENT, Way.COUNTER)
        )
        if made is not None:
            assert self.dossier in (None, made.dossier_id)
            if self.state is None:
                self.requests.append(request)
                self.live = None
            self.state, self.dossier = DossierState.OPEN, made.dossier_id

    @precondition(lambda self: self.state is not None)
    @rule(by=st.sampled_from(ClosedBy))
    def closes(self, by: ClosedBy) -> None:
        def act() -> None:
            if by is ClosedBy.CAISSE:
                self.enrolment.dossiers.close("631", self.person.person_id, "essai")
                return
            with self.holder_engine.begin() as connection:
                connection.execute(text("SELECT set_config('dmp.dossier', :d, true)"), {"d": str(self.dossier)})
                assert self.dossier is not None
                dossiers.close(connection, self.clock.now, self.dossier, by)

        allowed = self.state is DossierState.OPEN or (by is ClosedBy.CAISSE and self.state is DossierState.SUSPENDED)
        self.refused_unless(allowed, act)
        if allowed:
            self.state = DossierState.CLOSED
            self.kept = self.clock.now + timedelta(days=3652)

    @precondition(lambda self: self.state is not None)
    @rule(act=st.sampled_from(["suspend", "resume", "reopen"]))
    def the_caisse_decides(self, act: str) -> None:
        start, end = {
            "suspend": (DossierState.OPEN, DossierState.SUSPENDED),
            "resume": (DossierState.SUSPENDED, DossierState.OPEN),
            "reopen": (DossierState.CLOSED, DossierState.OPEN),
        }[act]
        late = act == "reopen" and self.kept is not None and self.clock.now > self.kept
        allowed = self.state is start and not late
        self.refused_unless(
            allowed, lambda: getattr(self.enrolment.dossiers, act)("631", self.person.person_id, "essai")
        )
        if allowed:
            self.state = end

    @precondition(lambda self: self.state is not None)
    @rule()
    def renews(self) -> None:
        self.refused_unless(
            self.state is DossierState.OPEN,
            lambda: self.enrolment.dossiers.renew_initial_password("631", self.person.person_id),
        )

    @rule(days=st.sampled_from([1, 30, 62, 4000]))
    def time_passes(self, days: int) -> None:
        self.clock.now += timedelta(days=days)

    @invariant()
    def one_of_each_at_most(self) -> None:
        with self.owner_engine.connect() as connection:
            found = connection.execute(
                COUNTS,
                {
                    "nir": self.person.nir, "person": self.person.person_id, "now": self.clock.now,
                    "persons": [self.person.person_id, self.moved.person_id],
                },
            ).one()  # fmt: skip
        one = int(self.state is not None)
        assert (found.dossiers, found.known, found.passwords, found.accounts, found.told) == (one,) * 5
        assert found.state == self.state
        assert found.live_codes == (self.code_now is not None)


def test_no_sequence_gives_two_dossiers_two_live_codes_or_two_live_passwords(
    caisse_engine: Engine, holder_engine: Engine, owner_engine: Engine, ring: Keyring
) -> None:
    Life.caisse_engine, Life.holder_engine, Life.owner_engine, Life.ring = (
        caisse_engine, holder_engine, owner_engine, ring,
    )  # fmt: skip
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
