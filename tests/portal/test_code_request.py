"""« Recevoir un code »: one answer, at most one a day and four in thirty days, and nothing told of anybody."""

import threading

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from dmp_core.enrolment.insured import Insured

from .world import Visitor, World, without_token

CREATION = ("code.requested", {"purpose": "creation"})


def ask(app: Flask, person: Insured, **changes: str) -> TestResponse:
    year, month, day = person.birth_date.split("-")
    typed = {"nir": person.nir, "jour": day, "mois": month, "annee": year, "serie": person.serial} | changes
    return Visitor(app).send("/recevoir-un-code", **typed)


def test_right_information_tells_the_back_office_to_send_a_code(world: World, app: Flask) -> None:
    person = world.person()
    answer = ask(app, person)
    assert answer.location == "/recevoir-un-code/demande-prise-en-compte"
    assert world.events(person) == [CREATION]
    page = Visitor(app).get(answer.location).text
    for said in ("Si les informations saisies sont exactes", "deux heures", "une dizaine de jours", "quatre en trente"):
        assert said in page


def test_the_answer_is_the_same_whatever_is_wrong_and_nobody_is_told_anything(world: World, app: Flask) -> None:
    person, child, unknown = world.person(), world.person(may_open=False), world.person()
    del world.base.persons[unknown.nir]
    answers = [
        ask(app, person), ask(app, person), ask(app, person, serie="99999999"), ask(app, person, annee="1953"),
        ask(app, child), ask(app, unknown),
    ]  # fmt: skip
    said = {
        (a.status_code, a.location, a.data, tuple(name for name, _ in a.headers)) for a in answers
    }  # fmt: skip
    assert len(said) == 1
    assert [len(world.events(each)) for each in (person, child, unknown)] == [1, 0, 0]
    assert world.rows("SELECT 1 FROM enrolment.outbox WHERE caisse = '000'") == []


def test_one_a_day_and_four_in_thirty_days(world: World, app: Flask) -> None:
    person = world.person()
    counts = []
    for _ in range(7):
        ask(app, person)
        ask(app, person)
        counts.append(len(world.events(person)))
        world.clock.forward(days=1, minutes=1)
    assert counts == [1, 2, 3, 4, 4, 4, 4]
    world.clock.forward(days=24)
    ask(app, person)
    assert len(world.events(person)) == 5


def test_requests_at_once_are_counted_one_after_the_other(world: World, app: Flask) -> None:
    person = world.person()
    start = threading.Barrier(4)

    def one() -> None:
        start.wait()
        ask(app, person)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.events(person) == [CREATION]


def test_who_has_a_dmp_is_sent_a_code_that_lets_them_in_again(world: World, app: Flask) -> None:
    person = world.person()
    Visitor(app).create(person, world.code(person))
    ask(app, person)
    assert world.events(person)[1:] == [("code.requested", {"purpose": "access"})]


@pytest.mark.parametrize("born", ["1952-00-00", "1952-05-00"])
def test_an_incomplete_birth_date_is_taken_as_the_civil_record_has_it(world: World, app: Flask, born: str) -> None:
    person = world.person(birth_date=born)
    ask(app, person)
    assert world.events(person) == [CREATION]


def test_what_cannot_be_right_is_told_by_the_field_and_kept(world: World, app: Flask) -> None:
    person = world.person()
    answer = ask(app, person, nir=person.nir[:-1], jour="32", serie="12")
    assert answer.status_code == 422
    assert answer.text.count('class="field-error"') == 3
    assert 'value="32"' in answer.text
    assert "Cette date de naissance n’existe pas" in answer.text
    assert world.events(person) == []


def test_knocking_from_one_place_keeps_nobody_else_from_asking(world: World, app: Flask) -> None:
    person = world.person()
    knocker = Visitor(app)
    statuses = []
    for _ in range(6):
        typed = {"nir": person.nir, "jour": "01", "mois": "01", "annee": "1950", "serie": "99999999"}
        statuses.append(knocker.send("/recevoir-un-code", **typed).status_code)
    assert statuses == [303] * 5 + [429]
    ask(app, person)
    assert world.events(person) == [CREATION]


def test_the_block_is_the_same_for_a_person_who_is_not_there(world: World, app: Flask) -> None:
    person, unknown = world.person(), world.person()
    del world.base.persons[unknown.nir]
    blocked = []
    for who in (person, unknown):
        knocker = Visitor(app)
        typed = {"nir": who.nir, "jour": "1", "mois": "1", "annee": "1950", "serie": "99999999"}
        for _ in range(6):
            answer = knocker.send("/recevoir-un-code", **typed)
        blocked.append((answer.status_code, without_token(answer.text)))
    assert blocked[0] == blocked[1]
    assert blocked[0][0] == 429
