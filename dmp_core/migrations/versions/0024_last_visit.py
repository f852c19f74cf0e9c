"""When a professional last looked into a dossier, told to that professional alone (docs/decisions/0044).

`ps` cannot read the trace. This one routine gives back one instant of it: the latest granted look of the professional that
the transaction is bound to, in the dossier it is bound to, while that is open. Nothing of anybody else, no number of lines.
"""

from alembic import op

revision = "0024"
down_revision = "0023"

FUNCTION = """
CREATE FUNCTION medical.own_last_visit(before timestamptz) RETURNS timestamptz STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT t.at FROM medical.trace t
    JOIN enrolment.dossier d ON d.id = t.dossier_id AND d.state = 'open'
    WHERE t.dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid
        AND t.actor_kind = 'professional' AND t.actor_id = current_setting('dmp.professional', true)
        AND t.granted AND t.action IN ('document.list', 'document.look', 'document.read') AND t.at < before
    ORDER BY t.number DESC LIMIT 1
$$"""

STATEMENTS = (
    FUNCTION,
    "REVOKE ALL ON FUNCTION medical.own_last_visit(timestamptz) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION medical.own_last_visit(timestamptz) TO ps",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
