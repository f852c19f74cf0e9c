"""Schemas `enrolment` and `medical`, and a default of nothing for everybody but the owner.

The login roles belong to the cluster and exist before (an owner role cannot create roles). Each later table grants,
column by column, what a role needs: no default privilege ever does.
"""

from alembic import op
from sqlalchemy import text

from dmp_core.errors import Unavailable

revision = "0001"
down_revision = None

LOGINS = ("caisse", "titulaire", "ps")


def upgrade() -> None:
    connection = op.get_bind()
    known = set(connection.scalars(text("SELECT rolname FROM pg_roles")))
    if missing := [role for role in LOGINS if role not in known]:
        raise Unavailable(
            f"Il manque au serveur PostgreSQL le rôle {', '.join(missing)}\N{NO-BREAK SPACE}: créez les rôles de "
            "connexion avant de mettre à jour la base du DMP."
        )
    name = connection.scalar(text("SELECT quote_ident(current_database())"))
    logins = ", ".join(LOGINS)
    for statement in (
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC, {logins}",
        # Without TEMPORARY a login cannot create a table of any sort.
        f"GRANT CONNECT ON DATABASE {name} TO {logins}",
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "CREATE SCHEMA enrolment",
        "CREATE SCHEMA medical",
        "COMMENT ON SCHEMA enrolment IS 'Who has a DMP, creation codes, accounts: administrative facts'",
        "COMMENT ON SCHEMA medical IS 'What a DMP contains: never granted to the role caisse'",
        # PostgreSQL gives these two to everybody unless told otherwise, in any schema.
        "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON ROUTINES FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC",
        "GRANT USAGE ON SCHEMA enrolment TO caisse",
    ):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
