"""Several workers at once: nobody ever holds two live codes, and nothing deadlocks."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from random import Random
from uuid import UUID, uuid4

from enrolment_clock import LETTER
from sqlalchemy import Engine, text

from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.results import IssuedCodes


def live_codes(owner_engine: Engine, persons: range) -> Counter[int]:
    with owner_engine.connect() as connection:
        return Counter(
            connection.scalars(
                text("SELECT person_id FROM enrolment.creation_code WHERE state = 'live' AND person_id = ANY(:p)"),
                {"p": list(persons)},
            )
        )


def test_workers_that_take_the_same_request_leave_one_live_code_a_person(
    enrolment: Enrolment, owner_engine: Engine, persons: range
) -> None:
    request = uuid4()
    with ThreadPoolExecutor(6) as workers:
        answers = list(workers.map(lambda _: enrolment.issue_codes(request, "631", persons, LETTER), range(6)))
    assert live_codes(owner_engine, persons) == Counter(persons)
    assert all(set(answer.codes) == set(persons) for answer in answers)
    last = {answer.issue_id for answer in answers if answer.issue_id == enrolment.current_issue(request)}
    with owner_engine.connect() as connection:
        live = text("SELECT DISTINCT issue_id FROM enrolment.creation_code WHERE request_id = :r AND state = 'live'")
        assert set(connection.scalars(live, {"r": request})) == last


def test_requests_over_the_same_persons_share_them_out_without_a_double(
    enrolment: Enrolment, owner_engine: Engine, persons: range
) -> None:
    shuffled = [Random(seed).sample(persons, 400) for seed in range(6)]

    def issue(chosen: list[int]) -> tuple[UUID, IssuedCodes]:
        request = uuid4()
        return request, enrolment.issue_codes(request, "631", chosen, LETTER)

    with ThreadPoolExecutor(6) as workers:
        answers = list(workers.map(issue, shuffled))
    assert live_codes(owner_engine, persons) == Counter(set().union(*shuffled))
    given = Counter(person for _, answer in answers for person in answer.codes)
    assert max(given.values()) == 1
    for (request, answer), chosen in zip(answers, shuffled, strict=True):
        assert set(answer.codes) | answer.refused == set(chosen)
        assert set(enrolment.reconcile(request)) == set(answer.codes)


def test_issues_revocations_and_replacements_mixed_at_random_never_deadlock(
    enrolment: Enrolment, owner_engine: Engine, persons: range
) -> None:
    requests = [uuid4() for _ in range(4)]

    def act(seed: int) -> None:
        random = Random(seed)
        chosen = random.sample(persons, 100)
        match random.randrange(3):
            case 0:
                enrolment.revoke("631", chosen, "essai")
            case 1:
                enrolment.revoke_request(random.choice(requests), "essai")
            case _:
                enrolment.issue_codes(random.choice(requests), "631", chosen, LETTER)

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(act, range(60)))
    assert set(live_codes(owner_engine, persons).values()) <= {1}
    assert sum(enrolment.counts(["631"]).get(request, 0) for request in requests) == sum(
        live_codes(owner_engine, persons).values()
    )
