"""How long every page takes among millions: through the real application, signed in as those who use it.

    .venv/bin/python benchmarks/pages.py /tmp/monde                            every page, some ten minutes
    .venv/bin/python benchmarks/pages.py /tmp/monde --only "fiche" --plans     one page, with its slowest plans
    .venv/bin/python benchmarks/pages.py /tmp/monde --json

The folder is one of `make_world.py`. Told of each page: median and 95th centile of the time that the databases take
and of the whole request, in milliseconds, how many statements it needs, the ratio of the 95th centile to the simplest
look-up there is (a person by their key, in the same run), and the large tables that a plan reads from end to end: there
must be none. A page beyond --most milliseconds of database time at the 95th centile makes the command end with 1.
"""

import argparse
import json
import os
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, text
from world.folder import NOW, owners, services
from world.told import say
from world.watch import Watch

from backoffice.app import create_app
from backoffice.embedded.staff import DEMONSTRATION_PASSWORD
from backoffice.letters.reference import format_letter_id
from backoffice.office import Office

AGENT, ADVISOR, MANAGER, NATIONAL = "sandrine.chabrol", "karim.haddad", "damien.faure", "claire.delaunay"
SUPERVISOR, ADMINISTRATOR = "patrick.ollier", "vincent.lemaire"
MINE = "631"


class Moving:
    """The world's clock: a second a request, so that nobody is taken for a script."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> Any:
        return self.now


@dataclass(frozen=True)
class Visit:
    """One request: an address, and the form when it is sent."""

    path: str
    form: dict[str, str] | None = None


@dataclass(frozen=True)
class Page:
    """A page as somebody uses it, over and over with other things in hand."""

    name: str
    login: str
    visits: Callable[["Sample"], Iterable[Visit]]


class Sample:
    """Things of the world to ask for, drawn by the same dice each time."""

    def __init__(self, engine: Engine, size: int) -> None:
        self.size, self.dice = size, random.Random(11)
        self._engine = engine
        self.persons = self._persons(MINE)
        self.everywhere = self._persons(None)

    def _persons(self, caisse: str | None) -> list[Any]:
        bounds = "SELECT min(first) AS first, max(first + count) AS last FROM share WHERE :caisse IS NULL OR caisse = :caisse"
        row = self.rows(bounds.replace(":caisse", "CAST(:caisse AS text)"), caisse=caisse)[0]
        ids = [self.dice.randrange(row.first, row.last) for _ in range(self.size)]
        return self.rows("SELECT * FROM person WHERE id = ANY(:ids)", ids=ids)

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self._engine.connect() as connection:
            return list(connection.execute(text(sql), values))

    def some(self, sql: str, **values: Any) -> list[Any]:
        """At most so many of the first column of what the query finds."""
        found = [row[0] for row in self.rows(sql, **values)]
        return self.dice.sample(found, min(self.size, len(found)))


def ask(*paths: str) -> Callable[[Sample], list[Visit]]:
    """The same addresses again and again."""
    return lambda sample: [Visit(path) for path in paths for _ in range(max(1, min(8, sample.size // len(paths))))]


def typed(kind: str) -> Callable[[Sample], list[Visit]]:
    """What somebody types, key press by key press; kinds as in search.py."""
    from search import questions

    def visits(sample: Sample) -> list[Visit]:
        asked = questions(sample.persons[:12], random.Random(3))[kind]
        return [Visit("/personnes/suggestions", {"quoi": key}) for keys in asked for key in keys]

    return visits


def of_persons(path: str) -> Callable[[Sample], list[Visit]]:
    return lambda sample: [Visit(path.format(p=person)) for person in sample.persons]


def of(sql: str, path: str) -> Callable[[Sample], list[Visit]]:
    """The address of each thing that the query finds."""
    return lambda sample: [Visit(path.format(found)) for found in sample.some(sql)]


CAMPAIGNS = "SELECT reference FROM campaign WHERE approver IS NOT NULL AND caisses <@ ARRAY['631'] ORDER BY id"
LARGEST = "SELECT reference FROM campaign WHERE approver IS NOT NULL AND eligible > 0 ORDER BY eligible DESC LIMIT 12"
MAILED = "SELECT reference FROM campaign WHERE kind = 'information' AND approver IS NOT NULL"
ANSWERED = "SELECT reference FROM campaign WHERE author = 'systeme' ORDER BY id DESC LIMIT 200"
LOTS = (
    "SELECT c.reference || '/lots/' || o.id FROM lot o JOIN campaign c ON c.id = o.campaign_id "
    "WHERE c.approver IS NOT NULL AND o.sealed_at IS NOT NULL AND o.channel = 'courrier'"
)
OPEN_CASES = "SELECT number FROM case_file WHERE caisse = '631' AND ended_at IS NULL"
KINDS = (
    "nom",
    "nom et prénom",
    "nom avec une faute",
    "nom et naissance",
    "nom et ville",
    "numéro",
    "fin du numéro",
    "naissance",
)


def letters_visits(sample: Sample) -> list[Visit]:
    found = sample.rows(
        "SELECT l.caisse, l.number FROM letter l WHERE l.caisse = '631' AND l.person_id = ANY(:ids)",
        ids=[person.id for person in sample.persons],
    )
    return [Visit("/personnes/suggestions", {"quoi": format_letter_id(row.caisse, row.number)}) for row in found]


PAGES: tuple[Page, ...] = (
    Page("accueil de l’agent", AGENT, ask("/")),
    Page("accueil du responsable", NATIONAL, ask("/")),
    *(Page(f"recherche : {kind}", AGENT, typed(kind)) for kind in KINDS),
    Page("recherche : nom et prénom, neuf caisses", ADVISOR, typed("nom et prénom")),
    Page("recherche : nom avec une faute, neuf caisses", ADVISOR, typed("nom avec une faute")),
    Page("recherche : numéro de courrier", AGENT, letters_visits),
    Page("recherche envoyée", AGENT, lambda s: [Visit("/personnes/recherche", {"quoi": p.nir}) for p in s.persons]),
    Page("fiche : raison", AGENT, of_persons("/personnes/{p.caisse}/{p.id}")),
    Page(
        "fiche : raison donnée, puis fiche", AGENT,
        lambda s: [
            visit
            for p in s.persons
            for visit in (
                Visit(f"/personnes/{p.caisse}/{p.id}/raison", {"raison": "accueil", "mots": ""}),
                Visit(f"/personnes/{p.caisse}/{p.id}"),
            )
        ],
    ),
    Page("renvoi de code", AGENT, of_persons("/personnes/{p.caisse}/{p.id}/code")),
    Page("accueil : file et visites", AGENT, ask("/accueil")),
    Page("accueil : éligibilité", AGENT, lambda s: [Visit(f"/accueil/personnes/{p.caisse}/{p.id}", {}) for p in s.persons]),
    Page("demandes", AGENT, ask("/demandes")),
    Page("demandes : les neuf caisses", ADVISOR, ask("/demandes")),
    Page("demandes terminées, pages lointaines", AGENT, ask("/demandes?terminees=1", "/demandes?terminees=1&page=300")),
    Page("demandes terminées, neuf caisses", ADVISOR, ask("/demandes?terminees=1", "/demandes?terminees=1&page=3000")),
    Page("demandes par numéro", ADVISOR, ask("/demandes?numero=000042", "/demandes?terminees=1&numero=631-000042")),
    Page("demandes d’une échéance", ADVISOR, ask("/demandes?echeance=aujourdhui", "/demandes?suivie=-")),
    Page("une demande", AGENT, of(OPEN_CASES, "/demandes/{}")),
    Page("mentions", "mathilde.roche", ask("/demandes/mentions")),
    Page("clôtures", ADVISOR, ask("/clotures")),
    Page("destructions", SUPERVISOR, ask("/clotures/destructions")),
    Page("appels", ADVISOR, ask("/appels")),
    Page("appels : statistiques", ADVISOR, ask("/appels/statistiques", "/appels/statistiques?par=jour")),
    Page("campagnes", NATIONAL, ask("/campagnes", "/campagnes?page=2")),
    Page("campagnes d’une caisse", MANAGER, ask("/campagnes")),
    Page("une campagne", NATIONAL, of(LARGEST, "/campagnes/{}")),
    Page("une campagne : suivi en direct", NATIONAL, of(LARGEST, "/campagnes/{}/suivi")),
    Page("une campagne de courriels", NATIONAL, of(MAILED, "/campagnes/{}")),
    Page("une campagne : exceptions", NATIONAL, of(LARGEST, "/campagnes/{}/exceptions")),
    Page("une campagne : vagues", NATIONAL, of(LARGEST, "/campagnes/{}/vagues")),
    Page("une campagne : nouvelle", NATIONAL, ask("/campagnes/nouvelle")),
    Page("un lot", NATIONAL, of(LOTS, "/campagnes/{}")),
    Page("un lot : papier", NATIONAL, of(LOTS, "/campagnes/{}/papier")),
    Page("calendrier", NATIONAL, ask("/calendrier")),
    Page("calendrier d’une caisse", MANAGER, ask("/calendrier")),
    Page("charge", NATIONAL, ask("/charge")),
    Page("charge : courbes", NATIONAL, ask("/charge/courbes")),
    Page("envois", NATIONAL, ask("/envois")),
    Page("envois d’une campagne", NATIONAL, of(LARGEST, "/envois/{}")),
    *(
        Page(f"envois par {axis}", NATIONAL, of(LARGEST, f"/envois/{{}}?par={axis}"))
        for axis in ("vague", "caisse", "age", "version")
    ),
    Page("envois : synthèse", NATIONAL, of(LARGEST, "/envois/{}/synthese")),
    Page("envois : CSV", NATIONAL, of(LARGEST, "/envois/{}/envois.csv")),
    Page("envois : XLSX", NATIONAL, of(LARGEST, "/envois/{}/envois.xlsx")),
    Page("retours : saisie", AGENT, ask("/retours")),
    Page("retours : taux", NATIONAL, ask("/retours/taux", "/retours/taux?du=2015-09-01&au=2016-11-02&par=departement")),
    Page("courriels", NATIONAL, ask("/courriels")),
    Page("courriers à la demande", NATIONAL, ask("/courriers-a-la-demande")),
    Page("imprimeurs", NATIONAL, ask("/imprimeurs", "/imprimeurs/atelier")),
    Page("population", NATIONAL, ask("/population", "/population/7")),
    Page("segments", MANAGER, ask("/segments", "/segments/7")),
    Page("supervision", SUPERVISOR, ask("/supervision")),
    Page("supervision : activité", SUPERVISOR, ask("/supervision/activite")),
    Page("supervision : qualité", SUPERVISOR, ask("/supervision/qualite", "/supervision/absences")),
    Page("journal", SUPERVISOR, ask("/supervision/journal", "/supervision/journal?avant=400000")),
    Page(
        "journal : qui, quoi, sur quoi", SUPERVISOR,
        ask(
            "/supervision/journal?qui=patrick.ollier", "/supervision/journal?qui=personne.ainsi",
            "/supervision/journal?action=piece",
            "/supervision/journal?objet=631-004242", "/supervision/journal?objet=introuvable",
            "/supervision/journal?du=2016-02-01&au=2016-02-02",
            "/supervision/journal?qui=sandrine.chabrol&du=2016-02-01&au=2016-02-01",
        ),
    ),
    Page("qui a regardé cette personne", SUPERVISOR, of_persons("/supervision/personnes/{p.caisse}/{p.id}")),
    *(
        Page(
            f"registre : {place}", ADMINISTRATOR,
            ask(f"/registres/{place}/", f"/registres/{place}/?page=40", f"/registres/{place}/?sort=2",
                f"/registres/{place}/?search=introuvable",
                f"/registres/{place}/?search=631"),
        )
        for place in ("campagnes", "lots", "imports", "evenements", "courriers-demandes", "journal")
    ),
    Page("registre : journal d’une caisse", SUPERVISOR, ask("/registres/journal/", "/registres/journal/?search=introuvable")),
)  # fmt: skip


class House:
    """The application with one browser a person."""

    def __init__(self, app: Flask, clock: Moving) -> None:
        self.app, self.clock = app, clock
        self.office: Office = app.extensions["office"]
        self.watch = Watch()
        self.watch.over(self.office.db.engine)
        self.watch.over(self.office.dmp._enrolment._engine)
        self._clients: dict[str, tuple[FlaskClient, str]] = {}

    def ask(self, login: str, visit: Visit) -> tuple[float, int]:
        """Milliseconds of the whole request, and its status."""
        client, token = self._client(login)
        self.clock.now += timedelta(seconds=1)
        self.watch.clear()
        began = time.perf_counter()
        if visit.form is None:
            answer = client.get(visit.path)
        else:
            answer = client.post(visit.path, data=visit.form | {"csrf_token": token})
        answer.get_data()
        return (time.perf_counter() - began) * 1000, answer.status_code

    def _client(self, login: str) -> tuple[FlaskClient, str]:
        if login not in self._clients:
            client = self.app.test_client()
            form = {"identifiant": login, "mot_de_passe": DEMONSTRATION_PASSWORD, "suite": "/"}
            answer = client.post("/connexion", data=form | {"csrf_token": _token(client.get("/connexion").text)})
            if answer.status_code != 302 and answer.status_code != 303:
                raise RuntimeError(f"{login}: {answer.status_code}")
            self._clients[login] = client, _token(client.get("/").text)
        return self._clients[login]


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    return found[1] if found else ""


def centile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def measure(house: House, page: Page, sample: Sample, unit: float, plans: bool) -> dict[str, Any]:
    """One page: its figures, and what is wrong with it."""
    whole, inside, statements, statuses, read = [], [], [], set(), set[str]()
    slowest: tuple[float, list[Any], str] = (-1.0, [], "")
    visits = list(page.visits(sample))
    for number, visit in enumerate(visits):
        took, status = house.ask(page.login, visit)
        seen = list(house.watch.statements)
        inside.append(house.watch.milliseconds)
        whole.append(took)
        statements.append(len(seen))
        statuses.add(status)
        if inside[-1] > slowest[0]:
            slowest = inside[-1], seen, visit.path
        if number % max(1, len(visits) // 6) == 0:
            read |= set(house.watch.read_whole())
    if plans:
        house.watch.statements[:] = slowest[1]
        say(f"\n=== {page.name} {slowest[2]}\n" + "\n\n".join(house.watch.plans()))
    return {
        "page": page.name, "demandes": len(visits), "base_mediane_ms": round(statistics.median(inside), 1),
        "base_p95_ms": round(centile(inside, 0.95), 1), "mediane_ms": round(statistics.median(whole), 1),
        "p95_ms": round(centile(whole, 0.95), 1), "requetes": max(statements),
        "en_lectures": round(centile(inside, 0.95) / unit, 1),
        "etats": sorted(statuses), "lues_en_entier": sorted(read), "la_plus_lente": slowest[2],
    }  # fmt: skip


def by_key(engine: Engine, sample: Sample) -> float:
    """The simplest look-up there is, in milliseconds."""
    look = text("SELECT * FROM person WHERE caisse = CAST(:c AS char(3)) AND id = :i")
    took = []
    with engine.connect() as connection:
        for person in sample.everywhere * 5:
            began = time.perf_counter()
            connection.execute(look, {"c": person.caisse, "i": person.id}).one()
            took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="pages whose name holds this")
    parser.add_argument("--samples", type=int, default=40, help="things of each sort asked for")
    parser.add_argument("--most", type=float, default=300.0, help="milliseconds of database time at the 95th centile")
    parser.add_argument("--plans", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    clock, rows = Moving(), []
    with services(asked.folder) as settings:
        app = create_app(settings, clock=clock)
        house = House(app, clock)
        sample = Sample(owners(settings)[0], asked.samples)
        unit = by_key(house.office.db.engine, sample)
        say(f"{'page':<46}{'n':>5}{'base':>8}{'p95':>9}{'page':>8}{'p95':>9}{'× clé':>8}{'req.':>6}")
        for page in PAGES:
            if asked.only not in page.name:
                continue
            row = measure(house, page, sample, unit, asked.plans)
            rows.append(row)
            wrong = ["LENTE"] if row["base_p95_ms"] > asked.most else []
            wrong += [f"lit tout : {', '.join(row['lues_en_entier'])}"] if row["lues_en_entier"] else []
            wrong += [f"états {row['etats']}"] if not set(row["etats"]) <= {200, 302, 303} else []
            say(
                f"{row['page']:<46}{row['demandes']:>5}{row['base_mediane_ms']:>8.1f}{row['base_p95_ms']:>9.1f}"
                f"{row['mediane_ms']:>8.1f}{row['p95_ms']:>9.1f}{row['en_lectures']:>8.1f}{row['requetes']:>6} "
                f"{' ; '.join(wrong)}"
            )
        house.office.close()
    result = {"lecture_par_cle_ms": round(unit, 2), "charge": os.getloadavg()[0], "pages": rows}
    if asked.json:
        print(json.dumps(result, ensure_ascii=False, indent=1))
    else:
        say(f"une personne par sa clé : {unit:.2f} ms ; charge de la machine : {os.getloadavg()[0]:.1f}")
    return int(any(row["base_p95_ms"] > asked.most or row["lues_en_entier"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
