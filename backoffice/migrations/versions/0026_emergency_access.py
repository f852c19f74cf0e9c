"""The emergency account: what the owner of the database writes, and the web may read."""

from alembic import op

revision = "0026"
down_revision = "0025"

TABLE = """
CREATE TABLE emergency_access (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    password_hash text NOT NULL,
    reason        text NOT NULL CHECK (reason <> ''),
    opened_at     timestamptz NOT NULL,
    opened_by     text NOT NULL,
    expires_at    timestamptz NOT NULL CHECK (expires_at > opened_at AND expires_at <= opened_at + interval '24 hours'),
    closed_at     timestamptz
);
GRANT SELECT ON emergency_access TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE emergency_access")
