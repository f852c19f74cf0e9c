"""Whose letter came back is asked to check the address: by e-mail where one is known, else once there is an address again."""

import pytest
from campaigns.world import SYSTEM, Post, World, a_person, new_nir

from backoffice.campaigns.work import make_lot
from backoffice.cases.actions import advance
from backoffice.core.actor import Actor, Role
from backoffice.correspondence.bounces import read_bounces
from backoffice.correspondence.gathering import gather
from backoffice.letters.reference import format_letter_id
from backoffice.office import Office
from backoffice.returns.applying import apply_returns
from backoffice.returns.noting import note_return
from backoffice.returns.reasons import ReturnReason

CLERK = Actor("sandrine.chabrol", "S", frozenset({Role.AGENT}), frozenset({"631"}))
MOVED = {"adresse_4": "7 RUE NEUVE", "ville": "AUBIERE", "code_postal": "63170"}
SUBJECT = "Vérifiez l’adresse où vous écrit l’Assurance Maladie"


@pytest.fixture
def office(world: World, post: Post) -> Office:
    return world.with_settings(**post.settings())


def comes_back(world: World, number: int, reason: ReturnReason = ReturnReason.UNKNOWN) -> None:
    with world.session() as session:
        note_return(session, world.office, CLERK, format_letter_id("631", number), reason)
    world.clock.move(minutes=3)
    assert apply_returns(world.office) == 1


def flagged(world: World, reason: ReturnReason = ReturnReason.UNKNOWN, **changes: str) -> str:
    """The NIR of a person who reads post, and whose letter came back."""
    nir = new_nir()
    world.load([a_person(nir=nir, **changes)])
    (letter,) = world.letters(world.sealed())
    world.clock.now = world.clock.now.replace(month=12, day=1)
    comes_back(world, letter.number, reason)
    return nir


def requests(world: World) -> list[tuple[str, str | None]]:
    found = world.sql("SELECT state, channel FROM letter_request WHERE answer = 'address_check' ORDER BY id")
    return [(state, channel) for state, channel in found]


def send(world: World, office: Office) -> None:
    """Gather what waits, the post too; make its lots; let the cases know."""
    gather(office, SYSTEM, post_now=True)
    for (lot_id,) in world.sql("SELECT id FROM lot WHERE state = 'prevu' ORDER BY id"):
        make_lot(office, lot_id)
    gather(office, SYSTEM)


def lines_of_the_case(world: World) -> list[str]:
    found = world.sql("SELECT text FROM case_entry WHERE what = 'letter' ORDER BY id")
    return [line for (line,) in found]


def on_paper(world: World) -> list[tuple[int, int]]:
    """(letter, number of the lot’s letters) of the checks on a sealed page."""
    return world.sql(
        "SELECT l.number, lot.letters FROM letter l JOIN campaign c ON c.id = l.campaign_id JOIN lot ON lot.campaign_id = c.id "
        "AND lot.channel = l.channel WHERE c.kind = 'address_check' AND l.state = 'scellee'"
    )


def test_whoever_has_a_mailbox_is_asked_there_though_post_is_their_channel(
    world: World, office: Office, post: Post
) -> None:
    nir = flagged(world, canal="courrier", email="nadia@exemple.fr")
    assert requests(world) == [("attente", None)]
    send(world, office)
    (message,) = post.messages()
    assert (message["To"], message["Subject"]) == ("nadia@exemple.fr", SUBJECT)
    assert "revenu" in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert requests(world) == [("courrier", "mail")]
    assert lines_of_the_case(world) == ["Parti par courriel."]
    assert on_paper(world) == []
    # The address is corrected: the person knows already, and gets no second letter.
    world.load([a_person(nir=nir, email="nadia@exemple.fr", **MOVED)])
    apply_returns(office)
    send(world, office)
    assert world.sql("SELECT state FROM case_file") == [("corrected",)]
    assert len(requests(world)) == len(post.messages()) == 1
    assert world.verify().clean


def test_without_a_mailbox_nothing_leaves_before_there_is_an_address_again(
    world: World, office: Office, post: Post
) -> None:
    nir = flagged(world, canal="courrier", email="")
    send(world, office)
    assert requests(world) == []
    world.load([a_person(nir=nir, **MOVED)])
    for _ in range(3):
        apply_returns(office)
    send(world, office)
    assert requests(world) == [("courrier", "courrier")]
    ((number, letters),) = on_paper(world)
    assert letters == 1
    assert lines_of_the_case(world) == ["Parti par La Poste."]
    assert post.messages() == []
    # It comes back too: another case, and nobody is written to at that address.
    comes_back(world, number)
    send(world, office)
    assert len(requests(world)) == 1
    assert world.sql("SELECT count(*) FROM case_file") == [(2,)]
    assert world.verify().clean


@pytest.mark.parametrize("mailbox", ["x@introuvable.example.org", "x@inconnue.example.org"])
def test_an_e_mail_that_fails_sends_no_paper_to_the_address_that_failed(
    world: World, office: Office, mailbox: str
) -> None:
    nir = flagged(world, canal="courrier", email=mailbox)
    send(world, office)
    read_bounces(office)
    world.clock.move(days=1)
    send(world, office)
    ((state, reason),) = world.sql("SELECT state, reason FROM letter_request WHERE answer = 'address_check'")
    assert (state, on_paper(world)) == ("sans_courrier", [])
    assert "non distribuable" in reason
    world.load([a_person(nir=nir, email=mailbox, **MOVED)])
    apply_returns(office)
    world.clock.move(days=1)  # a person gets one letter of a kind a day
    send(world, office)
    assert requests(world) == [("sans_courrier", "courrier"), ("courrier", "courrier")]
    assert len(on_paper(world)) == 1
    assert world.verify().clean


def test_an_address_found_good_calls_for_no_letter(world: World, office: Office) -> None:
    nir = flagged(world, canal="courrier", email="")
    world.load([a_person(nir=nir, email="a@exemple.fr")])
    ((number,),) = world.sql("SELECT number FROM case_file")
    with world.session() as session:
        advance(session, world.office, CLERK, number, "confirm", "vue avec la personne")
    apply_returns(office)
    send(world, office)
    assert requests(world) == []


def test_a_letter_refused_or_left_at_the_counter_of_the_post_asks_nothing(world: World) -> None:
    flagged(world, ReturnReason.UNCLAIMED, canal="courrier", email="a@exemple.fr")
    assert requests(world) == []


def test_an_opposition_meanwhile_keeps_it_back(world: World, office: Office, post: Post) -> None:
    nir = flagged(world, canal="courrier", email="b@exemple.fr")
    world.load([a_person(nir=nir, email="b@exemple.fr", opposition="O")])
    send(world, office)
    assert post.messages() == []
    assert requests(world) == [("sans_courrier", "mail")]


def test_two_letters_of_one_person_come_back_and_one_question_is_asked(
    world: World, office: Office, post: Post
) -> None:
    world.load([a_person(canal="courrier", email="c@exemple.fr")])
    first = world.sealed()
    world.office.dmp.revoke("631", [world.letters(first)[0].person_id], "essai")
    second = world.sealed()
    world.clock.now = world.clock.now.replace(month=12, day=1)
    for reference in (first, second):
        comes_back(world, world.letters(reference)[0].number)
        send(world, office)
    assert len(requests(world)) == len(post.messages()) == 1
