"""Migrations of database `caisse`, run by its owner role and by nothing else."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from backoffice.core.errors import Unavailable


def migrate(owner_url: str, revision: str = "head") -> None:
    """Bring database `caisse` to `revision`; two starts at once wait for each other.

    Raises Unavailable when the database was migrated by a later version of the software.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = owner_url
    try:
        command.upgrade(config, revision)
    except CommandError:
        raise Unavailable(
            "La base des caisses a été mise à jour par une version plus récente du logiciel : installez cette version."
        ) from None
