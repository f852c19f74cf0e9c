"""Cases: their files, their journal, and the counter of their numbers."""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = """
CREATE TABLE case_counter (
    year   integer NOT NULL,
    caisse char(3) NOT NULL,
    last   integer NOT NULL CHECK (last BETWEEN 1 AND 999999),
    PRIMARY KEY (year, caisse)
);

CREATE TABLE case_file (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number        text NOT NULL UNIQUE,
    caisse        char(3) NOT NULL,
    person_id     bigint NOT NULL,
    kind          text NOT NULL,
    state         text NOT NULL,
    origin        uuid UNIQUE,
    owner         text,
    opened_at     timestamptz NOT NULL,
    opened_by     text NOT NULL,
    ended_at      timestamptz,
    allowed       integer NOT NULL CHECK (allowed > 0),
    spent         integer NOT NULL DEFAULT 0,
    running_since timestamptz,
    due_at        timestamptz,
    escalates_at  timestamptz,
    version       integer NOT NULL DEFAULT 1,
    CHECK ((running_since IS NULL) = (due_at IS NULL))
);
CREATE INDEX case_file_open ON case_file (caisse, due_at) WHERE ended_at IS NULL;
CREATE INDEX case_file_person ON case_file (caisse, person_id);

CREATE TABLE case_entry (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint NOT NULL REFERENCES case_file,
    at      timestamptz NOT NULL,
    actor   text NOT NULL,
    what    text NOT NULL CHECK (what IN ('step', 'note', 'owner')),
    step    text,
    source  text,
    target  text,
    text    text
);
CREATE INDEX case_entry_case ON case_entry (case_id, id);
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON case_counter, case_file TO caisse;
GRANT SELECT, INSERT ON case_entry TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("DROP TABLE case_entry, case_file, case_counter")
