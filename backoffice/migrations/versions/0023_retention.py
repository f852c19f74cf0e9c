"""What is left of a lot once its pages are destroyed and its letters have forgotten whom they were for."""

from alembic import op

revision = "0023"
down_revision = "0022"

TABLE = """
CREATE TABLE lot_retention (
    lot_id          bigint PRIMARY KEY REFERENCES lot,
    destroying_at   timestamptz,
    destroyed_at    timestamptz,
    erasing_at      timestamptz,
    erased_at       timestamptz,
    letters_erased  integer,
    manifest_sha256 bytea,
    CHECK (destroyed_at IS NULL OR destroying_at IS NOT NULL),
    CHECK (erased_at IS NULL OR erasing_at IS NOT NULL)
);
GRANT SELECT, INSERT, UPDATE ON lot_retention TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE lot_retention")
