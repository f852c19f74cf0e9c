"""A code that a person asked for takes the place of the one in force: at one moment, or not at all."""

from uuid import UUID, uuid4

import pytest
from enrolment_clock import LETTER

from dmp_core.enrolment import api
from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.results import CodeStatus
from dmp_core.errors import Invalid

ASKED = "remplacé à la demande de la personne"


def test_the_earlier_code_ends_when_the_new_one_is_issued_with_its_reason(
    enrolment: Enrolment, persons: range, request_id: UUID
) -> None:
    later = uuid4()
    enrolment.issue_codes(request_id, "631", persons[:3], LETTER)
    issued = enrolment.issue_codes(later, "631", persons[:2], LETTER, replacing=ASKED)
    assert issued.refused == frozenset()
    assert list(enrolment.reconcile(later)) == list(persons[:2])
    assert list(enrolment.reconcile(request_id)) == [persons[2]]
    assert {state.status for state in enrolment.code_states("631", persons[:3]).values()} == {CodeStatus.LIVE}


def test_an_issue_that_fails_leaves_the_earlier_code_in_force(
    enrolment: Enrolment, persons: range, request_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolment.issue_codes(request_id, "631", persons[:1], LETTER)

    def struck(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr(api, "copy_in", struck)
        with pytest.raises(KeyboardInterrupt):
            enrolment.issue_codes(uuid4(), "631", persons[:1], LETTER, replacing=ASKED)
    assert list(enrolment.reconcile(request_id)) == [persons[0]]


def test_a_replacement_says_why(enrolment: Enrolment, persons: range) -> None:
    with pytest.raises(Invalid, match="motif du remplacement"):
        enrolment.issue_codes(uuid4(), "631", persons[:1], LETTER, replacing=" ")
