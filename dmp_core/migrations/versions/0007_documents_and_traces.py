"""Documents, the key of each dossier, and the chained trace of every access (docs/decisions/0018).

The role `caisse` has no grant here. The holder reaches the rows of their own dossier, while it is open; titles, names and
contents are sealed, so that a copy of this database tells no document. The trace is only ever added to: its earlier,
unchained form goes, empty in every database but those of tests.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = (
    """
CREATE TABLE medical.dossier_key (
    dossier_id uuid PRIMARY KEY REFERENCES enrolment.dossier,
    ring_key   text NOT NULL,
    wrapped    bytea NOT NULL CHECK (octet_length(wrapped) = 60),
    made_at    timestamptz NOT NULL
)""",
    """
CREATE TABLE medical.document (
    id            uuid PRIMARY KEY,
    dossier_id    uuid NOT NULL REFERENCES enrolment.dossier,
    entry_uuid    uuid NOT NULL UNIQUE,
    logical_id    uuid NOT NULL,
    version       integer NOT NULL CHECK (version > 0),
    unique_id     text NOT NULL CHECK (length(unique_id) <= 128),
    class_code    text NOT NULL,
    type_code     text NOT NULL,
    type_system   text NOT NULL,
    mime          text NOT NULL,
    format_code   text NOT NULL,
    size          bigint NOT NULL CHECK (size > 0),
    sha1          bytea NOT NULL CHECK (octet_length(sha1) = 20),
    sha256        bytea NOT NULL CHECK (octet_length(sha256) = 32),
    author_kind   text NOT NULL CHECK (author_kind IN ('holder', 'professional', 'insurance')),
    author_id     text NOT NULL,
    created_at    timestamptz NOT NULL,
    service_start timestamptz NOT NULL,
    submitted_at  timestamptz NOT NULL,
    status        text NOT NULL CHECK (status IN ('approved', 'archived', 'deprecated', 'deleted')),
    masked        boolean NOT NULL,
    hidden_until  timestamptz,
    about         bytea NOT NULL,
    content       uuid NOT NULL UNIQUE,
    changed_at    timestamptz NOT NULL,
    UNIQUE (logical_id, version),
    UNIQUE (dossier_id, unique_id)
)""",
    """
CREATE TABLE medical.trace (
    dossier_id  uuid NOT NULL REFERENCES enrolment.dossier,
    number      bigint NOT NULL CHECK (number > 0),
    at          timestamptz NOT NULL,
    actor_kind  text NOT NULL CHECK (actor_kind IN ('holder', 'professional', 'insurance')),
    actor_id    text NOT NULL,
    actor_name  text NOT NULL,
    profession  text NOT NULL,
    mode        text NOT NULL CHECK (mode IN ('normal', 'urgence', 'centre15')),
    action      text NOT NULL,
    document_id uuid,
    granted     boolean NOT NULL,
    reason      text NOT NULL,
    previous    bytea NOT NULL CHECK (octet_length(previous) = 32),
    digest      bytea NOT NULL CHECK (octet_length(digest) = 32),
    PRIMARY KEY (dossier_id, number)
)""",
)

INDEXES = (
    # Two versions of one document are never both in force.
    "CREATE UNIQUE INDEX document_one_current ON medical.document (logical_id) "
    "WHERE status IN ('approved', 'archived')",
    # The same content is in a dossier once, however fast somebody clicks.
    "CREATE UNIQUE INDEX document_one_content ON medical.document (dossier_id, sha256) "
    "WHERE status IN ('approved', 'archived')",
    "CREATE INDEX document_list ON medical.document (dossier_id, status, service_start DESC, id)",
    "CREATE INDEX trace_of_document ON medical.trace (dossier_id, document_id, number) WHERE document_id IS NOT NULL",
    "CREATE INDEX trace_of_others ON medical.trace (dossier_id, actor_kind, number) WHERE actor_kind <> 'holder'",
)

OWN_AND_OPEN = (
    "dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid "
    "AND EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open')"
)

# A holder writes in their own name, never in a professional's.
BEGINS = {"dossier_key": "true", "document": "author_kind = 'holder'", "trace": "actor_kind = 'holder'"}

GRANTS = (
    "GRANT SELECT, INSERT ON medical.dossier_key, medical.trace TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (status, masked, entry_uuid, changed_at) ON medical.document TO titulaire",
)


def upgrade() -> None:
    op.execute("DROP TABLE medical.access_trace")
    for statement in (*TABLES, *INDEXES):
        op.execute(statement)
    for table, added in BEGINS.items():
        op.execute(f"ALTER TABLE medical.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own ON medical.{table} TO titulaire USING ({OWN_AND_OPEN}) WITH CHECK ({OWN_AND_OPEN})"
        )
        op.execute(
            f"CREATE POLICY begins ON medical.{table} AS RESTRICTIVE FOR INSERT TO titulaire WITH CHECK ({added})"
        )
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
