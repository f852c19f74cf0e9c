"""Synthetic insured persons for demonstrations and tests: realistic, deterministic by seed, nobody's."""

from backoffice.population.synthetic.writing import FEATURES, MAX_COUNT, REFERENCE_DAY, Summary, write_population

__all__ = ["FEATURES", "MAX_COUNT", "REFERENCE_DAY", "Summary", "write_population"]
