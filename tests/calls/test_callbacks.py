"""Calls to be made: in opening hours, in slots that fill up, made once, with numbers that are erased."""

from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
from campaigns.world import World, a_person
from hypothesis import given, settings
from hypothesis import strategies as st

from backoffice.calls import actions, callbacks
from backoffice.calls.callbacks import AHEAD, PLACES, Wish, free_slots, slots_from
from backoffice.calls.wrapping import wrap_up
from backoffice.core.errors import Invalid, WrongState
from backoffice.core.opening_hours import OpeningHours

from .test_proof import ADVISOR, CHANCE, OTHER

PARIS = ZoneInfo("Europe/Paris")
HOURS = OpeningHours()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


def booked(world: World, actor=ADVISOR, slot: str = "", number: str = "06 39 98 12 34") -> callbacks.Callback:  # type: ignore[name-defined]
    with world.session() as session:
        call = actions.open_call(session, world.office, actor)
        wanted = slot or free_slots(session, world.clock.now)[0].start.isoformat()
        return callbacks.book(
            session, world.office, actor, call.id, Wish(wanted, "code_perdu", "Mme Le Goff", False, number), CHANCE
        )


@pytest.mark.parametrize(
    ("now", "first"),
    [
        ("2016-11-02 09:30", "2016-11-02 10:00"),
        ("2016-11-02 09:31", "2016-11-02 10:30"),
        ("2016-11-02 06:00", "2016-11-02 08:30"),
        ("2016-11-02 16:31", "2016-11-03 08:30"),
        ("2016-11-10 17:20", "2016-11-14 08:30"),  # the 11th is a public holiday, then the week-end
        ("2016-11-12 12:00", "2016-11-14 08:30"),
    ],
)
def test_the_first_slot_is_the_next_half_hour_that_is_open(now: str, first: str) -> None:
    assert slots_from(at(now), HOURS, {})[0].start == at(first)


@settings(deadline=None)
@given(st.integers(0, 1000 * 24 * 60).map(lambda minutes: at("2016-01-01 00:00") + timedelta(minutes=minutes)))
def test_every_slot_is_open_whole_and_ahead(now: datetime) -> None:
    found = slots_from(now, HOURS, {})
    assert len({slot.day for slot in found}) <= AHEAD
    assert found == sorted(found, key=lambda slot: slot.start)
    for slot in found:
        assert slot.start >= now
        assert HOURS.is_open(slot.start)
        assert HOURS.is_open(slot.start + timedelta(minutes=29))
        assert slot.free == PLACES


def test_a_full_slot_is_offered_no_more_and_refused_to_who_saw_it(world: World) -> None:
    with world.session() as session:
        first = free_slots(session, world.clock.now)[0].start.isoformat()
    for _ in range(PLACES):
        booked(world, slot=first)
    with world.session() as session:
        assert free_slots(session, world.clock.now)[0].start.isoformat() != first
    with pytest.raises(WrongState, match="plus libre"):
        booked(world, slot=first)


@pytest.mark.parametrize(
    ("slot", "number", "sentence"),
    [("demain", "0639981234", "créneau"), ("", "12", "10 chiffres"), ("", "", "10 chiffres")],
)
def test_what_cannot_be_booked_is_refused(world: World, slot: str, number: str, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        booked(world, slot=slot, number=number)


def test_booking_twice_from_one_call_gives_one_reference(world: World) -> None:
    first = booked(world)
    with world.session() as session:
        again = callbacks.book(
            session, world.office, ADVISOR, first.call_id, Wish("x", "autre", "", False, "y"), Random(9)
        )
    assert again.reference == first.reference
    assert len(first.reference) == 7


def test_it_is_made_once_and_number_and_name_are_erased(world: World) -> None:
    made = booked(world)
    world.clock.now = at("2016-11-02 10:00")
    with world.session() as session:
        call = callbacks.take(session, world.office, ADVISOR, made.id)
        assert (call.callback_id, call.subject, call.relation) == (made.id, "code_perdu", None)
        assert callbacks.take(session, world.office, ADVISOR, made.id).id == call.id
        with pytest.raises(WrongState, match=r"karim\.haddad"):
            callbacks.take(session, world.office, OTHER, made.id)
    with world.session() as session:
        wrap_up(session, world.office, ADVISOR, call.id, "code_perdu", "repondu")
    assert world.sql("SELECT state, number, ask_for, attempts FROM call_back") == [("fait", None, None, 1)]
    with world.session() as session, pytest.raises(WrongState, match="terminé"):
        callbacks.take(session, world.office, OTHER, made.id)
    assert "639981234" not in str(world.sql("SELECT * FROM audit_entry"))


def test_rung_in_vain_it_comes_back_twice_then_is_given_up(world: World) -> None:
    made = booked(world)
    for rank in range(callbacks.MOST_ATTEMPTS):
        world.clock.move(hours=2)
        with world.session() as session:
            call = callbacks.take(session, world.office, ADVISOR, made.id)
            wrap_up(session, world.office, ADVISOR, call.id, "autre", "coupe")
        with world.session() as session:
            left = callbacks.due(session, ADVISOR, world.clock.now + timedelta(days=7))
        assert [one.attempts for one in left] == ([rank + 1] if rank < 2 else [])
        if left:
            assert HOURS.is_open(left[0].slot)
            assert left[0].slot > world.clock.now
    assert world.sql("SELECT state, number FROM call_back") == [("injoignable", None)]


def test_one_that_nobody_makes_is_given_up_after_a_week_and_erased(world: World) -> None:
    made = booked(world)
    world.clock.move(days=7)
    assert callbacks.forget_late(world.office) == 0
    world.clock.move(days=1)
    assert callbacks.forget_late(world.office) == 1
    assert callbacks.forget_late(world.office) == 0
    assert world.sql("SELECT state, number, ask_for FROM call_back") == [("injoignable", None, None)]
    with world.session() as session, pytest.raises(WrongState, match="terminé"):
        callbacks.take(session, world.office, ADVISOR, made.id)


def test_the_registered_number_is_for_who_proved_to_be_its_owner(world: World) -> None:
    world.load([a_person(nom_naissance="QUILLEC", mobile="0639981237")])
    person = world.sql("SELECT id FROM person")[0][0]
    with world.session() as session:
        call = actions.open_call(session, world.office, ADVISOR)
        call.caisse, call.person_id = "631", person
        slot = free_slots(session, world.clock.now)[0].start.isoformat()
        with pytest.raises(Invalid, match="prouvé son identité"):
            callbacks.book(session, world.office, ADVISOR, call.id, Wish(slot, "autre", "", True), CHANCE)


def test_what_is_due_is_seen_within_one_s_caisses(world: World) -> None:
    made = booked(world)
    world.sql("UPDATE call_back SET caisse = '631', person_id = 1 WHERE id = :id", id=made.id)
    far = type(ADVISOR)("x", "X", ADVISOR.roles, frozenset({"941"}))
    with world.session() as session:
        until = world.clock.now + timedelta(days=7)
        assert [one.id for one in callbacks.due(session, ADVISOR, until)] == [made.id]
        assert callbacks.due(session, far, until) == []
