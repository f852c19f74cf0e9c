"""A pile that is finished takes effect at once, and the hour at which each of its letters was noted stays what it was."""

from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE letter_return ADD COLUMN released_at timestamptz;"
        "REVOKE UPDATE (noted_at) ON letter_return FROM caisse; GRANT UPDATE (released_at) ON letter_return TO caisse"
    )


def downgrade() -> None:
    op.execute("GRANT UPDATE (noted_at) ON letter_return TO caisse; ALTER TABLE letter_return DROP COLUMN released_at")
