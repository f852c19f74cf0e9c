"""Finding a person: exact before near, within one's caisses, by an index whatever is asked."""

import unicodedata
from typing import Any

import pytest
from campaigns.world import World, a_person, new_nir
from sqlalchemy import event, text

from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, NotAllowed
from backoffice.letters.reference import format_letter_id
from backoffice.persons.search import SHOWN, Answer, search
from backoffice.persons.typed import key_of

AGENT = Actor("sandrine.chabrol", "Sandrine", frozenset({Role.AGENT}), frozenset({"631"}))
ADVISOR = Actor("karim.haddad", "Karim", frozenset({Role.ADVISOR}), frozenset(CAISSE_CODES))
MARIE = new_nir()


def someone(name: str, given: str, birth: str = "1950-08-12", **more: str) -> list[str]:
    return a_person(**{"nom_naissance": name, "nom_usage": "", "prenom": given, "date_naissance": birth} | more)


@pytest.fixture
def people(world: World) -> World:
    world.load([
        someone("LEFÈVRE", "MARIE-HÉLÈNE", nir=MARIE, mobile="0639981234", ville="THIERS", code_postal="63300"),
        someone("LEFEBVRE", "PAUL", "1961-02-03"),
        someone("MARTIN", "ZOÉ", "1980-00-00"),
        someone("MARTINEAU", "ZOÉ", "1981-05-06"),
        someone("MARTIN", "ADAM", "1990-01-01", civilite="M", date_deces="2015-01-01"),
        someone("DE LA TOUR", "ANNE", "1950-08-12"),
        someone("PHILIPPEAU", "JEAN", "1944-03-09", civilite="M"),
        someone("ROUSSEAU", "INÈS", "1977-07-07", nom_usage="KERGUÉLEN"),
        someone("MARTIN", "LÉA", "1980-04-04", caisse="941"),
    ])  # fmt: skip
    return world


def ask(world: World, typed: str, actor: Actor = AGENT) -> Answer:
    with world.session() as session:
        return search(session, actor, typed, paris_date(world.clock()))


def names(answer: Answer) -> list[str]:
    return [f"{found.given_name} {found.birth_name or found.name}" for found in answer.persons]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("lefevre", "MARIE-HÉLÈNE LEFÈVRE"),
        ("Lefèvre Marie", "MARIE-HÉLÈNE LEFÈVRE"),
        ("marie hélène lefe", "MARIE-HÉLÈNE LEFÈVRE"),
        ("Mme LEFEVRE", "MARIE-HÉLÈNE LEFÈVRE"),
        ("lefvere mari", "MARIE-HÉLÈNE LEFÈVRE"),
        ("delatour", "ANNE DE LA TOUR"),
        ("de la tour anne", "ANNE DE LA TOUR"),
        ("anne de la tour", "ANNE DE LA TOUR"),
        ("filipo", "JEAN PHILIPPEAU"),
        ("kerguelen", "INÈS ROUSSEAU"),
        ("matrin zoe", "ZOÉ MARTIN"),
        ("maritn zeo", "ZOÉ MARTIN"),
        ("rousseau ines", "INÈS ROUSSEAU"),
        ("lefevre 12/08/1950", "MARIE-HÉLÈNE LEFÈVRE"),
        ("lefevre 12 août 50", "MARIE-HÉLÈNE LEFÈVRE"),
        ("marie helene lefefre 12/08/1950", "MARIE-HÉLÈNE LEFÈVRE"),
        ("lefevre à thiers", "MARIE-HÉLÈNE LEFÈVRE"),
        ("lefevre 63300", "MARIE-HÉLÈNE LEFÈVRE"),
        ("lefevre thiers", "MARIE-HÉLÈNE LEFÈVRE"),
        ("martin 1980", "ZOÉ MARTIN"),
        ("06 39 98 12 34", "MARIE-HÉLÈNE LEFÈVRE"),
        (MARIE, "MARIE-HÉLÈNE LEFÈVRE"),
        (MARIE[:13], "MARIE-HÉLÈNE LEFÈVRE"),
        (MARIE[-8:], "MARIE-HÉLÈNE LEFÈVRE"),
        (f"{MARIE[:7]} lefevre", "MARIE-HÉLÈNE LEFÈVRE"),
        ("né le 9 mars 1944", "JEAN PHILIPPEAU"),
    ],
)
def test_a_person_is_found_however_they_are_asked_for(people: World, typed: str, first: str) -> None:
    assert names(ask(people, typed))[0] == first


def test_the_exact_name_comes_before_what_begins_so_and_before_what_is_near(people: World) -> None:
    answer = ask(people, "martin")
    assert names(answer) == ["ADAM MARTIN", "ZOÉ MARTIN", "ZOÉ MARTINEAU"]
    assert [found.near for found in answer.persons] == [False] * 3
    assert answer.persons[0].dead
    near = ask(people, "lefevre")
    assert names(near) == ["MARIE-HÉLÈNE LEFÈVRE", "PAUL LEFEBVRE"]
    assert [found.near for found in near.persons] == [False, True]


def test_nobody_of_another_caisse_is_found_by_any_way_but_by_an_advisor(people: World) -> None:
    people.load(
        [someone("INTROUVABLE", "LUC", "1933-03-03", caisse="941", mobile="0639985555", nir=(nir := new_nir()))]
    )
    for typed in ("introuvable", "introuvabel", "03/03/1933", nir, nir[:13], nir[-8:], "0639985555"):
        assert ask(people, typed).persons == (), typed
        assert names(ask(people, typed, ADVISOR)) == ["LUC INTROUVABLE"], typed


def test_a_number_is_shown_by_its_beginning_alone(people: World) -> None:
    (found,) = ask(people, MARIE).persons
    assert found.nir.replace(" ", "") == MARIE[:7] + "********"
    assert MARIE not in repr(found)


def test_a_letter_leads_to_its_reader_and_a_case_to_its_page(people: World) -> None:
    reference = people.sealed()
    letter = people.letters(reference)[0]
    letter_id = format_letter_id("631", letter.number)
    (found,) = ask(people, letter_id).persons
    assert (found.person_id, found.letter) == (letter.person_id, letter_id)
    assert ask(people, letter_id, Actor("x", "x", frozenset({Role.AGENT}), frozenset({"941"}))).persons == ()
    assert ask(people, "2016-631-000042").case == "2016-631-000042"


def test_no_more_than_twenty_and_it_is_said_that_there_are_others(world: World) -> None:
    world.load([someone("MARTIN", f"ZOÉ {'ABCDEFGHIJKLMNOPQRSTUVWXYZ'[n]}") for n in range(SHOWN + 1)])
    answer = ask(world, "martin")
    assert (len(answer.persons), answer.more) == (SHOWN, True)
    answer = ask(world, "martin zoe a")
    assert not answer.persons[0].near
    assert all(found.near for found in answer.persons[1:])
    assert not answer.more


def test_too_wide_a_question_asks_for_more(people: World) -> None:
    with pytest.raises(Invalid, match="vise trop de personnes"):
        ask(people, "mars 1944")


def test_a_question_that_takes_too_long_is_given_up_in_a_sentence(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = text("SELECT p.*, pg_sleep(1) FROM person p WHERE p.caisse = ANY(:caisses) AND p.mobile = :mobile")
    monkeypatch.setattr("backoffice.persons.search._BY_MOBILE", slow)
    monkeypatch.setattr("backoffice.persons.search._PATIENCE_MS", 50)
    with pytest.raises(Invalid, match="vise trop de personnes"):
        ask(people, "0639981234")


def test_who_has_no_business_with_persons_finds_none(people: World) -> None:
    manager = Actor("damien.faure", "Damien", frozenset({Role.CAMPAIGN_MANAGER}), frozenset({"631"}))
    with pytest.raises(NotAllowed):
        ask(people, "martin", manager)


def test_a_changed_name_is_found_at_once_even_with_a_slip(people: World) -> None:
    nir = new_nir()
    people.load([someone("QUATREMÈRE", "LISE", nir=nir)])
    people.load([someone("BOUGAINVILLE", "LISE", nir=nir)])
    assert names(ask(people, "bougainvile lise")) == ["LISE BOUGAINVILLE"]
    assert ask(people, "quatremere lise").persons == ()


def test_the_database_and_the_code_make_the_same_key_of_every_letter(world: World) -> None:
    letters = [chr(n) for n in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)) if unicodedata.category(chr(n))[0] == "L"]
    with world.session() as session:
        theirs = dict(
            session.execute(text("SELECT w, name_key(w) FROM unnest(CAST(:w AS text[])) w"), {"w": letters}).all()
        )
    usual = [
        one for one in letters if (len(unicodedata.normalize("NFKD", one)) > 1 and one != "ẛ") or one in "œŒæÆøØłŁßđĐ"
    ]
    assert {one: theirs[one] for one in usual} == {one: key_of(one) for one in usual}


@pytest.mark.parametrize(
    ("typed", "index"),
    [
        ("martin", "person_birth_name"), ("martin zoe", "person_usual_name"), (MARIE[:9], "nir"), (MARIE[-8:], "person_nir_end"),
        ("12/08/1950", "person_birth_date"), ("0639981234", "person_mobile"),
    ],
)  # fmt: skip
def test_every_look_up_is_by_an_index(people: World, typed: str, index: str) -> None:
    plans: list[str] = []

    def explain(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        if "FROM person p" in statement and not statement.startswith("EXPLAIN"):
            cursor.execute("SET LOCAL enable_seqscan = off")  # so few persons are read faster than any index
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(row[0] for row in cursor.fetchall()))

    engine = people.office.db.engine
    event.listen(engine, "before_cursor_execute", explain)
    try:
        ask(people, typed)
    finally:
        event.remove(engine, "before_cursor_execute", explain)
    assert plans
    for plan in plans:
        assert "Seq Scan" not in plan, plan
    # PostgreSQL names the index of a partition after the columns of the parent's.
    wanted = {
        "person_birth_name": "_name_key_name_key", "person_usual_name": "_name_key_name_key", "nir": "_nir_",
        "person_nir_end": "_reverse_", "person_birth_date": "_date_naissance_", "person_mobile": "_mobile_",
    }[index]  # fmt: skip
    assert any(wanted in plan and "Index Cond" in plan for plan in plans), plans
