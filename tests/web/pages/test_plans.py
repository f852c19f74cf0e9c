"""No page reads a large table from end to end: the planner, told that there are millions of rows, says how it would go.

No clock is looked at. `benchmarks/pages.py` measures the same pages among seven million persons that are really there.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from campaigns.test_waves import people
from campaigns.world import SYSTEM, World
from flask import Flask
from sqlalchemy import Engine, event, text

from backoffice.cases.actions import open_case
from backoffice.cases.kinds.closure import CLOSURE_ONLINE
from backoffice.following.counting import recount
from backoffice.letters.reference import format_letter_id

from .conftest import ADMINISTRATOR, ADVISOR, AGENT, MANAGER, NATIONAL_MANAGER, SUPERVISOR, SignIn

SIZES = {"person_631": 800_000, "letter_631": 500_000, "audit_entry": 5_000_000}
"""Rows that the planner is told of; tables that hold nothing here cannot pretend to be large."""
CODES = {"creation_code_631": 500_000}
HANDED_ON = ("Limit", "Append", "Merge Append", "Result", "Subquery Scan", "Nested Loop", "LockRows")
"""What hands rows on one by one: a limit above stops the reading below."""


def pretend(engine: Engine, schema: str, sizes: dict[str, int]) -> None:
    """Tell the planner that the tables are as large as in service."""
    with engine.begin() as connection:
        if connection.scalar(text("SELECT to_regproc('pg_restore_relation_stats')")) is None:
            pytest.skip("sizes can be told to the planner from PostgreSQL 18 on")
        for table, rows in sizes.items():
            connection.execute(text(f"ALTER TABLE {schema}.{table} SET (autovacuum_enabled = false)"))
            connection.execute(text(f"ANALYZE {schema}.{table}"))
            connection.execute(
                text(
                    "SELECT pg_restore_relation_stats('schemaname', CAST(:schema AS text), 'relname', CAST(:table AS text), "
                    "'relpages', CAST(1 AS integer), 'reltuples', CAST(:rows AS real))"
                ),
                {"schema": schema, "table": table, "rows": rows},
            )


def read_whole(node: Any, large: frozenset[str], *, stops: bool = False) -> Iterator[str]:
    """Large tables that a plan reads from end to end, or of which it reads a whole caisse."""
    kind, table = node.get("Node Type", ""), node.get("Relation Name", "")
    if table in large and not stops and "Scan" in kind:
        columns = set(re.findall(r"\b([a-z_]+)\b(?:\)?::\w+)? (?:=|<|>|<=|>=|~>=~|~<~|~~|~~\*|@>)", _conditions(node)))
        if not columns - {"caisse"}:
            yield f"{kind} {table} {_conditions(node)}"
    stops = kind == "Limit" or (stops and kind in HANDED_ON)
    for one in node.get("Plans", ()):
        yield from read_whole(one, large, stops=stops)


def _conditions(node: Any) -> str:
    own = str(node.get("Index Cond", ""))
    return " ".join(
        [own, *(_conditions(one) for one in node.get("Plans", ()) if node["Node Type"].startswith("Bitmap"))]
    )


@pytest.fixture
def asked(app: Flask) -> Iterator[list[tuple[Engine, str, Any]]]:
    """Every statement of the requests, with its values."""
    office, seen = app.extensions["office"], list[tuple[Engine, str, Any]]()
    listeners = []
    for engine in (office.db.engine, office.dmp._enrolment._engine):

        def note(_: Any, __: Any, sql: str, values: Any, *___: Any, engine: Engine = engine) -> None:
            if re.match(r"[\s(]*(SELECT|WITH)\b", sql) and "advisory" not in sql:
                seen.append((engine, sql, values))

        event.listen(engine, "before_cursor_execute", note)
        listeners.append((engine, note))
    yield seen
    for engine, note in listeners:
        event.remove(engine, "before_cursor_execute", note)


def test_no_page_reads_a_large_table_from_end_to_end(
    world: World, sign_in: SignIn, asked: list[tuple[Engine, str, Any]]
) -> None:
    world.load(people(60))
    reference = world.sealed()
    letters = world.letters(reference)
    letter = letters[0]
    with world.session() as session:
        for one in letters[:30]:
            case = open_case(session, world.office, SYSTEM, CLOSURE_ONLINE, "631", one.person_id).number
    recount(world.office, "631")
    person, lot = f"631/{letter.person_id}", world.lots(reference)[0].id
    places = {
        AGENT: (
            "/", f"/personnes/{person}", "/accueil", "/demandes", "/demandes?terminees=1&page=30", "/demandes?numero=000042",
            f"/demandes/{case}", "/demandes/mentions", "/retours",
        ),
        ADVISOR: ("/demandes", "/demandes?terminees=1", "/appels", "/appels/statistiques", "/clotures"),
        MANAGER: ("/", "/campagnes", "/calendrier", "/segments"),
        NATIONAL_MANAGER: (
            "/campagnes", f"/campagnes/{reference}", f"/campagnes/{reference}/suivi", f"/campagnes/{reference}/exceptions",
            f"/campagnes/{reference}/vagues", f"/campagnes/{reference}/lots/{lot}", "/calendrier", "/charge", "/envois",
            f"/envois/{reference}", f"/envois/{reference}?par=age", f"/envois/{reference}/envois.csv", "/courriels",
            "/courriers-a-la-demande", "/population",
        ),
        SUPERVISOR: (
            "/supervision", "/supervision/activite", "/supervision/qualite", "/supervision/journal",
            "/supervision/journal?qui=personne", "/supervision/journal?objet=631-004242",
            "/supervision/journal?du=2016-02-01&au=2016-02-02", f"/supervision/personnes/{person}",
        ),
        ADMINISTRATOR: (
            "/registres/journal/", "/registres/journal/?sort=2", "/registres/journal/?search=introuvable",
            "/registres/evenements/", "/registres/courriers-demandes/?sort=4", "/registres/lots/",
        ),
    }  # fmt: skip
    browsers = {login: sign_in(login) for login in places}
    pretend(world.caisse_owner, "public", SIZES)
    pretend(world.dmp_owner, "enrolment", CODES)
    large, wrong = frozenset(SIZES | CODES), []
    for login, addresses in places.items():
        for address in addresses:
            asked.clear()
            assert browsers[login].get(address).status_code == 200, address
            wrong += [(address, fault, sql) for sql, fault in faults(asked, large)]
    for typed in ("martin zoe", "martin thiers", "1850", format_letter_id(letter.caisse, letter.number)):
        asked.clear()
        assert browsers[AGENT].send("/personnes/suggestions", "/personnes/recherche", quoi=typed).status_code == 200
        wrong += [(typed, fault, sql) for sql, fault in faults(asked, large)]
    assert not wrong, "\n\n".join(f"{place}: {fault}\n{sql}" for place, fault, sql in wrong)


@pytest.mark.parametrize(
    ("sql", "seen"),
    [
        ("SELECT count(*) FROM letter", True),
        ("SELECT count(*) FROM person WHERE caisse = '631'", True),
        ("SELECT * FROM audit_entry ORDER BY actor LIMIT 50", True),
        ("SELECT * FROM letter WHERE reason = 'x' AND campaign_id = 3 LIMIT 50", False),
        ("SELECT * FROM audit_entry ORDER BY id DESC LIMIT 50", False),
        ("SELECT * FROM person WHERE caisse = '631' AND id = 7", False),
    ],
)
def test_what_would_be_read_whole_is_seen(world: World, sql: str, seen: bool) -> None:
    world.load(people(60))
    world.sealed()
    pretend(world.caisse_owner, "public", SIZES)
    assert bool(list(faults([(world.caisse_owner, sql, None)], frozenset(SIZES)))) is seen


def faults(asked: list[tuple[Engine, str, Any]], large: frozenset[str]) -> Iterator[tuple[str, str]]:
    for engine, sql, values in list(asked):
        with engine.connect() as connection:
            found = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", values).scalar()
        plan = json.loads(found) if isinstance(found, str) else found
        for fault in read_whole(plan[0]["Plan"], large):
            yield sql, fault
