"""Who came to see a dossier, and the person of trust: the first two tables of the record (docs/decisions/0002).

Both are medical: the role `caisse` has no grant on them. The holder reads and writes the rows of their own dossier, and
only while it is open: PostgreSQL itself puts a closed dossier out of reach (CSP L.1111-18), whatever a session may still
believe. The traces are written by the gate through which professionals come, never by the portal.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

TABLES = (
    """
CREATE TABLE medical.access_trace (
    id         uuid PRIMARY KEY,
    dossier_id uuid NOT NULL REFERENCES enrolment.dossier,
    at         timestamptz NOT NULL,
    who        text NOT NULL CHECK (who <> ''),
    profession text NOT NULL,
    mode       text NOT NULL CHECK (mode IN ('normal', 'urgence', 'centre15')),
    what       text NOT NULL CHECK (what <> '')
)""",
    """
CREATE TABLE medical.trusted_person (
    id         uuid PRIMARY KEY,
    dossier_id uuid NOT NULL REFERENCES enrolment.dossier,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    phone      text NOT NULL CHECK (phone ~ '^[+][1-9][0-9]{5,14}$'),
    relation   text NOT NULL CHECK (length(relation) <= 60),
    since      timestamptz NOT NULL,
    until      timestamptz CHECK (until >= since)
)""",
)

INDEXES = (
    "CREATE INDEX access_trace_latest ON medical.access_trace (dossier_id, at DESC)",
    "CREATE UNIQUE INDEX trusted_person_one_live ON medical.trusted_person (dossier_id) WHERE until IS NULL",
)

OWN_AND_OPEN = (
    "dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid "
    "AND EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open')"
)

GRANTS = (
    "GRANT USAGE ON SCHEMA medical TO titulaire",
    "GRANT SELECT ON medical.access_trace TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (until) ON medical.trusted_person TO titulaire",
)


def upgrade() -> None:
    for statement in (*TABLES, *INDEXES):
        op.execute(statement)
    for table in ("access_trace", "trusted_person"):
        op.execute(f"ALTER TABLE medical.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own ON medical.{table} TO titulaire USING ({OWN_AND_OPEN}) WITH CHECK ({OWN_AND_OPEN})"
        )
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
