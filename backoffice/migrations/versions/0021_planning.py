"""The figures of planning: staff of the 0 810, assumed response curves, version by version."""

from alembic import op

revision = "0021"
down_revision = "0020"

TABLE = """
CREATE TABLE planning_version (
    name    text NOT NULL CHECK (name IN ('effectif', 'courbes')),
    version integer NOT NULL CHECK (version > 0),
    value   jsonb NOT NULL,
    source  text NOT NULL,
    set_by  text NOT NULL,
    set_at  timestamptz NOT NULL,
    PRIMARY KEY (name, version)
);
GRANT SELECT, INSERT ON planning_version TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE planning_version")
