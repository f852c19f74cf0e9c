"""How often each feature of a demonstration population occurs: one table, in shares of 1, plausible but invented.

Sources of the orders of magnitude are general knowledge; no statistic is reproduced. Tests hold generated files to it.
"""

from collections.abc import Mapping
from typing import Final

# Of households.
OTHER_SCHEME: Final = 0.12
"""Not `01` régime général: never recruited."""
OTHER_SCHEMES: Final = ("02", "02", "02", "03", "03", "04", "05", "06", "07", "08", "10", "90")
ABROAD: Final = 0.004
CEDEX: Final = 0.005
POST_BOX: Final = 0.008
UNACCENTED: Final = 0.25
"""Names held without accents, as older systems gave them."""
TYPED_TOWN: Final = 0.12
"""Town spelt "Clermont-Ferrand" rather than the post's "CLERMONT FERRAND"."""
SPOUSE_DEPENDANT: Final = 0.05
DOUBLE_NAME_CHILD: Final = 0.05

# Of persons.
HOLDER: Final = 0.012
OPPOSITION: Final = 0.008
UNDELIVERABLE: Final = 0.015
DECEASED: Final = ((60, 0.001), (80, 0.008), (200, 0.04))
"""Share among persons younger than each age."""
CARD: Final = 0.97
CARD_WITH_PHOTO: Final = 0.72
CIVILITY_SLIP: Final = 0.001
"""Civility that contradicts the sex digit of the NIR: legal, and seen."""
INCOMPLETE_BIRTH: Final = 0.001
INCOMPLETE_BIRTH_ABROAD: Final = 0.04
PARTICLE: Final = 0.006
VERY_LONG_NAME: Final = 0.002
JOINED_FIRST_NAME: Final = 0.01
CHANNEL_MAIL: Final = 0.30
"""Of the ouvrants droit with an e-mail address."""

EMAIL: Final = ((18, 0.0), (35, 0.62), (60, 0.55), (75, 0.38), (200, 0.10))
MOBILE: Final = ((16, 0.0), (35, 0.82), (60, 0.75), (75, 0.60), (200, 0.28))
"""Share among persons younger than each age."""

# Births.
HOME_BORN: Final = 0.62
HOME_BORN_CHILD: Final = 0.82
CORSICA_BORN: Final = 0.005
OVERSEAS_BORN: Final = 0.004
ABROAD_BORN: Final = 0.01
ALGERIA_BORN: Final = 0.03
"""Of those born from 1930 to 1962 to families of French names."""
IMMIGRANT_ABROAD_BORN: Final = 0.55
IMMIGRANT_CHILD_ABROAD_BORN: Final = 0.06

# Households.
HEADS: Final = (
    (18, 2), (20, 5), (25, 8), (30, 9), (35, 9), (40, 9.5), (45, 10), (50, 9.5), (55, 9), (60, 8.5), (65, 8.5),
    (70, 6), (75, 5.5), (80, 5), (85, 3.5), (90, 1.8), (95, 0.5), (100, 0.1), (105, 0.0),
)  # fmt: skip
"""First age of each class and weight of the class among heads of household."""
COUPLE: Final = ((25, 0.18), (35, 0.52), (65, 0.60), (80, 0.60), (200, 0.28))
CHILDREN: Final = ((20, 0.0), (25, 0.4), (30, 0.9), (35, 1.6), (40, 2.2), (45, 2.2), (50, 1.7), (55, 0.9), (60, 0.3))
"""Mean number of children drawn below each age; those who turn out 20 or older have left."""
SINGLE_PARENT: Final = 0.4
"""Share of that mean for a head without partner."""
DEPENDANT: Final = ((16, 1.0), (18, 0.9), (20, 0.5))
"""Share of ayants droit among children younger than each age."""
USAGE_NAME: Final = 0.72
"""Women of a couple who use the partner's name."""
DOUBLE_USAGE_NAME: Final = 0.08

_ABROAD: Final = ("maghreb", "turc", "portugais", "espagnol", "italien", "afrique", "asie", "est", "outremer")
_ORIGINS: Final[Mapping[str, tuple[str, float, tuple[float, ...]]]] = {
    # caisse: regional names, their share, then the weights in thousandths of the origins above
    "221": ("breton", 0.45, (10, 2, 5, 4, 4, 6, 5, 4, 3)),
    "251": ("comtois", 0.25, (45, 18, 20, 10, 22, 10, 8, 10, 3)),
    "311": ("occitan", 0.30, (50, 4, 22, 45, 22, 18, 14, 6, 6)),
    "371": ("tourangeau", 0.15, (22, 4, 25, 8, 6, 14, 10, 5, 5)),
    "631": ("auvergnat", 0.28, (28, 12, 55, 10, 10, 9, 7, 6, 4)),
    "641": ("basque", 0.35, (10, 2, 24, 38, 5, 5, 4, 3, 3)),
    "671": ("alsacien", 0.42, (38, 45, 12, 8, 20, 14, 14, 14, 4)),
    "801": ("picard", 0.30, (26, 5, 14, 5, 6, 10, 6, 14, 3)),
    "941": ("commun", 0.10, (110, 14, 70, 18, 22, 95, 65, 20, 45)),
}


def origins_of(caisse: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Origins of family names in a caisse's area, with their weights."""
    regional, share, thousandths = _ORIGINS[caisse]
    abroad = [weight / 1000 for weight in thousandths]
    common = 1 - share - sum(abroad)
    return ("commun", regional, *_ABROAD), (common, share, *abroad)


def share_at(age: int, table: tuple[tuple[int, float], ...]) -> float:
    """The share of the first class above `age`; 0 beyond the last."""
    for limit, share in table:
        if age < limit:
            return share
    return 0.0
