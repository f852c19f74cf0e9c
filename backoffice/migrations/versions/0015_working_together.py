"""Cases linked and merged, views of the queue kept under a name, the same gesture over many cases."""

from alembic import op

revision = "0015"
down_revision = "0014"

TABLES = """
ALTER TABLE case_file ADD COLUMN merged_into text REFERENCES case_file (number),
    ADD CHECK (merged_into IS NULL OR ended_at IS NOT NULL);
CREATE INDEX case_file_merged ON case_file (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX case_file_owner ON case_file (owner) WHERE ended_at IS NULL;

CREATE TABLE case_link (
    first     bigint NOT NULL REFERENCES case_file,
    second    bigint NOT NULL REFERENCES case_file CHECK (second > first),
    linked_by text NOT NULL,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (first, second)
);
CREATE INDEX case_link_second ON case_link (second);

CREATE TABLE case_view (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner    text NOT NULL,
    name     text NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
    teams    text[] NOT NULL,
    caisses  text[] NOT NULL,
    filters  jsonb NOT NULL,
    saved_at timestamptz NOT NULL,
    UNIQUE (owner, name)
);

CREATE TABLE case_bulk (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request     uuid NOT NULL UNIQUE,
    login       text NOT NULL,
    asker       jsonb NOT NULL,
    gesture     text NOT NULL,
    argument    text NOT NULL,
    items       jsonb NOT NULL CHECK (jsonb_array_length(items) BETWEEN 1 AND 200),
    results     jsonb NOT NULL,
    asked_at    timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX case_bulk_under_way ON case_bulk (id) WHERE finished_at IS NULL;
"""
GRANTS = """
GRANT SELECT, INSERT, DELETE ON case_link TO caisse;
GRANT SELECT, INSERT, DELETE, UPDATE (teams, caisses, filters, saved_at) ON case_view TO caisse;
GRANT SELECT, INSERT, UPDATE (results, finished_at) ON case_bulk TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("DROP TABLE case_bulk, case_view, case_link")
    op.execute("ALTER TABLE case_file DROP COLUMN merged_into")
