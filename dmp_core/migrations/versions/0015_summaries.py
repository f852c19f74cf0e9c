"""The médecin traitant writes the medical summary: adds it, and puts it in the place of the one before (0035).

Of the documents, `ps` may add a summary and mark one as replaced, for the dossier whose médecin traitant is the bound
professional alone; and reads the INS-C of that dossier, which the document must bear.
"""

from alembic import op

revision = "0015"
down_revision = "0014"

BOUND = "dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid"
ME = "current_setting('dmp.professional', true)"
# `sight` first: nothing is written where nothing may be seen, closed or blocked.
ATTENDS = (
    f"{BOUND} AND (SELECT medical.sight()) = 'all' AND EXISTS (SELECT FROM medical.relation r "  # noqa: S608 - constants of ours
    "WHERE r.dossier_id = {table}.dossier_id AND r.professional_id = " + ME + " AND r.basis = 'attending' "
    "AND r.ended_at IS NULL)"
)
SUMMARY = "type_code = 'SYNTH'"
INS_C = "system = '1.2.250.1.213.1.4.2'"


def upgrade() -> None:
    document, identifier = ATTENDS.format(table="document"), ATTENDS.format(table="identifier")
    op.execute(
        "CREATE POLICY ps_summary_adds ON medical.document FOR INSERT TO ps WITH CHECK "
        f"({document} AND {SUMMARY} AND author_kind = 'professional' AND author_id = {ME})"
    )
    op.execute(
        "CREATE POLICY ps_summary_replaces ON medical.document FOR UPDATE TO ps "
        f"USING ({document} AND {SUMMARY} AND status IN ('approved', 'archived')) "
        f"WITH CHECK ({document} AND {SUMMARY} AND status = 'deprecated')"
    )
    op.execute("GRANT UPDATE (status, entry_uuid, changed_at) ON medical.document TO ps")
    op.execute(
        f"CREATE POLICY ps_summary_names ON enrolment.identifier FOR SELECT TO ps USING ({identifier} AND {INS_C})"
    )
    op.execute("GRANT SELECT (dossier_id, system, value, valid_to) ON enrolment.identifier TO ps")


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
