"""Erlang C: how many advisors answer enough calls soon enough. Pure, and stable for any traffic (decision 0027).

Calls come at random at a steady rate, last an exponential time, wait without giving up: what planners call M/M/n. The
blocking probability of Erlang B is worked out by its recursion, which neither overflows nor loses figures; Erlang C
follows from it (Cooper, *Introduction to Queueing Theory*, 2nd edition, 1981, chapter 3).
"""

from math import ceil, exp

TARGET = 0.8
"""Share of calls answered in time."""
WITHIN_SECONDS = 20.0
MOST_ADVISORS = 2000


def blocked(advisors: int, erlangs: float) -> float:
    """Erlang B: the share of calls that find all advisors busy when none may wait."""
    found = 1.0
    for number in range(1, advisors + 1):
        found = erlangs * found / (number + erlangs * found)
    return found


def waits(advisors: int, erlangs: float) -> float:
    """Erlang C: the share of calls that wait at all; 1 when there are no more advisors than traffic."""
    if advisors <= erlangs:
        return 1.0
    share = blocked(advisors, erlangs)
    return advisors * share / (advisors - erlangs * (1 - share))


def answered_in_time(
    advisors: int, calls_an_hour: float, seconds_a_call: float, within: float = WITHIN_SECONDS
) -> float:
    """The share of calls answered within so many seconds."""
    if calls_an_hour <= 0:
        return 1.0
    erlangs = calls_an_hour * seconds_a_call / 3600
    if advisors <= erlangs:
        return 0.0
    return 1 - waits(advisors, erlangs) * exp(-(advisors - erlangs) * within / seconds_a_call)


def advisors_for(
    calls_an_hour: float, seconds_a_call: float, target: float = TARGET, within: float = WITHIN_SECONDS
) -> int:
    """The fewest advisors who answer `target` of the calls within so many seconds; 0 without calls.

    Raises ValueError beyond MOST_ADVISORS: figures of another order are a mistake.
    """
    if calls_an_hour <= 0:
        return 0
    erlangs = calls_an_hour * seconds_a_call / 3600
    if erlangs >= MOST_ADVISORS:
        raise ValueError("more traffic than any call centre takes")
    advisors = max(1, ceil(erlangs))
    while answered_in_time(advisors, calls_an_hour, seconds_a_call, within) < target:
        advisors += 1
    return advisors


def calls_for(advisors: int, seconds_a_call: float) -> float:
    """The most calls an hour that so many advisors answer as they should."""
    low, high = 0.0, advisors * 3600 / seconds_a_call
    for _ in range(40):
        middle = (low + high) / 2
        if answered_in_time(advisors, middle, seconds_a_call) >= TARGET:
            low = middle
        else:
            high = middle
    return low
