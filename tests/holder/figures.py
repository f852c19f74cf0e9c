"""What guessing costs an attacker, computed from the live settings."""

from datetime import UTC, datetime, timedelta
from math import log2

from dmp_core.enrolment import codes, credentials
from dmp_core.enrolment.code_requests import IN_THIRTY_DAYS
from dmp_core.holder.authenticator import DRIFT
from dmp_core.holder.guard import State, failed
from dmp_core.holder.limits import Budget, Limits, Lockout

LIMITS = Limits()
DAY, TWO_MONTHS, YEAR = timedelta(days=1), timedelta(days=61), timedelta(days=365)
START = datetime(2017, 1, 10, tzinfo=UTC)


def rule(scope: str) -> Lockout:
    found = LIMITS.rules[scope]
    assert isinstance(found, Lockout)
    return found


def budget(scope: str) -> Budget:
    found = LIMITS.rules[scope]
    assert isinstance(found, Budget)
    return found


def tries(scope: str, during: timedelta, since: timedelta = timedelta()) -> int:
    """Tries that one lane lets through to whoever never pauses, from `since` the beginning and for `during`."""
    state, now, count = State.new(START), START, 0
    while now < START + since + during:
        count += now >= START + since
        state = failed(state, rule(scope), now)
        now = state.retry_at(now) or now
    return count


def codes_in_all() -> int:
    """Different creation codes: the last character follows from the others."""
    return len(codes.ALPHABET) ** codes.RANDOM


def one_time_codes() -> int:
    return 10**LIMITS.one_time_digits


def horizontal(during: timedelta) -> int:
    """Tries at one door, whoever they are about, from however many places."""
    total = budget("total")
    return int(during / total.window) * total.tries


def figures() -> dict[str, str]:
    """Every computed figure of docs/security-of-access.md, by its name there."""
    nir_day, nir_two, nir_late = tries("nir", DAY), tries("nir", TWO_MONTHS), tries("nir", DAY, timedelta(days=30))
    issues = 1 + IN_THIRTY_DAYS * 2
    fresh = issues * budget("issue").tries
    login_year, second_two, second_year = tries("login", YEAR), tries("one-time", TWO_MONTHS), tries("one-time", YEAR)
    initial = credentials.INITIAL_PASSWORD_LIFE
    initial_bits = credentials.PASSWORD_LENGTH * log2(len(credentials.PASSWORD_CHARACTERS))
    session = rule("session").tries
    return {
        "code space": f"{codes_in_all():.2e}",
        "code bits": f"{log2(codes_in_all()):.2f}",
        "code, first day": f"{nir_day}",
        "code, later day": f"{nir_late}",
        "code, two months": f"{nir_two}",
        "code, P two months": f"{nir_two / codes_in_all():.1e}",
        "code, fresh tries": f"{fresh}",
        "code, P with fresh": f"{(nir_two + fresh) / codes_in_all():.1e}",
        "horizontal, a day": f"{horizontal(DAY)}",
        "horizontal, two months": f"{horizontal(TWO_MONTHS)}",
        "horizontal, P": f"{horizontal(TWO_MONTHS) / codes_in_all():.1e}",
        "password, first day": f"{tries('login', DAY)}",
        "password, a year": f"{login_year}",
        "initial bits": f"{initial_bits:.1f}",
        "initial, tries": f"{tries('login', initial)}",
        "initial, P": f"{tries('login', initial) / 2**initial_bits:.1e}",
        "one-time, P a session": f"{session / one_time_codes():.0e}",
        "application, P a session": f"{session * (2 * DRIFT + 1) / one_time_codes():.0e}",
        "one-time, first day": f"{tries('one-time', DAY)}",
        "one-time, two months": f"{second_two}",
        "one-time, P two months": f"{second_two / one_time_codes():.1e}",
        "one-time, a year": f"{second_year}",
        "one-time, P a year": f"{second_year / one_time_codes():.1e}",
    }
