"""The forecast over the real database: what is learnt equals counts made straight from the tables."""

from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from campaigns.test_waves import people, schedule, terms
from campaigns.world import SYSTEM, World, manager

from backoffice.campaigns import cancelling
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.following.responses import count_responses
from backoffice.planning.curves import ASSUMED, DAYS, Curve, Response
from backoffice.planning.figures import curves_in_force, set_curves, set_staff, staff_in_force
from backoffice.planning.learning import observed
from backoffice.planning.outlook import outlook, propose_sizes
from backoffice.planning.staff import Staff

KINDS = ["recruitment"]


def event(world: World, person_id: int, at: datetime) -> None:
    world.sql(
        "INSERT INTO dmp_event (event_id, kind, caisse, person_id, at, received_at) "
        "VALUES (:e, 'dossier.opened', '631', :p, :at, :at)",
        e=uuid4(), p=person_id, at=at,
    )  # fmt: skip


def call(world: World, person_id: int, at: datetime) -> None:
    world.sql(
        "INSERT INTO phone_call (login, opened_at, caisse, person_id, found_by, letter_at_hand, ended_at, outcome, subject) "
        "VALUES ('k', :at, '631', :p, '{}', false, :at, 'essai', 'essai')",
        p=person_id, at=at,
    )  # fmt: skip


def visit(world: World, person_id: int, at: datetime, state: str = "terminee") -> None:
    world.sql(
        "INSERT INTO visit (uid, caisse, person_id, state, owner, opened_at, opened_by, ended_at) "
        "VALUES (:u, '631', :p, :s, 'a', :at, 'a', :at)",
        u=uuid4(), p=person_id, at=at, s=state,
    )  # fmt: skip


def test_creations_calls_and_visits_are_counted_by_the_days_since_the_last_letter(world: World) -> None:
    world.load(people(6))
    reference = world.sealed(letter_date=date(2016, 11, 2))
    persons = [letter.person_id for letter in world.letters(reference)]
    event(world, persons[0], datetime(2016, 11, 5, 9, tzinfo=UTC))
    event(world, persons[1], datetime(2016, 11, 5, 23, 30, tzinfo=UTC))  # the 6th in Paris
    event(world, persons[2], datetime(2016, 11, 1, 9, tzinfo=UTC))  # before the letter
    event(world, 999_999, datetime(2016, 11, 5, 9, tzinfo=UTC))  # somebody without a letter
    call(world, persons[0], datetime(2016, 11, 4, 9, tzinfo=UTC))
    call(world, persons[0], datetime(2016, 11, 4, 10, tzinfo=UTC))
    visit(world, persons[3], datetime(2016, 11, 3, 9, tzinfo=UTC))
    visit(world, persons[3], datetime(2016, 11, 5, 9, tzinfo=UTC), "abandonnee")
    visit(world, persons[4], datetime(2016, 11, 1, 9, tzinfo=UTC))  # before the letter
    now = datetime(2016, 11, 7, 9, tzinfo=UTC)
    with world.session() as session:
        assert not any(observed(session, now, KINDS)[Response.CALLS].events)  # not counted yet
    with world.session() as session:
        count_responses(session, "631", now)
    with world.session() as session:
        count_responses(session, "631", now)  # counted again, the same
        found = observed(session, now, KINDS)
    creations, calls = found[Response.CREATIONS], found[Response.CALLS]
    assert creations.letters == (6,) * 5 + (0,) * (DAYS - 5)  # days 0 to 4 are over
    assert {delay: number for delay, number in enumerate(creations.events) if number} == {3: 1, 4: 1}
    assert {delay: number for delay, number in enumerate(calls.events) if number} == {2: 2}
    visits = found[Response.VISITS]
    assert {delay: number for delay, number in enumerate(visits.events) if number} == {1: 1, 3: 1}


def test_the_outlook_sums_the_campaigns_of_every_caisse(world: World) -> None:
    world.load([*people(4), *people(2, caisse="941", code_postal="94000")])
    for caisse in ("631", "941"):
        schedule(world, world.frozen(name=caisse, caisses=(caisse,)), terms())
    with world.session() as session:
        found = outlook(session, world.office, date(2016, 11, 14), 90)
        assert [load.letters for load in found.loads[:3]] == [4, 2, 0]
        assert sum(load.calls for load in found.loads) == pytest.approx(6 * 0.025)
        (planned,) = world.sql("SELECT sum(letters) FROM wave")[0]
        assert sum(load.letters for load in found.loads) == planned
    world.do(cancelling.cancel, "REC-2016-0001", "essai")
    with world.session() as session:
        assert sum(load.letters for load in outlook(session, world.office, date(2016, 11, 14), 9).loads) == 2


def test_a_plan_thought_of_takes_the_place_of_the_one_in_force(world: World) -> None:
    world.load(people(4))
    reference = world.frozen()
    schedule(world, reference, terms())
    with world.session() as session:
        assert set_staff(session, world.office, SYSTEM, Staff(((9, 9),) * 5), "essai", seen=0) is None
        wanted = propose_sizes(session, world.office, world.campaign(reference), terms(date(2016, 11, 21), 4))
        assert sum(size for _, size in wanted.sizes) == 4
        assert wanted.per_day == max(size for _, size in wanted.sizes)
    schedule(world, reference, wanted)
    with world.session() as session:
        first = date(2016, 11, 14)
        assert [load.letters for load in outlook(session, world.office, first, 8).loads] == [0] * 7 + [4]


def test_figures_are_kept_version_by_version_and_set_by_those_who_answer_for_the_nine(world: World) -> None:
    one, two = Staff(((5, 4),) * 5), Staff(((6, 4),) * 5)
    with world.session() as session:
        assert staff_in_force(session)[0] == Staff()
        assert curves_in_force(session)[0] == ASSUMED
        set_staff(session, world.office, manager("claire"), one, "planning, semaine 46", seen=0)
    with world.session() as session, pytest.raises(WrongState, match="changés par claire"):
        set_staff(session, world.office, manager("autre"), two, "semaine 47", seen=0)
    with world.session() as session, pytest.raises(NotFound, match="responsable national"):
        set_staff(session, world.office, manager("local", "631"), two, "semaine 47", seen=1)
    with world.session() as session, pytest.raises(Invalid, match="viennent"):
        set_staff(session, world.office, SYSTEM, two, " ", seen=1)
    with world.session() as session, pytest.raises(Invalid, match="Appels au 0 810"):
        set_curves(session, world.office, SYSTEM, ASSUMED | {Response.CALLS: Curve(2000, 2, 4, 5)}, "essai", seen=0)
    changed = ASSUMED | {Response.CALLS: Curve(50, 2, 4, 5)}
    with world.session() as session:
        set_staff(session, world.office, SYSTEM, two, "semaine 47", seen=1)
        set_curves(session, world.office, SYSTEM, changed, "mesure d’octobre", seen=0)
    with world.session() as session:
        assert staff_in_force(session)[0] == two
        found, source = curves_in_force(session)
        assert (found, source.source, source.version) == (changed, "mesure d’octobre", 1)
    assert [
        row.version for row in world.sql("SELECT version FROM planning_version WHERE name = 'effectif' ORDER BY 1")
    ] == [1, 2]
