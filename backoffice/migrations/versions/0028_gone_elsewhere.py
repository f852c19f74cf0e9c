"""Persons whom another caisse's population file has taken in since: they are written to from there alone."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE person ADD COLUMN gone_at timestamptz;"
        # Few rows: a person who arrives finds by it the dossier opened where they come from.
        "CREATE INDEX person_gone ON person (nir) WHERE gone_at IS NOT NULL"
    )


def downgrade() -> None:
    op.execute("DROP INDEX person_gone; ALTER TABLE person DROP COLUMN gone_at")
