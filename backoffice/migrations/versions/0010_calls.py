"""Calls of the 0 810, proofs of identity, calls to be made. The number to ring is erased once it is over."""

from alembic import op

revision = "0010"
down_revision = "0009"

TABLES = """
CREATE TABLE phone_call (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login          text NOT NULL,
    opened_at      timestamptz NOT NULL,
    callback_id    bigint,
    relation       text,
    caisse         char(3),
    person_id      bigint,
    found_by       text[] NOT NULL,
    letter_at_hand boolean NOT NULL,
    subject        text,
    outcome        text,
    note           text CHECK (length(note) <= 500),
    ended_at       timestamptz,
    CHECK ((caisse IS NULL) = (person_id IS NULL)),
    CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CHECK (ended_at IS NULL OR subject IS NOT NULL)
);
CREATE UNIQUE INDEX phone_call_open ON phone_call (login) WHERE ended_at IS NULL;
CREATE INDEX phone_call_ended ON phone_call (ended_at);

CREATE TABLE identity_check (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    call_id       bigint NOT NULL REFERENCES phone_call,
    caisse        char(3) NOT NULL,
    person_id     bigint NOT NULL,
    questions     text[] NOT NULL,
    right_answers integer NOT NULL DEFAULT 0,
    errors        integer NOT NULL DEFAULT 0,
    allowed       integer NOT NULL,
    result        text NOT NULL CHECK (result IN ('en_cours', 'prouvee', 'echouee')),
    at            timestamptz NOT NULL
);
CREATE INDEX identity_check_person ON identity_check (caisse, person_id, id);
CREATE INDEX identity_check_call ON identity_check (call_id);

CREATE TABLE call_back (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference text NOT NULL UNIQUE,
    call_id   bigint NOT NULL REFERENCES phone_call,
    caisse    char(3),
    person_id bigint,
    slot      timestamptz NOT NULL,
    subject   text NOT NULL,
    ask_for   text,
    number    text,
    state     text NOT NULL CHECK (state IN ('prevu', 'fait', 'injoignable', 'annule')),
    attempts  integer NOT NULL DEFAULT 0,
    taken_by  text,
    booked_by text NOT NULL,
    booked_at timestamptz NOT NULL,
    ended_at  timestamptz,
    CHECK ((state = 'prevu') = (ended_at IS NULL)),
    CHECK (state = 'prevu' OR (number IS NULL AND ask_for IS NULL))
);
CREATE INDEX call_back_due ON call_back (slot) WHERE state = 'prevu';
CREATE UNIQUE INDEX call_back_call ON call_back (call_id) WHERE state = 'prevu';
"""
# A caller is found by name and birth date, among all: their birth date leaves a few hundred persons of seven million.
INDEX = "CREATE INDEX person_birth ON person (date_naissance)"

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON phone_call, identity_check, call_back TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(INDEX)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("DROP INDEX person_birth")
    op.execute("DROP TABLE call_back, identity_check, phone_call")
