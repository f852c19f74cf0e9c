"""The secret of a minor towards their representatives (CSP L.1111-5, docs/decisions/0045).

Its author may put it on a document and lift it, by one routine of the role `ps`; the versions of one document are secret
together, whoever writes the next one.
"""

# ruff: noqa: S608 - statements are made of constants of ours

from alembic import op

revision = "0027"
down_revision = "0026"

OWNER_RIGHTS = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"

STATEMENTS = (
    f"""
CREATE FUNCTION medical.secret_together() RETURNS trigger
{OWNER_RIGHTS} AS $$
BEGIN
    UPDATE medical.document m SET hidden_from_representatives = NEW.hidden_from_representatives,
        entry_uuid = gen_random_uuid()
    WHERE m.logical_id = NEW.logical_id AND m.id <> NEW.id
        AND m.hidden_from_representatives <> NEW.hidden_from_representatives;
    RETURN NULL;
END
$$""",
    "CREATE TRIGGER secret_begins AFTER INSERT ON medical.document FOR EACH ROW WHEN (NEW.hidden_from_representatives) "
    "EXECUTE FUNCTION medical.secret_together()",
    "CREATE TRIGGER secret_changes AFTER UPDATE OF hidden_from_representatives ON medical.document FOR EACH ROW "
    "WHEN (OLD.hidden_from_representatives <> NEW.hidden_from_representatives) "
    "EXECUTE FUNCTION medical.secret_together()",
    f"""
CREATE FUNCTION medical.keep_secret(document uuid, seen uuid, entry uuid, secret boolean) RETURNS boolean VOLATILE
{OWNER_RIGHTS} AS $$
DECLARE
    me text := current_setting('dmp.professional', true);
    here uuid := NULLIF(current_setting('dmp.dossier', true), '')::uuid;
    moment timestamptz := NULLIF(current_setting('dmp.moment', true), '')::timestamptz;
BEGIN
    UPDATE medical.document m SET hidden_from_representatives = secret, entry_uuid = entry, changed_at = moment
    WHERE m.id = document AND m.entry_uuid = seen AND m.dossier_id = here AND m.status IN ('approved', 'archived')
        AND m.author_kind = 'professional' AND m.author_id = me
        AND EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = here AND d.state = 'open')
        AND NOT EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = here AND b.professional_id = me
            AND b.until IS NULL);
    RETURN FOUND;
END
$$""",
    "REVOKE ALL ON FUNCTION medical.keep_secret(uuid, uuid, uuid, boolean) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION medical.keep_secret(uuid, uuid, uuid, boolean) TO ps",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
