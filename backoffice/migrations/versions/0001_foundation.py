"""Environment, audit, population, campaigns, letters, lots; what the role `caisse` may do with each."""

from alembic import op

revision = "0001"
down_revision = None

CAISSES = ("671", "641", "221", "251", "311", "371", "631", "801", "941")
PARTITIONED = ("person", "letter")

TABLES = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;

CREATE TABLE environment (
    single      boolean PRIMARY KEY DEFAULT true CHECK (single),
    id          uuid NOT NULL,
    recorded_at timestamptz NOT NULL
);

CREATE TABLE audit_entry (
    id       bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    text NOT NULL,
    roles    text NOT NULL,
    caisse   text,
    action   text NOT NULL,
    object   text NOT NULL,
    result   text NOT NULL,
    reason   text,
    detail   jsonb NOT NULL,
    previous bytea NOT NULL,
    digest   bytea NOT NULL UNIQUE
);
CREATE INDEX audit_entry_object ON audit_entry (object, id);

CREATE TABLE population_import (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file_name   text NOT NULL,
    file_sha256 bytea,
    encoding    text NOT NULL,
    requested_by text NOT NULL,
    caisses     text[] NOT NULL,
    state       text NOT NULL,
    stage       text NOT NULL DEFAULT '',
    refusal     text,
    rows_total  bigint,
    rows_read   bigint NOT NULL DEFAULT 0,
    created     bigint NOT NULL DEFAULT 0,
    updated     bigint NOT NULL DEFAULT 0,
    unchanged   bigint NOT NULL DEFAULT 0,
    rejected    bigint NOT NULL DEFAULT 0,
    stored_file text,
    report_file text,
    requested_at timestamptz NOT NULL,
    started_at  timestamptz,
    finished_at timestamptz
);

CREATE SEQUENCE person_id_seq AS bigint;
CREATE TABLE person (
    caisse          char(3)  NOT NULL,
    id              bigint   NOT NULL DEFAULT nextval('person_id_seq'),
    nir             char(15) NOT NULL,
    civilite        text     NOT NULL,
    nom_naissance   text     NOT NULL,
    nom_usage       text     NOT NULL,
    prenom          text     NOT NULL,
    date_naissance  char(10) NOT NULL,
    birth_latest    date     NOT NULL,
    qualite         char(2)  NOT NULL,
    nir_od          text     NOT NULL,
    regime          char(2)  NOT NULL,
    adresse_2       text     NOT NULL,
    adresse_3       text     NOT NULL,
    adresse_4       text     NOT NULL,
    adresse_5       text     NOT NULL,
    code_postal     text     NOT NULL,
    ville           text     NOT NULL,
    pays            text     NOT NULL,
    email           text     NOT NULL,
    mobile          text     NOT NULL,
    canal           text     NOT NULL,
    vitale_serie    text     NOT NULL,
    vitale_type     text     NOT NULL,
    dmp             boolean  NOT NULL,
    opposition      boolean  NOT NULL,
    pnd             boolean  NOT NULL,
    date_deces      date,
    digest          bytea    NOT NULL,
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    PRIMARY KEY (caisse, id),
    UNIQUE (caisse, nir)
) PARTITION BY LIST (caisse);

CREATE TABLE campaign (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    reference     text NOT NULL UNIQUE,
    name          text NOT NULL,
    kind          text NOT NULL,
    caisses       text[] NOT NULL CHECK (cardinality(caisses) > 0),
    letter_date   date NOT NULL,
    channel_rule  text NOT NULL,
    criteria      jsonb NOT NULL,
    per_day       integer,
    lot_size      integer NOT NULL CHECK (lot_size > 0),
    state         text NOT NULL,
    author        text NOT NULL,
    approver      text,
    template_version text,
    folder        text,
    targeted      bigint NOT NULL DEFAULT 0,
    eligible      bigint NOT NULL DEFAULT 0,
    excluded      jsonb NOT NULL DEFAULT '{}',
    created_at    timestamptz NOT NULL,
    frozen_at     timestamptz,
    launched_at   timestamptz,
    finished_at   timestamptz
);

CREATE TABLE campaign_step (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id bigint NOT NULL REFERENCES campaign,
    step        text NOT NULL,
    source      text NOT NULL,
    target      text NOT NULL,
    actor       text NOT NULL,
    reason      text,
    at          timestamptz NOT NULL
);
CREATE INDEX campaign_step_campaign ON campaign_step (campaign_id, id);

CREATE TABLE lot (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid         uuid NOT NULL UNIQUE,
    campaign_id bigint NOT NULL REFERENCES campaign,
    caisse      char(3) NOT NULL,
    channel     text NOT NULL,
    sequence    integer NOT NULL,
    state       text NOT NULL,
    letter_date date NOT NULL,
    planned     integer NOT NULL,
    name        text UNIQUE,
    letters     integer NOT NULL DEFAULT 0,
    exceptions  integer NOT NULL DEFAULT 0,
    excluded    integer NOT NULL DEFAULT 0,
    doubtful    integer NOT NULL DEFAULT 0,
    pages       integer NOT NULL DEFAULT 0,
    size        bigint NOT NULL DEFAULT 0,
    pdf_sha256  bytea,
    csv_sha256  bytea,
    emission    uuid,
    reason      text,
    attempts    integer NOT NULL DEFAULT 0,
    sealed_at   timestamptz,
    UNIQUE (campaign_id, caisse, channel, sequence)
);
CREATE INDEX lot_waiting ON lot (campaign_id, channel, id) WHERE state = 'prevu';

CREATE SEQUENCE letter_number_seq AS bigint MAXVALUE 999999999;
CREATE TABLE letter (
    caisse       char(3) NOT NULL,
    number       bigint NOT NULL DEFAULT nextval('letter_number_seq'),
    campaign_id  bigint NOT NULL,
    person_id    bigint NOT NULL,
    channel      text NOT NULL,
    lot_sequence integer NOT NULL,
    position     integer NOT NULL,
    state        text NOT NULL,
    page_first   integer,
    page_last    integer,
    reason       text,
    at           timestamptz,
    PRIMARY KEY (caisse, number),
    UNIQUE (caisse, person_id, campaign_id)
) PARTITION BY LIST (caisse);
-- No foreign key: a million checks cost more than the million rows, letters are only ever inserted by a SELECT from
-- person for one campaign, and the role has no DELETE on either.
CREATE INDEX letter_lot ON letter (caisse, campaign_id, channel, lot_sequence, position);
"""

STATISTICS = """
-- After a bulk load the planner must know at once, not when autovacuum comes round; ANALYZE asks for the owner.
CREATE FUNCTION refresh_statistics(wanted text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE one text;
BEGIN
    FOREACH one IN ARRAY wanted LOOP
        EXECUTE format('ANALYZE public.%I, public.%I', 'person_' || one, 'letter_' || one);
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION refresh_statistics(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION refresh_statistics(text[]) TO caisse;
"""

GRANTS = """
GRANT USAGE ON SCHEMA public TO caisse;
GRANT SELECT, INSERT ON audit_entry TO caisse;
GRANT SELECT ON environment TO caisse;
GRANT SELECT, INSERT, UPDATE ON population_import, person, campaign, campaign_step, lot, letter TO caisse;
GRANT USAGE ON SEQUENCE person_id_seq, letter_number_seq TO caisse;
REVOKE UPDATE ON campaign_step FROM caisse;
"""


def upgrade() -> None:
    op.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    op.execute(TABLES)
    for table in PARTITIONED:
        for caisse in CAISSES:
            # Half-full pages: every letter is updated once, in place (no index is touched) when there is room.
            room = " WITH (fillfactor = 50)" if table == "letter" else ""
            op.execute(f"CREATE TABLE {table}_{caisse} PARTITION OF {table} FOR VALUES IN ('{caisse}'){room}")
    op.execute(STATISTICS)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute(
        "DROP FUNCTION refresh_statistics;"
        "DROP TABLE letter, lot, campaign_step, campaign, person, population_import, audit_entry, environment CASCADE;"
        "DROP SEQUENCE letter_number_seq, person_id_seq"
    )
