"""Birth dates, birthplaces and NIRs of demonstration persons: valid keys, each NIR once in a file."""

from datetime import date, timedelta
from random import Random
from typing import Final

from backoffice.population.synthetic import proportions as p
from backoffice.population.synthetic.material import Area, Material
from dmp_core.identity.nir import key_of

_FRENCH: Final = frozenset(
    {"commun", "breton", "alsacien", "basque", "occitan", "auvergnat", "picard", "comtois", "tourangeau"}
)
_BEFORE_INDEPENDENCE: Final = {"352": (1962, ("91", "92", "93", "94")), "350": (1955, ("95",)), "351": (1955, ("96",))}
"""Last birth year under a French département number, and those numbers (DOMAIN 2.1)."""
_CITIES: Final = {"75": (101, 120), "13": (201, 216), "69": (381, 389)}
"""Paris, Marseille and Lyon: births are recorded by arrondissement."""


class Registry:
    """Gives out NIRs, none twice in a file: each block of the file has order numbers of its own."""

    def __init__(self, random: Random, material: Material, block: int, blocks: int) -> None:
        self._random = random
        self._material = material
        self._block, self._blocks = block, blocks
        self._orders = 999 // blocks
        self._given: set[str] = set()

    def nir(self, sex: int, born: date, month_known: bool, area: Area, origin: str, child: bool) -> str:
        """A NIR that is new in this file, its birthplace drawn after the family's origin."""
        random = self._random
        month = born.month if month_known else random.choice((20, 21, 22, 25, 30, 31, 36, 42, 50, 51, 62, 99))
        while True:
            start = f"{sex}{born.year % 100:02d}{month:02d}{self._birthplace(born.year, area, origin, child)}"
            for _ in range(4):
                order = 1 + int(random.random() * self._orders) * self._blocks + self._block
                nir13 = f"{start}{order:03d}"
                if nir13 not in self._given:
                    self._given.add(nir13)
                    return nir13 + key_of(nir13)

    def _birthplace(self, year: int, area: Area, origin: str, child: bool) -> str:
        """Five characters: département and commune, or 99 and country."""
        u = self._random.random
        if origin == "outremer":
            return self._overseas() if u() < 0.6 else self._home(year, area)
        if origin not in _FRENCH:
            if u() < (p.IMMIGRANT_CHILD_ABROAD_BORN if child else p.IMMIGRANT_ABROAD_BORN):
                return self._country(self._material.countries[origin].at(u()), year)
            return self._home(year, area)
        if u() < (p.HOME_BORN_CHILD if child else p.HOME_BORN):
            return self._home(year, area)
        draw = u() * (1 - p.HOME_BORN)
        for share, place in (
            (p.CORSICA_BORN, self._corsica),
            (p.OVERSEAS_BORN, lambda _: self._overseas()),
            (p.ABROAD_BORN, lambda y: self._country(self._material.any_country.at(u()), y)),
            (p.ALGERIA_BORN if 1930 <= year <= 1962 else 0.0, lambda y: self._country("352", y)),
        ):
            if draw < share:
                return place(year)
            draw -= share
        departement = self._material.departements.at(u())
        low, high = _CITIES.get(departement, (1, 300))
        return f"{departement}{low + int((high - low) * u() ** 2):03d}"

    def _home(self, year: int, area: Area) -> str:
        if area.caisse == "941" and year < 1968:  # the Val-de-Marne was cut out of the Seine and the Seine-et-Oise
            return f"75{1 + int(80 * self._random.random()):03d}"
        return area.birthplaces.at(self._random.random())

    def _corsica(self, year: int) -> str:
        departement, towns = self._random.choice((("2A", (4, 4, 41, 249, 272)), ("2B", (33, 33, 50, 96, 134))))
        if year < 1976 and self._random.random() < 0.25:
            departement = "20"
        return f"{departement}{self._random.choice(towns):03d}"

    def _overseas(self) -> str:
        u = self._random.random
        return f"{self._material.overseas.at(u())}{1 + int(20 * u()):02d}"

    def _country(self, country: str, year: int) -> str:
        last, departements = _BEFORE_INDEPENDENCE.get(country, (0, ()))
        if year <= last:
            return f"{self._random.choice(departements)}{1 + int(400 * self._random.random()):03d}"
        return f"99{country}"


def birthday(random: Random, age: int, as_of: date) -> date:
    """A day on which somebody of `age` years on `as_of` may be born."""
    last = years_before(as_of, age)
    first = years_before(as_of, age + 1) + timedelta(days=1)
    return first + timedelta(days=int(random.random() * ((last - first).days + 1)))


def years_before(day: date, years: int) -> date:
    """The same day that many years earlier; 28 February for a 29th that did not exist."""
    try:
        return day.replace(year=day.year - years)
    except ValueError:
        return day.replace(year=day.year - years, day=28)


def recorded_birth(random: Random, born: date, abroad: bool) -> tuple[str, bool]:
    """`AAAA-MM-JJ` as the civil record has it, and whether the month is known."""
    if random.random() < (p.INCOMPLETE_BIRTH_ABROAD if abroad else p.INCOMPLETE_BIRTH):
        if random.random() < 0.6:
            return f"{born.year}-00-00", False
        return f"{born.year}-{born.month:02d}-00", True
    return born.isoformat(), True
