"""Mobile applications that a holder lets into their record, and sets of documents deposited together (decision 0033).

A grant begins with a code that serves once, and lives by its tokens; of all of them only the SHA-256 is kept. They must be
found before their dossier is known: one function of the owner takes the digest, which the application alone can give, and
answers for an open dossier only.
"""

from alembic import op
from sqlalchemy import text

revision = "0012"
down_revision = "0011"

TABLES = (
    """
CREATE TABLE enrolment.app_grant (
    id           uuid PRIMARY KEY,
    dossier_id   uuid NOT NULL REFERENCES enrolment.dossier,
    client_id    text NOT NULL,
    scope        text NOT NULL,
    redirect_uri text NOT NULL,
    challenge    text NOT NULL,
    code_sha256  bytea NOT NULL UNIQUE CHECK (octet_length(code_sha256) = 32),
    code_until   timestamptz NOT NULL,
    code_used_at timestamptz,
    granted_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    ended_at     timestamptz,
    ending       text CHECK (ending IN
                     ('revoked', 'application', 'replayed', 'signed_out_elsewhere', 'password_changed', 'closed')),
    CHECK ((ended_at IS NULL) = (ending IS NULL))
)""",
    """
CREATE TABLE enrolment.app_token (
    token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    grant_id     uuid NOT NULL REFERENCES enrolment.app_grant ON DELETE CASCADE,
    dossier_id   uuid NOT NULL REFERENCES enrolment.dossier,
    kind         text NOT NULL CHECK (kind IN ('access', 'refresh')),
    scope        text NOT NULL,
    issued_at    timestamptz NOT NULL,
    until        timestamptz NOT NULL,
    used_at      timestamptz
)""",
)

INDEXES = (
    "CREATE INDEX app_grant_of_dossier ON enrolment.app_grant (dossier_id, granted_at)",
    "CREATE INDEX app_token_of_grant ON enrolment.app_token (grant_id)",
    "CREATE INDEX app_token_of_dossier ON enrolment.app_token (dossier_id)",
)

FUNCTION = """
CREATE FUNCTION enrolment.dossier_of_application(digest bytea) RETURNS uuid STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.id FROM enrolment.dossier d WHERE d.state = 'open' AND d.id = coalesce(
        (SELECT t.dossier_id FROM enrolment.app_token t WHERE t.token_sha256 = digest),
        (SELECT g.dossier_id FROM enrolment.app_grant g WHERE g.code_sha256 = digest))
$$"""

HOLDER = "NULLIF(current_setting('dmp.dossier', true), '')::uuid"

GRANTS = (
    "GRANT EXECUTE ON FUNCTION enrolment.dossier_of_application(bytea) TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (code_used_at, seen_at, ended_at, ending), DELETE ON enrolment.app_grant TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (used_at), DELETE ON enrolment.app_token TO titulaire",
)


EMPTY_ONE = (
    "contents := sha256(contents || coalesce((SELECT sha256(convert_to(string_agg(t::text, '|' ORDER BY t::text), "
    "'UTF8')) FROM enrolment.OWN t WHERE t.dossier_id = found.id), ''::bytea)); "
    "DELETE FROM enrolment.OWN t WHERE t.dossier_id = found.id;"
)
LAST = "contents := sha256(contents || convert_to(found::text"
"""What the destruction of a dossier does last (migration 0009): these tables are emptied before it."""


def destroyed_too() -> None:
    """Empty these tables too when a dossier is destroyed; without it PostgreSQL would refuse to delete the dossier."""
    before = op.get_bind().scalar(text("SELECT pg_get_functiondef('enrolment.destroy_dossier'::regproc)"))
    emptied = " ".join(EMPTY_ONE.replace("OWN", table) for table in ("app_token", "app_grant"))
    assert before.count(LAST) == 1
    op.execute(before.replace(LAST, f"{emptied} {LAST}"))


def upgrade() -> None:
    for statement in (*TABLES, *INDEXES, FUNCTION):
        op.execute(statement)
    for table in ("app_grant", "app_token"):
        op.execute(f"ALTER TABLE enrolment.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own ON enrolment.{table} TO titulaire USING (dossier_id = {HOLDER}) "
            f"WITH CHECK (dossier_id = {HOLDER})"
        )
    for statement in GRANTS:
        op.execute(statement)
    destroyed_too()
    # What was deposited before was deposited by itself.
    op.execute("ALTER TABLE medical.document ADD COLUMN submission uuid NOT NULL DEFAULT gen_random_uuid()")
    op.execute("CREATE INDEX document_of_submission ON medical.document (dossier_id, submission)")


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
