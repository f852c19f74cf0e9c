"""Results over time, out of the reports that somebody may read."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from dmp_core.errors import Invalid
from dmp_core.record.laboratory.reading import results_in
from dmp_core.record.laboratory.results import Measure, Series, gathered
from dmp_core.record.metadata import Document

MOST_REPORTS: Final = 60
"""Reports read for one chart, the latest ones."""


def followed(
    reports: Iterable[Document], opened: Callable[[Document], bytes]
) -> tuple[list[Series], list[Document]]:  # fmt: skip
    """The results of these reports over time, each naming its own, and the reports that cannot be read."""
    measures: list[Measure] = []
    unread = []
    for each in reports:
        try:
            measures += [replace(one, source=each.id) for one in results_in(opened(each)).measures]
        except Invalid:
            unread.append(each)
    return gathered(measures), unread
