"""Who may be told what, and how hard it is to pass for somebody else. No database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.calls.questions import (
    QUESTIONS,
    Known,
    draw,
    folded,
    is_right,
    iso_day,
    pool_of,
    question_named,
)
from backoffice.calls.rules import LIMITS, Attempt, Identity, Outcome, Relation, errors_left, tried_again_from, verdict
from backoffice.calls.scripts import SUBJECTS, subject_named
from backoffice.core.errors import Invalid

KNOWN = Known(
    prenom="Marie-Hélène", nom_naissance="Martin", nom_usage="Lefèvre", date_naissance="1950-08-03", code_postal="63000",
    mobile="+33639981234", email="Marie@exemple.fr", vitale_serie="12345678", letters=("631-000000042-17",),
)  # fmt: skip
NOW = datetime(2016, 11, 2, 9, tzinfo=UTC)
RIGHT = {
    "vitale": "5678", "mobile": "12 34", "courrier": "631 000000042 17", "email": " marie@EXEMPLE.fr ",
    "naissance": "3/8/1950", "code_postal": "63 000", "prenom": "MARIE HELENE", "nom_naissance": "martin",
}  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_each_question_takes_its_answer_as_people_say_it_and_no_other(question) -> None:
    assert is_right(question, KNOWN, RIGHT[question.name])
    for wrong in ("", "   ", "9999", "01/01/1900", "x@y.fr", "Paul", "5679"):
        assert not is_right(question, KNOWN, wrong)


@pytest.mark.parametrize(
    ("typed", "day"),
    [("03/08/1950", "1950-08-03"), ("3.8.1950", "1950-08-03"), ("03081950", "1950-08-03"), ("1950-08-03", "1950-08-03"),
     ("août 1950", ""), ("3/8/50", "")],
)  # fmt: skip
def test_a_day_is_read_however_it_is_said(typed: str, day: str) -> None:
    assert iso_day(typed) == day


def test_what_the_base_does_not_know_or_was_already_said_is_not_asked() -> None:
    bare = replace(KNOWN, mobile="", email="", vitale_serie="", nom_usage="", date_naissance="1950-08-00", letters=())
    assert [one.name for one in pool_of(bare, (), letter_at_hand=True)] == ["code_postal", "prenom"]
    found = {one.name for one in pool_of(KNOWN, ("nom", "naissance"), letter_at_hand=False)}
    assert found == {"vitale", "mobile", "email", "code_postal", "prenom"}
    assert "naissance" not in {one.name for one in pool_of(KNOWN, ("nir",), letter_at_hand=False)}
    assert "courrier" in {one.name for one in pool_of(KNOWN, ("nom",), letter_at_hand=True)}
    assert "courrier" not in {one.name for one in pool_of(KNOWN, ("courrier",), letter_at_hand=True)}


@given(st.integers(), st.lists(st.sampled_from([one.name for one in QUESTIONS]), max_size=15))
def test_two_questions_are_about_something_one_has_and_none_comes_twice(seed: int, earlier: list[str]) -> None:
    pool, asked, chance = pool_of(KNOWN, (), letter_at_hand=True), [], Random(seed)
    while (question := draw(pool, asked, earlier, chance)) is not None:
        asked.append(question.name)
    assert sorted(asked) == sorted(one.name for one in pool)
    assert all(question_named(name).possession for name in asked[:2])


def test_what_an_earlier_call_asked_comes_last() -> None:
    pool = pool_of(KNOWN, (), letter_at_hand=False)
    first = {draw(pool, (), ("vitale", "mobile"), Random(seed)).name for seed in range(40)}  # type: ignore[union-attr]
    assert first == {"email"}
    first = {draw(pool, (), ("vitale", "mobile", "email"), Random(seed)).name for seed in range(40)}  # type: ignore[union-attr]
    assert first == {"vitale"}


@given(st.text(max_size=30))
def test_folding_twice_changes_nothing(text: str) -> None:
    assert folded(folded(text)) == folded(text)


def attempt(hours: float, errors: int, identity: Identity = Identity.FAILED) -> Attempt:
    return Attempt(NOW - timedelta(hours=hours), errors, identity)


@pytest.mark.parametrize(
    ("attempts", "left"),
    [
        ([], 2),
        ([attempt(1, 1, Identity.RUNNING)], 1),  # hung up after one error
        ([attempt(1, 2)], 0),
        ([attempt(23.9, 2)], 0),
        ([attempt(24, 2)], 2),
        ([attempt(5, 1, Identity.RUNNING), attempt(1, 1, Identity.RUNNING)], 0),
        ([attempt(30, 1, Identity.RUNNING), attempt(1, 1, Identity.RUNNING)], 1),
        ([attempt(30, 1, Identity.RUNNING), attempt(10, 1, Identity.RUNNING)], 0),  # within a day of each other
        ([attempt(5, 1, Identity.RUNNING), attempt(1, 1, Identity.PASSED)], 2),
        ([attempt(5, 0, Identity.RUNNING)], 2),
    ],
)
def test_errors_add_up_over_calls_until_a_day_has_gone_by(attempts: list[Attempt], left: int) -> None:
    assert errors_left(attempts, NOW) == left
    assert errors_left(list(reversed(attempts)), NOW) == left


def test_the_caller_is_told_from_when_on_it_may_be_tried_again() -> None:
    assert tried_again_from([attempt(3, 1), attempt(1, 1)]) == NOW - timedelta(hours=1) + LIMITS.cooling
    assert tried_again_from([attempt(1, 1, Identity.PASSED)]) is None


@given(st.lists(st.booleans(), max_size=12))
def test_three_right_answers_pass_and_two_wrong_ones_fail_whatever_the_order(answers: list[bool]) -> None:
    right = errors = 0
    for said in answers:
        right, errors = right + said, errors + (not said)
        found = verdict(right, errors, LIMITS.errors)
        if found is not Identity.RUNNING:
            break
    else:
        assert right < 3
        assert errors < 2
        return
    assert (found is Identity.PASSED) == (right == 3 and errors < 2)
    assert (found is Identity.FAILED) == (errors == 2)


def test_answers_prove_something_of_the_person_alone() -> None:
    assert [one for one in Relation if one.may_prove] == [Relation.SELF]
    assert all(one.label and one.limit for one in Relation)
    assert all(one.label for one in (*Identity, *Outcome))


def test_every_reason_to_ring_has_what_to_say_and_what_may_be_done() -> None:
    assert {"code_perdu", "code_expire", "courrier_erreur", "nom_faux", "demenage", "deces", "refus", "contestation",
            "connexion", "cloture", "decouvrir"} <= {one.name for one in SUBJECTS}  # fmt: skip
    assert all(one.label and one.say and one.by_phone for one in SUBJECTS)
    assert len({one.name for one in SUBJECTS}) == len(SUBJECTS)
    with pytest.raises(Invalid, match="sujet"):
        subject_named("inconnu")
