"""Two versions of a letter tried in one campaign; a lot holds one of them."""

from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE campaign ADD COLUMN variant_version text, "
        "ADD COLUMN variant_share integer CHECK (variant_share BETWEEN 1 AND 99), "
        "ADD CONSTRAINT campaign_variant CHECK ((variant_version IS NULL) = (variant_share IS NULL));"
        "ALTER TABLE lot ADD COLUMN variant text NOT NULL DEFAULT 'A' CHECK (variant IN ('A', 'B'))"
    )


def downgrade() -> None:
    op.execute(
        "ALTER TABLE lot DROP COLUMN variant;"
        "ALTER TABLE campaign DROP COLUMN variant_share, DROP COLUMN variant_version"
    )
