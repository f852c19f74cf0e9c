"""Emergency contacts, and what professionals who are in read of those whom a holder names (docs/decisions/0047).

The person of trust and the emergency contacts in force are told to the role `ps` wherever `medical.sight()` lets it see
something: by consent, as of the care team, or in an emergency. A legal representative reads the contacts, and writes none;
the person of trust stays the holder's own (0023).
"""

from alembic import op
from sqlalchemy import text

revision = "0028"
down_revision = "0027"

TABLE = """
CREATE TABLE medical.emergency_contact (
    id         uuid PRIMARY KEY,
    dossier_id uuid NOT NULL REFERENCES enrolment.dossier,
    rank       smallint NOT NULL CHECK (rank BETWEEN 1 AND 3),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    phone      text NOT NULL CHECK (phone ~ '^[+][1-9][0-9]{5,14}$'),
    relation   text NOT NULL CHECK (length(relation) <= 60),
    since      timestamptz NOT NULL,
    until      timestamptz CHECK (until >= since)
)"""

BOUND = "dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid"
OPEN = "EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open')"
THEMSELVES = "(SELECT NULLIF(current_setting('dmp.representative', true), '')::uuid) IS NULL"
TOLD = f"FOR SELECT TO ps USING ({BOUND} AND until IS NULL AND (SELECT medical.sight()) <> 'nothing')"

STATEMENTS = (
    TABLE,
    "CREATE UNIQUE INDEX emergency_contact_live ON medical.emergency_contact (dossier_id, rank) WHERE until IS NULL",
    "CREATE INDEX emergency_contact_of ON medical.emergency_contact (dossier_id)",
    "ALTER TABLE medical.emergency_contact ENABLE ROW LEVEL SECURITY",
    f"CREATE POLICY own ON medical.emergency_contact TO titulaire USING ({BOUND} AND {OPEN}) "
    f"WITH CHECK ({BOUND} AND {OPEN})",
    f"CREATE POLICY represented_insert ON medical.emergency_contact AS RESTRICTIVE FOR INSERT TO titulaire "
    f"WITH CHECK ({THEMSELVES})",
    f"CREATE POLICY represented_update ON medical.emergency_contact AS RESTRICTIVE FOR UPDATE TO titulaire "
    f"USING ({THEMSELVES}) WITH CHECK ({THEMSELVES})",
    f"CREATE POLICY ps_told ON medical.emergency_contact {TOLD}",
    f"CREATE POLICY ps_told ON medical.trusted_person {TOLD}",
    "GRANT SELECT, INSERT, UPDATE (until) ON medical.emergency_contact TO titulaire",
    "GRANT SELECT (dossier_id, rank, name, phone, relation, until) ON medical.emergency_contact TO ps",
    "GRANT SELECT (dossier_id, name, phone, relation, until) ON medical.trusted_person TO ps",
)

GIVEN = ")) INTO seen;"
ERASED = (
    "), (SELECT string_agg(sha256(convert_to(x::text, 'UTF8'))::text, '' ORDER BY x.id) "
    "FROM medical.emergency_contact x WHERE x.dossier_id = dossier)) INTO seen; "
    "DELETE FROM medical.emergency_contact x WHERE x.dossier_id = dossier;"
)
"""What `medical.erase` sums up and empties too, as for what came before (0018)."""


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    before = op.get_bind().scalar(text("SELECT pg_get_functiondef('medical.erase'::regproc)"))
    assert before.count(GIVEN) == 1
    op.execute(before.replace(GIVEN, ERASED))


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
