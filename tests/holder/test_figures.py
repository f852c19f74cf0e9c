"""docs/security-of-access.md says what the live settings give."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from dmp_core.enrolment.code_requests import A_DAY, IN_THIRTY_DAYS
from dmp_core.enrolment.codes import ALPHABET, RANDOM
from dmp_core.enrolment.credentials import PASSWORD_CHARACTERS
from dmp_core.holder.limits import Lockout

from .figures import LIMITS, budget, figures, rule

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "security-of-access.md").read_text(encoding="utf-8")
ROWS = {
    "tries on the first day": "code, first day",
    "tries on a later day": "code, later day",
    "tries in two months | tries(nir": "code, two months",
    "probability of success in two months | 330 / 23^11": "code, P two months",
    "with every code that may be issued": "code, P with fresh",
    "tries a day, from any number": "horizontal, a day",
    "tries in two months | 61": "horizontal, two months",
    "probability that any of them succeeds": "horizontal, P",
    "passwords tried on the first day": "password, first day",
    "passwords tried in a year": "password, a year",
    "an initial password: 8 characters of 27": "initial, P",
    "a one-time code, password known, one session": "one-time, P a session",
    "the same from the application": "application, P a session",
    "one-time codes tried on the first day": "one-time, first day",
    "one-time codes tried in two months": "one-time, two months",
    "probability of success in two months, password known": "one-time, P two months",
    "one-time codes tried in a year": "one-time, a year",
    "probability of success in a year": "one-time, P a year",
}


@pytest.mark.parametrize("row", ROWS)
def test_each_computed_figure_is_the_one_that_the_settings_give(row: str) -> None:
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {row}")]
    assert line.split("|")[-2].strip() == figures()[ROWS[row]]


def test_the_formulas_hold_the_same_figures() -> None:
    found = figures()
    for part in (
        f"{len(ALPHABET)}^{RANDOM} = {found['code space']} codes, {found['code bits']} bits",
        f"({found['code, two months']} + {1 + 2 * IN_THIRTY_DAYS} × {budget('issue').tries}) / 23^11",
        f"{found['horizontal, two months']} / 23^11",
        f"8 characters of {len(PASSWORD_CHARACTERS)}, at most {found['initial bits']} bits",
        f"{found['initial, tries']} / 2^{found['initial bits']}",
        f"{found['one-time, two months']} / 10^{LIMITS.one_time_digits}",
        f"{found['one-time, a year']} / 10^{LIMITS.one_time_digits}",
        f"{int(found['password, a year']):,} guesses a year",
    ):
        assert part in PAGE, part


def minutes(time: timedelta) -> int:
    return time // timedelta(minutes=1)


def test_the_table_of_limits_is_the_settings() -> None:
    subject, second, sends = rule("nir"), rule("one-time"), rule("send-account")
    same = [LIMITS.rules[scope] for scope in ("code", "login", "recovery", "password", "device", "fresh-code")]
    assert same == [subject] * 6
    assert LIMITS.rules["one-time-device"] == second
    for part in (
        f"{subject.tries} failures, then {minutes(subject.block)} minutes, doubling up to "
        f"{subject.longest // timedelta(hours=1)} hours; forgotten {subject.forget.days} days after",
        f"{second.tries} failures, then {minutes(second.block)} minutes, doubling up to {second.longest.days} days; "
        f"forgotten {second.forget.days} days after",
        f"| {rule('session').tries} tries |",
        f"{LIMITS.one_time_digits} digits, {minutes(LIMITS.one_time_life)} minutes, one live",
        f"{sends.tries}, then {minutes(sends.block)} minutes without; {LIMITS.resend_wait.seconds} seconds",
        f"{budget('address').tries} failures an hour",
        f"{budget('total').tries:,} failures an hour",
        f"{A_DAY} a day, {IN_THIRTY_DAYS} in thirty days",
        f"{minutes(LIMITS.session_idle)} minutes idle, {minutes(LIMITS.session_whole)} minutes in all",
        f"{LIMITS.password_shortest} to {LIMITS.password_longest} characters",
        f"{rule('fresh-code').tries} tries, and {budget('issue').tries} tries in all for an issue",
    ):
        assert part in PAGE, part


def test_nist_s_hundred_failures_in_a_row_are_not_reached_by_one_time_codes_in_two_months() -> None:
    assert int(figures()["one-time, two months"]) <= 100


def test_what_was_measured_is_within_the_promise() -> None:
    ratios = [float(found) for found in re.findall(r"\| ([0-9]\.[0-9]{2,3}) \|", PAGE)]
    assert len(ratios) >= 4
    assert max(ratios) <= 1.10


def test_every_lockout_forgets_later_than_its_longest_block() -> None:
    subjects = [found for scope, found in LIMITS.rules.items() if isinstance(found, Lockout) and scope[:4] != "send"]
    assert all(found.forget >= found.longest for found in subjects)
