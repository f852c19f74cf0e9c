"""Colleagues, their absences, and the notes that name them."""

from alembic import op

revision = "0008"
down_revision = "0007"

TABLES = """
CREATE TABLE colleague (
    login   text PRIMARY KEY,
    name    text NOT NULL,
    roles   text[] NOT NULL,
    caisses text[] NOT NULL,
    seen_at timestamptz NOT NULL
);

CREATE TABLE absence (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login     text NOT NULL REFERENCES colleague,
    first_day date NOT NULL,
    last_day  date NOT NULL CHECK (last_day >= first_day),
    deputy    text REFERENCES colleague CHECK (deputy <> login),
    noted_by  text NOT NULL,
    noted_at  timestamptz NOT NULL,
    ended_by  text,
    ended_at  timestamptz,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX absence_login ON absence (login, last_day);

CREATE TABLE case_mention (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id    bigint NOT NULL REFERENCES case_file,
    entry_id   bigint NOT NULL REFERENCES case_entry,
    login      text NOT NULL,
    instead_of text,
    at         timestamptz NOT NULL,
    read_at    timestamptz,
    UNIQUE (entry_id, login)
);
CREATE INDEX case_mention_unread ON case_mention (login) WHERE read_at IS NULL;
CREATE INDEX case_mention_of ON case_mention (login, id);
CREATE INDEX case_mention_case ON case_mention (case_id, login);
"""
GRANTS = """
GRANT SELECT, INSERT, UPDATE (name, roles, caisses, seen_at) ON colleague TO caisse;
GRANT SELECT, INSERT, UPDATE (ended_by, ended_at) ON absence TO caisse;
GRANT SELECT, INSERT, UPDATE (read_at) ON case_mention TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("DROP TABLE case_mention, absence, colleague")
