"""Reasons of emergencies that a card signed (docs/decisions/0042).

The professional's gate puts one in with its emergency, in their own name, and reads none; each serves once. The holder
reads those of their dossier; they go with it.
"""

from alembic import op
from sqlalchemy import text

revision = "0019"
down_revision = "0018"

TABLE = """
CREATE TABLE medical.emergency_proof (
    emergency_id    uuid PRIMARY KEY REFERENCES medical.emergency,
    dossier_id      uuid NOT NULL REFERENCES enrolment.dossier,
    professional_id text NOT NULL,
    once            bytea NOT NULL UNIQUE CHECK (octet_length(once) = 32),
    signed          text NOT NULL CHECK (length(signed) BETWEEN 1 AND 16384),
    signer          text NOT NULL,
    at              timestamptz NOT NULL
)"""

BOUND = "dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid"
OPEN = "EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open')"
ME = "professional_id = current_setting('dmp.professional', true)"
OF_THE_EMERGENCY = (
    "EXISTS (SELECT FROM medical.emergency e WHERE e.id = emergency_id AND e.dossier_id = emergency_proof.dossier_id "
    "AND e.professional_id = emergency_proof.professional_id)"
)

STATEMENTS = (
    TABLE,
    "CREATE INDEX emergency_proof_of_dossier ON medical.emergency_proof (dossier_id)",
    "ALTER TABLE medical.emergency_proof ENABLE ROW LEVEL SECURITY",
    f"CREATE POLICY own ON medical.emergency_proof FOR SELECT TO titulaire USING ({BOUND} AND {OPEN})",
    f"CREATE POLICY ps_insert ON medical.emergency_proof FOR INSERT TO ps "
    f"WITH CHECK ({BOUND} AND {OPEN} AND {ME} AND {OF_THE_EMERGENCY})",
    "GRANT SELECT ON medical.emergency_proof TO titulaire",
    "GRANT INSERT ON medical.emergency_proof TO ps",
)

GIVEN = ")) INTO seen;"
ERASED = (
    "), (SELECT string_agg(sha256(convert_to(k::text, 'UTF8'))::text, '' ORDER BY k.emergency_id) "
    "FROM medical.emergency_proof k WHERE k.dossier_id = dossier)) INTO seen; "
    "DELETE FROM medical.emergency_proof k WHERE k.dossier_id = dossier;"
)
"""What `medical.erase` sums up and empties too, before the emergencies."""


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    before = op.get_bind().scalar(text("SELECT pg_get_functiondef('medical.erase'::regproc)"))
    assert before.count(GIVEN) == 1
    op.execute(before.replace(GIVEN, ERASED))


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
