"""Control addresses: staff of a caisse who receive one letter of every lot, whose code opens nothing."""

from alembic import op

revision = "0020"
down_revision = "0019"

TABLES = """
CREATE TABLE control_address (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    caisse      char(3) NOT NULL,
    label       text NOT NULL,
    civilite    text NOT NULL CHECK (civilite IN ('M', 'MME')),
    nom         text NOT NULL,
    prenom      text NOT NULL,
    adresse_2   text NOT NULL,
    adresse_3   text NOT NULL,
    adresse_4   text NOT NULL,
    adresse_5   text NOT NULL,
    code_postal text NOT NULL,
    ville       text NOT NULL,
    added_by    text NOT NULL,
    added_at    timestamptz NOT NULL,
    ended_by    text,
    ended_at    timestamptz,
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);
CREATE INDEX control_address_active ON control_address (caisse) WHERE ended_at IS NULL;

CREATE TABLE control_letter (
    caisse     char(3) NOT NULL,
    number     bigint NOT NULL,
    lot_id     bigint NOT NULL REFERENCES lot,
    address_id bigint NOT NULL REFERENCES control_address,
    page_first integer NOT NULL,
    page_last  integer NOT NULL,
    PRIMARY KEY (caisse, number),
    UNIQUE (lot_id, address_id)
);
ALTER TABLE lot ADD COLUMN controls integer NOT NULL DEFAULT 0;
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE (ended_by, ended_at) ON control_address TO caisse;
GRANT SELECT, INSERT ON control_letter TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("ALTER TABLE lot DROP COLUMN controls; DROP TABLE control_letter, control_address")
