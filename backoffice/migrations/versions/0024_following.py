"""The prepared counts of what became of letters."""

from alembic import op

revision = "0024"
down_revision = "0023"

TABLES = """
CREATE TABLE campaign_day (
    caisse      char(3) NOT NULL,
    campaign_id bigint NOT NULL REFERENCES campaign,
    variant     text NOT NULL,
    wave        integer NOT NULL,
    channel     text NOT NULL,
    band        text NOT NULL,
    sent_on     date NOT NULL,
    fact        text NOT NULL CHECK (fact IN ('envoi', 'retour', 'appel', 'code', 'dmp')),
    day         date NOT NULL,
    late        boolean NOT NULL,
    letters     integer NOT NULL CHECK (letters > 0),
    PRIMARY KEY (campaign_id, caisse, fact, day, sent_on, variant, wave, channel, band, late)
);

CREATE TABLE following_mark (
    caisse     char(3) PRIMARY KEY,
    counted_at timestamptz NOT NULL
);
CREATE INDEX dmp_event_opened ON dmp_event (caisse, at) WHERE kind = 'dossier.opened';
CREATE INDEX phone_call_of_person ON phone_call (caisse, opened_at) WHERE person_id IS NOT NULL;
"""

GRANTS = """
GRANT SELECT, INSERT, DELETE ON campaign_day TO caisse;
GRANT SELECT, INSERT, UPDATE ON following_mark TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("DROP INDEX phone_call_of_person, dmp_event_opened; DROP TABLE following_mark, campaign_day")
