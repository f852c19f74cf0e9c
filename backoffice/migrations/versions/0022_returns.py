"""Letters that came back."""

from alembic import op

revision = "0022"
down_revision = "0021"

TABLE = """
CREATE TABLE letter_return (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    caisse      char(3) NOT NULL,
    number      bigint NOT NULL,
    lot_id      bigint NOT NULL REFERENCES lot,
    reason      text NOT NULL CHECK (reason IN ('acces_adressage', 'inconnu', 'refuse', 'non_reclame')),
    returned_on date NOT NULL,
    code_postal text NOT NULL,
    pays        text NOT NULL,
    noted_at    timestamptz NOT NULL,
    noted_by    text NOT NULL,
    source      text NOT NULL,
    applied_at  timestamptz,
    revoked     boolean,
    case_number text,
    undone_at   timestamptz,
    CHECK (applied_at IS NULL OR undone_at IS NULL),
    CHECK ((applied_at IS NULL) = (revoked IS NULL))
);
CREATE UNIQUE INDEX letter_return_in_force ON letter_return (caisse, number) WHERE undone_at IS NULL;
CREATE INDEX letter_return_waiting ON letter_return (noted_at) WHERE applied_at IS NULL AND undone_at IS NULL;
CREATE INDEX letter_return_lot ON letter_return (lot_id);
CREATE INDEX letter_return_by ON letter_return (noted_by, id);
GRANT SELECT, INSERT, UPDATE (noted_at, applied_at, revoked, case_number, undone_at) ON letter_return TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE letter_return")
