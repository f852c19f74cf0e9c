"""The bon à tirer that an approver read, by its digest: an approval says which one."""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE campaign_proof ADD COLUMN digest bytea CHECK (length(digest) = 32);"
        "ALTER TABLE campaign ADD COLUMN proof_id bigint REFERENCES campaign_proof"
    )


def downgrade() -> None:
    op.execute("ALTER TABLE campaign DROP COLUMN proof_id; ALTER TABLE campaign_proof DROP COLUMN digest")
