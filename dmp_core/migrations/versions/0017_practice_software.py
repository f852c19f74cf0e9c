"""Practice software of professionals: whom they may come to, what they deposited, correcting and withdrawing it (0037).

`my_relations` and `my_deposits` take no key but the professional that the transaction is bound to, and tell nothing of a
dossier that is not open or that blocked them. Correcting and withdrawing is the author's, in feeding, and never touches
`masked`. One content and one identifier are once in a dossier *by author*: that somebody else put the same in is no longer
to be found out by trying.
"""

from alembic import op

revision = "0017"
down_revision = "0016"

UNBLOCKED = (
    "NOT EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = d.id "
    "AND b.professional_id = current_setting('dmp.professional', true) AND b.until IS NULL)"
)
INS_C = "LEFT JOIN enrolment.identifier i ON i.dossier_id = d.id AND i.system = '1.2.250.1.213.1.4.2' AND i.valid_to IS NULL"
FUNCTIONS = (
    f"""
CREATE FUNCTION medical.my_relations(most integer, skipped integer)
RETURNS TABLE (dossier_id uuid, ins_c text, basis text, since timestamptz, until timestamptz) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.id, i.value, r.basis, r.since, r.until
    FROM medical.relation r JOIN enrolment.dossier d ON d.id = r.dossier_id AND d.state = 'open' {INS_C}
    WHERE r.professional_id = current_setting('dmp.professional', true) AND r.ended_at IS NULL AND {UNBLOCKED}
    ORDER BY r.since DESC, r.id LIMIT least(most, 101) OFFSET skipped
$$""",  # noqa: S608 - constants of ours
    f"""
CREATE FUNCTION medical.my_deposits(most integer, skipped integer)
RETURNS TABLE (dossier_id uuid, ins_c text, document_id uuid, version integer, type_code text, sha256 bytea,
    submitted_at timestamptz, status text) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.id, i.value, m.id, m.version, m.type_code, m.sha256, m.submitted_at, m.status
    FROM medical.document m JOIN enrolment.dossier d ON d.id = m.dossier_id AND d.state = 'open' {INS_C}
    WHERE m.author_kind = 'professional' AND m.author_id = current_setting('dmp.professional', true) AND {UNBLOCKED}
    ORDER BY m.submitted_at DESC, m.id LIMIT least(most, 101) OFFSET skipped
$$""",  # noqa: S608
)

BOUND = "dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid"
ME = "current_setting('dmp.professional', true)"
FEEDS = (
    f"current_setting('dmp.feeding', true) = 'yes' AND {BOUND} "  # noqa: S608
    "AND EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open') "
    "AND NOT EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = document.dossier_id "
    f"AND b.professional_id = {ME} AND b.until IS NULL)"
)
OWN = f"author_kind = 'professional' AND author_id = {ME}"

STATEMENTS = (
    "DROP INDEX medical.document_one_content",
    "CREATE UNIQUE INDEX document_one_content ON medical.document (dossier_id, author_id, sha256) "
    "WHERE status IN ('approved', 'archived')",
    "ALTER TABLE medical.document DROP CONSTRAINT document_dossier_id_unique_id_key",
    "ALTER TABLE medical.document ADD CONSTRAINT document_one_unique_id UNIQUE (dossier_id, author_id, unique_id)",
    "CREATE INDEX document_of_author ON medical.document (author_id, submitted_at DESC) "
    "WHERE author_kind = 'professional'",
    f"CREATE POLICY ps_feed_changes ON medical.document FOR UPDATE TO ps "
    f"USING ({FEEDS} AND {OWN} AND status <> 'deleted') WITH CHECK ({FEEDS} AND {OWN})",
    # When, and by whom, a DMP was closed; never the words that say why.
    "GRANT SELECT (state_changed_at, closed_by) ON enrolment.dossier TO ps",
    "REVOKE ALL ON FUNCTION medical.my_relations(integer, integer), medical.my_deposits(integer, integer) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION medical.my_relations(integer, integer), medical.my_deposits(integer, integer) TO ps",
)


def upgrade() -> None:
    for statement in (*FUNCTIONS, *STATEMENTS):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
