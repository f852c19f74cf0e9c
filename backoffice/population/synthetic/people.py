"""Demonstration households: who lives together, under which names, with which rights and channels."""

from bisect import bisect
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

from backoffice.population.synthetic import proportions as p
from backoffice.population.synthetic.addresses import Address, draw_address
from backoffice.population.synthetic.births import Registry, birthday, recorded_birth
from backoffice.population.synthetic.material import PERIODS, Area, Material, Name, Weighted

_FIRST_NAMES_OF_ORIGIN: Final = {
    # origin of the family name: list of first names, share among adults, among children
    "maghreb": ("maghreb", 0.88, 0.72),
    "turc": ("turc", 0.92, 0.75),
    "portugais": ("portugais", 0.55, 0.12),
    "espagnol": ("latin", 0.30, 0.06),
    "italien": ("latin", 0.28, 0.06),
    "afrique": ("afrique", 0.75, 0.45),
    "asie": ("asie", 0.60, 0.20),
    "est": ("est", 0.45, 0.12),
    "breton": ("breton", 0.12, 0.22),
    "basque": ("basque", 0.18, 0.28),
    "alsacien": ("alsacien", 0.10, 0.04),
}
_FRENCH_NAMES: Final = frozenset(
    {"commun", "breton", "alsacien", "basque", "occitan", "auvergnat", "picard", "comtois", "tourangeau", "outremer"}
)
_MAIL_DOMAINS: Final = ("example.org", "example.org", "example.net", "example.com")


@dataclass(frozen=True, slots=True)
class Family:
    """What the members of a household share."""

    area: Area
    origin: str
    name: Name
    regime: str
    plain: bool
    address: Address


class Households:
    """An endless stream of households as rows of fields in the order of the population format."""

    def __init__(self, random: Random, material: Material, areas: Weighted[Area], registry: Registry, as_of: date):
        self._random = random
        self._material = material
        self._areas = areas
        self._registry = registry
        self._as_of = as_of
        self._heads = Weighted([age for age, _ in p.HEADS], [weight for _, weight in p.HEADS])

    def next(self) -> list[list[str]]:
        """One household: the head first, so that whoever is cut off the end leaves no dependant without insured."""
        random = self._random
        area = self._areas.at(random.random())
        origin = area.origins.at(random.random())
        family = Family(
            area=area,
            origin=origin,
            name=self._family_name(origin),
            regime=random.choice(p.OTHER_SCHEMES) if random.random() < p.OTHER_SCHEME else "01",
            plain=random.random() < p.UNACCENTED,
            address=draw_address(random, self._material, area),
        )
        age = self._heads.at(random.random()) + int(random.random() * 5)
        age = max(age, 18)
        coupled = random.random() < p.share_at(age, p.COUPLE)
        sex = 1 if random.random() < (0.8 if coupled else 0.42) else 2
        head = self._person(family, sex, age, family.name, origin, "")
        rows = [head]
        other: Name | None = None
        if coupled:
            partner_origin = area.origins.at(random.random())
            other = self._family_name(partner_origin)
            partner_age = max(18, round(age + random.gauss(-2 if sex == 1 else 2, 3.5)))
            insured = head[0] if random.random() < p.SPOUSE_DEPENDANT else ""
            partner = self._person(family, 3 - sex, partner_age, other, partner_origin, insured)
            self._marry(*((head, partner) if sex == 1 else (partner, head)))
            rows.append(partner)
        rows += self._children(family, age, rows, other)
        return rows

    def _family_name(self, origin: str) -> Name:
        u = self._random.random()
        if origin in _FRENCH_NAMES and u < p.PARTICLE:
            origin = "particules"
        elif u > 1 - p.VERY_LONG_NAME:
            origin = "longs"
        return self._material.surnames[origin].at(self._random.random())

    def _marry(self, man: list[str], woman: list[str]) -> None:
        """Give the woman her usage name."""
        u = self._random.random()
        if u < p.DOUBLE_USAGE_NAME:
            joined = f"{woman[2]}-{man[2]}"
            woman[3] = joined if len(joined) <= 60 else man[2]
        elif u < p.USAGE_NAME and woman[2] != man[2]:
            woman[3] = man[2]

    def _children(self, family: Family, age: int, parents: list[list[str]], other: Name | None) -> list[list[str]]:
        random = self._random
        mean = p.share_at(age, p.CHILDREN) * (1 if len(parents) == 2 else p.SINGLE_PARENT)
        children = []
        for _ in range(5):
            if random.random() >= mean / 5:
                continue
            child_age = int(age - random.gauss(31, 4.5))
            if not 0 <= child_age < 20 or age - child_age < 16:
                continue
            dependant = random.random() < p.share_at(child_age, p.DEPENDANT)
            insured = [parent[0] for parent in parents if parent[6] == "OD"]
            name = family.name
            if other is not None and random.random() < p.DOUBLE_NAME_CHILD and len(name.text + other.text) < 40:
                name = Name(f"{name.text} {other.text}", f"{name.plain} {other.plain}")
            nir_od = random.choice(insured) if dependant else ""
            children.append(self._person(family, random.choice((1, 2)), child_age, name, family.origin, nir_od))
        return children

    def _person(self, family: Family, sex: int, age: int, name: Name, origin: str, insured: str) -> list[str]:
        random = self._random
        u = random.random
        born = birthday(random, age, self._as_of)
        birth, month_known = recorded_birth(random, born, origin not in _FRENCH_NAMES)
        nir = self._registry.nir(sex, born, month_known, family.area, origin, age < 18)
        first = self._first_name(sex, born.year, origin, age < 18)
        email, mobile = self._contacts(age, first, name)
        mail = email and not insured and u() < p.CHANNEL_MAIL
        serial, card = self._card(age)
        return [
            nir,
            ("M" if sex == 1 else "MME") if u() >= p.CIVILITY_SLIP else ("MME" if sex == 1 else "M"),
            name.plain if family.plain else name.text,
            "",
            first.plain if family.plain else first.text,
            birth,
            "AD" if insured else "OD",
            insured,
            family.regime,
            family.area.caisse,
            *family.address,
            email,
            mobile,
            "mail" if mail else "courrier",
            serial,
            card,
            "O" if u() < p.HOLDER and not insured else "",
            "O" if u() < p.OPPOSITION else "",
            "O" if u() < p.UNDELIVERABLE else "",
            self._death(age),
        ]

    def _first_name(self, sex: int, year: int, origin: str, child: bool) -> Name:
        u = self._random.random
        names, letter = self._material.first_names, "M" if sex == 1 else "F"
        listed, adults, children = _FIRST_NAMES_OF_ORIGIN.get(origin, ("", 0.0, 0.0))
        draw = u()
        if draw > 1 - p.VERY_LONG_NAME:
            return names[f"{letter} longs"].at(u())
        if draw < (children if child else adults):
            return names[f"{letter} {listed}"].at(u())
        period = PERIODS[max(0, bisect(PERIODS, year) - 1)]
        pool = names[f"{letter} {period}"]
        name = pool.at(u())
        if u() < p.JOINED_FIRST_NAME and "-" not in name.text:
            second = pool.at(u())
            if "-" not in second.text and second is not name:
                return Name(f"{name.text}-{second.text}", f"{name.plain}-{second.plain}")
        return name

    def _contacts(self, age: int, first: Name, name: Name) -> tuple[str, str]:
        random = self._random
        email = mobile = ""
        if random.random() < p.share_at(age, p.EMAIL):
            local = f"{_local_part(first.plain)}.{_local_part(name.plain)}"
            number = "" if random.random() < 0.4 else str(random.randrange(1, 10_000))
            email = f"{local}{number}@{random.choice(_MAIL_DOMAINS)}"
        if random.random() < p.share_at(age, p.MOBILE):
            mobile = f"063998{random.randrange(10_000):04d}"
        return email, mobile

    def _card(self, age: int) -> tuple[str, str]:
        random = self._random
        if age < 16 or random.random() >= p.CARD:
            return "", ""
        kind = "photo" if random.random() < p.CARD_WITH_PHOTO else "sans_photo"
        return str(random.randrange(10**9, 10**10)), kind

    def _death(self, age: int) -> str:
        """A day of the last three years for some, never before the youngest was born."""
        random = self._random
        if random.random() >= p.share_at(age, p.DECEASED) or age < 4:
            return ""
        return (self._as_of - timedelta(days=int(random.random() * 1095))).isoformat()


def _local_part(plain: str) -> str:
    return "".join(c for c in plain.lower() if c.isalnum() or c == "-")[:28].strip("-")
