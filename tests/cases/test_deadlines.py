"""Deadlines in opening hours: the table of cases where help desks have their bugs."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.cases.deadlines import Deadline
from backoffice.core.clock import PARIS
from backoffice.core.opening_hours import STANDARD_WEEK, OpeningHours

HOURS = OpeningHours()
DAY = 9 * 60


NOON = OpeningHours(
    (((time(8, 30), time(12)), (time(13, 30), time(17))), *STANDARD_WEEK[1:5], ((time(9), time(12)),), ()),
    closed=frozenset({date(2016, 11, 15)}),
)
"""Monday with a break, Saturday morning; closed on Tuesday 15 November 2016."""


def paris(text: str) -> datetime:
    """ "2016-11-14 10:00" on the wall clock of Paris."""
    return datetime.fromisoformat(text).replace(tzinfo=PARIS)


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        # Within a day
        ("2016-11-14 10:00", 0, "2016-11-14 10:00"),
        ("2016-11-14 10:00", 1, "2016-11-14 10:01"),
        ("2016-11-14 10:00", 60, "2016-11-14 11:00"),
        ("2016-11-14 08:30", DAY, "2016-11-14 17:30"),
        ("2016-11-14 17:29", 1, "2016-11-14 17:30"),
        ("2016-11-14 17:29", 2, "2016-11-15 08:31"),
        ("2016-11-14 12:00", 330, "2016-11-14 17:30"),
        # Before opening, after closing
        ("2016-11-14 00:00", 0, "2016-11-14 08:30"),
        ("2016-11-14 06:15", 30, "2016-11-14 09:00"),
        ("2016-11-14 08:29", 1, "2016-11-14 08:31"),
        ("2016-11-14 17:30", 0, "2016-11-15 08:30"),
        ("2016-11-14 17:30", 1, "2016-11-15 08:31"),
        ("2016-11-14 23:59", 60, "2016-11-15 09:30"),
        # Over a night, several days
        ("2016-11-14 17:00", 60, "2016-11-15 09:00"),
        ("2016-11-14 10:00", DAY, "2016-11-15 10:00"),
        ("2016-11-14 08:30", 2 * DAY, "2016-11-15 17:30"),
        ("2016-11-14 10:00", 3 * DAY, "2016-11-17 10:00"),
        ("2016-11-14 08:30", 5 * DAY, "2016-11-18 17:30"),
        # Over a week-end
        ("2016-11-18 17:00", 60, "2016-11-21 09:00"),
        ("2016-11-18 10:00", DAY, "2016-11-21 10:00"),
        ("2016-11-19 10:00", 60, "2016-11-21 09:30"),
        ("2016-11-20 23:00", 0, "2016-11-21 08:30"),
        ("2016-11-18 17:30", 1, "2016-11-21 08:31"),
        ("2016-11-18 08:30", 6 * DAY, "2016-11-25 17:30"),
        # Public holidays: 11 November 2016 is a Friday, 14 July 2016 a Thursday, Easter Monday and Ascension move
        ("2016-11-10 17:00", 60, "2016-11-14 09:00"),
        ("2016-11-11 10:00", 60, "2016-11-14 09:30"),
        ("2016-07-13 17:00", 60, "2016-07-15 09:00"),
        ("2016-07-14 12:00", 0, "2016-07-15 08:30"),
        ("2017-04-14 17:00", 60, "2017-04-18 09:00"),
        ("2017-05-24 17:00", 60, "2017-05-26 09:00"),
        ("2017-06-02 17:00", 60, "2017-06-06 09:00"),
        ("2016-12-30 17:00", 60, "2017-01-02 09:00"),
        ("2017-12-29 17:00", 60, "2018-01-02 09:00"),
        ("2017-04-28 17:00", 60, "2017-05-02 09:00"),
        ("2017-05-05 17:00", 2 * DAY, "2017-05-10 17:00"),
        ("2016-08-12 17:00", 60, "2016-08-16 09:00"),
        ("2017-11-01 09:00", 30, "2017-11-02 09:00"),
        # A holiday that falls on a Sunday moves nothing
        ("2016-05-06 17:00", 60, "2016-05-09 09:00"),
        ("2016-12-23 17:00", 60, "2016-12-26 09:00"),
        # Summer time: 27 March 2016 and 30 October 2016
        ("2016-03-25 17:00", 60, "2016-03-29 09:00"),
        ("2017-03-24 17:00", 60, "2017-03-27 09:00"),
        ("2016-10-28 17:00", 60, "2016-10-31 09:00"),
        ("2016-10-28 10:00", DAY, "2016-10-31 10:00"),
    ],
)
def test_opening_time_goes_by_only_while_somebody_is_there(start: str, minutes: int, end: str) -> None:
    assert HOURS.after(paris(start), minutes) == paris(end)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("2016-11-14 10:00", "2016-11-14 10:00", 0),
        ("2016-11-14 10:00", "2016-11-14 09:00", 0),
        ("2016-11-14 10:00", "2016-11-14 11:30", 90),
        ("2016-11-14 07:00", "2016-11-14 08:30", 0),
        ("2016-11-14 17:30", "2016-11-15 08:30", 0),
        ("2016-11-14 00:00", "2016-11-15 00:00", DAY),
        ("2016-11-18 17:00", "2016-11-21 09:00", 60),
        ("2016-11-10 17:00", "2016-11-14 09:00", 60),
        ("2016-11-19 00:00", "2016-11-20 23:59", 0),
        ("2016-10-28 17:00", "2016-10-31 09:00", 60),
    ],
)
def test_time_between_two_moments_counts_opening_hours_alone(start: str, end: str, minutes: int) -> None:
    assert HOURS.between(paris(start), paris(end)) == minutes


@pytest.mark.parametrize(
    ("story", "due"),
    [
        # Held over a week-end: the week-end costs nothing, nor does the wait
        ([("pause", "2016-11-18 17:00"), ("resume", "2016-11-21 09:00")], "2016-11-22 09:00"),
        # Held for three days in the middle
        ([("pause", "2016-11-18 10:00"), ("resume", "2016-11-23 10:00")], "2016-11-24 17:00"),
        # Held out of hours: nothing was spent meanwhile
        ([("pause", "2016-11-18 20:00"), ("resume", "2016-11-19 11:00")], "2016-11-21 17:00"),
        # Held over a public holiday
        ([("pause", "2016-11-18 09:30"), ("resume", "2017-04-14 17:00")], "2017-04-19 15:30"),
        # A second hold while held, a second resume while running
        ([("pause", "2016-11-18 10:00"), ("pause", "2016-11-18 16:00"), ("resume", "2016-11-21 10:00")], "2016-11-22 17:00"),
        ([("resume", "2016-11-18 12:00")], "2016-11-21 17:00"),
        # Held before it began to count
        ([("pause", "2016-11-18 08:30"), ("resume", "2016-11-21 08:30")], "2016-11-22 17:00"),
        # Time was over already: due at once, not in the past of the resume
        ([("pause", "2016-11-24 10:00"), ("resume", "2016-11-25 10:00")], "2016-11-25 10:00"),
        # Reopened, or under another rule: a whole new count, earlier waits forgotten
        ([("restart", "2016-11-25 10:00", DAY)], "2016-11-28 10:00"),
        ([("pause", "2016-11-18 10:00"), ("restart", "2016-11-21 08:30", 60)], "2016-11-21 09:30"),
        ([("restart", "2016-11-18 17:00", 60), ("pause", "2016-11-18 17:15"), ("resume", "2016-11-21 10:00")],
         "2016-11-21 10:45"),
    ],
)  # fmt: skip
def test_a_deadline_that_waits_and_starts_again(story: list[tuple[Any, ...]], due: str) -> None:
    deadline = Deadline(2 * DAY - 30).resume(paris("2016-11-18 08:30"))
    for step, *details in story:
        at = paris(details[0])
        deadline = deadline.restart(at, details[1]) if step == "restart" else getattr(deadline, step)(at)
    assert deadline.due_at() == paris(due)


@pytest.mark.parametrize(
    ("allowed", "story", "due", "escalates"),
    [
        # A fresh count of two days: told when three quarters are gone
        (2 * DAY, [("resume", "2016-11-18 08:30")], "2016-11-21 17:30", "2016-11-21 13:00"),
        # Opened on a Saturday, on a public holiday, at night: it begins to count at the next opening
        (DAY, [("resume", "2016-11-19 10:00")], "2016-11-21 17:30", "2016-11-21 15:15"),
        (DAY, [("resume", "2016-11-11 10:00")], "2016-11-14 17:30", "2016-11-14 15:15"),
        (DAY, [("resume", "2016-11-13 23:59")], "2016-11-14 17:30", "2016-11-14 15:15"),
        # Told before a public holiday, due after it
        (DAY, [("resume", "2016-11-10 10:00")], "2016-11-14 10:00", "2016-11-10 16:45"),
        # The end of the quarter falls on closing time
        (4 * DAY, [("resume", "2016-11-14 08:30")], "2016-11-17 17:30", "2016-11-16 17:30"),
        # Held over Easter, over the First of May, over Christmas and the new year
        (DAY, [("resume", "2017-04-14 16:30"), ("pause", "2017-04-14 17:00"), ("resume", "2017-04-18 08:30")],
         "2017-04-18 17:00", "2017-04-18 14:45"),
        (DAY, [("resume", "2017-04-28 16:30"), ("pause", "2017-04-28 17:30"), ("resume", "2017-05-01 10:00")],
         "2017-05-02 16:30", "2017-05-02 14:15"),
        (DAY, [("resume", "2016-12-23 12:00"), ("pause", "2016-12-23 14:00"), ("resume", "2017-01-01 09:00")],
         "2017-01-02 15:30", "2017-01-02 13:15"),
        # Held over both changes of the clocks: no hour is won or lost
        (DAY, [("resume", "2016-03-25 17:00"), ("pause", "2016-03-25 17:30"), ("resume", "2016-03-27 03:30")],
         "2016-03-29 17:00", "2016-03-29 14:45"),
        (DAY, [("resume", "2016-10-28 17:00"), ("pause", "2016-10-28 17:30"), ("resume", "2016-10-30 02:30")],
         "2016-10-31 17:00", "2016-10-31 14:45"),
        # Held twice in a day; held for no time at all
        (DAY, [("resume", "2016-11-14 08:30"), ("pause", "2016-11-14 10:00"), ("resume", "2016-11-14 11:00"),
               ("pause", "2016-11-14 12:00"), ("resume", "2016-11-14 14:00")], "2016-11-15 11:30", "2016-11-15 09:15"),
        (DAY, [("resume", "2016-11-14 08:30"), ("pause", "2016-11-14 12:00"), ("resume", "2016-11-14 12:00")],
         "2016-11-14 17:30", "2016-11-14 15:15"),
        # Reopened after its end, late or not: a whole count from that moment
        (DAY, [("resume", "2016-11-14 08:30"), ("pause", "2016-11-14 16:00"), ("restart", "2016-12-05 09:00", DAY)],
         "2016-12-06 09:00", "2016-12-05 15:45"),
        (DAY, [("resume", "2016-11-14 08:30"), ("pause", "2016-11-18 16:00"), ("restart", "2016-11-19 09:00", DAY)],
         "2016-11-21 17:30", "2016-11-21 15:15"),
        # Reopened, then held
        (DAY, [("restart", "2016-12-05 09:00", DAY), ("pause", "2016-12-05 17:30"), ("resume", "2016-12-07 17:30")],
         "2016-12-08 09:00", "2016-12-08 08:30"),
        # A later rule overrides the first answer: longer, shorter, and none of the time spent before counts
        (DAY, [("resume", "2016-11-14 08:30"), ("restart", "2016-11-14 15:00", 5 * DAY)],
         "2016-11-21 15:00", "2016-11-18 12:45"),
        (5 * DAY, [("resume", "2016-11-14 08:30"), ("restart", "2016-11-14 15:00", 60)],
         "2016-11-14 16:00", "2016-11-14 15:45"),
        # A later rule overrides one that was itself overridden: the last alone counts
        (DAY, [("resume", "2016-11-14 08:30"), ("restart", "2016-11-14 15:00", 60), ("restart", "2016-11-14 15:30", DAY)],
         "2016-11-15 15:30", "2016-11-15 13:15"),
        # A priority gives another delay for the same count: what was spent stays spent
        (2 * DAY, [("resume", "2016-11-14 08:30"), ("allow", DAY)], "2016-11-14 17:30", "2016-11-14 15:15"),
        (2 * DAY, [("resume", "2016-11-14 08:30"), ("pause", "2016-11-14 17:30"), ("allow", DAY),
                   ("resume", "2016-11-16 10:00")], "2016-11-16 10:00", "2016-11-16 10:00"),
        (DAY, [("resume", "2016-11-14 08:30"), ("pause", "2016-11-14 12:30"), ("allow", 2 * DAY),
               ("resume", "2016-11-15 08:30")], "2016-11-16 13:30", "2016-11-16 09:00"),
        # The shortest delay there is
        (1, [("resume", "2016-11-14 17:29")], "2016-11-14 17:30", "2016-11-14 17:29"),
        (1, [("resume", "2016-11-14 17:30")], "2016-11-15 08:31", "2016-11-15 08:30"),
    ],
)  # fmt: skip
def test_when_a_case_is_due_and_when_its_supervisor_is_told(
    allowed: int, story: list[tuple[Any, ...]], due: str, escalates: str
) -> None:
    deadline = Deadline(allowed)
    for step, *details in story:
        if step == "allow":
            deadline = replace(deadline, allowed=details[0])
        elif step == "restart":
            deadline = deadline.restart(paris(details[0]), details[1])
        else:
            deadline = getattr(deadline, step)(paris(details[0]))
    assert (deadline.due_at(), deadline.escalates_at()) == (paris(due), paris(escalates))


def test_a_waiting_deadline_is_never_over() -> None:
    waiting = Deadline(60, running_since=paris("2016-11-14 10:00")).pause(paris("2016-11-14 10:30"))
    assert waiting.due_at() is None
    assert waiting.escalates_at() is None
    assert not waiting.is_over(paris("2030-01-02 10:00"))


def test_it_is_over_after_its_last_minute_and_escalates_before_in_opening_hours() -> None:
    deadline = Deadline(2 * DAY, running_since=paris("2016-11-18 08:30"))
    assert deadline.due_at() == paris("2016-11-21 17:30")
    assert deadline.escalates_at() == paris("2016-11-21 13:00")
    assert not deadline.is_over(paris("2016-11-21 17:30"))
    assert deadline.is_over(paris("2016-11-21 17:31"))


def test_escalation_after_a_wait_counts_what_was_spent() -> None:
    deadline = Deadline(400, running_since=paris("2016-11-14 08:30")).pause(paris("2016-11-14 13:30"))
    assert deadline.spent == 300
    assert deadline.resume(paris("2016-11-15 09:00")).escalates_at() == paris("2016-11-15 09:00")


def test_a_delay_is_not_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        HOURS.after(paris("2016-11-14 10:00"), -1)


_instants = st.integers(0, 4 * 366 * 24 * 60).map(
    lambda minutes: datetime(2016, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


@given(_instants, st.integers(1, 20 * DAY))
def test_what_is_added_is_what_is_counted(start: datetime, minutes: int) -> None:
    assert HOURS.between(start, HOURS.after(start, minutes)) == minutes


@given(_instants, st.integers(0, 5 * DAY), st.integers(1, 5 * DAY))
def test_two_delays_in_a_row_are_their_sum(start: datetime, first: int, second: int) -> None:
    end = HOURS.after(HOURS.after(start, first), second)
    assert end == HOURS.after(start, first + second)


@given(_instants, st.integers(1, 3 * DAY), st.lists(st.integers(0, 3 * 24 * 60), max_size=6))
def test_waits_never_shorten_nor_lengthen_the_time_given(start: datetime, allowed: int, gaps: list[int]) -> None:
    deadline, at = Deadline(allowed).resume(start), start
    for number, gap in enumerate(gaps):
        at += timedelta(minutes=gap)
        deadline = deadline.pause(at) if number % 2 == 0 else deadline.resume(at)
    worked = deadline.spent + (HOURS.between(deadline.running_since, at) if deadline.running_since else 0)
    due = deadline.resume(at).due_at()
    assert due is not None
    assert HOURS.between(at, due) == max(0, allowed - worked)


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2016-11-14 11:00", 60, "2016-11-14 12:00"),
        ("2016-11-14 11:00", 61, "2016-11-14 13:31"),
        ("2016-11-14 12:30", 0, "2016-11-14 13:30"),
        ("2016-11-14 16:30", 60, "2016-11-16 09:00"),
        ("2016-11-15 10:00", 1, "2016-11-16 08:31"),
        ("2016-11-18 17:00", 60, "2016-11-19 09:30"),
        ("2016-11-19 12:00", 0, "2016-11-21 08:30"),
        ("2016-11-13 10:00", 420, "2016-11-14 17:00"),
    ],
)
def test_a_caisse_with_hours_of_its_own_counts_in_them(start: str, minutes: int, end: str) -> None:
    assert NOON.after(paris(start), minutes) == paris(end)
    assert NOON.between(paris(start), paris(end)) == minutes


def test_the_break_at_noon_and_a_closed_day_are_closed() -> None:
    for at, is_open in (
        ("2016-11-14 11:59", True), ("2016-11-14 12:00", False), ("2016-11-14 13:30", True), ("2016-11-15 10:00", False),
        ("2016-11-19 10:00", True), ("2016-11-20 10:00", False),
    ):  # fmt: skip
        assert NOON.is_open(paris(at)) is is_open, at


def test_good_friday_is_worked_everywhere_but_in_alsace() -> None:
    assert OpeningHours().after(paris("2017-04-14 10:00"), 60) == paris("2017-04-14 11:00")
    assert OpeningHours(region="6AE").after(paris("2017-04-14 10:00"), 60) == paris("2017-04-18 09:30")


def test_a_week_that_never_opens_is_no_week_and_a_closed_decade_ends_no_delay() -> None:
    with pytest.raises(ValueError, match="one of them opens"):
        OpeningHours(((),) * 7)
    start = paris("2016-11-14 10:00")
    closed = OpeningHours(closed=frozenset(start.date() + timedelta(days=day) for day in range(4000)))
    with pytest.raises(ValueError, match="ten years"):
        closed.after(start, 1)
