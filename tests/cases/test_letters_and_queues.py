"""What a case asks for and where it waits: letters in a step's transaction, team, priority, person, four eyes."""

from datetime import datetime
from typing import Any

import pytest
from campaigns.world import SYSTEM, World, a_person
from correspondence.test_answers import make_lots

from backoffice.cases import actions, kinds
from backoffice.cases.kinds.people import DAY, STAFF, SUPERVISORS
from backoffice.cases.kinds.people import SYSTEM as SYSTEM_ROLES
from backoffice.cases.models import Case
from backoffice.cases.queries import life_of
from backoffice.cases.queueing import Priority, Team, Way
from backoffice.cases.workflow import State, Step, Workflow
from backoffice.core.clock import PARIS
from backoffice.core.errors import NotAllowed, WrongState
from backoffice.correspondence.gathering import gather
from backoffice.letters.requests import letters_of_case, request_letter
from cases.test_cases import AGENT, COLLEAGUE, SUPERVISOR

ASKED = Workflow(
    name="essai", label="Essai", about="Un type d’essai.",
    states=(
        State("open", "ouverte"), State("person", "en attente de la personne", waits=True),
        State("looked", "examinée"), State("told", "réponse partie", final=True), State("void", "sans suite", final=True),
    ),
    steps=(
        Step("look", "Examiner", frozenset({"open", "person"}), "looked", STAFF, "On regarde.", minutes=DAY,
             team=Team.SUPERVISION, sends=("closure_receipt",)),
        Step("wait", "Attendre", frozenset({"open"}), "person", STAFF, "On attend."),
        Step("tell", "Réponse partie", frozenset({"looked"}), "told", SYSTEM_ROLES, "Elle est partie.",
             when_sent="closure_receipt"),
        Step("drop", "Classer", frozenset({"looked"}), "void", SUPERVISORS, "Rien de plus.", other_than="look"),
        Step("again", "Reprendre", frozenset({"void", "told"}), "open", SUPERVISORS, "On reprend."),
    ),
    minutes=3 * DAY, readers=STAFF, letter_facts=("objet",),
)  # fmt: skip


def paris(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.fixture
def person(world: World, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(kinds, "WORKFLOWS", (*kinds.WORKFLOWS, ASKED))
    world.load([a_person()])
    world.clock.now = paris("2016-11-14 08:30")
    return int(world.sql("SELECT id FROM person")[0][0])


def opened(world: World, person: int | None, **options: Any) -> str:
    with world.session() as session:
        return actions.open_case(session, world.office, AGENT, ASKED, "631", person, **options).number


def take(world: World, number: str, step: str, actor: Any = SUPERVISOR, **options: Any) -> Case:
    with world.session() as session:
        return actions.advance(session, world.office, actor, number, step, **options)


def test_a_step_asks_for_its_letter_in_its_own_transaction(world: World, person: int) -> None:
    number = opened(world, person, facts={"objet": "une clôture", "interne": "jamais dans une lettre"})
    with world.session() as session:
        actions.advance(session, world.office, AGENT, number, "look")
        session.rollback()
    with world.session() as session:
        assert letters_of_case(session, number) == []
    take(world, number, "look", AGENT)
    with world.session() as session:
        (asked,) = letters_of_case(session, number)
    assert (asked.answer, asked.person_id, asked.state) == ("closure_receipt", person, "attente")
    assert asked.fields == {
        "demande.numero": number, "demande.date": "14 novembre 2016", "demande.objet": "une clôture",
    }  # fmt: skip


def test_the_step_that_waits_for_the_letter_is_taken_when_it_has_left_once(world: World, person: int) -> None:
    number = opened(world, person)
    take(world, number, "look")
    gather(world.office, SYSTEM, post_now=True)
    assert world.sql("SELECT state FROM case_file") == [("looked",)]
    make_lots(world)
    for _ in range(2):
        gather(world.office, SYSTEM)
    with world.session() as session:
        case = session.query(Case).one()
        lines = [(line.what, line.step, line.text) for line in life_of(session, case)][2:]
        (asked,) = letters_of_case(session, number)
    assert (case.state, asked.left_at) == ("told", world.clock.now)
    assert lines == [("letter", "closure_receipt", "Parti par La Poste."), ("step", "tell", None)]


def test_a_letter_that_cannot_be_made_is_said_in_the_cases_life_and_leaves_it_where_it_was(
    world: World, person: int
) -> None:
    number = opened(world, person)
    take(world, number, "look")
    gather(world.office, SYSTEM, post_now=True)
    world.sql("UPDATE person SET date_deces = '2016-11-01' WHERE id = :id", id=person)
    make_lots(world)
    for _ in range(2):
        gather(world.office, SYSTEM)
    with world.session() as session:
        case = session.query(Case).one()
        (asked,) = letters_of_case(session, number)
        assert [line.what for line in life_of(session, case)].count("letter") == 1
    assert (case.state, asked.state, asked.left_at) == ("looked", "sans_courrier", None)


def test_a_case_about_nobody_known_sends_nothing_until_somebody_says_who(world: World, person: int) -> None:
    number = opened(world, None, way=Way.PHONE, team=Team.PLATFORM)
    with pytest.raises(WrongState, match="dites d’abord de qui"):
        take(world, number, "look", AGENT)
    with world.session() as session:
        actions.name_person(session, world.office, AGENT, number, person)
    with world.session() as session, pytest.raises(WrongState, match="déjà rattachée"):
        actions.name_person(session, world.office, AGENT, number, person + 1)
    assert take(world, number, "look", AGENT).person_id == person


def test_a_later_rule_overrides_the_first_delay_and_moves_the_case_to_its_queue(world: World, person: int) -> None:
    number = opened(world, person)
    with world.session() as session:
        actions.take_charge(session, world.office, AGENT, number)
    world.clock.now = paris("2016-11-15 10:00")
    case = take(world, number, "look", AGENT)
    assert (case.due_at, case.team, case.owner) == (paris("2016-11-16 10:00"), Team.SUPERVISION, None)


def test_reopened_a_case_counts_anew(world: World, person: int) -> None:
    number = opened(world, person)
    take(world, number, "look", AGENT)
    take(world, number, "drop")
    world.clock.now = paris("2016-11-18 17:00")
    case = take(world, number, "again")
    assert (case.due_at, case.ended_at) == (paris("2016-11-23 17:00"), None)


def test_priority_halves_the_time_from_the_same_start_and_gives_it_back(world: World, person: int) -> None:
    number = opened(world, person)
    world.clock.now = paris("2016-11-14 10:00")
    due = []
    for priority in (Priority.HIGH, Priority.URGENT, Priority.NORMAL):
        with world.session() as session:
            due.append(actions.set_priority(session, world.office, AGENT, number, priority).due_at)
    assert due == [paris("2016-11-15 13:00"), paris("2016-11-14 15:15"), paris("2016-11-16 17:30")]


def test_a_priority_set_while_the_person_is_awaited_counts_what_was_spent(world: World, person: int) -> None:
    number = opened(world, person)
    world.clock.now = paris("2016-11-14 17:30")
    take(world, number, "wait", AGENT)
    with world.session() as session:
        assert actions.set_priority(session, world.office, AGENT, number, Priority.HIGH).due_at is None
    world.clock.now = paris("2016-11-21 08:30")
    assert take(world, number, "look", AGENT).due_at == paris("2016-11-21 13:00")


def test_who_took_one_step_may_not_take_the_one_that_needs_other_eyes(world: World, person: int) -> None:
    number = opened(world, person)
    take(world, number, "look", SUPERVISOR)
    with pytest.raises(NotAllowed, match="revient à une autre personne que celle qui a fait « Examiner »"):
        take(world, number, "drop", SUPERVISOR)


def test_a_case_is_handed_to_another_queue_in_nobodys_hands(world: World, person: int) -> None:
    number = opened(world, person)
    with world.session() as session:
        actions.take_charge(session, world.office, COLLEAGUE, number)
    with world.session() as session, pytest.raises(NotAllowed, match=r"suivie par luc\.morel"):
        actions.hand_to(session, world.office, AGENT, number, Team.PLATFORM)
    with world.session() as session:
        case = actions.hand_to(session, world.office, COLLEAGUE, number, Team.PLATFORM, "à rappeler")
        assert (case.team, case.owner) == (Team.PLATFORM, None)
    with world.session() as session, pytest.raises(WrongState, match="déjà dans la file"):
        actions.hand_to(session, world.office, COLLEAGUE, number, Team.PLATFORM)


def test_the_same_letter_asked_for_twice_is_one(world: World, person: int) -> None:
    with world.session() as session:
        first = request_letter(session, "receipt", "631", person, by="agent", at=world.clock.now)
        again = request_letter(
            session, "receipt", "631", person, by="agent", at=world.clock.now, request=first.request
        )  # fmt: skip
    assert first.id == again.id
