"""Each lot says why it left letters out: a campaign's page adds lots up and reads no letter."""

from alembic import op

revision = "0030"
down_revision = "0029"

COUNTS = """
ALTER TABLE lot ADD COLUMN left_out jsonb NOT NULL DEFAULT '{}';
UPDATE lot SET left_out = found.reasons FROM (
    SELECT o.id, jsonb_object_agg(o.reason, o.letters) AS reasons FROM (
        SELECT o.id, COALESCE(l.reason, '') AS reason, count(*) AS letters FROM lot o
        JOIN letter l ON l.caisse = o.caisse AND l.campaign_id = o.campaign_id AND l.channel = o.channel
            AND l.lot_sequence = o.sequence
        WHERE o.excluded > 0 AND l.state = 'exclue' GROUP BY 1, 2
    ) o GROUP BY o.id
) found WHERE found.id = lot.id;
"""


def upgrade() -> None:
    op.execute(COUNTS)


def downgrade() -> None:
    op.execute("ALTER TABLE lot DROP COLUMN left_out")
