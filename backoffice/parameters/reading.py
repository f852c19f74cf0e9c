"""What is in force: `current(session).of(RESENDS_PER_DAY)`, the declared default where nobody has set anything.

Read from the database once a unit of work and a name, never kept longer: a change holds at the next request of every
process.
"""

from typing import Any, Final

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from backoffice.core.errors import Invalid
from backoffice.parameters.declaration import Parameter, T
from backoffice.parameters.models import ParameterVersion

_KEPT: Final = "parameters"
_log = structlog.get_logger(__name__)


class Current:
    """The values in force during one unit of work: one picture, whoever changes what meanwhile."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._latest: dict[str, dict[str | None, ParameterVersion]] = {}

    def of(self, parameter: Parameter[T], caisse: str | None = None) -> T:
        """The value of `parameter`, for `caisse` when each has its own.

        Raises ValueError when a caisse is missing or given without need: the caller is mistaken.
        """
        kept = self.version_of(parameter, caisse)
        if kept is None or kept.value is None:
            return parameter.default
        try:
            return parameter.from_json(kept.value)
        except (Invalid, ValueError, TypeError, KeyError):
            # Written by another version of the application: what is declared here is at least meant.
            _log.error("parameter_unreadable", name=parameter.name, version=kept.version)
            return parameter.default

    def version_of(self, parameter: Parameter[Any], caisse: str | None = None) -> ParameterVersion | None:
        """The latest version, or None when it was never set. Raises ValueError as `of` does."""
        if parameter.per_caisse != (caisse is not None):
            raise ValueError(
                f"{parameter.name}: {'say which caisse' if parameter.per_caisse else 'one for all caisses'}"
            )
        if parameter.name not in self._latest:
            query = (
                select(ParameterVersion)
                .where(ParameterVersion.name == parameter.name)
                .ext(distinct_on(ParameterVersion.caisse))
                .order_by(ParameterVersion.caisse, ParameterVersion.version.desc())
            )
            self._latest[parameter.name] = {row.caisse: row for row in self._session.scalars(query)}
        return self._latest[parameter.name].get(caisse)

    def forget(self, name: str) -> None:
        """Read this one again: it was changed in this unit of work."""
        self._latest.pop(name, None)


def current(session: Session) -> Current:
    """The parameters as this unit of work sees them."""
    found = session.info.get(_KEPT)
    if not isinstance(found, Current):
        found = session.info[_KEPT] = Current(session)
    return found
