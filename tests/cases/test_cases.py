"""Cases on the real databases: numbers, journal, two agents on one case, scope, deadline, effect."""

import threading
import uuid
from typing import Any

import pytest
from campaigns.world import SYSTEM, World, a_person

from backoffice.audit.journal import check_chain, entries_about
from backoffice.cases import actions
from backoffice.cases.kinds.closure import CLOSURE_ONLINE
from backoffice.cases.models import Case, access_case
from backoffice.cases.queries import cases_of, count_cases, late_cases, life_of
from backoffice.cases.wanted import Wanted
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotAllowed, NotFound, WrongState

AGENT = Actor("sandrine.chabrol", "Sandrine Chabrol", frozenset({Role.AGENT}), frozenset({"631"}))
COLLEAGUE = Actor("luc.morel", "Luc Morel", frozenset({Role.AGENT}), frozenset({"631"}))
SUPERVISOR = Actor("patrick.ollier", "Patrick Ollier", frozenset({Role.SUPERVISOR}), frozenset({"631"}))
STRANGER = Actor("peio.larralde", "Peio Larralde", frozenset({Role.SUPERVISOR}), frozenset({"641"}))
MANAGER = Actor("damien.faure", "Damien Faure", frozenset({Role.CAMPAIGN_MANAGER}), frozenset({"631"}))


@pytest.fixture
def person(world: World) -> int:
    world.load([a_person()])
    return int(world.sql("SELECT id FROM person")[0][0])


def opened(world: World, person: int, **options: Any) -> Case:
    with world.session() as session:
        return actions.open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", person, **options)


def test_numbers_say_year_caisse_and_rank_and_follow_each_other(world: World, person: int) -> None:
    assert [opened(world, person).number for _ in range(2)] == ["2016-631-000001", "2016-631-000002"]


def test_numbers_given_at_once_differ(world: World, person: int) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(opened(world, person).number)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [f"2016-631-{rank:06d}" for rank in range(1, 7)]


def test_an_event_opens_one_case_however_often_it_comes(world: World, person: int) -> None:
    origin = uuid.uuid4()
    assert opened(world, person, origin=origin).id == opened(world, person, origin=origin).id
    assert world.sql("SELECT count(*) FROM case_file") == [(1,)]


def test_every_step_leaves_a_line_in_its_life_and_in_the_journal(world: World, person: int) -> None:
    number = opened(world, person).number
    with world.session() as session:
        actions.note(session, world.office, AGENT, number, " Vu avec la personne. ")
        actions.take_charge(session, world.office, AGENT, number)
        case = actions.advance(session, world.office, SUPERVISOR, number, "file", "n’habite plus là")
        assert case.ended_at == world.clock.now
        life = [(line.what, line.step, line.actor, line.text) for line in life_of(session, case)]
        journal = [(entry.action, entry.reason) for entry in entries_about(session, [number], 10)]
    assert life == [
        ("step", "open", "systeme", None),
        ("note", None, "sandrine.chabrol", "Vu avec la personne."),
        ("owner", None, "sandrine.chabrol", "sandrine.chabrol"),
        ("step", "file", "patrick.ollier", "n’habite plus là"),
    ]
    assert journal == [
        ("demande.file", "n’habite plus là"), ("demande.prendre", None), ("demande.noter", None), ("demande.ouvrir", None),
    ]  # fmt: skip
    with world.session() as session:
        assert check_chain(session).fault is None


def test_two_agents_on_one_case_the_second_is_told_who_was_first(world: World, person: int) -> None:
    seen = opened(world, person)
    with world.session() as session:
        actions.note(session, world.office, COLLEAGUE, seen.number, "J’appelle.")
    with world.session() as session, pytest.raises(WrongState, match=r"modifiée par luc\.morel à 09 h 30 pendant que"):
        actions.advance(session, world.office, SUPERVISOR, seen.number, "file", "sans adresse", seen=seen.version)
    assert world.sql("SELECT state FROM case_file") == [("received",)]


def test_a_case_in_a_colleagues_hands_is_not_taken_but_by_a_supervisor(world: World, person: int) -> None:
    number = opened(world, person).number
    with world.session() as session:
        actions.take_charge(session, world.office, COLLEAGUE, number)
    with world.session() as session, pytest.raises(WrongState, match=r"suivie par luc\.morel"):
        actions.take_charge(session, world.office, AGENT, number)
    with world.session() as session:
        assert actions.take_charge(session, world.office, SUPERVISOR, number).owner == "patrick.ollier"
    with world.session() as session:
        assert actions.take_charge(session, world.office, SUPERVISOR, number, release=True).owner is None


@pytest.mark.parametrize("actor", [STRANGER, MANAGER])
def test_out_of_scope_a_case_does_not_exist(world: World, person: int, actor: Actor) -> None:
    number = opened(world, person).number
    with world.session() as session:
        with pytest.raises(NotFound):
            access_case(session, actor, number)
        assert cases_of(session, actor, Wanted(), world.clock.now, 10, 0) == []


def test_a_step_asks_for_its_role_and_its_reason(world: World, person: int) -> None:
    number = opened(world, person).number
    with world.session() as session, pytest.raises(NotAllowed, match="demande le rôle : Superviseur"):
        actions.advance(session, world.office, AGENT, number, "file", "motif")
    with world.session() as session, pytest.raises(Invalid, match="demande un motif"):
        actions.advance(session, world.office, SUPERVISOR, number, "file", " ")
    with world.session() as session, pytest.raises(Invalid, match="La note est vide"):
        actions.note(session, world.office, AGENT, number, "  ")
    with world.session() as session, pytest.raises(Invalid, match="dépasse 2000"):
        actions.note(session, world.office, AGENT, number, "x" * 2001)


def test_an_effect_that_is_refused_leaves_the_case_as_it_was(world: World, person: int) -> None:
    number = opened(world, person).number
    with world.session() as session, pytest.raises((WrongState, NotFound)):
        actions.advance(session, world.office, SUPERVISOR, number, "reopen", "à sa demande")
    assert world.sql("SELECT state, version FROM case_file") == [("received", 1)]


def test_reopening_a_dmp_is_done_once_even_when_the_first_attempt_died_half_way(world: World, person: int) -> None:
    number = opened(world, person).number
    at = world.clock.now
    world.sql(
        "INSERT INTO enrolment.dossier (id, request_id, caisse, person_id, civilite, nom_naissance, nom_usage, prenom, "
        "date_naissance, way, state, opened_at, closed_by, keep_until) VALUES (:id, :id, '631', :person, 'MME', 'Vasseur', "
        "'', 'Zoé', '1950-01-01', 'online', 'closed', :at, 'holder', '2026-11-02')",
        "dmp", id=uuid.uuid4(), person=person, at=at,
    )  # fmt: skip
    with world.session() as session:
        actions.advance(session, world.office, SUPERVISOR, number, "reopen", "à sa demande")
        session.rollback()
    assert world.sql("SELECT state FROM case_file") == [("received",)]
    assert world.sql("SELECT state FROM enrolment.dossier", "dmp") == [("open",)]
    with world.session() as session:
        assert actions.advance(session, world.office, SUPERVISOR, number, "reopen", "à sa demande").state == "reopened"
    assert world.sql("SELECT count(*) FROM enrolment.outbox WHERE kind = 'dossier.reopened'", "dmp") == [(1,)]


def test_the_queue_shows_the_soonest_due_first_then_what_has_ended(world: World, person: int) -> None:
    first = opened(world, person)
    world.clock.move(hours=2)
    second = opened(world, person)
    with world.session() as session:
        assert [case.number for case in cases_of(session, AGENT, Wanted(), world.clock.now, 10, 0)] == [
            first.number,
            second.number,
        ]
        assert late_cases(session, AGENT, world.clock.now) == 0
        actions.advance(session, world.office, SYSTEM, first.number, "confirm")
        assert [case.number for case in cases_of(session, AGENT, Wanted(ended=True), world.clock.now, 10, 0)] == [
            first.number
        ]
        assert count_cases(session, AGENT, Wanted(), world.clock.now) == 1
        assert count_cases(session, AGENT, Wanted(mine=True), world.clock.now) == 0
    world.clock.move(days=30)
    with world.session() as session:
        assert late_cases(session, AGENT, world.clock.now) == 1
