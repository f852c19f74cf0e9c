"""Does mon-dmp answer somebody who exists as fast as somebody who does not? Ratio of medians, door by door.

    .venv/bin/python benchmarks/portal_timing.py                     200 requests a side and a door, about two minutes
    .venv/bin/python benchmarks/portal_timing.py --requests 50 --json

The whole application over its real databases, with 2,000 insured persons: requests about somebody who exists and about
nobody take turns, so that a busy machine slows both alike. Counters of attempts are cleared between requests, untimed.
`low` and `high` bound the difference of means, in milliseconds, with 95 % confidence. Insured persons are synthetic.
"""

import argparse
import csv
import gzip
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import uuid4

from bench import Place, compare, installed
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from backoffice.mondmp import create_app
from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.dossiers import Consent, Contacts, Way, open_dossier
from dmp_core.identity.nir import key_of
from dmp_core.portals.mondmp.parts import Parts
from dmp_core.storage.engine import engine_for

PERSONS = 2_000
HOLDERS = 40
Form = dict[str, str]


class Bench:
    """A portal with holders and insured persons."""

    def __init__(self, place: Place) -> None:
        population = place.folder / "population.csv.gz"
        place.command(
            "demo", "population", "--caisse", "631", "--count", str(PERSONS), "--seed", "7", "--out", str(population)
        )
        place.command("population", "import", str(population))
        self.settings = place.settings
        self.app: Flask = create_app(self.settings)
        self.parts: Parts = self.app.extensions["mondmp"]
        self.owner = engine_for(self.settings.dmp_owner_url, application="benchmark")
        with gzip.open(population, "rt", encoding="utf-8") as file:
            nirs = [row["nir"] for row in csv.DictReader(file, delimiter=";")]
        found = (self.parts.insured.by_nir(nir) for nir in nirs)
        able = [person for person in found if person is not None and person.may_open and person.serial]
        self.insured = able[HOLDERS : 2 * HOLDERS]
        self.holders = []
        consent = Consent("2016-11-02", bytes(32), "J’accepte")
        for number, person in enumerate(able[:HOLDERS]):
            contacts = Contacts(mail=f"titulaire{number}@exemple.fr")
            with self.parts.store.transaction() as connection:
                opened = open_dossier(connection, self.parts.clock(), uuid4(), person, contacts, consent, Way.ONLINE)
            self.holders.append((person, opened.login))
        codes = Enrolment(
            engine_for(self.settings.dmp_caisse_url, application="benchmark"), self.parts.codes, self.parts.clock
        )
        ids = [person.person_id for person in self.insured]
        self.wrong = list(codes.issue_codes(uuid4(), "631", ids, date.today()).codes.values())  # noqa: DTZ011

    def post(self, path: str, form: Form) -> float:
        """Seconds until the answer is whole; the form was opened before, as a browser does."""
        client: FlaskClient = self.app.test_client()
        page = client.get(path).text
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        with self.owner.begin() as connection:
            connection.execute(text("DELETE FROM enrolment.attempt"))
        data = form | ({"csrf_token": token[1]} if token else {})
        began = time.perf_counter()
        answer = client.post(path, data=data)
        answer.get_data()
        took = time.perf_counter() - began
        with self.owner.connect() as connection:
            if not connection.scalar(text("SELECT count(*) FROM enrolment.attempt")):
                raise RuntimeError(f"{path} refused the form before counting anything: {answer.status_code}")
        return took

    def doors(self) -> Iterator[tuple[str, str, Callable[[int], Form], Callable[[int], Form]]]:
        """Name, path, what is typed about somebody who exists, and about nobody."""
        yield (
            "sign-in: login, wrong password", "/connexion",
            lambda n: {"identifiant": self.holders[n % HOLDERS][1], "mot_de_passe": "pas le bon mot"},
            lambda _: {"identifiant": _login(), "mot_de_passe": "pas le bon mot"},
        )  # fmt: skip
        yield (
            "creation: NIR and serial right, code of another", "/creer",
            lambda n: self._identity(self.insured[n % HOLDERS].nir, self.insured[n % HOLDERS].serial, n + 1),
            lambda n: self._identity(_nir(), "1234567890", n + 1),
        )  # fmt: skip
        yield (
            "password forgotten: login and serial", "/aide-connexion/mot-de-passe",
            lambda n: {"identifiant": self.holders[n % HOLDERS][1], "serie": self.holders[n % HOLDERS][0].serial},
            lambda _: {"identifiant": _login(), "serie": "1234567890"},
        )  # fmt: skip
        yield (
            "asking for a code: all right", "/recevoir-un-code",
            lambda n: self._asking(self.insured[n % HOLDERS]),
            lambda _: {"nir": _nir(), "jour": "07", "mois": "04", "annee": "1985", "serie": "1234567890"},
        )  # fmt: skip

    def _identity(self, nir: str, serial: str, wrong: int) -> Form:
        return {"nir": nir, "code": self.wrong[wrong % HOLDERS], "carte": "photo", "serie": serial}

    def _asking(self, person: Any) -> Form:
        year, month, day = person.birth_date.split("-")
        return {"nir": person.nir, "jour": day, "mois": month, "annee": year, "serie": person.serial}


def _nir() -> str:
    """A NIR that nobody has among so few."""
    nir13 = f"1{random.randrange(30, 90)}1175{random.randrange(100, 999)}{random.randrange(1, 999):03}"
    nir13 = nir13[:13].ljust(13, "1")
    return nir13 + key_of(nir13)


def _login() -> str:
    return f"zzzz{random.randrange(10_000):04}"


def measure(bench: Bench, requests: int) -> list[dict[str, object]]:
    """Each door in turn, both sides interleaved in an order that changes."""
    results: list[dict[str, object]] = []
    for name, path, known, unknown in bench.doors():
        for form in (known(0), unknown(0)):
            bench.post(path, form)  # warm-up
        took: tuple[list[float], list[float]] = ([], [])
        for number in range(requests):
            sides = [(took[0], known), (took[1], unknown)]
            random.shuffle(sides)
            for times, form_of in sides:
                times.append(bench.post(path, form_of(number)) * 1000)
        told_apart = compare(*took)
        results.append(
            {
                "door": name, "known_ms": told_apart.medians[0], "unknown_ms": told_apart.medians[1],
                "ratio": told_apart.ratio, "low": told_apart.low, "high": told_apart.high,
            }
        )  # fmt: skip
    return results


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with installed() as place:
        results = measure(Bench(place), options.requests)
    if options.json:
        print(json.dumps(results, indent=1))
        return
    for line in results:
        print(
            f"{line['door']:48} known {line['known_ms']:>7} ms   unknown {line['unknown_ms']:>7} ms   "
            f"ratio {line['ratio']}   difference {line['low']} to {line['high']} ms"
        )


if __name__ == "__main__":
    main()
