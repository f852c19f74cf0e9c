"""Notices hold over any later population file, for the address they are about and for no other."""

import pytest
from campaigns.world import SYSTEM, World, a_person, new_nir, world, world_settings
from sqlalchemy import select

from backoffice.campaigns.kinds import Exclusion
from backoffice.campaigns.rules import Channel
from backoffice.core.errors import Invalid, NotFound
from backoffice.population.models import Person
from backoffice.population.notices import NoticeKind, end_notice, give_notice, notices_of, takes_mail

__all__ = ["world", "world_settings"]

K = NoticeKind


def load(world: World, nir: str, **changes: str) -> int:
    world.load([a_person(nir=nir, **changes)])
    return int(world.sql("SELECT id FROM person WHERE nir = :nir", nir=nir)[0][0])


def give(world: World, person: int, kind: NoticeKind, source: str = "essai") -> int:
    with world.session() as session:
        return give_notice(session, SYSTEM, "631", person, kind, source=source, at=world.clock()).id


def in_force(world: World, person: int) -> set[str]:
    with world.session() as session:
        return {notice.kind for notice in notices_of(session, "631", [person]).get(person, [])}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (K.OPPOSITION, Exclusion.OPPOSITION), (K.DECEASED, Exclusion.DECEASED),
        (K.UNDELIVERABLE, Exclusion.UNDELIVERABLE), (K.MAIL_REFUSED, None),
    ],
)  # fmt: skip
def test_a_notice_keeps_a_person_out_whatever_the_next_file_says(
    world: World, kind: NoticeKind, reason: Exclusion | None
) -> None:
    nir = new_nir()
    person = load(world, nir)
    give(world, person, kind)
    load(world, nir, opposition="N", pnd="N", prenom="ANNE")
    status = world.status(world.frozen())
    assert (status.eligible, status.excluded) == ((1, {}) if reason is None else (0, {reason: 1}))


def test_a_notice_given_after_approval_still_keeps_the_letter_back(world: World) -> None:
    person = load(world, new_nir())
    reference = world.launched()
    give(world, person, K.UNDELIVERABLE)
    world.make_all(reference)
    (letter,) = world.letters(reference)
    assert (letter.state, letter.reason) == ("exclue", Exclusion.UNDELIVERABLE)


def test_an_e_mail_address_that_refuses_is_written_to_by_post_until_there_is_another(world: World) -> None:
    nir = new_nir()
    person = load(world, nir, canal="mail", email="lea@exemple.fr")
    give(world, person, K.MAIL_REFUSED)
    (letter,) = world.letters(world.frozen())
    assert letter.channel == Channel.POST
    with world.session() as session:
        assert session.scalars(select(Person.id).where(takes_mail())).all() == []
    load(world, nir, canal="mail", email="lea@exemple.net")
    assert in_force(world, person) == set()
    with world.session() as session:
        assert session.scalars(select(Person.id).where(takes_mail())).all() == [person]


def test_an_address_written_otherwise_is_the_same_address(world: World) -> None:
    nir = new_nir()
    person = load(world, nir, adresse_4="12 rue de l’Église", ville="Aubière")
    give(world, person, K.UNDELIVERABLE)
    load(world, nir, adresse_4="12, RUE DE L'EGLISE", ville="AUBIERE")
    assert in_force(world, person) == {K.UNDELIVERABLE}
    load(world, nir, adresse_4="14, RUE DE L'EGLISE", ville="AUBIERE")
    assert in_force(world, person) == set()
    assert world.status(world.frozen()).eligible == 1


def test_a_file_that_brings_the_old_address_back_brings_its_notice_back(world: World) -> None:
    nir = new_nir()
    person = load(world, nir, adresse_4="1 RUE ANCIENNE")
    give(world, person, K.UNDELIVERABLE, "courrier 631-000000042-17")
    load(world, nir, adresse_4="2 RUE NOUVELLE")
    load(world, nir, adresse_4="1 RUE ANCIENNE")
    assert in_force(world, person) == {K.UNDELIVERABLE}
    assert world.status(world.frozen()).excluded == {Exclusion.UNDELIVERABLE: 1}
    # Unless somebody has said that this address is right.
    with world.session() as session:
        assert end_notice(session, SYSTEM, "631", person, K.UNDELIVERABLE, reason="adresse vérifiée", at=world.clock())
    load(world, nir, adresse_4="2 RUE NOUVELLE")
    load(world, nir, adresse_4="1 RUE ANCIENNE")
    assert in_force(world, person) == set()


def test_given_twice_is_given_once_and_ended_once(world: World) -> None:
    person = load(world, new_nir())
    assert give(world, person, K.OPPOSITION) == give(world, person, K.OPPOSITION)
    with world.session() as session:
        with pytest.raises(Invalid, match="pourquoi"):
            end_notice(session, SYSTEM, "631", person, K.OPPOSITION, reason=" ", at=world.clock())
        assert end_notice(session, SYSTEM, "631", person, K.OPPOSITION, reason="demande", at=world.clock())
        assert not end_notice(session, SYSTEM, "631", person, K.OPPOSITION, reason="demande", at=world.clock())
    assert in_force(world, person) == set()
    actions = [row[0] for row in world.sql("SELECT action FROM audit_entry WHERE action LIKE 'personne.%' ORDER BY id")]
    assert actions == ["personne.signaler", "personne.lever"]


def test_another_address_that_comes_back_takes_the_place_of_the_first(world: World) -> None:
    nir = new_nir()
    person = load(world, nir, adresse_4="1 RUE ANCIENNE")
    first = give(world, person, K.UNDELIVERABLE)
    world.sql("UPDATE person SET adresse_4 = '3 RUE TROISIEME' WHERE id = :id", id=person)
    assert in_force(world, person) == set()
    assert give(world, person, K.UNDELIVERABLE) != first
    assert in_force(world, person) == {K.UNDELIVERABLE}


def test_a_person_of_another_caisse_is_not_found(world: World) -> None:
    person = load(world, new_nir())
    with world.session() as session, pytest.raises(NotFound):
        give_notice(session, SYSTEM, "941", person, K.DECEASED, source="essai", at=world.clock())
