"""Insured persons by the million, made where they live: nobody reads a file."""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import accumulate

from sqlalchemy import text
from sqlalchemy.engine import Engine

from backoffice.core.caisse import CAISSES
from backoffice.population.synthetic.material import material
from world.told import say

CHUNK = 250_000
TOWN_SLOTS = 1000
"""A caisse's towns in proportion to their inhabitants."""


@dataclass(frozen=True)
class Share:
    """The persons of one caisse: their numbers run without a gap."""

    caisse: str
    departement: str
    first: int
    count: int

    @property
    def last(self) -> int:
        return self.first + self.count - 1


def shares(persons: int) -> dict[str, Share]:
    """So many persons over the nine caisses, as their areas' inhabitants."""
    sizes = {caisse.code: material().areas[caisse.code].population for caisse in CAISSES}
    whole = sum(sizes.values())
    bounds = [round(persons * reached / whole) for reached in accumulate(sizes.values())]
    found, first = {}, 1
    for caisse, bound in zip(CAISSES, bounds, strict=True):
        found[caisse.code] = Share(caisse.code, caisse.departement, first, bound - first + 1)
        first = bound + 1
    return found


# Rows first, keys and indexes after: the same in the end, several times faster.
_BARE = """
DROP INDEX person_birth, person_birth_name, person_usual_name, person_birth_date, person_nir_end, person_mobile;
ALTER TABLE person DROP CONSTRAINT person_pkey, DROP CONSTRAINT person_caisse_nir_key;
ALTER TABLE person DISABLE TRIGGER ALL;
"""
_KEYS = """
ALTER TABLE person ADD CONSTRAINT person_pkey PRIMARY KEY (caisse, id);
ALTER TABLE person ADD CONSTRAINT person_caisse_nir_key UNIQUE (caisse, nir);
ALTER TABLE person ENABLE TRIGGER ALL;
CREATE INDEX person_birth ON person (date_naissance);
"""
_LEARN = """
INSERT INTO name_word (kind, key) SELECT DISTINCT kind, key FROM (
    SELECT 'nom' AS kind, name_key(w) AS key FROM (
        SELECT DISTINCT nom_naissance AS w FROM person UNION SELECT DISTINCT nom_usage FROM person WHERE nom_usage <> '') a
    UNION ALL SELECT 'prenom', name_key(w) FROM (SELECT DISTINCT prenom AS w FROM person) b
) words WHERE key <> ''
"""
_WORDS = (
    "CREATE TEMPORARY TABLE word (kind text, rank int, word text, postal text, PRIMARY KEY (kind, rank)) ON COMMIT DROP"
)
_WORD = text("""
INSERT INTO word SELECT :kind, at - 1, word, postal
FROM unnest(CAST(:words AS text[]), CAST(:postals AS text[])) WITH ORDINALITY AS listed (word, postal, at)
""")
_FILL = """
INSERT INTO person_{caisse} (caisse, id, nir, civilite, nom_naissance, nom_usage, prenom, date_naissance, birth_latest,
    qualite, nir_od, regime, adresse_2, adresse_3, adresse_4, adresse_5, code_postal, ville, pays, email, mobile, canal,
    vitale_serie, vitale_type, dmp, opposition, pnd, date_deces, digest, created_at, updated_at)
SELECT '{caisse}', id, nir13 || lpad((97 - CAST(nir13 AS bigint) % 97)::text, 2, '0'),
    CASE WHEN woman THEN 'MME' ELSE 'M' END, n1.word, CASE WHEN woman AND id % 3 = 0 THEN n2.word ELSE '' END, n3.word,
    to_char(born, 'YYYY-MM-DD'), born, qualite, CASE qualite WHEN 'AD' THEN '1550363' ELSE '' END,
    CASE WHEN id % 50 = 0 THEN '02' ELSE '01' END, CASE WHEN id % 5 = 0 THEN 'APPARTEMENT ' || id % 90 ELSE '' END, '',
    (1 + id % 180) || ' RUE ' || streets[1 + id % cardinality(streets)], '', town.postal, town.word, '',
    CASE WHEN mail OR id % 4 = 0 THEN 'a' || id || '@example.org' ELSE '' END,
    CASE WHEN id % 3 = 0 THEN '+336' || lpad((39980000 + id % 10000000)::text, 8, '0') ELSE '' END,
    CASE WHEN mail THEN 'mail' ELSE 'courrier' END, lpad((id * 7919 % 10000000000)::text, 10, '0'), 'photo',
    id % 400 = 7, id % 300 = 11, id % 90 = 13,
    CASE WHEN id % 250 = 17 THEN date '2016-01-01' + (id % 300)::int END, sha256(int8send(id)),
    timestamptz '2015-06-01 02:00+02', timestamptz '2016-10-30 02:00+01'
FROM (
    SELECT drawn.*, CASE WHEN born > date '1998-11-02' OR id % 6 = 0 THEN 'AD' ELSE 'OD' END AS qualite, id % 12 = 5 AS mail,
        -- Within a caisse a commune and an order are given to one person: no two numbers are alike.
        (CASE WHEN woman THEN '2' ELSE '1' END) || to_char(born, 'YYMM')
            || lpad((CAST('{departement}' AS int) + (id - {first}) / 989010)::text, 2, '0')
            || lpad(((id - {first}) / 999 % 990 + 1)::text, 3, '0') || lpad(((id - {first}) % 999 + 1)::text, 3, '0')
            AS nir13
    FROM (
        SELECT id, random() < 0.52 AS woman, date '1920-01-01' + (random() * 34900)::int AS born,
            floor(:names * power(random(), 2))::int AS a, floor(:names * power(random(), 2))::int AS b,
            floor(:givens * power(random(), 2))::int AS c, floor(:towns * random())::int AS d
        FROM generate_series(CAST(:from_id AS bigint), CAST(:to_id AS bigint)) id OFFSET 0
    ) drawn OFFSET 0
) one CROSS JOIN (SELECT CAST(:streets AS text[]) AS streets) known
    JOIN word n1 ON n1.kind = 'nom' AND n1.rank = a JOIN word n2 ON n2.kind = 'nom' AND n2.rank = b
    JOIN word n3 ON n3.kind = 'prenom' AND n3.rank = c JOIN word town ON town.kind = 'ville' AND town.rank = d
"""


def names_of(count: int) -> list[str]:
    """The family names of the demonstration first, then invented ones: a long tail, as in the civil record."""
    known = sorted({name.text for names in material().surnames.values() for name in names.things})
    dice = random.Random(7)
    heads = [
        "BAR",
        "BEL",
        "BOU",
        "CAR",
        "CHA",
        "COR",
        "DEL",
        "DES",
        "DU",
        "FER",
        "GAR",
        "GUI",
        "HAU",
        "LA",
        "LE",
        "MAR",
        "MON",
        "PER",
        "RO",
        "SAU",
        "TRE",
        "VAL",
        "VI",
    ]
    middles = [*["BA", "CHE", "DE", "GNI", "LA", "LE", "MI", "NE", "RI", "RO", "SA", "TI", "VE", "ZE", "QUI"], ""]
    ends = [
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
    ]
    invented: set[str] = set()
    while len(known) + len(invented) < count:
        invented.add("".join(map(dice.choice, (heads, middles, middles, middles, ends))))
    return known + sorted(invented - set(known))


def fill(engine: Engine, persons: int, names: int) -> Mapping[str, Share]:
    """Make the persons, their keys, the dictionary of names and the indexes; `engine` is the owner's."""
    lists, found = material(), shares(persons)
    surnames = names_of(names)
    givens = sorted({name.text for listed in lists.first_names.values() for name in listed.things})
    began = time.monotonic()
    with engine.begin() as connection:
        connection.execute(text(_BARE))
    for share in found.values():
        area = lists.areas[share.caisse]
        towns = [area.towns.at((slot + 0.5) / TOWN_SLOTS) for slot in range(TOWN_SLOTS)]
        streets = sorted({street.upper() for street in area.streets.things})
        for first in range(share.first, share.last + 1, CHUNK):
            with engine.begin() as connection:
                connection.execute(text(_WORDS))
                for kind, listed in (("nom", surnames), ("prenom", givens)):
                    connection.execute(_WORD, {"kind": kind, "words": listed, "postals": [""] * len(listed)})
                connection.execute(
                    _WORD,
                    {
                        "kind": "ville",
                        "words": [town.as_post for town in towns],
                        "postals": [town.code_postal for town in towns],
                    },
                )
                connection.execute(text("ANALYZE word"))
                connection.execute(
                    text(_FILL.format(caisse=share.caisse, departement=share.departement, first=share.first)),
                    {
                        "names": len(surnames), "givens": len(givens), "towns": TOWN_SLOTS, "streets": streets,
                        "from_id": first, "to_id": min(first + CHUNK - 1, share.last),
                    },
                )  # fmt: skip
        say(f"{share.last:>10,} personnes, {time.monotonic() - began:.0f} s")
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL maintenance_work_mem = '768MB'"))
        connection.execute(text(_KEYS))
        say(f"clés, {time.monotonic() - began:.0f} s")
        connection.execute(text(_LEARN))
        connection.execute(text("SELECT setval('person_id_seq', :last)"), {"last": persons})
        connection.exec_driver_sql(import_module("backoffice.migrations.versions.0013_search_of_persons").INDEXES)
    say(f"index, {time.monotonic() - began:.0f} s")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE person, name_word"))
    say(f"statistiques, {time.monotonic() - began:.0f} s")
    return found
