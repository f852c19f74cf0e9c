"""An advisor's latest calls, however long ago: not the whole platform's read backwards until some are found."""

from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.execute("CREATE INDEX phone_call_of ON phone_call (login, id)")


def downgrade() -> None:
    op.execute("DROP INDEX phone_call_of")
