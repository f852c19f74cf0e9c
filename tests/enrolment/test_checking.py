"""A typed code, compared with a person's own: what it is, and that nothing shows in the work done."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from enrolment_clock import LETTER, SetClock
from enrolment_people import an_insured
from sqlalchemy import Engine

from dmp_core.enrolment import checking
from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.checking import COMPARED, CodeCheck, codes_of, consume
from dmp_core.enrolment.codes import draw_codes, group
from dmp_core.enrolment.insured import Insured
from dmp_core.enrolment.validity import expires_at
from dmp_core.errors import Unavailable
from dmp_core.storage.keyring import Keyring


def a_code(enrolment: Enrolment, person: Insured) -> str:
    return enrolment.issue_codes(uuid4(), person.caisse, [person.person_id], LETTER).codes[person.person_id]


def test_a_live_code_is_read_as_it_may_be_typed(
    enrolment: Enrolment, holder_engine: Engine, ring: Keyring, clock: SetClock
) -> None:
    person = an_insured()
    code = a_code(enrolment, person)
    with holder_engine.begin() as connection:
        for typed in (code, group(code), group(code).lower(), f" {code[:4]}-{code[4:]} "):
            assert codes_of(connection, ring, person, typed, clock.now) is CodeCheck.LIVE


def test_a_code_is_expired_from_the_very_instant_and_used_or_revoked_for_good(
    enrolment: Enrolment, holder_engine: Engine, ring: Keyring, clock: SetClock
) -> None:
    person = an_insured()
    end = expires_at(LETTER)
    first = a_code(enrolment, person)
    enrolment.revoke("631", [person.person_id], "remplacé")
    second = a_code(enrolment, person)
    with holder_engine.begin() as connection:
        assert codes_of(connection, ring, person, first, clock.now) is CodeCheck.REVOKED
        assert codes_of(connection, ring, person, second, end - timedelta(microseconds=1)) is CodeCheck.LIVE
        assert codes_of(connection, ring, person, second, end) is CodeCheck.EXPIRED
        assert not consume(connection, ring, person, second, end)
        assert not consume(connection, ring, person, first, clock.now)
        assert consume(connection, ring, person, second, clock.now)
        assert not consume(connection, ring, person, second, clock.now)
        assert codes_of(connection, ring, person, second, end) is CodeCheck.USED


def test_a_code_is_worth_nothing_with_another_person(
    enrolment: Enrolment, holder_engine: Engine, ring: Keyring, clock: SetClock
) -> None:
    person, other = an_insured(), an_insured()
    code = a_code(enrolment, person)
    a_code(enrolment, other)
    with holder_engine.begin() as connection:
        for somebody in (other, replace(person, caisse="311"), None):
            assert codes_of(connection, ring, somebody, code, clock.now) is CodeCheck.WRONG
        assert not consume(connection, ring, other, code, clock.now)
        assert codes_of(connection, ring, person, code, clock.now) is CodeCheck.LIVE


def test_the_work_is_the_same_whoever_asks_and_whatever_is_typed(
    enrolment: Enrolment, holder_engine: Engine, ring: Keyring, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    often = an_insured()
    for _ in range(COMPARED + 2):
        enrolment.revoke("631", [often.person_id], "remplacé")
        code = a_code(enrolment, often)
    compared: list[int] = []
    real = checking.is_digest_of
    monkeypatch.setattr(checking, "is_digest_of", lambda *a: compared.append(1) or real(*a))
    with holder_engine.begin() as connection:
        for person in (often, an_insured(), None):
            for typed in (code, draw_codes(1)[0], "", "é" * 400, "AAAAAAAAAAAA"):
                compared.clear()
                codes_of(connection, ring, person, typed, clock.now)
                assert len(compared) == COMPARED


def test_a_key_that_is_missing_makes_the_answer_unknown_not_no(
    enrolment: Enrolment, holder_engine: Engine, clock: SetClock, tmp_path: object
) -> None:
    person = an_insured()
    code = a_code(enrolment, person)
    other = Keyring("kother", {"kother": bytes(32)})
    with pytest.raises(Unavailable), holder_engine.begin() as connection:
        codes_of(connection, other, person, code, clock.now)
