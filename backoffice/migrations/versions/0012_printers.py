"""Printers, lots in their hands, what they say of them, and where that differs."""

from alembic import op

revision = "0012"
down_revision = "0011"

TABLES = """
CREATE TABLE printer (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code              text NOT NULL UNIQUE,
    name              text NOT NULL,
    caisses           text[] NOT NULL CHECK (cardinality(caisses) > 0),
    certificate       text NOT NULL,
    fingerprint       bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    certificate_until timestamptz NOT NULL,
    duplex            boolean NOT NULL,
    marks             boolean NOT NULL,
    postal_class      text NOT NULL CHECK (postal_class IN ('prioritaire', 'verte', 'ecopli')),
    version           integer NOT NULL,
    declared_by       text NOT NULL,
    declared_at       timestamptz NOT NULL,
    retired_at        timestamptz
);

ALTER TABLE campaign ADD COLUMN printer_id bigint REFERENCES printer;
ALTER TABLE lot ADD COLUMN duplex boolean NOT NULL DEFAULT false, ADD COLUMN marks boolean NOT NULL DEFAULT false;

CREATE TABLE handover (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot_id          bigint NOT NULL REFERENCES lot,
    printer_id      bigint NOT NULL REFERENCES printer,
    file_name       text NOT NULL,
    content_sha256  bytea NOT NULL CHECK (octet_length(content_sha256) = 32),
    file_sha256     bytea NOT NULL CHECK (octet_length(file_sha256) = 32),
    size            bigint NOT NULL,
    certificate     bytea NOT NULL,
    handed_at       timestamptz NOT NULL,
    handed_by       text NOT NULL,
    reason          text,
    received_on     date,
    acknowledged_at timestamptz,
    acknowledged_by text,
    printed_on      date,
    posted_on       date,
    letters         integer CHECK (letters >= 0),
    pages           integer CHECK (pages >= 0),
    version         integer NOT NULL,
    ended_at        timestamptz,
    CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL)),
    CHECK (received_on <= printed_on AND printed_on <= posted_on AND received_on <= posted_on)
);
CREATE UNIQUE INDEX handover_in_force ON handover (lot_id) WHERE ended_at IS NULL;
CREATE INDEX handover_lot ON handover (lot_id, id);

CREATE TABLE printer_return (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    printer_id  bigint NOT NULL REFERENCES printer,
    file_name   text NOT NULL,
    file_sha256 bytea NOT NULL,
    lines       integer NOT NULL,
    noted       integer NOT NULL,
    differences integer NOT NULL,
    read_at     timestamptz NOT NULL,
    read_by     text NOT NULL
);
CREATE INDEX printer_return_file ON printer_return (printer_id, file_sha256);

CREATE TABLE printer_difference (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    printer_id bigint NOT NULL REFERENCES printer,
    lot_id     bigint REFERENCES lot,
    caisse     char(3),
    lot_name   text NOT NULL,
    kind       text NOT NULL,
    ours       text NOT NULL,
    theirs     text NOT NULL,
    noted_at   timestamptz NOT NULL,
    noted_by   text NOT NULL,
    settled_at timestamptz,
    settled_by text,
    settlement text,
    CHECK ((lot_id IS NULL) = (caisse IS NULL)),
    CHECK ((settled_at IS NULL) = (settled_by IS NULL) AND (settled_at IS NULL) = (settlement IS NULL))
);
CREATE INDEX printer_difference_open ON printer_difference (lot_id) WHERE settled_at IS NULL;

CREATE TABLE lot_destination (
    lot_id      bigint NOT NULL REFERENCES lot,
    pays        text NOT NULL,
    code_postal text NOT NULL,
    letters     integer NOT NULL CHECK (letters > 0),
    PRIMARY KEY (lot_id, pays, code_postal)
);
INSERT INTO lot_destination (lot_id, pays, code_postal, letters)
SELECT o.id, CASE WHEN upper(p.pays) IN ('', 'FRANCE', 'FR', 'FRA') THEN '' ELSE upper(p.pays) END, p.code_postal, count(*)
FROM lot o
JOIN letter l ON l.caisse = o.caisse AND l.campaign_id = o.campaign_id AND l.channel = o.channel
    AND l.lot_sequence = o.sequence
JOIN person p ON p.caisse = l.caisse AND p.id = l.person_id
WHERE o.state = 'scelle' AND l.state = 'scellee' GROUP BY 1, 2, 3;

CREATE TABLE letter_reprint (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    lot_id    bigint NOT NULL REFERENCES lot,
    caisse    char(3) NOT NULL,
    number    bigint NOT NULL,
    at        timestamptz NOT NULL,
    by        text NOT NULL,
    reason    text NOT NULL,
    posted_on date
);
CREATE INDEX letter_reprint_letter ON letter_reprint (caisse, number, id);
CREATE INDEX letter_reprint_lot ON letter_reprint (lot_id);

GRANT SELECT, INSERT ON lot_destination TO caisse;
GRANT SELECT, INSERT, UPDATE (posted_on) ON letter_reprint TO caisse;
GRANT SELECT, INSERT, UPDATE ON printer, handover TO caisse;
GRANT SELECT, INSERT ON printer_return TO caisse;
GRANT SELECT, INSERT, UPDATE (settled_at, settled_by, settlement) ON printer_difference TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)


def downgrade() -> None:
    op.execute(
        "DROP TABLE letter_reprint, lot_destination, printer_difference, printer_return, handover;"
        "ALTER TABLE campaign DROP COLUMN printer_id; ALTER TABLE lot DROP COLUMN duplex, DROP COLUMN marks;"
        "DROP TABLE printer"
    )
