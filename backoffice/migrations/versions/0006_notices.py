"""Facts about persons that a new population file must not erase."""

from alembic import op

revision = "0006"
down_revision = "0005"

TABLE = """
CREATE TABLE person_notice (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    caisse         char(3) NOT NULL,
    person_id      bigint NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('pnd', 'opposition', 'deces', 'courriel_refuse')),
    since          timestamptz NOT NULL,
    source         text NOT NULL,
    actor          text NOT NULL,
    address_digest bytea,
    ended_at       timestamptz,
    ended_by       text,
    end_reason     text,
    CHECK ((kind IN ('pnd', 'courriel_refuse')) = (address_digest IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL) AND (ended_at IS NULL) = (end_reason IS NULL))
);
CREATE UNIQUE INDEX person_notice_in_force ON person_notice (caisse, person_id, kind) WHERE ended_at IS NULL;
CREATE INDEX person_notice_person ON person_notice (caisse, person_id, id);
GRANT SELECT, INSERT, UPDATE (ended_at, ended_by, end_reason) ON person_notice TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLE)


def downgrade() -> None:
    op.execute("DROP TABLE person_notice")
