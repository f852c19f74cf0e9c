"""What the record tells the caisse, once each, and the letter that answers it."""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLE = """
CREATE TABLE dmp_event (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id      uuid NOT NULL UNIQUE,
    kind          text NOT NULL,
    caisse        char(3) NOT NULL,
    person_id     bigint NOT NULL,
    at            timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    answer        text,
    state         text NOT NULL CHECK (state IN ('recu', 'attente', 'courrier', 'sans_courrier')),
    channel       text CHECK (channel IN ('courrier', 'mail')),
    campaign_id   bigint REFERENCES campaign,
    letter_number bigint,
    reason        text,
    CHECK ((state = 'recu') = (answer IS NULL)),
    CHECK ((state = 'courrier') = (letter_number IS NOT NULL))
);
CREATE INDEX dmp_event_waiting ON dmp_event (answer, caisse, received_at) WHERE state = 'attente';
CREATE INDEX dmp_event_received ON dmp_event (received_at);
CREATE INDEX dmp_event_letter ON dmp_event (caisse, letter_number);
CREATE INDEX dmp_event_person ON dmp_event (caisse, person_id, id);
GRANT SELECT, INSERT, UPDATE (state, channel, campaign_id, letter_number, reason) ON dmp_event TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE dmp_event")
