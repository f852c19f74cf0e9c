"""Days of waves, without a database."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backoffice.campaigns.scheduling import (
    Days,
    Embargo,
    Judgement,
    Slot,
    Terms,
    Verdict,
    in_months,
    judge,
    lay_out,
    move,
    share_out,
)
from backoffice.core.calendar import holiday_name, is_working_day
from backoffice.core.clock import PARIS
from backoffice.core.errors import Invalid

PUY_DE_DOME = Days(("631",))
NOVEMBER = date(2016, 11, 2)
FEAST = Embargo(date(2016, 12, 19), date(2017, 1, 1), "fêtes")

days = st.dates(date(2016, 1, 1), date(2018, 12, 31))
embargoes = st.lists(
    st.tuples(days, st.integers(0, 20)).map(lambda pair: Embargo(pair[0], pair[0] + timedelta(days=pair[1]), "essai")),
    max_size=4,
).map(tuple)


def planned(total: int, per_day: int, start: date = NOVEMBER, where: Days = PUY_DE_DOME, **changes: Any) -> list[Slot]:
    return lay_out(Terms(start, per_day, **changes), where, total)


def test_waves_leave_on_working_days_and_the_last_takes_the_rest() -> None:
    # Thursday 10 November, the 11th is a holiday, then a week-end.
    slots = planned(2500, 1000, date(2016, 11, 10))
    assert [(slot.number, slot.day, slot.letters) for slot in slots] == [
        (1, date(2016, 11, 10), 1000), (2, date(2016, 11, 14), 1000), (3, date(2016, 11, 15), 500),
    ]  # fmt: skip


def test_alsace_keeps_its_own_holidays_and_so_does_a_campaign_that_writes_there() -> None:
    saint_stephen, good_friday = date(2016, 12, 26), date(2017, 4, 14)
    for day in (saint_stephen, good_friday):
        assert is_working_day(day)
        assert is_working_day(day, ["631", "941"])
        assert not is_working_day(day, ["631", "671"])
        assert holiday_name(day, ["671"])
    assert Days(("631", "671")).closed(good_friday) == "jour férié (Vendredi saint)"


def test_an_embargo_is_passed_over() -> None:
    slots = planned(30, 10, date(2016, 12, 16), Days(("631",), (FEAST,)))
    assert [slot.day for slot in slots] == [date(2016, 12, 16), date(2017, 1, 2), date(2017, 1, 3)]


def test_an_end_that_cannot_be_held_says_when_it_would_end() -> None:
    with pytest.raises(Invalid, match="dernière vague partirait le 07/11/2016, après la fin demandée"):
        planned(40, 10, end=date(2016, 11, 4))
    assert len(planned(30, 10, end=date(2016, 11, 4))) == 3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"start": date(2016, 11, 1)}, "est passé"),
        ({"start": date(2019, 11, 1)}, "deux ans"),
        ({"per_day": 0}, "au moins 1"),
        ({"end": date(2016, 11, 1)}, "vient avant le premier départ"),
        ({"tolerance": 11}, "de 0 à 10"),
        ({"embargoes": (Embargo(NOVEMBER, date(2016, 11, 1), "x"),)}, "échangez les deux dates"),
        ({"embargoes": (Embargo(NOVEMBER, date(2018, 11, 1), "x"),)}, "un an au plus"),
        ({"embargoes": (Embargo(NOVEMBER, NOVEMBER, " "),)}, "pourquoi"),
        ({"embargoes": (Embargo(NOVEMBER, NOVEMBER, "x" * 81),)}, "80 caractères"),
    ],
)
def test_terms_that_cannot_be_are_refused_in_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    terms = {"start": NOVEMBER, "per_day": 10} | changes
    with pytest.raises(Invalid, match=sentence):
        Terms(**terms).check(NOVEMBER)


def test_too_many_waves_and_no_letters_at_all_are_refused() -> None:
    with pytest.raises(Invalid, match="400 au plus"):
        planned(100_000, 10)
    with pytest.raises(Invalid, match="aucun envoi"):
        planned(0, 10)


def test_embargoes_without_end_leave_no_day() -> None:
    endless = tuple(
        Embargo(NOVEMBER + timedelta(days=300 * n), NOVEMBER + timedelta(days=300 * n + 299), "x") for n in range(4)
    )
    with pytest.raises(Invalid, match="embargos ferment tout"):
        planned(10, 10, where=Days(("631",), endless))


def test_sizes_worked_out_for_the_staff_are_kept_or_refused() -> None:
    sizes = ((date(2016, 11, 2), 10), (date(2016, 11, 4), 6))
    assert [slot.letters for slot in planned(16, 10, sizes=sizes)] == [10, 6]
    for total, per_day, start in ((17, 10, NOVEMBER), (16, 9, NOVEMBER), (16, 10, date(2016, 11, 3))):
        with pytest.raises(Invalid, match="nouvelle proposition"):
            planned(total, per_day, start, sizes=sizes)
    with pytest.raises(Invalid, match="nouvelle proposition"):
        planned(16, 10, sizes=((date(2016, 11, 2), 10), (date(2016, 11, 5), 6)))


@given(st.integers(1, 5000), st.integers(20, 900), days, embargoes)
def test_any_plan_holds_capacity_order_and_closed_days(
    total: int, per_day: int, start: date, closed: tuple[Embargo, ...]
) -> None:
    where = Days(("671",), closed)
    slots = planned(total, per_day, start, where)
    assert sum(slot.letters for slot in slots) == total
    assert all(1 <= slot.letters <= per_day for slot in slots)
    assert all(where.closed(slot.day) is None for slot in slots)
    assert all(one.day < two.day for one, two in pairwise(slots))
    assert slots[0].day >= start


@given(st.integers(1, 60), days, embargoes, st.data(), st.booleans())
def test_any_move_keeps_order_letters_closed_days_and_what_came_before(
    count: int, start: date, closed: tuple[Embargo, ...], data: st.DataObject, follow: bool
) -> None:
    where = Days(("631",), closed)
    slots = planned(count, 1, start, where)
    number = data.draw(st.integers(1, count))
    day = data.draw(st.dates(start, start + timedelta(days=120)))
    try:
        moved = move(slots, number, day, where, today=start, end=None, follow=follow)
    except Invalid:
        assert where.closed(day) or (number > 1 and day <= slots[number - 2].day)
        return
    assert moved[: number - 1] == slots[: number - 1]
    assert moved[number - 1].day == day
    assert [(slot.number, slot.letters) for slot in moved] == [(slot.number, slot.letters) for slot in slots]
    assert all(where.closed(slot.day) is None for slot in moved)
    assert all(one.day < two.day for one, two in pairwise(moved))
    if not follow:  # only as far as they must
        assert all(new.day >= old.day for old, new in list(zip(slots, moved, strict=True))[number:])
        if day <= slots[number - 1].day:
            assert moved[number:] == slots[number:]


def seven() -> list[Slot]:
    return planned(7, 1, date(2016, 11, 2))  # 2 3 4 | 7 8 9 10


def moved_to(number: int, day: date, **changes: Any) -> Sequence[int]:
    options: dict[str, Any] = {"today": NOVEMBER, "end": None, "follow": False} | changes
    return [slot.day.day for slot in move(seven(), number, day, PUY_DE_DOME, **options)]


def test_a_move_pushes_only_those_it_meets_or_all_by_as_much() -> None:
    assert moved_to(3, date(2016, 11, 8)) == [2, 3, 8, 9, 10, 14, 15]
    assert moved_to(7, date(2016, 11, 17)) == [2, 3, 4, 7, 8, 9, 17]
    assert moved_to(6, date(2016, 11, 14), follow=True) == [2, 3, 4, 7, 8, 14, 15]
    spread = [Slot(1, date(2016, 11, 7), 1), Slot(2, date(2016, 11, 14), 1)]
    back = move(spread, 1, date(2016, 11, 3), PUY_DE_DOME, today=NOVEMBER, end=None, follow=True)
    assert [slot.day for slot in back] == [date(2016, 11, 3), date(2016, 11, 9)]
    assert move(spread, 1, date(2016, 11, 3), PUY_DE_DOME, today=NOVEMBER, end=None, follow=False)[1] == spread[1]


@pytest.mark.parametrize(
    ("number", "day", "changes", "sentence"),
    [
        (3, date(2016, 11, 3), {}, "doit rester après la vague 2"),
        (3, date(2016, 11, 11), {}, "jour férié .*premier jour possible ensuite est le 14/11/2016"),
        (3, date(2016, 11, 6), {}, "dimanche"),
        (3, date(2016, 11, 1), {}, "est passé"),
        (3, date(2019, 11, 4), {}, "deux ans"),
        (1, date(2016, 11, 3), {"after": date(2016, 11, 3)}, "dernière vague partie"),
        (3, date(2016, 11, 10), {"end": date(2016, 11, 14)}, "après la fin du plan"),
        (9, date(2016, 11, 10), {}, "ne peut plus être déplacée"),
    ],
)
def test_a_move_that_cannot_be_says_what_to_choose(
    number: int, day: date, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(Invalid, match=sentence):
        moved_to(number, day, **changes)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2016, 11, day, hour, minute, tzinfo=PARIS)


def judged(now: datetime, *, latest: int = 15, **changes: Any) -> Judgement:
    """A wave of Monday 14 November, decided on the 2nd."""
    options: dict[str, Any] = {"decided_at": at(2, 9), "known_since": at(1, 9), "held": False} | changes
    where = options.pop("where", PUY_DE_DOME)
    return judge(date(2016, 11, 14), date(2016, 11, latest), now, where, **options)


@pytest.mark.parametrize(
    ("now", "changes", "verdict"),
    [
        (at(13, 23, 59), {}, Verdict.WAIT),
        (at(14, 7, 59), {}, Verdict.WAIT),
        (at(14, 8, 0), {}, Verdict.START),
        (at(14, 17, 29), {}, Verdict.START),
        (at(14, 17, 30), {}, Verdict.WAIT),  # tomorrow is still allowed
        (at(14, 17, 30), {"latest": 14}, Verdict.ASK),
        (at(15, 3, 0), {}, Verdict.WAIT),
        (at(15, 9, 0), {}, Verdict.START),
        (at(15, 17, 30), {}, Verdict.ASK),
        (at(30, 9, 0), {}, Verdict.ASK),
        (at(14, 9, 0), {"held": True}, Verdict.WAIT),
        (at(15, 17, 30), {"held": True}, Verdict.ASK),
        (at(14, 9, 0), {"known_since": at(14, 8, 30)}, Verdict.ASK),  # restored since its hour
        (at(14, 9, 0), {"known_since": at(13, 8, 30)}, Verdict.START),
        (at(14, 9, 0), {"known_since": at(14, 8, 30), "decided_at": at(14, 8, 45)}, Verdict.START),
        (at(14, 9, 0), {"known_since": None}, Verdict.ASK),
    ],
)
def test_a_wave_starts_in_its_slot_and_asks_after(now: datetime, changes: dict[str, Any], verdict: Verdict) -> None:
    found = judged(now, **changes)
    assert found.verdict is verdict
    assert bool(found.reason) == (verdict is Verdict.ASK)


def test_an_embargo_set_since_holds_the_wave_and_asks_when_no_day_is_left() -> None:
    one = Days(("631",), (Embargo(date(2016, 11, 14), date(2016, 11, 14), "grève"),))
    assert judged(at(14, 9), where=one).verdict is Verdict.WAIT
    assert judged(at(15, 9), where=one).verdict is Verdict.START
    found = judged(at(14, 9), where=one, latest=14)
    assert found.verdict is Verdict.ASK
    assert "embargo (grève)" in found.reason


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 300), min_size=1), st.data())
def test_every_wave_has_its_share_of_each_stream(counts: dict[str, int], data: st.DataObject) -> None:
    total = sum(counts.values())
    assume(total)
    cuts = sorted(data.draw(st.sets(st.integers(1, total - 1), max_size=8)) if total > 1 else [])
    sizes = [after - before for before, after in pairwise([0, *cuts, total])]
    shares = share_out(counts, sizes)
    assert [sum(share.values()) for share in shares] == sizes
    for name, number in counts.items():
        assert sum(share[name] for share in shares) == number
        assert all(share[name] >= 0 for share in shares)
    first = shares[0]
    assert all(abs(first[name] - sizes[0] * number / total) < 1 for name, number in counts.items())


def test_months_run_from_the_first_day_to_the_last() -> None:
    assert in_months([]) == []
    assert in_months([date(2017, 1, 3), date(2016, 11, 30)]) == [(2016, 11), (2016, 12), (2017, 1)]
