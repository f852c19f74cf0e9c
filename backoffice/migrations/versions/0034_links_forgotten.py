"""Links of letters to persons are erased beside the letters too: their e-mails' troubles, what asked for them, lists."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.execute(
        "ALTER TABLE person_list ADD COLUMN erased_at timestamptz;"
        "GRANT UPDATE (erased_at) ON person_list TO caisse; GRANT DELETE ON person_list_member TO caisse;"
        "GRANT UPDATE (person_id) ON letter_request TO caisse"
    )


def downgrade() -> None:
    op.execute(
        "REVOKE UPDATE (person_id) ON letter_request FROM caisse; REVOKE DELETE ON person_list_member FROM caisse;"
        "REVOKE UPDATE (erased_at) ON person_list FROM caisse; ALTER TABLE person_list DROP COLUMN erased_at"
    )
