"""The call file over a real database: found blindly, proved or not, never twice at once."""

import threading
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from campaigns.world import SYSTEM, World, a_person

from backoffice.calls import actions
from backoffice.calls.facts import facts_of, masked_mail, masked_number
from backoffice.calls.matching import Match, Wanted
from backoffice.calls.models import access_call, check_of
from backoffice.calls.rules import Identity
from backoffice.calls.scripts import SCRIPTS, subjects_of
from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import Invalid, NotAllowed, NotFound, WrongState
from backoffice.letters.reference import format_letter_id
from backoffice.parameters.actions import change
from backoffice.parameters.limits import IDENTITY_TRIES

PARIS = ZoneInfo("Europe/Paris")
ADVISOR = Actor("karim.haddad", "Karim Haddad", frozenset({Role.ADVISOR}), frozenset(CAISSE_CODES))
OTHER = Actor("lea.roux", "Léa Roux", frozenset({Role.ADVISOR}), frozenset(CAISSE_CODES))
CHANCE = Random(1)
ZOE = {
    "prenom": "Zoé", "nom_naissance": "Vasseur", "nom_usage": "Le Goff", "date_naissance": "1950-08-03",
    "code_postal": "63000", "mobile": "0639981234", "email": "zoe@exemple.fr", "vitale_serie": "1234567890",
    "vitale_type": "sans_photo",
}  # fmt: skip
RIGHT = {"vitale": "7890", "mobile": "1234", "email": "zoe@exemple.fr", "code_postal": "63000", "prenom": "zoe"}


@pytest.fixture
def zoe(world: World) -> int:
    world.load([a_person(**ZOE), a_person(prenom="Zoé", nom_naissance="Vasseur", date_naissance="1951-01-01")])
    return int(world.sql("SELECT id FROM person WHERE date_naissance = '1950-08-03'")[0][0])


def begin(world: World, actor: Actor = ADVISOR, **wanted: Any) -> int:
    said = {"nom": "Le Goff", "naissance": "03/08/1950"} | wanted
    with world.session() as session:
        call = actions.open_call(session, world.office, actor)
        assert actions.look_for(session, world.office, actor, call.id, "titulaire", Wanted(**said)) is Match.ONE
        return call.id


def question_of(world: World, call_id: int, actor: Actor = ADVISOR) -> tuple[int, str]:
    with world.session() as session:
        check = check_of(session, access_call(session, actor, call_id))
        assert check is not None
        return len(check.questions), check.questions[-1]


def say(world: World, call_id: int, right: bool, actor: Actor = ADVISOR) -> Identity:
    asked, name = question_of(world, call_id, actor)
    with world.session() as session:
        check = actions.answer(session, world.office, actor, call_id, asked, RIGHT[name] if right else "non", CHANCE)
        return check.identity


def ask(world: World, call_id: int, actor: Actor = ADVISOR) -> None:
    with world.session() as session:
        actions.begin_proof(session, world.office, actor, call_id, CHANCE)


def shown(world: World, call_id: int) -> bool:
    with world.session() as session:
        return facts_of(session, world.office, access_call(session, ADVISOR, call_id)) is not None


def test_three_right_answers_show_the_person_and_keep_no_answer(world: World, zoe: int) -> None:
    call = begin(world)
    assert not shown(world, call)
    ask(world, call)
    assert [say(world, call, True) for _ in range(2)] == [Identity.RUNNING] * 2
    assert not shown(world, call)
    assert say(world, call, True) is Identity.PASSED
    assert shown(world, call)
    kept = str(world.sql("SELECT * FROM identity_check")) + str(world.sql("SELECT * FROM audit_entry"))
    for secret in ("7890", "1234567890", "zoe@", "63000", "639981234", "1950"):
        assert secret not in kept
    with world.session() as session:
        facts = facts_of(session, world.office, access_call(session, ADVISOR, call))
    assert facts is not None
    assert (facts.person_id, facts.name, facts.dossier, facts.code) == (zoe, "Zoé Le Goff", None, None)
    assert "****" in facts.nir.replace(" ", "")
    assert (facts.mail, facts.mobile) == ("z…@exemple.fr", "06\u00a0••\u00a0••\u00a0••\u00a034")


def test_two_errors_stop_it_for_a_day_whoever_rings_and_whoever_answers(world: World, zoe: int) -> None:
    call = begin(world)
    ask(world, call)
    assert say(world, call, False) is Identity.RUNNING
    assert say(world, call, False) is Identity.FAILED
    assert not shown(world, call)
    for actor in (ADVISOR, OTHER):
        again = begin(world, actor)
        with pytest.raises(WrongState, match=r"03/11 à 09 h 30.*accueil"):
            ask(world, again, actor)
    world.clock.move(hours=24)
    ask(world, begin(world))


def test_hanging_up_after_one_error_gains_nothing(world: World, zoe: int) -> None:
    call = begin(world)
    ask(world, call)
    say(world, call, False)
    again = begin(world, OTHER)
    ask(world, again, OTHER)
    assert say(world, again, False, OTHER) is Identity.FAILED


def test_looking_for_somebody_else_and_back_gains_nothing(world: World, zoe: int) -> None:
    call = begin(world)
    ask(world, call)
    say(world, call, False)
    with world.session() as session:
        said = Wanted(nom="Vasseur", naissance="1951-01-01")
        assert actions.look_for(session, world.office, ADVISOR, call, "titulaire", said) is Match.ONE
        back = Wanted(nom="Vasseur", naissance="03/08/1950")
        assert actions.look_for(session, world.office, ADVISOR, call, "titulaire", back) is Match.ONE
    ask(world, call)
    assert say(world, call, False) is Identity.FAILED


def test_the_next_call_begins_with_what_was_asked_longest_ago(world: World, zoe: int) -> None:
    before: list[str] = []
    for _ in range(4):
        call = begin(world)
        ask(world, call)
        assert question_of(world, call)[1] not in before[1:]
        for _ in range(3):
            say(world, call, True)
        before = world.sql("SELECT questions FROM identity_check ORDER BY id DESC LIMIT 1")[0][0]


def test_an_answer_sent_twice_counts_once_and_nothing_typed_is_no_answer(world: World, zoe: int) -> None:
    call = begin(world)
    ask(world, call)
    asked, _ = question_of(world, call)
    with world.session() as session, pytest.raises(Invalid, match="Ne sait pas"):
        actions.answer(session, world.office, ADVISOR, call, asked, "  ", CHANCE)
    for _ in range(2):
        with world.session() as session:
            actions.answer(session, world.office, ADVISOR, call, asked, None, CHANCE)
    assert world.sql("SELECT errors FROM identity_check") == [(1,)]


def test_two_advisors_at_once_about_one_person_share_its_errors(world: World, zoe: int) -> None:
    calls = {actor: begin(world, actor) for actor in (ADVISOR, OTHER)}
    for actor, call in calls.items():
        ask(world, call, actor)
    start, found = threading.Barrier(2), []

    def wrong(actor: Actor, call: int) -> None:
        start.wait()
        found.append(say(world, call, False, actor))

    threads = [threading.Thread(target=wrong, args=item) for item in calls.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted([Identity.RUNNING, Identity.FAILED])


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"nom": "vasseur", "naissance": "3/8/1950"}, Match.ONE),
        ({"nom": "LE GOFF", "prenom": "ZOE", "naissance": "1950-08-03", "code_postal": "63000"}, Match.ONE),
        ({"nom": "Le Goff", "naissance": "03/08/1950", "code_postal": "75001"}, Match.NONE),
        ({"nom": "Personne", "naissance": "03/08/1950"}, Match.NONE),
        ({"nom": "Double", "naissance": "01/01/1960"}, Match.SEVERAL),
        ({"nom": "Double", "naissance": "01/01/1960", "prenom": "anne"}, Match.ONE),
    ],
)
def test_a_search_says_one_none_or_several(world: World, zoe: int, said: dict[str, str], match: Match) -> None:
    world.load(
        [
            a_person(prenom=name, nom_naissance="Double", nom_usage="", date_naissance="1960-01-01")
            for name in ("Anne", "Luc")
        ]
    )
    with world.session() as session:
        call = actions.open_call(session, world.office, ADVISOR)
        assert actions.look_for(session, world.office, ADVISOR, call.id, "titulaire", Wanted(**said)) is match


def test_a_person_is_found_by_nir_and_by_a_letter_and_never_beyond_the_scope(world: World) -> None:
    world.load([a_person(**ZOE)])
    reference = world.sealed()
    letter = format_letter_id("631", world.letters(reference)[0].number)
    (nir,) = world.sql("SELECT nir FROM person")[0]
    far = Actor("x", "X", frozenset({Role.ADVISOR}), frozenset({"941"}))
    for said in ({"nir": nir}, {"nir": nir[:13]}, {"courrier": letter.replace("-", " ")}):
        for actor, match in ((ADVISOR, Match.ONE), (far, Match.NONE)):
            with world.session() as session:
                call = actions.open_call(session, world.office, actor)
                assert actions.look_for(session, world.office, actor, call.id, "titulaire", Wanted(**said)) is match
    assert nir not in str(world.sql("SELECT * FROM audit_entry")) + str(world.sql("SELECT * FROM phone_call"))


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"nom": "Seul"}, "le nom et la date de naissance"),
        ({"nir": "12"}, "13 ou 15"),
        ({"courrier": "631-1"}, "14 chiffres"),
        ({"nom": "A", "naissance": "hier"}, "JJ/MM/AAAA"),
    ],
)
def test_too_little_or_nonsense_is_refused_in_one_sentence(world: World, said: dict[str, str], sentence: str) -> None:
    with world.session() as session:
        call = actions.open_call(session, world.office, ADVISOR)
        with pytest.raises(Invalid, match=sentence):
            actions.look_for(session, world.office, ADVISOR, call.id, "titulaire", Wanted(**said))


def test_nobody_but_the_person_proves_anything(world: World, zoe: int) -> None:
    with world.session() as session:
        call = actions.open_call(session, world.office, ADVISOR)
        actions.look_for(
            session, world.office, ADVISOR, call.id, "proche", Wanted(nom="Le Goff", naissance="1950-08-03")
        )
        with pytest.raises(WrongState, match="elle-même"):
            actions.begin_proof(session, world.office, ADVISOR, call.id, CHANCE)


def test_when_the_base_knows_too_little_the_counter_is_the_way(world: World) -> None:
    world.load([a_person(**ZOE | {"mobile": "", "email": "", "vitale_serie": "", "vitale_type": ""})])
    call = begin(world)
    with pytest.raises(WrongState, match="accueil"):
        ask(world, call)


def test_the_data_leave_the_page_with_time_and_with_the_end_of_the_call(world: World, zoe: int) -> None:
    call = begin(world)
    ask(world, call)
    for _ in range(3):
        say(world, call, True)
    world.clock.move(minutes=44)
    assert shown(world, call)
    world.clock.move(minutes=1)
    assert not shown(world, call)
    again = begin(world)
    ask(world, again)
    for _ in range(3):
        say(world, again, True)
    with world.session() as session:
        actions.end_call(session, world.office, ADVISOR, again, "autre", "repondu")
    assert not shown(world, again)


def test_a_call_is_its_advisor_s_and_a_new_one_ends_the_one_left_open(world: World, zoe: int) -> None:
    first = begin(world)
    with world.session() as session:
        with pytest.raises(NotFound):
            access_call(session, OTHER, first)
        with pytest.raises(NotAllowed):
            actions.open_call(session, world.office, Actor("a", "A", frozenset({Role.AGENT}), frozenset({"631"})))
    second = begin(world)
    assert world.sql("SELECT id, outcome FROM phone_call ORDER BY id") == [(first, "coupe"), (second, None)]
    with world.session() as session, pytest.raises(WrongState, match="terminé"):
        actions.begin_proof(session, world.office, ADVISOR, first, CHANCE)


def test_wrapping_up_is_done_once_and_asks_for_a_subject(world: World) -> None:
    with world.session() as session:
        call = actions.open_call(session, world.office, ADVISOR).id
        with pytest.raises(Invalid, match="sujet"):
            actions.end_call(session, world.office, ADVISOR, call, "", "repondu")
        with pytest.raises(Invalid, match="suite"):
            actions.end_call(session, world.office, ADVISOR, call, "autre", "")
        with pytest.raises(Invalid, match="500"):
            actions.end_call(session, world.office, ADVISOR, call, "autre", "repondu", "x" * 501)
    for subject in ("autre", "cloture"):
        with world.session() as session:
            actions.end_call(session, world.office, ADVISOR, call, subject, "repondu")
    assert world.sql("SELECT subject FROM phone_call") == [("autre",)]


def test_what_is_masked() -> None:
    assert masked_mail("") == masked_number("") == ""
    assert masked_number("+441234567890") == "+4\u00a0••\u00a0••\u00a0••\u00a090"


def test_what_is_said_and_how_many_errors_are_an_administrators_to_set(world: World, zoe: int) -> None:
    script = next(one for one in SCRIPTS if one.name == "texte.appel.autre")
    with world.session() as session:
        change(session, world.office, SYSTEM, script, "Nouvelle phrase.\n\n- un\n- deux", reason="essai", seen=0)
        change(session, world.office, SYSTEM, IDENTITY_TRIES, 1, reason="essai", seen=0)
    with world.session() as session:
        found = {one.name: one for one in subjects_of(session)}
    assert found["autre"].say == ("Nouvelle phrase.", "un", "deux")
    assert found["cloture"].label == "Veut clôturer son DMP"
    call = begin(world)
    ask(world, call)
    assert say(world, call, False) is Identity.FAILED
