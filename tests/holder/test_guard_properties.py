"""Whatever an attacker does and however long they wait, a lane never gives more tries than its rule."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dmp_core.holder.guard import State, failed, given_back
from dmp_core.holder.limits import RULES, Budget, Lockout

START = datetime(2017, 1, 10, 9, 0, tzinfo=UTC)
SUBJECT = RULES["nir"]
assert isinstance(SUBJECT, Lockout)
WAITS = st.one_of(
    st.just(0.0),
    st.floats(0, 120),
    st.floats(0, 2 * 86400),
    st.sampled_from([1800.0, 86400.0, 7 * 86400.0, 8 * 86400.0]),
)


def tried(waits: list[float], rule: Lockout | Budget) -> list[datetime]:
    """The moments at which a try was let through; a refused one is repeated as soon as the lane opens."""
    state, now, moments = State.new(START), START, []
    for wait in waits:
        now += timedelta(seconds=wait)
        now = state.retry_at(now) or now
        state = failed(state, rule, now)
        moments.append(now)
    return moments


def most_within(moments: list[datetime], window: timedelta) -> int:
    return max(sum(1 for other in moments if moment <= other < moment + window) for moment in moments)


@settings(max_examples=60)
@given(st.lists(WAITS, min_size=1, max_size=200))
def test_never_more_than_five_tries_in_half_an_hour_nor_forty_in_a_day(waits: list[float]) -> None:
    moments = tried(waits, SUBJECT)
    assert most_within(moments, SUBJECT.block) <= 2 * SUBJECT.tries - 1
    # 5 at once, then after 30 minutes, 1, 2, 4 and 8 hours: 30 at most before blocks are longer than what is left.
    assert most_within(moments, timedelta(days=1)) <= 30


@settings(max_examples=60)
@given(st.lists(WAITS, min_size=50, max_size=250))
def test_waiting_in_any_way_never_gives_more_than_going_on(waits: list[float]) -> None:
    moments = tried(waits, SUBJECT)
    steady = tried([0.0] * 400, SUBJECT)
    whole = moments[-1] - moments[0]
    assert len(moments) <= sum(1 for moment in steady if moment <= START + whole) + 2 * SUBJECT.tries


@settings(max_examples=60)
@given(st.lists(WAITS, min_size=1, max_size=60))
def test_messages_are_never_more_than_five_in_any_quarter_of_an_hour(waits: list[float]) -> None:
    assert most_within(tried(waits, RULES["send-account"]), timedelta(minutes=15)) <= 5


@settings(max_examples=60)
@given(st.lists(WAITS, min_size=1, max_size=150))
def test_a_budget_is_at_most_doubled_where_two_windows_meet(waits: list[float]) -> None:
    rule = RULES["address"]
    assert isinstance(rule, Budget)
    assert most_within(tried(waits, rule), rule.window) <= 2 * rule.tries


@given(st.lists(st.booleans(), max_size=80))
def test_a_success_leaves_no_trace_in_the_lane_of_its_subject(outcomes: list[bool]) -> None:
    state = State.new(START)
    for ok in outcomes:
        if state.retry_at(START) is None:
            state = failed(state, SUBJECT, START)
            state = given_back(state, SUBJECT, START) if ok else state
            assert not ok or state == State.new(START)


@given(st.integers(0, 59), st.integers(0, 200))
def test_a_budget_takes_back_as_many_as_it_lent(failures: int, successes: int) -> None:
    rule, state = RULES["address"], State.new(START)
    for _ in range(failures):
        state = failed(state, rule, START)
    for _ in range(successes):
        state = given_back(failed(state, rule, START), rule, START)
    assert state.failures == failures
