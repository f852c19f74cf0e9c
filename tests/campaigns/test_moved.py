"""Who moved to another caisse: written to from there alone, from the file on, whatever was approved before."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.campaigns import targeting
from backoffice.campaigns.kinds import KINDS, Exclusion
from backoffice.campaigns.rules import Channel
from campaigns.test_kinds import opens_dmp
from campaigns.world import Post, World, a_person, new_nir


def here(world: World) -> dict[str, set[str]]:
    """The caisses that a person is still with, by NIR."""
    found: dict[str, set[str]] = {}
    for nir, caisse in world.sql("SELECT nir, caisse FROM person WHERE gone_at IS NULL"):
        found.setdefault(nir, set()).add(caisse)
    return found


def test_a_person_of_another_caisses_newer_file_is_left_out_of_targeting_and_counted(world: World) -> None:
    nir = new_nir()
    world.load([a_person(nir=nir), a_person()])
    world.clock.move(days=1)
    world.load([a_person(nir=nir, caisse="671")])
    assert world.status(world.frozen()).excluded == {Exclusion.MOVED: 1}
    assert world.status(world.frozen(caisses=("671",))).eligible == 1


@pytest.mark.parametrize("channel", list(Channel))
def test_who_moves_after_the_approval_is_left_out_at_the_moment_of_sending(
    world: World, post: Post, channel: Channel
) -> None:
    nir = new_nir()
    there = {"canal": channel.value, "email": "zoe@exemple.fr"}
    world.load([a_person(nir=nir, **there), a_person(canal=channel.value, email="a@exemple.fr")])
    reference = world.launched()
    world.clock.move(days=1)
    world.load([a_person(nir=nir, caisse="671", **there)])
    (lot,) = world.lots(reference, channel)
    world.make(lot, world.with_settings(**post.settings()))
    letters = Counter((letter.state, letter.reason) for letter in world.letters(reference))
    left = "scellee" if channel is Channel.POST else "envoyee"
    assert letters == {(left, None): 1, ("exclue", Exclusion.MOVED): 1}
    assert world.status(reference).excluded == {Exclusion.MOVED: 1}
    assert post.recipients() == ([] if channel is Channel.POST else ["a@exemple.fr"])
    assert len(world.codes()) == 1
    assert world.verify().clean


def test_every_kind_of_letter_leaves_out_who_moved() -> None:
    assert [kind.name for kind in KINDS if Exclusion.MOVED not in kind.leaves_out] == []


def test_a_late_file_of_the_caisse_they_left_brings_nobody_back_and_a_row_that_changed_does(world: World) -> None:
    nir = new_nir()
    old = a_person(nir=nir)
    world.load([old])
    world.load([a_person(nir=nir, caisse="671")])
    world.load([old])
    assert here(world) == {nir: {"671"}}
    world.load([a_person(nir=nir, ville="RIOM")])
    assert here(world) == {nir: {"631"}}


def test_a_child_with_both_parents_takes_away_no_rights_of_its_own(world: World) -> None:
    nir = new_nir()
    world.load([a_person(nir=nir)])
    world.load([a_person(nir=nir, caisse="671", qualite="AD", nir_od=new_nir())])
    assert here(world) == {nir: {"631", "671"}}
    world.load([a_person(nir=nir, caisse="941")])
    assert here(world) == {nir: {"941"}}


def test_a_dmp_opened_where_they_come_from_is_theirs_where_they_arrive(world: World) -> None:
    nir = new_nir()
    world.load([a_person(nir=nir)])
    [(person,)] = world.sql("SELECT id FROM person")
    opens_dmp(world, person)
    world.clock.move(days=1)
    world.load([a_person(nir=nir, caisse="671"), a_person(caisse="671")])
    assert world.status(world.frozen(caisses=("671",))).excluded == {Exclusion.HOLDER: 1}
    [(mover,)] = world.sql("SELECT id FROM person WHERE caisse = '671' AND nir = :n", n=nir)
    with world.session() as session:
        targeting.load_facts_of(session, world.office.dmp, "671", [mover])
        known = session.connection().exec_driver_sql("SELECT person_id, state FROM record_dossier").all()
    assert [tuple(row) for row in known] == [(mover, "open")]


def test_in_both_caisses_of_one_campaign_one_letter_leaves_from_where_they_are(world: World) -> None:
    nir = new_nir()
    world.load([a_person(nir=nir), a_person(nir=nir, caisse="671")])
    reference = world.launched(caisses=("631", "671"))
    world.make_all(reference)
    assert [(letter.caisse, letter.state) for letter in world.letters(reference)] == [("671", "scellee")]


NIRS = [new_nir(), new_nir()]
files = st.lists(
    st.tuples(st.sampled_from(["631", "671", "941"]), st.integers(0, 1)), min_size=1, max_size=4, unique=True
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(files, min_size=1, max_size=3))
def test_whatever_the_files_a_person_is_with_one_caisse_the_last_with_news(
    world: World, batches: list[list[tuple[str, int]]]
) -> None:
    world.sql("TRUNCATE person")
    last: dict[str, str] = {}
    known: set[tuple[str, str]] = set()
    for batch in batches:
        for caisse, which in batch:
            if (caisse, NIRS[which]) not in known:
                last[NIRS[which]] = caisse
                known.add((caisse, NIRS[which]))
        world.load([a_person(nir=NIRS[which], caisse=caisse) for caisse, which in batch])
    assert here(world) == {nir: {caisse} for nir, caisse in last.items()}
