"""Establishments feed dossiers: a document in a professional's name, one that never opens anything (0039).

While `dmp.feeding` is set, the role `ps` reaches the key of the bound open dossier, may add documents in the bound
professional's own name, and sees those alone. Each assertion of an establishment serves once.
"""

from alembic import op

revision = "0013"
down_revision = "0012"

ASSERTION = """
CREATE TABLE medical.assertion (
    digest bytea PRIMARY KEY CHECK (octet_length(digest) = 32),
    at     timestamptz NOT NULL
)"""

BOUND = "dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid"
ME = "current_setting('dmp.professional', true)"
FEEDS = (
    f"current_setting('dmp.feeding', true) = 'yes' AND {BOUND} "  # noqa: S608 - constants of ours
    "AND EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open') "
    "AND NOT EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = {table}.dossier_id "
    f"AND b.professional_id = {ME} AND b.until IS NULL)"
)
OWN = f"author_kind = 'professional' AND author_id = {ME}"


def upgrade() -> None:
    op.execute(ASSERTION)
    op.execute("ALTER TABLE medical.assertion ENABLE ROW LEVEL SECURITY")
    # Put in and never looked at: that it is there already is all that there is to know.
    op.execute("CREATE POLICY ps_once ON medical.assertion FOR INSERT TO ps WITH CHECK (true)")
    op.execute("GRANT INSERT ON medical.assertion TO ps")
    key, document = FEEDS.format(table="dossier_key"), FEEDS.format(table="document")
    op.execute(f"CREATE POLICY ps_feed_reads ON medical.dossier_key FOR SELECT TO ps USING ({key})")
    op.execute(f"CREATE POLICY ps_feed_makes ON medical.dossier_key FOR INSERT TO ps WITH CHECK ({key})")
    op.execute(f"CREATE POLICY ps_feed_reads ON medical.document FOR SELECT TO ps USING ({document} AND {OWN})")
    op.execute(f"CREATE POLICY ps_feed_adds ON medical.document FOR INSERT TO ps WITH CHECK ({document} AND {OWN})")
    op.execute("GRANT INSERT ON medical.document TO ps")


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
