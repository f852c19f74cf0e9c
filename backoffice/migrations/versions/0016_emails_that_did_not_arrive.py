"""Letters by e-mail that did not arrive: tried again, relayed; what the mailbox of bounces held; the pace of sending."""

from alembic import op

revision = "0016"
down_revision = "0015"

TABLES = """
ALTER TABLE campaign ADD COLUMN relay_of bigint REFERENCES campaign;
CREATE INDEX campaign_relay_of ON campaign (relay_of) WHERE relay_of IS NOT NULL;
ALTER TABLE lot ADD COLUMN retry_at timestamptz;

CREATE TABLE mail_incident (
    caisse        char(3) NOT NULL,
    letter_number bigint NOT NULL,
    campaign_id   bigint NOT NULL REFERENCES campaign,
    person_id     bigint NOT NULL,
    cause         text NOT NULL CHECK (cause IN ('attente', 'refus', 'retour', 'doute')),
    reason        text NOT NULL,
    status        text NOT NULL,
    attempts      integer NOT NULL,
    at            timestamptz NOT NULL,
    state         text NOT NULL CHECK (state IN ('a_retenter', 'a_relayer', 'relaye', 'sans_suite', 'resolu')),
    channel       text NOT NULL,
    next_at       timestamptz,
    relay_number  bigint,
    note          text,
    PRIMARY KEY (caisse, letter_number),
    CHECK ((state = 'relaye') = (relay_number IS NOT NULL))
);
CREATE INDEX mail_incident_open ON mail_incident (campaign_id, caisse) WHERE state IN ('a_retenter', 'a_relayer');
CREATE INDEX mail_incident_person ON mail_incident (caisse, person_id);
CREATE INDEX mail_incident_latest ON mail_incident (caisse, at DESC);
CREATE INDEX mail_incident_relay ON mail_incident (caisse, relay_number) WHERE relay_number IS NOT NULL;

CREATE TABLE mail_return (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest        bytea NOT NULL UNIQUE,
    kind          text NOT NULL,
    status        text NOT NULL,
    caisse        char(3),
    letter_number bigint,
    received_at   timestamptz NOT NULL,
    settled_at    timestamptz,
    settled_by    text
);
CREATE INDEX mail_return_unknown ON mail_return (id) WHERE kind = 'inconnu' AND settled_at IS NULL;

-- One row: the moment before which no further message may leave.
CREATE TABLE mail_pace (
    one     boolean PRIMARY KEY DEFAULT true CHECK (one),
    next_at timestamptz NOT NULL
);
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON mail_incident, mail_return TO caisse;
GRANT SELECT, INSERT, UPDATE ON mail_pace TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute(
        "DROP TABLE mail_pace, mail_return, mail_incident;"
        "ALTER TABLE lot DROP COLUMN retry_at; ALTER TABLE campaign DROP COLUMN relay_of"
    )
