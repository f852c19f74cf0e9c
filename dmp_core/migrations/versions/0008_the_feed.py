"""The automatic feed: which dossier was fed for which month, and the rights of the role that feeds (docs/decisions/0020).

`alimentation` writes documents and lines in the insurance's name alone, one open dossier at a time. It reads no document:
of those, it sees the rows that it wrote itself.
"""

from alembic import op
from sqlalchemy import text

from dmp_core.errors import Unavailable

revision = "0008"
down_revision = "0007"

TABLES = (
    """
CREATE TABLE medical.feed (
    dossier_id  uuid PRIMARY KEY REFERENCES enrolment.dossier,
    month       date NOT NULL CHECK (extract(day FROM month) = 1),
    document_id uuid NOT NULL REFERENCES medical.document,
    fed_at      timestamptz NOT NULL
)""",
    "CREATE INDEX feed_month ON medical.feed (month)",
)

FUNCTIONS = (
    # Open dossiers with an INS-C that were not fed for this month, those never fed first: what a document must say of whom.
    """
CREATE FUNCTION medical.dossiers_to_feed(this_month date, most integer)
RETURNS TABLE (dossier_id uuid, ins_c text, civilite text, nom_naissance text, nom_usage text, prenom text,
    date_naissance char(10)) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.id, i.value, d.civilite, d.nom_naissance, d.nom_usage, d.prenom, d.date_naissance
    FROM enrolment.dossier d
    JOIN enrolment.identifier i ON i.dossier_id = d.id AND i.system = '1.2.250.1.213.1.4.2' AND i.valid_to IS NULL
    LEFT JOIN medical.feed f ON f.dossier_id = d.id
    WHERE d.state = 'open' AND (f.month IS NULL OR f.month < this_month)
    ORDER BY f.month NULLS FIRST, d.opened_at, d.id LIMIT most
$$""",
)

OWN_AND_OPEN = (
    "dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid "
    "AND EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open')"
)

RULES = {
    "dossier_key": (OWN_AND_OPEN, "true"),
    "document": (f"{OWN_AND_OPEN} AND author_kind = 'insurance'", "author_kind = 'insurance'"),
    "trace": (OWN_AND_OPEN, "actor_kind = 'insurance'"),
    "feed": (OWN_AND_OPEN, "true"),
}

GRANTS = (
    "GRANT USAGE ON SCHEMA enrolment, medical TO alimentation",
    "GRANT SELECT (id, state) ON enrolment.dossier TO alimentation",
    "GRANT EXECUTE ON FUNCTION medical.dossiers_to_feed(date, integer) TO alimentation",
    "GRANT SELECT, INSERT ON medical.dossier_key TO alimentation",
    "GRANT SELECT, INSERT, UPDATE (status, masked, entry_uuid, changed_at) ON medical.document TO alimentation",
    # Of the trace, what the next line must follow.
    "GRANT SELECT (dossier_id, number, digest), INSERT ON medical.trace TO alimentation",
    "GRANT SELECT, INSERT, UPDATE (month, document_id, fed_at) ON medical.feed TO alimentation",
)


def upgrade() -> None:
    connection = op.get_bind()
    if not connection.scalar(text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'alimentation')")):
        raise Unavailable(
            "Il manque au serveur PostgreSQL le rôle alimentation\N{NO-BREAK SPACE}: créez-le avant de mettre à jour la base "
            "du DMP."
        )
    name = connection.scalar(text("SELECT quote_ident(current_database())"))
    op.execute(f"REVOKE ALL ON DATABASE {name} FROM alimentation")
    op.execute(f"GRANT CONNECT ON DATABASE {name} TO alimentation")
    for statement in (*TABLES, *FUNCTIONS):
        op.execute(statement)
    op.execute("ALTER TABLE medical.feed ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY open_ones ON enrolment.dossier TO alimentation USING "
        "(id = NULLIF(current_setting('dmp.dossier', true), '')::uuid)"
    )
    for table, (reached, written) in RULES.items():
        op.execute(
            f"CREATE POLICY fed ON medical.{table} TO alimentation USING ({reached}) WITH CHECK ({reached} AND {written})"
        )
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
