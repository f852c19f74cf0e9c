"""Counts by subject: by Paris days, by weeks, within the scope of who asks."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from campaigns.world import World

from backoffice.calls import actions
from backoffice.calls.statistics import counts, span
from backoffice.core.actor import Actor, Role

from .test_proof import ADVISOR

PARIS = ZoneInfo("Europe/Paris")
SUPERVISOR = Actor("p.o", "P. O.", frozenset({Role.SUPERVISOR}), frozenset({"631"}))


def ended(world: World, when: str, subject: str, caisse: str | None = None) -> None:
    world.clock.now = datetime.fromisoformat(when).replace(tzinfo=PARIS)
    with world.session() as session:
        call = actions.open_call(session, world.office, ADVISOR)
        call.caisse, call.person_id = caisse, 1 if caisse else None
        world.clock.move(minutes=4)
        actions.end_call(session, world.office, ADVISOR, call.id, subject, "repondu")


def test_calls_are_counted_by_subject_and_paris_day(world: World) -> None:
    ended(world, "2016-11-01 00:10", "cloture")  # still October in UTC
    ended(world, "2016-11-02 10:00", "cloture", "631")
    ended(world, "2016-11-02 11:00", "code_perdu", "941")
    with world.session() as session:
        found = counts(session, ADVISOR, date(2016, 11, 1), date(2016, 11, 2), weekly=False)
        assert (found.total, found.by_period, found.seconds) == (3, (1, 2), 240)
        assert [(one.name, one.by_period) for one in found.subjects[:2]] == [
            ("cloture", (1, 1)),
            ("code_perdu", (0, 1)),
        ]
        assert round(found.subjects[0].share, 2) == 0.67
        mine = counts(session, SUPERVISOR, date(2016, 11, 1), date(2016, 11, 2), weekly=False)
        assert mine.total == 1


def test_weeks_begin_on_monday_and_end_today(world: World) -> None:
    first, last = span(world.clock.now, weekly=True)
    assert (first, last) == (date(2016, 8, 15), date(2016, 11, 2))
    ended(world, "2016-10-30 23:30", "autre")
    ended(world, "2016-10-31 08:30", "autre")
    with world.session() as session:
        found = counts(session, ADVISOR, first, last, weekly=True)
    assert found.by_period[-2:] == (1, 1)
    assert len(found.periods) == 12


def test_no_call_at_all_is_nothing_and_no_fault(world: World) -> None:
    with world.session() as session:
        found = counts(session, ADVISOR, date(2016, 11, 1), date(2016, 11, 2), weekly=False)
    assert (found.total, found.seconds, found.by_period) == (0, 0, (0, 0))
