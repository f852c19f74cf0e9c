"""Codes that end within days are counted from an index, among millions."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute(
        "CREATE INDEX creation_code_ending ON enrolment.creation_code (caisse, expires_at, request_id) WHERE state = 'live'"
    )


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
