"""The prepared counts of what letters bring, by the letter's date and the days since."""

from alembic import op

revision = "0031"
down_revision = "0030"

TABLE = """
CREATE TABLE campaign_response (
    caisse      char(3) NOT NULL,
    fact        text NOT NULL CHECK (fact IN ('appel', 'dmp')),
    letter_date date NOT NULL,
    delay       integer NOT NULL CHECK (delay >= 0),
    answers     integer NOT NULL CHECK (answers > 0),
    PRIMARY KEY (caisse, fact, letter_date, delay)
);
GRANT SELECT, INSERT, DELETE ON campaign_response TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE campaign_response")
