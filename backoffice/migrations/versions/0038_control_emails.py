"""Control addresses may have an e-mail address: one message of every lot of e-mails, at most once."""

from alembic import op

revision = "0038"
down_revision = "0037"

TABLE = """
ALTER TABLE control_address ADD COLUMN email text NOT NULL DEFAULT '';
CREATE TABLE control_mail (
    lot_id     bigint NOT NULL,  -- no reference: the lot's row is held by who sends, in another transaction
    address_id bigint NOT NULL REFERENCES control_address,
    caisse     char(3) NOT NULL,
    number     bigint NOT NULL,
    at         timestamptz NOT NULL,
    outcome    text NOT NULL,
    PRIMARY KEY (lot_id, address_id),
    UNIQUE (caisse, number)
);
GRANT SELECT, INSERT, UPDATE (outcome) ON control_mail TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE control_mail; ALTER TABLE control_address DROP COLUMN email")
