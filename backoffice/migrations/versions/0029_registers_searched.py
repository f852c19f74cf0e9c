"""The large registers are searched by trigrams: a word of theirs is found without reading every row."""

from alembic import op

revision = "0029"
down_revision = "0028"

INDEXES = """
CREATE INDEX audit_entry_alike ON audit_entry USING gin (actor gin_trgm_ops, action gin_trgm_ops, object gin_trgm_ops);
CREATE INDEX dmp_event_alike ON dmp_event USING gin (kind gin_trgm_ops);
CREATE INDEX letter_request_alike ON letter_request
    USING gin (answer gin_trgm_ops, state gin_trgm_ops, case_number gin_trgm_ops);
"""


def upgrade() -> None:
    op.execute(INDEXES)


def downgrade() -> None:
    op.execute("DROP INDEX audit_entry_alike, dmp_event_alike, letter_request_alike")
