"""The lists that demonstration persons are drawn from, read from the package's data files (origin: data/README.md)."""

import unicodedata
from bisect import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import accumulate
from typing import Final, Generic, TypeVar

from backoffice.population.synthetic.proportions import origins_of

T = TypeVar("T")

PERIODS: Final = (1880, 1920, 1940, 1955, 1970, 1982, 1998, 2010)
"""First birth year of each list of first names."""


class Weighted(Generic[T]):
    """Things to draw in proportion to their weights."""

    __slots__ = ("_cumulated", "_total", "things")

    def __init__(self, things: Sequence[T], weights: Iterable[float]) -> None:
        self.things = things
        self._cumulated = list(accumulate(weights))
        self._total = self._cumulated[-1]

    def at(self, u: float) -> T:
        """The thing at `u`, uniform in [0, 1)."""
        return self.things[bisect(self._cumulated, u * self._total)]


def ranked(things: Sequence[T], flatness: float) -> Weighted[T]:
    """Things listed from the most to the least frequent; the greater `flatness`, the more alike their frequencies."""
    return Weighted(things, (1 / (rank + flatness) for rank in range(len(things))))


@dataclass(frozen=True, slots=True)
class Name:
    """A name with its plain-letter form."""

    text: str
    plain: str

    @classmethod
    def of(cls, text: str) -> "Name":
        """The name of this spelling."""
        return cls(text, plain_capitals(text))


@dataclass(frozen=True, slots=True)
class Town:
    """A commune with one of its postal codes."""

    code_postal: str
    as_post: str
    as_typed: str
    population: int


@dataclass(frozen=True, slots=True)
class Area:
    """What belongs to one caisse."""

    caisse: str
    towns: Weighted[Town]
    birthplaces: Weighted[str]
    """INSEE codes, heavier for large towns, where maternity wards are."""
    origins: Weighted[str]
    streets: Weighted[str]
    hamlets: Sequence[str]
    abroad: Sequence[tuple[str, str, str, str]]
    cedex: tuple[str, str]
    population: int


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that persons are drawn from."""

    areas: dict[str, Area]
    surnames: dict[str, Weighted[Name]]
    first_names: dict[str, Weighted[Name]]
    """By "M 1970", "F maghreb" ..."""
    street_kinds: Sequence[str]
    buildings: Sequence[str]
    complements: Sequence[str]
    departements: Weighted[str]
    overseas: Weighted[str]
    countries: dict[str, Weighted[str]]
    """INSEE codes by origin of the names."""
    any_country: Weighted[str]


_CEDEX: Final = {
    "221": ("22023", "SAINT BRIEUC CEDEX 1"),
    "251": ("25030", "BESANCON CEDEX"),
    "311": ("31076", "TOULOUSE CEDEX 3"),
    "371": ("37041", "TOURS CEDEX 1"),
    "631": ("63037", "CLERMONT FERRAND CEDEX 1"),
    "641": ("64109", "BAYONNE CEDEX"),
    "671": ("67070", "STRASBOURG CEDEX"),
    "801": ("80039", "AMIENS CEDEX 1"),
    "941": ("94010", "CRETEIL CEDEX"),
}


def plain_capitals(text: str) -> str:
    """`text` in capitals without accents: Œ gives OE, Ł gives L, İ gives I."""
    spelt = text.upper().replace("’", "'")
    for letter, plain in (("Œ", "OE"), ("Æ", "AE"), ("Ł", "L"), ("Đ", "D"), ("Ø", "O")):
        spelt = spelt.replace(letter, plain)
    return "".join(c for c in unicodedata.normalize("NFD", spelt) if not unicodedata.combining(c))


@lru_cache(maxsize=1)
def material() -> Material:
    """Read the data files, once a process."""
    surnames = dict(_sections("surnames.txt"))
    places = dict(_sections("places.txt"))
    countries = [entry.split() for entry in places["pays"]]
    origins = {origin for _, _, origin in countries}
    streets = dict(_sections("streets.txt"))
    return Material(
        areas={area.caisse: area for area in _areas(streets)},
        surnames={
            origin: ranked([Name.of(name) for name in names], 30 if origin == "commun" else 12)
            for origin, names in surnames.items()
        },
        first_names={key: ranked([Name.of(name) for name in names], 5) for key, names in _sections("first_names.txt")},
        street_kinds=streets["voies"],
        buildings=streets["batiments"],
        complements=streets["complements"],
        departements=_weighted(places["departements"]),
        overseas=_weighted(places["outremer"]),
        countries={
            origin: Weighted(*_columns((code, float(weight)) for code, weight, of in countries if of == origin))
            for origin in origins
        },
        any_country=Weighted(*_columns((code, float(weight)) for code, weight, _ in countries)),
    )


def _areas(streets: dict[str, list[str]]) -> Iterator[Area]:
    rows: dict[str, list[list[str]]] = {}
    for line in _text("communes.tsv").splitlines()[1:]:
        caisse, *rest = line.split("\t")
        rows.setdefault(caisse, []).append(rest)
    abroad = {key: [_abroad(entry) for entry in entries] for key, entries in _lines("addresses_abroad.txt")}
    for caisse, communes in rows.items():
        sizes = [int(population) for *_, population in communes]
        towns = [
            Town(code_postal, plain_capitals(name).replace("-", " ").replace("'", " "), name, size)
            for (_, name, code_postal, _), size in zip(communes, sizes, strict=True)
        ]
        own = streets[f"noms {caisse}"]
        general = streets["noms"]
        yield Area(
            caisse=caisse,
            towns=Weighted(towns, sizes),
            birthplaces=Weighted([insee for insee, *_ in communes], (size**1.3 for size in sizes)),
            origins=Weighted(*origins_of(caisse)),
            streets=Weighted(
                [*general, *own],
                [*(1 / (rank + 15) for rank in range(len(general))), *(1 / (rank + 12) for rank in range(len(own)))],
            ),
            hamlets=[*streets["hameaux"], *streets.get(f"hameaux {caisse}", []) * 3],
            abroad=[*abroad["*"], *abroad.get(caisse, []) * 4],
            cedex=_CEDEX[caisse],
            population=sum(sizes),
        )


def _abroad(entry: str) -> tuple[str, str, str, str]:
    street, code_postal, town, country = (part.strip() for part in entry.split(";"))
    return street, code_postal, town, country


def _weighted(entries: Sequence[str]) -> Weighted[str]:
    return Weighted(*_columns((code, float(weight)) for code, weight in (entry.split() for entry in entries)))


def _columns(pairs: Iterable[tuple[str, float]]) -> tuple[list[str], list[float]]:
    listed = list(pairs)
    return [thing for thing, _ in listed], [weight for _, weight in listed]


def _sections(name: str) -> Iterator[tuple[str, list[str]]]:
    """Sections of comma-separated entries."""
    for title, lines in _lines(name):
        yield title, [entry.strip() for line in lines for entry in line.split(",")]


def _lines(name: str) -> Iterator[tuple[str, list[str]]]:
    title, lines = "", list[str]()
    for line in _text(name).splitlines():
        if line.startswith("["):
            if lines:
                yield title, lines
            title, lines = line.strip("[]"), []
        elif line and not line.startswith("#"):
            lines.append(line)
    yield title, lines


def _text(name: str) -> str:
    return (files(__package__) / "data" / name).read_text(encoding="utf-8")
