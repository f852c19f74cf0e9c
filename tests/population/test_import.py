"""Importing a population file: in whole or not at all, counts that add up, the same twice."""

import csv
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from campaigns.world import SYSTEM, World, a_person, manager, new_nir, world, world_settings, write_rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.core.errors import DomainError, Invalid
from backoffice.population import actions
from backoffice.population.actions import ImportCounts, request_import, run_import
from backoffice.population.rows import COLUMNS
from population.samples import fields

__all__ = ["world", "world_settings"]

CITY, STREET, OPPOSITION = COLUMNS.index("ville"), COLUMNS.index("adresse_4"), COLUMNS.index("opposition")


def persons(world: World) -> list[Any]:
    return world.sql("SELECT xmin::text, ctid::text, p.* FROM person p ORDER BY caisse, id")


def report_of(world: World) -> list[dict[str, str]]:
    (path,) = world.sql("SELECT report_file FROM population_import ORDER BY id DESC LIMIT 1")[0]
    with Path(path).open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source, delimiter=";"))


KNOWN = [new_nir() for _ in range(6)]
rows = st.lists(
    st.tuples(
        st.sampled_from(["good", "bad", "foreign", "short"]),
        st.integers(0, 5),
        st.sampled_from(["631", "941"]),
        st.sampled_from(["PARIS", "LYON"]),
    ),
    max_size=14,
)


def made(kind: str, which: int, caisse: str, city: str) -> list[str]:
    row = a_person(nir=KNOWN[which], caisse=caisse, ville=city)
    if kind == "bad":
        row[5] = "2999-01-01"
    elif kind == "foreign":
        row[9] = "999"
    elif kind == "short":
        del row[-1]
    return row


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows, rows)
def test_counts_add_up_whatever_the_mix_and_a_model_says_which(
    world: World, first: list[tuple[str, int, str, str]], second: list[tuple[str, int, str, str]]
) -> None:
    world.sql("TRUNCATE person")
    stored: dict[tuple[str, str], str] = {}
    for batch in (first, second):
        seen: dict[tuple[str, str], str] = {}
        rejected = 0
        for kind, which, caisse, city in batch:
            key = (caisse, KNOWN[which])
            if kind != "good" or key in seen:
                rejected += 1
            else:
                seen[key] = city
        created = len(seen.keys() - stored.keys())
        unchanged = sum(stored.get(key) == city for key, city in seen.items())
        stored |= seen
        found = world.load([made(*one) for one in batch])
        assert found == ImportCounts(len(batch), created, len(seen) - created - unchanged, unchanged, rejected)
        assert found.read == found.created + found.updated + found.unchanged + found.rejected
        assert len({line["ligne"] for line in report_of(world)}) == rejected
    assert {(caisse, nir): city for caisse, nir, city in world.sql("SELECT caisse, nir, ville FROM person")} == stored


def test_the_same_file_twice_touches_no_row(world: World) -> None:
    file = [a_person(adresse_4=f"{n} RUE") for n in range(20)]
    assert world.load(file) == ImportCounts(20, 20, 0, 0, 0)
    before = persons(world)
    world.clock.move(days=1)
    assert world.load(file) == ImportCounts(20, 0, 0, 20, 0)
    assert persons(world) == before


def test_an_update_touches_the_rows_that_changed_alone_and_keeps_the_numbers(world: World) -> None:
    file = [a_person() for _ in range(5)]
    world.load(file)
    before = {row.nir: row for row in persons(world)}
    file[2][CITY] = "VICHY"
    world.clock.move(days=1)
    assert world.load(file) == ImportCounts(5, 0, 1, 4, 0)
    for row in persons(world):
        if row.nir == file[2][0]:
            assert (row.id, row.ville, row.created_at) == (before[row.nir].id, "VICHY", before[row.nir].created_at)
            assert row.updated_at == world.clock()
        else:
            assert row == before[row.nir]


def test_spaces_case_of_france_and_column_order_change_nothing(world: World) -> None:
    row = a_person()
    world.load([row])
    spaced = list(row)
    spaced[CITY] = f"  {row[CITY]} "
    spaced[COLUMNS.index("pays")] = "France"
    assert world.load([spaced]).unchanged == 1
    path = world.folder / "autre-ordre.csv"
    order = sorted(range(len(COLUMNS)), reverse=True)
    path.write_text(
        "\n".join(";".join(line[at] for at in order) for line in (COLUMNS, row)) + "\n", encoding="utf-8-sig"
    )
    assert world.load_file(path).unchanged == 1


def test_a_duplicate_is_rejected_with_the_line_of_the_first(world: World) -> None:
    nir = new_nir()
    found = world.load([a_person(nir=nir, ville="PARIS"), a_person(), a_person(nir=nir, ville="LYON")])
    assert found == ImportCounts(3, 2, 0, 0, 1)
    (line,) = report_of(world)
    assert (line["ligne"], line["colonne"], line["valeur"]) == (
        "4",
        "nir",
        f"{nir[0]} {nir[1:3]} {nir[3:5]} {nir[5:7]} *** *** **",
    )
    assert "à la ligne 2" in line["motif"]
    assert world.sql("SELECT ville FROM person WHERE nir = :n", n=nir)[0][0] == "PARIS"


def test_the_same_person_in_two_caisses_is_no_duplicate(world: World) -> None:
    nir = new_nir()
    assert world.load([a_person(nir=nir), a_person(nir=nir, caisse="941")]).created == 2


def test_every_fault_of_a_row_is_reported_and_the_good_rows_are_in(world: World) -> None:
    bad = fields(nir="250086311304299", date_naissance="2950-08-01", code_postal="6300", ville="=cmd()", canal="mail")
    assert world.load([bad, a_person()]) == ImportCounts(2, 1, 0, 0, 1)
    lines = report_of(world)
    assert [line["colonne"] for line in lines] == ["nir", "date_naissance", "code_postal", "canal"]
    assert {line["ligne"] for line in lines} == {"2"}
    assert lines[0]["valeur"] == "2 50 08 63 *** *** **"
    assert all(line["motif"].endswith(".") for line in lines)


def test_a_report_never_holds_a_whole_nir_nor_a_formula(world: World) -> None:
    nir = new_nir()
    world.load([a_person(nir=nir, civilite=nir, ville="=1+1", code_postal="+33", nir_od=nir[:-1])])
    (path,) = world.sql("SELECT report_file FROM population_import")[0]
    content = Path(path).read_text(encoding="utf-8-sig")
    assert nir not in content
    assert nir[:-1] not in content
    assert ";=" not in content
    assert ";+" not in content


def test_a_row_of_another_caisse_than_ones_own_is_rejected(world: World) -> None:
    found = world.load([a_person(), a_person(caisse="941")], manager("x", "631"))
    assert found == ImportCounts(2, 1, 0, 0, 1)
    assert [line["motif"] for line in report_of(world)] == [actions.NOT_YOURS]
    assert world.sql("SELECT DISTINCT caisse FROM person") == [("631",)]


@pytest.mark.parametrize(
    "content",
    [b"", b"a;b\n1;2\n", b"%PDF-1.7", b"\x1f\x8b\x08\x00half", ";".join(COLUMNS).replace(";", ",").encode() + b"\n"],
)
def test_what_is_no_population_file_is_refused_before_anything_is_written(world: World, content: bytes) -> None:
    path = world.folder / "faux.csv"
    path.write_bytes(content)
    with pytest.raises(Invalid) as refused:
        world.load_file(path)
    assert "\n" not in str(refused.value)
    assert world.sql("SELECT 1 FROM population_import") == []


def test_a_file_found_cut_on_the_way_leaves_nothing_but_its_refusal(world: World) -> None:
    import gzip

    whole = write_rows(world.folder / "p.csv", [a_person() for _ in range(11_000)]).read_bytes()
    path = world.folder / "p.csv.gz"
    path.write_bytes(gzip.compress(whole)[:-200])
    with pytest.raises(Invalid, match="coupé"):
        world.load_file(path, report=world.folder / "rejets.csv")
    assert world.sql("SELECT count(*) FROM person") == [(0,)]
    ((state, refusal),) = world.sql("SELECT state, refusal FROM population_import")
    assert state == "refuse"
    assert "coupé" in refusal
    assert not [path for path in world.folder.iterdir() if "rejets" in path.name]
    assert world.sql("SELECT result FROM audit_entry ORDER BY id DESC LIMIT 1") == [("refusé",)]


def test_a_request_is_imported_once(world: World) -> None:
    path = write_rows(world.folder / "p.csv", [a_person()])
    with world.session() as session:
        asked = request_import(session, world.office, SYSTEM, path, ring=False).id
    assert run_import(world.office, SYSTEM, asked) is not None
    assert run_import(world.office, SYSTEM, asked) is None


def test_progress_is_told_stage_by_stage(world: World) -> None:
    path = write_rows(world.folder / "p.csv", [a_person() for _ in range(3)])
    with world.session() as session:
        asked = request_import(session, world.office, SYSTEM, path, ring=False).id
    told: list[str] = []
    run_import(world.office, SYSTEM, asked, lambda stage, done, total: told.append(stage))
    assert list(dict.fromkeys(told)) == ["lecture du fichier", "mise à jour de la population"]
    assert actions.live_progress(world.office, asked)[0]


def test_two_imports_at_once_end_as_one_after_the_other(world: World) -> None:
    file = [a_person() for _ in range(300)]
    other = [[*row[:CITY], "VICHY", *row[CITY + 1 :]] for row in file]
    found: list[ImportCounts] = []

    def load(rows: list[list[str]]) -> None:
        found.append(world.load(rows))

    threads = [threading.Thread(target=load, args=(rows,)) for rows in (file, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((one.created, one.updated) for one in found) == [(0, 300), (300, 0)]
    assert len({row.ville for row in persons(world)}) == 1
    assert len(persons(world)) == 300


KILLED = """
import os, signal, sys
from pathlib import Path
from campaigns.world import SYSTEM, Databases, settings_of
from backoffice.office import open_office
from backoffice.population import actions
from backoffice import settings as parts
settings = eval(sys.stdin.read(), {}, {"PosixPath": Path, **vars(parts)})
office = open_office(settings)
real = actions.%s
def die(*a, **k):
    real(*a, **k)
    os.kill(os.getpid(), signal.SIGKILL)
actions.%s = die
actions.run_import(office, SYSTEM, int(sys.argv[1]))
"""


@pytest.mark.parametrize("moment", ["copy_rows", "refresh_statistics", "record"])
def test_killed_half_way_nothing_stays_and_again_ends_the_same(world: World, moment: str) -> None:
    path = write_rows(world.folder / "p.csv", [a_person() for _ in range(50)] + [fields(ville="")])
    report = world.folder / "rejets.csv"
    with world.session() as session:
        asked = request_import(session, world.office, SYSTEM, path, report=report, ring=False).id
    tests = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", KILLED % (moment, moment), str(asked)],
        input=repr(world.settings),
        text=True,
        env={**os.environ, "PYTHONPATH": f"{tests}:{tests.parent}"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert world.sql("SELECT count(*) FROM person") == [(0,)]
    assert not report.exists()
    assert run_import(world.office, SYSTEM, asked) == ImportCounts(51, 50, 0, 0, 1)
    assert report.exists()
    assert world.load_file(path).unchanged == 50
    assert sorted(one.name for one in world.folder.iterdir() if "rejets" in one.name) == ["rejets.csv"]


def test_a_database_lost_during_the_copy_is_said_in_one_sentence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import psycopg

    from backoffice.embedded.postgres import SUPERUSER

    host, _, port = world.databases.host.partition(":")
    where = f"host={host} port={port} user={SUPERUSER} dbname=postgres"
    real = actions.check_row

    def cut(fields: Any, line: int, today: Any) -> Any:
        if line == 1500:
            with psycopg.connect(where, password=world.databases.roles[SUPERUSER], autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = 'caisse'",
                    (world.databases.caisse,),
                )
        return real(fields, line, today)

    monkeypatch.setattr(actions, "check_row", cut)
    file = [a_person() for _ in range(6000)]
    with pytest.raises(DomainError, match="base de données ne répond pas"):
        world.load(file)
    monkeypatch.undo()
    assert world.load(file).created == 6000


def test_an_import_is_not_for_an_agent(world: World) -> None:
    from dataclasses import replace

    from backoffice.core.actor import Role

    agent = replace(manager("x"), roles=frozenset({Role.AGENT}))
    with pytest.raises(DomainError, match="rôle"):
        world.load([a_person()], agent)
