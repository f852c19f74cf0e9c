"""Addresses of demonstration households: NF Z10-011 lines 2 to 6, from flats in town to hamlets and CEDEX."""

from random import Random
from typing import Final

from backoffice.population.rows import MAX_LINE
from backoffice.population.synthetic import proportions as p
from backoffice.population.synthetic.material import Area, Material, Town

Address = tuple[str, str, str, str, str, str, str]
"""adresse_2 to adresse_5, code_postal, ville, pays."""

_RURAL: Final = 2_000
_URBAN: Final = 20_000


def draw_address(random: Random, material: Material, area: Area) -> Address:
    """The address of one household of the area."""
    u = random.random()
    if u < p.ABROAD:
        street, code_postal, town, country = random.choice(area.abroad)
        return "", "", street, "", code_postal, town, country
    town_at = area.towns.at(random.random())
    lines = _lines(random, material, area, town_at)
    if u < p.ABROAD + p.CEDEX:
        return *lines[:3], f"BP {random.randrange(10, 99999)}", *area.cedex, ""
    if u < p.ABROAD + p.CEDEX + p.POST_BOX:
        lines = (*lines[:3], f"BP {random.randrange(1, 400)}")
    ville = town_at.as_typed if random.random() < p.TYPED_TOWN else town_at.as_post
    return *lines, town_at.code_postal, ville, ""


def _lines(random: Random, material: Material, area: Area, town: Town) -> tuple[str, str, str, str]:
    u = random.random()
    if town.population < _RURAL:
        if u < 0.25:
            return "", "", "", _hamlet(random, area)
        if u < 0.55:
            return "", "", _street(random, material, area), _hamlet(random, area)
        return "", "", _street(random, material, area), ""
    flats = 0.38 if town.population > _URBAN else 0.10
    building = random.choice(material.buildings) if u < flats else ""
    complement = random.choice(material.complements) if u < flats and random.random() < 0.5 else ""
    return complement, building, _street(random, material, area), ""


def _hamlet(random: Random, area: Area) -> str:
    hamlet = random.choice(area.hamlets)
    return f"LIEU DIT {hamlet}" if random.random() < 0.3 else hamlet


def _street(random: Random, material: Material, area: Area) -> str:
    u = random.random
    number = f"{1 + int(150 * u() ** 2)}"
    if u() < 0.07:
        number += random.choice((" BIS", " TER", " A", " B"))
    name = area.streets.at(u())
    line = f"{number} {random.choice(material.street_kinds)} {name}"
    return line if len(line) <= MAX_LINE else f"{number.split()[0]} RUE {name}"
