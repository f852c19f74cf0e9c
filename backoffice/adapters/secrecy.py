"""What each login role can reach, asked of both databases' catalogues."""

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from dmp_core.storage.reach import Reach, reach

ROLES = ("caisse", "titulaire", "ps", "alimentation", "avis")


def reach_of(url: str) -> list[Reach]:
    """Everything the applications' roles can reach in the database at `url`."""
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        with engine.connect() as connection:
            return reach(connection, ROLES)
    finally:
        engine.dispose()
