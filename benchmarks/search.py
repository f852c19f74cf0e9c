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
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Row, TextClause, create_engine, event, text
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session
from world.persons import fill
from world.told import say

from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import Invalid
from backoffice.embedded.services import Services
from backoffice.migrations import migrate
from backoffice.persons.search import search
from backoffice.settings import read_json

TODAY = date(2016, 11, 2)
AGENT = Actor("agent", "Agent", frozenset({Role.AGENT}), frozenset({"631"}))
ADVISOR = Actor("conseiller", "Conseiller", frozenset({Role.ADVISOR}), frozenset(CAISSE_CODES))


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


def questions(rows: Sequence[Row[Any]], dice: random.Random) -> dict[str, list[list[str]]]:
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


def _one(connection: Connection, look: TextClause, key: dict[str, Any]) -> Row[Any]:
    return connection.execute(look, key).one()


def run(engine: Engine, samples: int, plans: bool) -> dict[str, Any]:
    dice = random.Random(11)
    with engine.connect() as connection:
        top = connection.scalar(text("SELECT max(id) FROM person"))
        chosen = [dice.randrange(1, top) for _ in range(samples)]
        rows = connection.execute(text("SELECT * FROM person WHERE id = ANY(:ids)"), {"ids": chosen}).all()
        look = text("SELECT * FROM person WHERE caisse = CAST(:c AS char(3)) AND id = :i")
        keys = [{"c": row.caisse, "i": row.id} for row in rows] * 5
        keyed = [measured(partial(_one, connection, look, key)) for key in keys]
    unit = statistics.median(keyed)
    result: dict[str, Any] = {"lecture_par_cle_ms": round(unit, 2)}
    if plans:
        event.listen(engine, "before_cursor_execute", _explain)
    for actor in (AGENT, ADVISOR):
        told = result[actor.login] = {}
        for kind, typed in questions(rows, random.Random(3)).items():
            pressed = [one for keys in typed for one in keys]
            told[kind] = figures([measured(partial(_search, engine, actor, one)) for one in pressed], unit)
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
