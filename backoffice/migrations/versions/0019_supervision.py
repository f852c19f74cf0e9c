"""Quality: which weeks were drawn, which ended cases chance picked, and what their reader found."""

from alembic import op

revision = "0019"
down_revision = "0018"

TABLES = """
CREATE TABLE quality_draw (
    caisse   char(3) NOT NULL,
    week     date NOT NULL CHECK (extract(isodow FROM week) = 1),
    drawn_at timestamptz NOT NULL,
    PRIMARY KEY (caisse, week)
);

CREATE TABLE quality_sample (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    caisse      char(3) NOT NULL,
    week        date NOT NULL,
    case_id     bigint NOT NULL REFERENCES case_file,
    agent       text NOT NULL,
    drawn_at    timestamptz NOT NULL,
    answers     jsonb,
    note        text,
    reviewed_by text CHECK (reviewed_by <> agent),
    reviewed_at timestamptz,
    UNIQUE (week, case_id),
    FOREIGN KEY (caisse, week) REFERENCES quality_draw,
    CHECK ((reviewed_at IS NULL) = (answers IS NULL) AND (reviewed_at IS NULL) = (reviewed_by IS NULL))
);
CREATE INDEX quality_sample_to_read ON quality_sample (caisse, week) WHERE reviewed_at IS NULL;

CREATE INDEX case_file_ended ON case_file (caisse, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX case_entry_at ON case_entry (at);
CREATE INDEX audit_entry_caisse ON audit_entry (caisse, id);
"""
GRANTS = """
GRANT SELECT, INSERT ON quality_draw TO caisse;
GRANT SELECT, INSERT, UPDATE (answers, note, reviewed_by, reviewed_at) ON quality_sample TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("DROP TABLE quality_sample, quality_draw")
    for name in ("case_file_ended", "case_entry_at", "audit_entry_caisse"):
        op.execute(f"DROP INDEX {name}")
