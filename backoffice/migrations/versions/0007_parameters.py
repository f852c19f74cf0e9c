"""What administrators set, version by version."""

from alembic import op

revision = "0007"
down_revision = "0006"

TABLE = """
CREATE TABLE parameter_version (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name    text NOT NULL,
    caisse  char(3),
    version integer NOT NULL CHECK (version > 0),
    value   jsonb,
    set_at  timestamptz NOT NULL,
    set_by  text NOT NULL,
    reason  text NOT NULL CHECK (reason <> ''),
    UNIQUE NULLS NOT DISTINCT (name, caisse, version)
);
GRANT SELECT, INSERT ON parameter_version TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE parameter_version")
