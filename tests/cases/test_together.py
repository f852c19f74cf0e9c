"""Several agents, several cases: linked, merged, handled many at once, kept as views; and who else is here."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from campaigns.world import SYSTEM, World, a_person
from correspondence.test_answers import make_lots

from backoffice.cases import actions, bulk, kinds, views
from backoffice.cases.colleagues import remember
from backoffice.cases.linking import link, linked_to, merge, same_open, unlink
from backoffice.cases.models import Case, access_case
from backoffice.cases.queries import life_of
from backoffice.cases.queueing import Priority, Way
from backoffice.cases.wanted import Wanted
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotAllowed, NotFound, WrongState
from backoffice.correspondence.gathering import gather
from backoffice.web.presence import FADES, show_up
from cases.test_cases import AGENT, COLLEAGUE, STRANGER, SUPERVISOR, opened, person
from cases.test_letters_and_queues import ASKED

__all__ = ["person"]


def case_of(world: World, number: str) -> Case:
    with world.session() as session:
        return session.query(Case).filter_by(number=number).one()


def lines(world: World, number: str) -> list[tuple[str, Any, Any]]:
    with world.session() as session:
        return [(one.what, one.source, one.target) for one in life_of(session, case_of(world, number))]


def test_a_link_is_made_once_seen_from_both_ends_and_undone(world: World, person: int) -> None:
    first, second = opened(world, person).number, opened(world, person).number
    for one, other in ((first, second), (second, first)):
        with world.session() as session:
            link(session, world.office, AGENT, one, other)
    with world.session() as session:
        assert [case.number for case in linked_to(session, AGENT, case_of(world, first))] == [second]
        assert [case.number for case in linked_to(session, AGENT, case_of(world, second))] == [first]
        assert linked_to(session, STRANGER, case_of(world, first)) == []
    assert lines(world, first)[1:] == [("link", None, second)]
    with world.session() as session:
        unlink(session, world.office, AGENT, second, first)
    with world.session() as session, pytest.raises(NotFound):
        unlink(session, world.office, AGENT, second, first)
    with world.session() as session, pytest.raises(Invalid):
        link(session, world.office, AGENT, first, first)
    with world.session() as session, pytest.raises(NotFound):
        link(session, world.office, STRANGER, first, second)


def test_links_made_at_once_from_both_ends_do_not_lock_each_other(world: World, person: int) -> None:
    first, second = opened(world, person).number, opened(world, person).number
    faults: list[BaseException] = []

    def tie(one: str, other: str) -> None:
        try:
            with world.session() as session:
                link(session, world.office, AGENT, one, other)
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=tie, args=pair) for pair in ((first, second), (second, first)) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert world.sql("SELECT count(*) FROM case_link") == [(1,)]


def test_an_open_case_of_the_same_kind_about_the_same_person_is_proposed(world: World, person: int) -> None:
    first = opened(world, person)
    with world.session() as session:
        assert [one.number for one in same_open(session, AGENT, first.workflow, "631", person)] == [first.number]
        assert same_open(session, AGENT, first.workflow, "631", person, but=first.id) == []
        assert same_open(session, AGENT, first.workflow, "631", None) == []
        assert same_open(session, STRANGER, first.workflow, "631", person) == []
        assert same_open(session, AGENT, first.workflow, "631", person + 1) == []


def test_merged_one_survives_with_the_earlier_due_time_and_both_journals_stay(world: World, person: int) -> None:
    first = opened(world, person)
    world.clock.move(hours=3)
    second = opened(world, person)
    with world.session() as session:
        merge(session, world.office, AGENT, first.number, second.number)
    gone, kept = case_of(world, first.number), case_of(world, second.number)
    assert (gone.merged_into, gone.closed, gone.due_at) == (second.number, True, None)
    assert (kept.closed, kept.due_at, kept.state) == (False, first.due_at, "received")
    assert lines(world, first.number) == [("step", None, "received"), ("merged", None, second.number)]
    assert lines(world, second.number) == [("step", None, "received"), ("absorbed", first.number, None)]
    for act in (
        lambda session: actions.advance(session, world.office, SUPERVISOR, first.number, "file", "essai"),
        lambda session: actions.take_charge(session, world.office, AGENT, first.number),
        lambda session: actions.set_priority(session, world.office, AGENT, first.number, Priority.HIGH),
        lambda session: merge(session, world.office, AGENT, first.number, second.number),
    ):
        with world.session() as session, pytest.raises(WrongState):
            act(session)


def test_cases_that_do_not_stand_at_the_same_point_or_are_no_twins_are_not_merged(
    world: World, person: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "WORKFLOWS", (*kinds.WORKFLOWS, ASKED))
    world.load([a_person()])
    other_person = int(world.sql("SELECT max(id) FROM person")[0][0])
    first, stranger = opened(world, person).number, opened(world, other_person).number
    with world.session() as session:
        waiting, running = (
            actions.open_case(session, world.office, AGENT, ASKED, "631", person, way=Way.PHONE).number
            for _ in range(2)
        )
        actions.advance(session, world.office, AGENT, waiting, "wait")
    for one, into, sentence in (
        (first, stranger, "la même personne"), (first, running, "du même type"),
        (waiting, running, "« en attente de la personne » et la demande .* « ouverte »"),
    ):  # fmt: skip
        with world.session() as session, pytest.raises(WrongState, match=sentence):
            merge(session, world.office, AGENT, one, into)


def test_two_agents_who_merge_both_ways_at_once_leave_one_open_case(world: World, person: int) -> None:
    first, second = opened(world, person).number, opened(world, person).number
    outcomes: list[str] = []

    def join(one: str, into: str) -> None:
        try:
            with world.session() as session:
                merge(session, world.office, AGENT, one, into)
            outcomes.append("merged")
        except WrongState:
            outcomes.append("refused")

    threads = [threading.Thread(target=join, args=pair) for pair in ((first, second), (second, first))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["merged", "refused"]
    assert world.sql("SELECT count(*) FROM case_file WHERE ended_at IS NULL") == [(1,)]


def test_the_letter_of_a_merged_case_is_said_to_the_one_that_goes_on(
    world: World, person: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "WORKFLOWS", (*kinds.WORKFLOWS, ASKED))
    with world.session() as session:
        first, second = (
            actions.open_case(session, world.office, AGENT, ASKED, "631", person).number for _ in range(2)
        )  # fmt: skip
        for number in (first, second):
            actions.advance(session, world.office, AGENT, number, "look")
        merge(session, world.office, SUPERVISOR, first, second)
    gather(world.office, SYSTEM, post_now=True)
    make_lots(world)
    gather(world.office, SYSTEM)
    assert case_of(world, second).state == "told"
    assert [what for what, _, _ in lines(world, first)][-1] == "merged"


def ask(
    world: World, gesture: str, argument: str, items: list[tuple[str, int]], actor: Actor = AGENT, **options: Any
) -> int:
    with world.session() as session:
        request = options.get("request") or uuid.uuid4()
        return bulk.ask(session, world.office, actor, gesture, argument, items, request).id


def test_each_of_many_cases_is_done_by_itself_and_says_why_not(world: World, person: int) -> None:
    cases = [opened(world, person) for _ in range(4)]
    with world.session() as session:
        actions.take_charge(session, world.office, COLLEAGUE, cases[1].number)
        actions.note(session, world.office, COLLEAGUE, cases[2].number, "Je la vois.")
    run = ask(world, "prendre", "", [(case.number, case.version) for case in cases] + [("2016-641-000001", 1)])
    bulk.carry_out(world.office, run)
    with world.session() as session:
        found = bulk.access_run(session, AGENT, run)
    assert [well for well, _ in found.results] == [True, False, False, True, False]
    assert "modifiée par luc.morel" in found.results[1][1]
    assert "introuvable" in found.results[4][1]
    assert found.finished_at == world.clock.now
    assert [case_of(world, case.number).owner for case in cases] == [
        "sandrine.chabrol",
        "luc.morel",
        None,
        "sandrine.chabrol",
    ]
    with world.session() as session, pytest.raises(NotFound):
        bulk.access_run(session, COLLEAGUE, run)


def test_killed_half_way_a_run_goes_on_where_it_was_and_does_nothing_twice(
    world: World, person: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = [opened(world, person) for _ in range(6)]
    run = ask(world, "priorite", "3", [(case.number, case.version) for case in cases])
    real, calls = bulk._one_item, [0]

    def dies(office: Any, run_id: int) -> bool:
        calls[0] += 1
        if calls[0] == 4:
            raise KeyboardInterrupt
        return real(office, run_id)

    monkeypatch.setattr(bulk, "_one_item", dies)
    with pytest.raises(KeyboardInterrupt):
        bulk.carry_out(world.office, run)
    monkeypatch.setattr(bulk, "_one_item", real)
    with world.session() as session:
        assert bulk.unfinished(session) == [run]
    threads = [threading.Thread(target=bulk.carry_out, args=(world.office, run)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.sql("SELECT count(*) FROM case_entry WHERE what = 'priority'") == [(6,)]
    with world.session() as session:
        found = bulk.access_run(session, AGENT, run)
        assert (found.done, bulk.unfinished(session)) == (6, [])


def test_a_run_is_asked_once_and_only_for_what_may_be_asked(world: World, person: int) -> None:
    case = opened(world, person)
    item, request = [(case.number, case.version)], uuid.uuid4()
    assert ask(world, "prendre", "", item, request=request) == ask(world, "prendre", "", item, request=request)
    for gesture, argument, items, sentence in (
        ("", "", item, "Choisissez"), ("prendre", "", [], "Cochez"), ("priorite", "9", item, "priorité"),
        ("confier", "ailleurs", item, "file"), ("prendre", "", [(str(n), 1) for n in range(201)], "200 demandes au plus"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match=sentence):
            ask(world, gesture, argument, items)
    with pytest.raises(NotAllowed):
        ask(world, "affecter", "luc.morel", item)


def test_a_supervisor_gives_cases_to_a_colleague_who_may_handle_them(world: World, person: int) -> None:
    case = opened(world, person)
    with world.session() as session:
        for one in (AGENT, STRANGER):
            remember(session, one, world.clock.now)
    for login, well in (("sandrine.chabrol", True), ("peio.larralde", False), ("inconnu", False), ("", True)):
        run = ask(world, "affecter", login, [(case.number, case_of(world, case.number).version)], SUPERVISOR)
        bulk.carry_out(world.office, run)
        with world.session() as session:
            assert bulk.access_run(session, SUPERVISOR, run).done == int(well), login
    assert case_of(world, case.number).owner is None


def test_a_view_is_kept_shared_with_the_team_of_the_caisse_and_dropped_by_its_owner(world: World) -> None:
    late, urgent = Wanted(clock="depassee"), Wanted(priority="3")
    with world.session() as session:
        views.save_view(session, world.office, AGENT, " En  retard ", late, shared=True)
        mine = views.save_view(session, world.office, AGENT, "Urgentes", urgent, shared=False)
        views.save_view(session, world.office, AGENT, "En retard", Wanted(clock="proche"), shared=True)
    advisor = Actor("karim.haddad", "Karim Haddad", frozenset({Role.ADVISOR}), frozenset({"631", "641"}))
    foreign = Actor("maite", "Maïté", frozenset({Role.AGENT}), frozenset({"641"}))
    with world.session() as session:
        seen = [[view.name for view in views.views_of(session, one)] for one in (AGENT, COLLEAGUE, advisor, foreign)]
        assert seen == [["En retard", "Urgentes"], ["En retard"], [], []]
        assert views.views_of(session, COLLEAGUE)[0].wanted == Wanted(clock="proche")
    with world.session() as session, pytest.raises(NotFound):
        views.drop_view(session, COLLEAGUE, mine.id)
    with world.session() as session:
        views.drop_view(session, AGENT, mine.id)
    for name, wanted in ((" ", late), ("x" * 41, late), ("Tout", Wanted())):
        with world.session() as session, pytest.raises(Invalid):
            views.save_view(session, world.office, AGENT, name, wanted, shared=False)


def test_who_is_on_a_case_is_told_to_the_others_and_forgotten_when_they_leave(world: World) -> None:
    redis, now = world.office.redis, world.clock.now
    assert show_up(redis, "2016-631-000001", "sandrine.chabrol", now) == []
    assert show_up(redis, "2016-631-000001", "luc.morel", now) == ["sandrine.chabrol"]
    assert show_up(redis, "2016-631-000002", "patrick.ollier", now) == []
    later = now + FADES + timedelta(seconds=1)
    assert show_up(redis, "2016-631-000001", "luc.morel", later) == []
    assert show_up(world.with_settings().redis, "2016-631-000001", "sandrine.chabrol", later) == ["luc.morel"]


def test_a_case_merged_reads_as_ended_for_its_readers(world: World, person: int) -> None:
    first, second = opened(world, person).number, opened(world, person).number
    with world.session() as session:
        merge(session, world.office, AGENT, first, second)
        assert [one.number for one in linked_to(session, AGENT, access_case(session, AGENT, second))] == [first]
