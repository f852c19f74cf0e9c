"""The systems of identifiers under which a patient is known; values never stand without theirs (DOMAIN 1.4).

A person has several at once and in the course of time: INS-C first, then the NIR, which the law makes the national
health identifier in 2017, each with the dates between which it holds.
"""

from enum import StrEnum


class System(StrEnum):
    """Object identifiers (OID) of the systems of France."""

    INS_C = "1.2.250.1.213.1.4.2"
    """Computed: 22 digits."""
    NIR = "1.2.250.1.213.1.4.8"
    """15 characters, key included."""
