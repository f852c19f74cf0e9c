"""Bons à tirer that were opened, versions of templates, control addresses and their letters."""

from alembic import op

revision = "0017"
down_revision = "0016"

TABLES = """
CREATE TABLE campaign_proof (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id      bigint NOT NULL REFERENCES campaign,
    version          integer NOT NULL,
    template_version text NOT NULL,
    eligible         integer NOT NULL,
    actor            text NOT NULL,
    at               timestamptz NOT NULL
);
CREATE INDEX campaign_proof_campaign ON campaign_proof (campaign_id, id);

CREATE TABLE letter_template (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    letter          text NOT NULL,
    version         text NOT NULL,
    state           text NOT NULL CHECK (state IN ('proposee', 'courante', 'remplacee', 'ecartee')),
    file_name       text NOT NULL,
    comment         text NOT NULL,
    author          text NOT NULL,
    author_national boolean NOT NULL,
    at              timestamptz NOT NULL,
    decided_by      text,
    decided_at      timestamptz
);
CREATE UNIQUE INDEX letter_template_current ON letter_template (letter) WHERE state = 'courante';
CREATE INDEX letter_template_letter ON letter_template (letter, id);
"""

GRANTS = """
GRANT SELECT, INSERT ON campaign_proof TO caisse;
GRANT SELECT, INSERT, UPDATE (state, decided_by, decided_at) ON letter_template TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("DROP TABLE letter_template, campaign_proof")
