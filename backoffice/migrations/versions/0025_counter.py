"""The counter: queue tickets, visits, and what was done in them."""

from alembic import op

revision = "0025"
down_revision = "0024"

TABLES = """
CREATE TABLE ticket (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    caisse    char(3) NOT NULL,
    day       date NOT NULL,
    number    integer NOT NULL CHECK (number > 0),
    drawn_at  timestamptz NOT NULL,
    called_at timestamptz,
    called_by text,
    desk      text CHECK (length(desk) <= 20),
    left_at   timestamptz,
    UNIQUE (caisse, day, number)
);
CREATE INDEX ticket_waiting ON ticket (caisse, day, number) WHERE called_at IS NULL;

CREATE TABLE visit (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid            uuid NOT NULL UNIQUE,
    caisse         char(3) NOT NULL,
    person_id      bigint NOT NULL,
    state          text NOT NULL,
    owner          text NOT NULL,
    ticket_id      bigint REFERENCES ticket,
    opened_at      timestamptz NOT NULL,
    opened_by      text NOT NULL,
    ended_at       timestamptz,
    document       text,
    identified_by  text,
    identified_at  timestamptz,
    representative jsonb,
    card           text,
    mail           text,
    mobile         text,
    informed_at    timestamptz,
    terms          text,
    terms_sha256   bytea,
    wording        text,
    consent_by     text,
    consent_at     timestamptz,
    created_at     timestamptz,
    prints         integer NOT NULL DEFAULT 0,
    reason         text,
    version        integer NOT NULL DEFAULT 1,
    CHECK ((ended_at IS NULL) = (state NOT IN ('terminee', 'abandonnee'))),
    CHECK (ended_at IS NULL OR (mail IS NULL AND mobile IS NULL)),
    CHECK ((terms IS NULL) = (consent_at IS NULL) AND (terms IS NULL) = (terms_sha256 IS NULL))
);
-- One visit a person at a time: two desks that open one meet here.
CREATE UNIQUE INDEX visit_open ON visit (caisse, person_id) WHERE ended_at IS NULL;
CREATE INDEX visit_of_caisse ON visit (caisse, opened_at) WHERE ended_at IS NULL;
CREATE INDEX visit_person ON visit (caisse, person_id, id);

CREATE TABLE visit_entry (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    visit_id bigint NOT NULL REFERENCES visit,
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    what     text NOT NULL,
    detail   jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX visit_entry_visit ON visit_entry (visit_id, id);

GRANT SELECT, INSERT, UPDATE ON ticket, visit TO caisse;
GRANT SELECT, INSERT ON visit_entry TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute("DROP TABLE visit_entry, visit, ticket")
