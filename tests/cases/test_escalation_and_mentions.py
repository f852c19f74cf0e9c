"""Who is told what: supervisors before a case is late, colleagues named in a note; and who takes which case."""

import threading
from datetime import date, datetime
from typing import Any

import pytest
from campaigns.world import SYSTEM, World, a_person
from hypothesis import given
from hypothesis import strategies as st

from backoffice.cases import actions
from backoffice.cases.colleagues import Absence, remember
from backoffice.cases.escalation import escalate
from backoffice.cases.kinds.closure import CLOSURE_ONLINE
from backoffice.cases.mentions import mark_read, mentions_of, named_in, unread
from backoffice.cases.models import Case, access_case
from backoffice.cases.queries import count_cases, life_of
from backoffice.cases.recounting import recount
from backoffice.cases.wanted import CLOCKS, NOBODY, Wanted
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import PARIS
from backoffice.core.errors import Invalid
from backoffice.parameters.hours import CLOSED_DAYS, ClosedDay
from backoffice.parameters.models import ParameterVersion
from cases.test_cases import AGENT, COLLEAGUE, MANAGER, STRANGER, SUPERVISOR


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.fixture
def person(world: World) -> int:
    world.load([a_person()])
    world.clock.now = paris("2016-11-14 08:30")
    with world.session() as session:
        for one in (AGENT, COLLEAGUE, SUPERVISOR, STRANGER, MANAGER):
            remember(session, one, world.clock.now)
    return int(world.sql("SELECT id FROM person")[0][0])


def opened(world: World, person: int, **options: Any) -> str:
    with world.session() as session:
        return actions.open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", person, **options).number


def note(world: World, number: str, words: str, actor: Actor = AGENT) -> None:
    with world.session() as session:
        actions.note(session, world.office, actor, number, words)


def unread_of(world: World, actor: Actor) -> int:
    with world.session() as session:
        return unread(session, actor)


def test_supervisors_are_told_once_when_three_quarters_of_the_time_are_gone(world: World, person: int) -> None:
    number = opened(world, person)
    for moment, told in (
        ("2016-11-16 10:44", 0), ("2016-11-16 13:00", 1), ("2016-11-16 13:01", 0), ("2016-11-20 10:00", 0),
    ):  # fmt: skip
        world.clock.now = paris(moment)
        assert escalate(world.office) == told, moment
    with world.session() as session:
        case = access_case(session, AGENT, number)
        assert [line.what for line in life_of(session, case)] == ["step", "escalated"]
        assert case.version == 1
        assert count_cases(session, SUPERVISOR, Wanted(clock="proche"), world.clock.now) == 1


def test_nobody_is_told_at_night_on_a_week_end_or_on_a_public_holiday(world: World, person: int) -> None:
    world.clock.now = paris("2016-11-07 17:00")
    opened(world, person)  # due on 10 November at 17:00, to be told that day at 10:45
    for moment, told in (
        ("2016-11-10 17:30", 0), ("2016-11-11 10:00", 0), ("2016-11-12 10:00", 0), ("2016-11-14 08:29", 0),
        ("2016-11-14 08:30", 1),
    ):  # fmt: skip
        world.clock.now = paris(moment)
        assert escalate(world.office) == told, moment


def test_a_case_that_has_ended_or_waits_is_told_to_nobody(world: World, person: int) -> None:
    number = opened(world, person)
    with world.session() as session:
        actions.advance(session, world.office, SYSTEM, number, "confirm")
    world.clock.now = paris("2016-11-30 10:00")
    assert escalate(world.office) == 0


def test_two_sweeps_at_once_tell_once(world: World, person: int) -> None:
    opened(world, person)
    world.clock.now = paris("2016-11-17 10:00")
    told: list[int] = []
    threads = [threading.Thread(target=lambda: told.append(escalate(world.office))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(told) == 1
    assert world.sql("SELECT count(*) FROM case_entry WHERE what = 'escalated'") == [(1,)]


@pytest.mark.parametrize(
    ("words", "logins"),
    [
        ("@luc.morel peux-tu voir ?", ["luc.morel"]),
        ("Vu avec @Luc.Morel, puis (@patrick.ollier).", ["luc.morel", "patrick.ollier"]),
        ("@luc.morel et encore @luc.morel.", ["luc.morel"]),
        ("Elle écrit de zoe@exemple.fr", []),
        ("Rendez-vous @ 14 h", []),
        ("", []),
    ],
)
def test_who_is_named_in_a_note(words: str, logins: list[str]) -> None:
    assert named_in(words) == logins


def test_a_colleague_named_finds_the_note_until_they_open_the_case(world: World, person: int) -> None:
    number = opened(world, person)
    note(world, number, "@luc.morel tu la rappelles ?")
    assert (unread_of(world, COLLEAGUE), unread_of(world, AGENT)) == (1, 0)
    with world.session() as session:
        ((mention, case, entry),) = mentions_of(session, COLLEAGUE, 10, 0)
        assert (case.number, entry.actor, entry.text) == (number, AGENT.login, "@luc.morel tu la rappelles ?")
        assert mention.read_at is None
        mark_read(session, COLLEAGUE, case, world.clock.now)
    assert unread_of(world, COLLEAGUE) == 0


@pytest.mark.parametrize("login", ["peio.larralde", "damien.faure", "personne.inconnue"])
def test_somebody_who_may_not_read_the_case_is_not_named_and_nothing_is_written(
    world: World, person: int, login: str
) -> None:
    number = opened(world, person)
    with pytest.raises(Invalid, match="n’est pas un collègue qui peut lire"):
        note(world, number, f"Pour @{login}")
    assert world.sql("SELECT count(*) FROM case_entry WHERE what = 'note'") == [(0,)]


def test_in_an_absence_the_deputy_is_told_instead_and_sees_for_whom(world: World, person: int) -> None:
    number = opened(world, person)
    with world.session() as session:
        session.add(
            Absence(
                login=COLLEAGUE.login, first_day=world.clock.now.date(), last_day=world.clock.now.date(),
                deputy=SUPERVISOR.login, noted_by=SUPERVISOR.login, noted_at=world.clock.now,
            )
        )  # fmt: skip
    note(world, number, "@luc.morel à voir")
    assert (unread_of(world, COLLEAGUE), unread_of(world, SUPERVISOR)) == (0, 1)
    with world.session() as session:
        assert mentions_of(session, SUPERVISOR, 10, 0)[0][0].instead_of == COLLEAGUE.login
    world.clock.move(days=1)
    note(world, number, "@luc.morel te revoilà")
    assert unread_of(world, COLLEAGUE) == 1


def test_three_agents_who_take_the_next_at_once_get_three_cases_the_most_urgent_first(
    world: World, person: int
) -> None:
    first = opened(world, person)
    world.clock.move(minutes=5)
    numbers = {first, *(opened(world, person) for _ in range(3))}
    taken: list[str] = []

    def take(login: str) -> None:
        actor = Actor(login, login, frozenset({Role.AGENT}), frozenset({"631"}))
        with world.session() as session:
            case = actions.take_next(session, world.office, actor)
            taken.append(case.number if case else "")

    threads = [threading.Thread(target=take, args=(f"agent.{rank}",)) for rank in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert first in taken
    assert len(set(taken)) == 3
    assert set(taken) < numbers
    take("agent.4")
    assert set(taken) == numbers
    take("agent.5")
    assert taken[-1] == ""


def test_who_stands_in_no_queue_of_the_case_is_not_given_it(world: World, person: int) -> None:
    opened(world, person)
    with world.session() as session:
        assert actions.take_next(session, world.office, SUPERVISOR) is None


def test_every_filter_narrows(world: World, person: int) -> None:
    number = opened(world, person)
    world.clock.now = paris("2016-11-30 10:00")
    held = {
        Wanted(kind="closure_online"): 1, Wanted(state="received"): 1, Wanted(state="filed"): 0, Wanted(team="accueil"): 1,
        Wanted(team="plateforme"): 0, Wanted(priority="1"): 1, Wanted(priority="3"): 0, Wanted(priority="x"): 1,
        Wanted(owner=NOBODY): 1, Wanted(owner="luc.morel"): 0, Wanted(caisse="631"): 1, Wanted(caisse="641"): 0,
        Wanted(number=number[-4:]): 1, Wanted(number="%"): 0, Wanted(clock="depassee"): 1, Wanted(clock="attente"): 0,
        Wanted(clock="aujourdhui"): 1, Wanted(clock="proche"): 1,
    }  # fmt: skip
    with world.session() as session:
        for wanted, count in held.items():
            assert count_cases(session, AGENT, wanted, world.clock.now) == count, wanted


_text = st.text("abc-'%é é", max_size=8)


@given(
    st.builds(
        Wanted, mine=st.booleans(), ended=st.booleans(), kind=_text, clock=st.sampled_from(["", *CLOCKS]), owner=_text
    )
)
def test_what_is_asked_for_survives_its_address(wanted: Wanted) -> None:
    again = Wanted.read(wanted.args())
    assert Wanted.read(again.args()) == again
    assert (again.mine, again.ended, again.clock) == (wanted.mine, wanted.ended, wanted.clock)


def test_a_case_read_back_is_the_same(world: World, person: int) -> None:
    number = opened(world, person, facts={"objet": "clôture"})
    with world.session() as session:
        assert session.query(Case).filter_by(number=number).one().facts == {"objet": "clôture"}


def test_new_closed_days_move_the_due_times_that_run_and_no_others(world: World, person: int) -> None:
    running, waiting = opened(world, person), opened(world, person)
    world.clock.now = paris("2016-11-15 08:30")
    with world.session() as session:
        actions.advance(session, world.office, SYSTEM, waiting, "confirm")
    closed = CLOSED_DAYS.to_json((ClosedDay(date(2016, 11, 16), "Inventaire"),))
    with world.session() as session:
        session.add(
            ParameterVersion(
                name=CLOSED_DAYS.name, caisse="631", version=1, value=closed, set_by="admin", set_at=world.clock.now,
                reason="essai",
            )
        )  # fmt: skip
    with world.session() as session:
        assert [recount(session, ["631"]) for _ in range(2)] == [1, 0]
        assert access_case(session, AGENT, running).due_at == paris("2016-11-17 17:30")
        assert access_case(session, AGENT, waiting).due_at is None
