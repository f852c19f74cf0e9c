"""Files joined to cases: what they are; their content is encrypted in the file store."""

from alembic import op

revision = "0011"
down_revision = "0010"

TABLE = """
CREATE TABLE case_attachment (
    uid          uuid PRIMARY KEY,
    case_id      bigint NOT NULL REFERENCES case_file,
    name         text NOT NULL,
    media_type   text NOT NULL,
    size         bigint NOT NULL CHECK (size > 0),
    sha256       bytea NOT NULL CHECK (length(sha256) = 32),
    key_id       text NOT NULL,
    added_by     text NOT NULL,
    added_at     timestamptz NOT NULL,
    withdrawn_by text,
    withdrawn_at timestamptz,
    reason       text,
    destroyed_at timestamptz,
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
    CHECK (withdrawn_at IS NULL OR reason <> '')
);
CREATE INDEX case_attachment_case ON case_attachment (case_id);
CREATE INDEX case_attachment_to_destroy ON case_attachment (uid) WHERE withdrawn_at IS NOT NULL AND destroyed_at IS NULL;
GRANT SELECT, INSERT, UPDATE (withdrawn_by, withdrawn_at, reason, destroyed_at) ON case_attachment TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE case_attachment")
