"""mon-dmp's one question to the base of insured persons: who is this NIR? What it answers, and what it cannot reach."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from campaigns.world import World, a_person, new_nir, world, world_settings
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from backoffice.campaigns import targeting
from backoffice.campaigns.kinds import Exclusion, kind_of
from backoffice.core.clock import paris_date
from backoffice.population.insured import InsuredPersons
from dmp_core.errors import Unavailable

__all__ = ["world", "world_settings"]

ABOUT_LETTERS = {Exclusion.OPPOSITION, Exclusion.UNDELIVERABLE, Exclusion.LIVE_CODE, Exclusion.FOREIGN}
"""Reasons to send no letter, none of which keeps anybody from opening a DMP."""


@pytest.fixture
def insured(world: World) -> Iterator[InsuredPersons]:
    made = InsuredPersons(world.databases.url("titulaire", "caisse"), world.clock)
    yield made
    made.close()


def loaded(world: World, **changes: str) -> str:
    """The NIR of somebody now in the population."""
    nir = changes.pop("nir", None) or new_nir()
    world.load([a_person(nir=nir, **changes)])
    return nir


def test_a_whole_nir_gives_the_person_as_the_base_describes_them(world: World, insured: InsuredPersons) -> None:
    nir = loaded(
        world, nom_naissance="Martin", nom_usage="Lefèvre", prenom="Zoé", date_naissance="1960-00-00",
        vitale_serie="0123456789", vitale_type="sans_photo",
    )  # fmt: skip
    [(person_id,)] = world.sql("SELECT id FROM person")
    found = insured.by_nir(nir)
    assert found is not None
    assert (found.caisse, found.person_id, found.nir) == ("631", person_id, nir)
    assert (found.birth_name, found.usual_name, found.name, found.given_name) == ("Martin", "Lefèvre", "Lefèvre", "Zoé")
    assert (found.birth_date, found.serial, found.card_type) == ("1960-00-00", "0123456789", "sans_photo")
    assert found.may_open
    assert nir not in repr(found)
    assert found.serial not in repr(found)


def test_a_whole_card_gives_its_person_and_anything_less_gives_nobody(world: World) -> None:
    nir = loaded(world, date_naissance="1960-00-00", vitale_serie="0123456789", vitale_type="sans_photo")
    without = loaded(world, vitale_serie="", vitale_type="")
    cards = InsuredPersons(world.databases.url("ps", "caisse"), world.clock, application="ps")
    found = cards.by_card(nir, "0123456789", "1960-00-00")
    assert found is not None
    assert found.nir == nir
    for asked in (
        (nir, "0123456780", "1960-00-00"), (nir, "0123456789", "1960-01-01"), (nir, "", "1960-00-00"),
        (new_nir(), "0123456789", "1960-00-00"), (without, "", "1950-08-01"),
    ):  # fmt: skip
        assert cards.by_card(*asked) is None
    with pytest.raises(DBAPIError, match="permission denied"):
        cards.by_nir(nir)
    cards.close()


@pytest.mark.parametrize("nir", ["", "1", "%", "' OR true --", "1" * 15, "1" * 40], ids=lambda nir: nir[:12] or "empty")
def test_whatever_is_no_nir_of_the_base_gives_nobody(world: World, insured: InsuredPersons, nir: str) -> None:
    loaded(world)
    assert insured.by_nir(nir) is None


def test_who_moved_to_another_caisse_is_found_where_they_are_now(world: World, insured: InsuredPersons) -> None:
    nir = loaded(world, caisse="631")
    world.clock.move(days=1)
    loaded(world, nir=nir, caisse="251")
    found = insured.by_nir(nir)
    assert found is not None
    assert found.caisse == "251"


@pytest.mark.parametrize(
    ("changes", "may_open"),
    [
        ({}, True),
        ({"qualite": "AD", "nir_od": "{other}"}, False),
        ({"regime": "02"}, False),
        ({"dmp": "O"}, False),
        ({"date_deces": "2016-10-01"}, False),
        ({"opposition": "O"}, True),
        ({"pnd": "O"}, True),
        ({"date_naissance": "1998-11-02"}, True),  # 18 today
        ({"date_naissance": "1998-11-03"}, False),
        ({"date_naissance": "1998-11-00"}, False),  # may be born at the end of the month
        ({"date_naissance": "1998-00-00"}, False),
        ({"date_naissance": "1997-00-00"}, True),
    ],
)
def test_who_may_open_a_dmp_is_who_may_be_recruited_whatever_letters_they_want(
    world: World, insured: InsuredPersons, changes: dict[str, str], may_open: bool
) -> None:
    nir = loaded(world, **{name: value.format(other=new_nir()) for name, value in changes.items()})
    found = insured.by_nir(nir)
    assert found is not None
    assert found.may_open is may_open
    reference = world.create(letter_date=paris_date(world.clock()))
    with world.session() as session:
        targeting.load_record_facts(session, world.office.dmp, ["631"])
        reason = session.scalar(
            text(f"SELECT {targeting.reason(kind_of('recruitment'))} FROM {targeting.FROM} WHERE p.nir = :nir"),
            targeting.parameters(session, world.campaign(reference)) | {"nir": nir},
        )
    assert (reason is None or reason in ABOUT_LETTERS) is may_open


def test_the_age_is_that_of_the_day_in_paris(world: World, insured: InsuredPersons) -> None:
    nir = loaded(world, date_naissance="1998-11-03")
    world.clock.move(hours=14, minutes=29)
    assert not insured.by_nir(nir).may_open  # type: ignore[union-attr]  # 23:59 in Paris
    world.clock.move(minutes=1)
    assert insured.by_nir(nir).may_open  # type: ignore[union-attr]


def test_the_nine_caisses_are_looked_through_whether_the_person_is_known_or_not(world: World) -> None:
    nir = loaded(world, caisse="671")
    [(body,)] = world.sql("SELECT prosrc FROM pg_proc WHERE proname = 'insured_by_nir'")

    def looked_through(wanted: str) -> list[str]:
        query = re.sub(r"\bwanted\b", f"'{wanted}'::char(15)", body)
        # A small table would be read whole: what counts is the plan of millions.
        with world.caisse_owner.begin() as connection:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
            plan = "\n".join(connection.scalars(text(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {query}")))
        assert "never executed" not in plan
        return sorted(re.findall(r"using (person_\w+)", plan) + re.findall(r"Index Scan on (person_\w+)", plan))

    known = looked_through(nir)
    assert len(known) == 9
    assert looked_through(new_nir()) == known


def test_a_base_that_is_away_is_told_in_one_sentence_without_the_nir(world: World) -> None:
    away = InsuredPersons("postgresql+psycopg://titulaire:x@127.0.0.1:1/caisse", world.clock)
    nir = new_nir()
    with pytest.raises(Unavailable, match="momentanément indisponible") as refusal:
        away.by_nir(nir)
    cause: BaseException | None = refusal.value
    while cause is not None:
        assert nir not in f"{cause}{cause!r}"
        cause = cause.__cause__ or cause.__context__
    away.close()


@pytest.fixture
def as_titulaire(world: World) -> Callable[[str], Any]:
    engine = create_engine(world.databases.url("titulaire", "caisse"), poolclass=NullPool)

    def run(statement: str) -> Any:
        with engine.begin() as connection:
            return connection.execute(text(statement)).all()

    return run


def test_the_portal_can_neither_list_nor_search_nor_change_anything_there(
    world: World, as_titulaire: Callable[[str], Any]
) -> None:
    nir = loaded(world)
    tables = [name for (name,) in world.sql("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') "
                                            "AND relnamespace = 'public'::regnamespace")]  # fmt: skip
    assert "person_631" in tables
    for statement in (
        *(f"SELECT 1 FROM {table}" for table in tables),
        *(f"DELETE FROM {table}" for table in tables),
        "UPDATE person SET dmp = true",
        "INSERT INTO environment (id, recorded_at) VALUES (gen_random_uuid(), now())",
        "SELECT refresh_statistics(ARRAY['631'])",
        "CREATE TABLE mine (a int)",
        "CREATE TEMPORARY TABLE mine (a int)",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            as_titulaire(statement)
    assert len(as_titulaire(f"SELECT * FROM insured_by_nir('{nir}')")) == 1
