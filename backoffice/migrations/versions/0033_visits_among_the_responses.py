"""Visits to the counter are counted by the days since the letter, as calls and creations are."""

from alembic import op

revision = "0033"
down_revision = "0032"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE campaign_response DROP CONSTRAINT campaign_response_fact_check, "
        "ADD CONSTRAINT campaign_response_fact_check CHECK (fact IN ('appel', 'visite', 'dmp'))"
    )


def downgrade() -> None:
    op.execute(
        "DELETE FROM campaign_response WHERE fact = 'visite'; "
        "ALTER TABLE campaign_response DROP CONSTRAINT campaign_response_fact_check, "
        "ADD CONSTRAINT campaign_response_fact_check CHECK (fact IN ('appel', 'dmp'))"
    )
