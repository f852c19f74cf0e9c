"""Migrations of the database `dmp`, run by its owner role and by nothing else. Grants are migrations too."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.exc import OperationalError

from dmp_core.errors import Unavailable


def migrate(owner_url: str, revision: str = "head") -> None:
    """Bring the database `dmp` to `revision`; two starts at once wait for each other.

    `owner_url` is SQLAlchemy's, for the role that owns the database. Raises Unavailable when the database does not
    answer, stays locked, or was migrated by a later version of the software.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = owner_url
    try:
        command.upgrade(config, revision)
    except CommandError:
        raise Unavailable(
            "La base du DMP a été mise à jour par une version plus récente du logiciel : installez cette version."
        ) from None
    except OperationalError as error:
        raise Unavailable(
            "La base du DMP ne répond pas, ou une autre mise à jour la tient : réessayez dans une "
            "minute, puis vérifiez son adresse et son mot de passe."
        ) from error
