"""From a key press to the answer: how long finding a person takes, with millions of them.

    .venv/bin/python benchmarks/search.py                        700,000 persons, about two minutes
    .venv/bin/python benchmarks/search.py --persons 7000000      the whole pre-series, about twenty minutes and 8 GB

Synthetic persons are made inside PostgreSQL, in a data folder of its own that is removed at the end, under the real
migrations and indexes. Somebody types: each key press of a question (after the second) is one search, through the same
function as the page, as an agent of one caisse and as an advisor of the nine. Told for each kind of question: median and
95th centile in milliseconds, and their ratio to the simplest look-up there is, a person by their key. `--plans` prints
the plan of each statement.
"""

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import Invalid
from backoffice.embedded.services import Services
from backoffice.migrations import migrate
from backoffice.persons.search import search
from backoffice.population.synthetic.material import material
from backoffice.settings import read_json

TODAY = date(2016, 11, 2)
AGENT = Actor("agent", "Agent", frozenset({Role.AGENT}), frozenset({"631"}))
ADVISOR = Actor("conseiller", "Conseiller", frozenset({Role.ADVISOR}), frozenset(CAISSE_CODES))
CHUNK = 500_000

_WITHOUT_INDEXES = (
    "DROP INDEX person_birth_name, person_usual_name, person_birth_date, person_nir_end, person_mobile; "
    "ALTER TABLE person DISABLE TRIGGER ALL"
)
_LEARN = (
    "INSERT INTO name_word (kind, key) SELECT 'nom', name_key(w) FROM (SELECT DISTINCT nom_naissance AS w FROM person "
    "UNION SELECT DISTINCT nom_usage FROM person WHERE nom_usage <> '') a UNION SELECT 'prenom', name_key(w) "
    "FROM (SELECT DISTINCT prenom AS w FROM person) b"
)
"""Rows first, indexes after: the same in the end, several times faster."""
_WORDS = text("CREATE TEMPORARY TABLE word (kind text, rank int, word text, PRIMARY KEY (kind, rank)) ON COMMIT DROP")
_WORD = text(
    "INSERT INTO word SELECT :kind, at - 1, word FROM unnest(CAST(:words AS text[])) WITH ORDINALITY AS listed (word, at)"
)
_FILL = text("""
INSERT INTO person (caisse, nir, civilite, nom_naissance, nom_usage, prenom, date_naissance, birth_latest, qualite, nir_od,
    regime, adresse_2, adresse_3, adresse_4, adresse_5, code_postal, ville, pays, email, mobile, canal, vitale_serie,
    vitale_type, dmp, opposition, pnd, date_deces, digest, created_at, updated_at)
SELECT (CAST(:caisses AS text[]))[1 + i % 9],
    (CASE WHEN woman THEN '2' ELSE '1' END) || to_char(born, 'YYMM') || lpad((1 + i % 95)::text, 2, '0')
        || lpad((i / 999 % 990 + 1)::text, 3, '0') || lpad((i % 999 + 1)::text, 3, '0')
        || lpad((i / 989010 % 97 + 1)::text, 2, '0'),
    CASE WHEN woman THEN 'MME' ELSE 'M' END, n1.word, CASE WHEN woman AND i % 3 = 0 THEN n2.word ELSE '' END, n3.word,
    to_char(born, 'YYYY-MM-DD'), born, 'OD', '', '01', '', '', (1 + i % 180) || ' RUE DES LILAS', '', postal, n4.word, '',
    CASE WHEN i % 4 = 0 THEN 'a' || i || '@example.org' ELSE '' END,
    CASE WHEN i % 3 = 0 THEN '+3363998' || lpad((i % 10000)::text, 4, '0') ELSE '' END, 'courrier', '1234567890', 'photo',
    false, false, false, NULL, sha256(int8send(i)), now(), now()
FROM (
    SELECT i, (random() < 0.5) AS woman, date '1920-01-01' + (random() * 29000)::int AS born,
        floor(:name_count * power(random(), 2))::int AS a, floor(:name_count * power(random(), 2))::int AS b,
        floor(:given_count * power(random(), 2))::int AS c, floor(:town_count * power(random(), 2))::int AS d,
        lpad((1000 + i % 94000)::text, 5, '0') AS postal
    FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) i OFFSET 0
) drawn JOIN word n1 ON n1.kind = 'nom' AND n1.rank = a JOIN word n2 ON n2.kind = 'nom' AND n2.rank = b
    JOIN word n3 ON n3.kind = 'prenom' AND n3.rank = c JOIN word n4 ON n4.kind = 'ville' AND n4.rank = d
ON CONFLICT DO NOTHING
""")


def names_of(count: int) -> list[str]:
    """The family names of the demonstration first, then invented ones: a long tail, as in the civil record."""
    known = sorted({name.text for names in material().surnames.values() for name in names.things})
    dice = random.Random(7)
    heads = (
        "BAR", "BEL", "BOU", "CAR", "CHA", "COR", "DEL", "DES", "DU", "FER", "GAR", "GUI", "HAU", "LA", "LE", "MAR", "MON",
        "PER", "RO", "SAU", "TRE", "VAL", "VI",
    )  # fmt: skip
    middles = ("BA", "CHE", "DE", "GNI", "LA", "LE", "MI", "NE", "RI", "RO", "SA", "TI", "VE", "ZE", "QUI", "")
    ends = (
        "ARD",
        "AUD",
        "EAU",
        "ET",
        "IER",
        "IN",
        "ON",
        "OT",
        "OUX",
        "AIS",
        "ELLE",
        "EZ",
        "ILLE",
        "OIS",
        "Y",
        "AC",
        "ANT",
    )
    invented: set[str] = set()
    while len(known) + len(invented) < count:
        invented.add("".join(map(dice.choice, (heads, middles, middles, middles, ends))))
    return known + sorted(invented - set(known))


@contextmanager
def population(persons: int, names: int) -> Iterator[Engine]:
    """A database of its own with so many persons, as the role `caisse` reaches it."""
    folder = Path(tempfile.mkdtemp(prefix="recherche-"))
    parts = Services(folder, fast=True)
    try:
        parts.start(("postgres",))
        roles = read_json(folder / "secrets.json")["roles"]
        port = read_json(folder / "run" / "services.json")["postgres"]["port"]

        def url(role: str) -> str:
            return f"postgresql+psycopg://{role}:{quote(roles[role], safe='')}@127.0.0.1:{port}/caisse"

        migrate(url("caisse_owner"))
        fill(create_engine(url("caisse_owner")), persons, names)
        yield create_engine(url("caisse"), connect_args={"options": "-c jit=off"})
    finally:
        parts.stop(("postgres",))
        shutil.rmtree(folder, ignore_errors=True)


def fill(engine: Engine, persons: int, names: int) -> None:
    """Make the persons, in the database itself."""
    lists = material()
    surnames = names_of(names)
    givens = sorted({name.text for listed in lists.first_names.values() for name in listed.things})
    towns = sorted({town.as_post for area in lists.areas.values() for town in area.towns.things})
    words = {"nom": surnames, "prenom": givens, "ville": towns}
    values = {
        "caisses": list(CAISSE_CODES), "name_count": len(surnames), "given_count": len(givens), "town_count": len(towns),
    }  # fmt: skip
    began = time.monotonic()
    with engine.begin() as connection:
        connection.execute(text(_WITHOUT_INDEXES))
    for first in range(0, persons, CHUNK):
        with engine.begin() as connection:
            connection.execute(_WORDS)
            for kind, listed in words.items():
                connection.execute(_WORD, {"kind": kind, "words": listed})
            connection.execute(_FILL, values | {"first": first, "last": min(first + CHUNK, persons) - 1})
        say(f"{min(first + CHUNK, persons):>10,} personnes, {time.monotonic() - began:.0f} s")
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE person ENABLE TRIGGER ALL"))
        connection.execute(text(_LEARN))
        connection.exec_driver_sql(import_module("backoffice.migrations.versions.0013_search_of_persons").INDEXES)
    say(f"index, {time.monotonic() - began:.0f} s")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE person, name_word"))


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def questions(rows: list[Any], dice: random.Random) -> dict[str, list[list[str]]]:
    """By kind, what is typed, key press by key press."""

    def keys(whole: str, least: int = 3) -> list[str]:
        return [whole[:end] for end in range(least, len(whole) + 1)]

    def slip(word: str) -> str:
        at = dice.randrange(1, max(2, len(word) - 1))
        return (
            word[:at] + word[at + 1 : at + 2] + word[at] + word[at + 2 :]
            if dice.random() < 0.5
            else word[:at] + word[at + 1 :]
        )

    asked: dict[str, list[list[str]]] = {}
    for row in rows:
        day = f"{row.date_naissance[8:]}/{row.date_naissance[5:7]}/{row.date_naissance[:4]}"
        for kind, typed in (
            ("nom", keys(row.nom_naissance.lower())),
            ("nom et prénom", keys(f"{row.nom_naissance} {row.prenom}")),
            ("prénom et nom", keys(f"{row.prenom} {row.nom_naissance}")),
            ("nom avec une faute", [slip(row.nom_naissance)]),
            ("nom et prénom, deux fautes", [f"{slip(row.nom_naissance)} {slip(row.prenom)}"]),
            ("nom et naissance", [f"{row.nom_naissance} {day}", f"{slip(row.nom_naissance)} {day}"]),
            ("nom et ville", [f"{row.nom_naissance} à {row.ville}"]),
            ("numéro", [row.nir[:end] for end in range(5, 16)]),
            ("fin du numéro", [row.nir[-6:], row.nir[-8:]]),
            ("naissance", [day]),
            ("téléphone", [row.mobile] if row.mobile else []),
        ):  # fmt: skip
            if typed:
                asked.setdefault(kind, []).append(typed)
    return asked


def measured(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def figures(samples: list[float], unit: float) -> dict[str, float]:
    ordered = sorted(samples)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {
        "recherches": len(ordered), "mediane_ms": round(statistics.median(ordered), 1), "p95_ms": round(p95, 1),
        "pire_ms": round(ordered[-1], 1), "p95_en_lectures_par_cle": round(p95 / unit, 1),
    }  # fmt: skip


def run(engine: Engine, samples: int, plans: bool) -> dict[str, Any]:
    dice = random.Random(11)
    with engine.connect() as connection:
        top = connection.scalar(text("SELECT max(id) FROM person"))
        chosen = [dice.randrange(1, top) for _ in range(samples)]
        rows = connection.execute(text("SELECT * FROM person WHERE id = ANY(:ids)"), {"ids": chosen}).all()
        look = text("SELECT * FROM person WHERE caisse = CAST(:c AS char(3)) AND id = :i")
        keyed = [measured(lambda r=row: connection.execute(look, {"c": r.caisse, "i": r.id}).one()) for row in rows * 5]
    unit = statistics.median(keyed)
    result: dict[str, Any] = {"lecture_par_cle_ms": round(unit, 2)}
    if plans:
        event.listen(engine, "before_cursor_execute", _explain)
    for actor in (AGENT, ADVISOR):
        told = result[actor.login] = {}
        for kind, typed in questions(rows, random.Random(3)).items():
            pressed = [one for keys in typed for one in keys]
            told[kind] = figures(
                [measured(lambda one=one, actor=actor: _search(engine, actor, one)) for one in pressed], unit
            )
            say(f"{actor.login:<11} {kind:<28} {told[kind]}")
    return result


def _search(engine: Engine, actor: Actor, typed: str) -> None:
    with Session(engine) as session, session.begin():
        try:
            search(session, actor, typed, TODAY)
        except Invalid:
            return


def _explain(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
    if statement.lstrip("( ").startswith("SELECT"):
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF) {statement}", parameters)
        say("\n".join(row[0] for row in cursor.fetchall()) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=700_000)
    parser.add_argument("--names", type=int, default=120_000, help="family names")
    parser.add_argument("--samples", type=int, default=60, help="persons looked for")
    parser.add_argument("--plans", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with population(asked.persons, asked.names) as engine:
        with engine.connect() as connection:
            made = connection.scalar(text("SELECT count(*) FROM person"))
        result = {"personnes": made, "le": datetime.now(UTC).isoformat(timespec="minutes")}
        result |= run(engine, asked.samples, asked.plans)
    if asked.json:
        print(json.dumps(result, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
