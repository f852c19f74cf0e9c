"""Which establishment sent a document, so that what it sends again is recognised (docs/decisions/0043).

One content and one identifier are once in a dossier by author *and by establishment*: what an establishment sends tells it
nothing of what the same professional put in elsewhere.
"""

from alembic import op

revision = "0025"
down_revision = "0024"

STATEMENTS = (
    "ALTER TABLE medical.document ADD COLUMN establishment text CHECK (length(establishment) BETWEEN 2 AND 64)",
    "DROP INDEX medical.document_one_content",
    "CREATE UNIQUE INDEX document_one_content ON medical.document "
    "(dossier_id, author_id, sha256, coalesce(establishment, '')) WHERE status IN ('approved', 'archived')",
    "ALTER TABLE medical.document DROP CONSTRAINT document_one_unique_id",
    "CREATE UNIQUE INDEX document_one_unique_id ON medical.document "
    "(dossier_id, author_id, unique_id, coalesce(establishment, ''))",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
