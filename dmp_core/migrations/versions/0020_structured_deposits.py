"""Structured documents of other software (0040): who feeds reads the INS-C of the bound dossier, which the document must bear.

As for the médecin traitant (0015), now for every professional while they feed an open dossier that did not block them; they
came to it by that very identifier.
"""

from alembic import op

revision = "0020"
down_revision = "0019"

FEEDS = (
    "current_setting('dmp.feeding', true) = 'yes' "
    "AND dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid "
    "AND EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open') "
    "AND NOT EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = identifier.dossier_id "
    "AND b.professional_id = current_setting('dmp.professional', true) AND b.until IS NULL)"
)


def upgrade() -> None:
    op.execute(
        f"CREATE POLICY ps_feed_names ON enrolment.identifier FOR SELECT TO ps USING ({FEEDS} "
        "AND system = '1.2.250.1.213.1.4.2')"
    )


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
