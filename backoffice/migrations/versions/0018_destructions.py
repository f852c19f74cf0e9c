"""Destructions of DMP past their ten years: proposed by one person, confirmed by another, with the record's proof."""

from alembic import op

revision = "0018"
down_revision = "0017"

TABLE = """
CREATE TABLE destruction (
    id           uuid PRIMARY KEY,
    caisse       char(3) NOT NULL,
    person_id    bigint NOT NULL,
    keep_until   date NOT NULL,
    proposed_by  text NOT NULL,
    proposed_at  timestamptz NOT NULL,
    withdrawn_by text,
    withdrawn_at timestamptz,
    confirmed_by text CHECK (confirmed_by <> proposed_by),
    destroyed_at timestamptz,
    proof        text,
    CHECK ((destroyed_at IS NULL) = (proof IS NULL)),
    CHECK ((destroyed_at IS NULL) = (confirmed_by IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CHECK (withdrawn_at IS NULL OR destroyed_at IS NULL)
);
CREATE UNIQUE INDEX destruction_proposed ON destruction (caisse, person_id)
    WHERE destroyed_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX destruction_done ON destruction (destroyed_at) WHERE destroyed_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (withdrawn_by, withdrawn_at, confirmed_by, destroyed_at, proof) ON destruction TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE destruction")
