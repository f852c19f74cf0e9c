"""What every call of an application and every access ask of the database, in one round trip each.

All of it runs with the rights of its caller, behind row-level security.
"""

from alembic import op

revision = "0022"
down_revision = "0021"

STATEMENTS = (
    # What a holder reads about themselves.
    """
CREATE VIEW enrolment.holder WITH (security_invoker = true) AS
    SELECT d.id, d.caisse, d.person_id, d.civilite, d.nom_naissance, d.nom_usage, d.prenom, d.date_naissance, d.state,
        d.opened_at, a.login, i.value AS ins_c, mail.value AS mail, mobile.value AS mobile
    FROM enrolment.dossier d JOIN enrolment.account a ON a.dossier_id = d.id
    LEFT JOIN enrolment.identifier i ON i.dossier_id = d.id AND i.system = '1.2.250.1.213.1.4.2' AND i.valid_to IS NULL
    LEFT JOIN enrolment.contact mail ON mail.dossier_id = d.id AND mail.kind = 'mail' AND mail.until IS NULL
    LEFT JOIN enrolment.contact mobile ON mobile.dossier_id = d.id AND mobile.kind = 'mobile' AND mobile.until IS NULL
""",
    "GRANT SELECT ON enrolment.holder TO titulaire",
    # A token that is good at this moment, and whose it is: bound to the dossier, then read as the portal may.
    """
CREATE FUNCTION enrolment.bearer(digest bytea, moment timestamptz)
RETURNS TABLE (grant_id uuid, client_id text, scope text, redirect_uri text, challenge text, granted_at timestamptz,
    seen_at timestamptz, token_scope text, id uuid, caisse char(3), person_id bigint, civilite text, nom_naissance text,
    nom_usage text, prenom text, date_naissance char(10), state text, opened_at timestamptz, login text, ins_c text, mail text,
    mobile text) VOLATILE
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM set_config('dmp.dossier', coalesce(enrolment.dossier_of_application(digest)::text, ''), true);
    RETURN QUERY SELECT g.id, g.client_id, g.scope, g.redirect_uri, g.challenge, g.granted_at, g.seen_at, t.scope, h.*
        FROM enrolment.app_token t JOIN enrolment.app_grant g ON g.id = t.grant_id
        JOIN enrolment.holder h ON h.id = t.dossier_id
        WHERE t.token_sha256 = digest AND t.kind = 'access' AND t.until > moment AND g.ended_at IS NULL;
END
$$""",
    "GRANT EXECUTE ON FUNCTION enrolment.bearer(bytea, timestamptz) TO titulaire",
    # The next line of a chain. VOLATILE: who waited for the lock reads what its holder wrote. The digest covers the line
    # before and this one as JSON, which its writer gives on both sides of the number that is known only here.
    """
CREATE FUNCTION medical.add_to_trace(
    dossier uuid, at timestamptz, actor_kind text, actor_id text, actor_name text, profession text, mode text, action text,
    document uuid, granted boolean, reason text, told_before text, told_after text
) RETURNS TABLE (number bigint, previous bytea, digest bytea) VOLATILE
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(dossier::text, 7));
    SELECT t.number + 1, t.digest INTO number, previous FROM medical.trace t WHERE t.dossier_id = dossier
        ORDER BY t.number DESC LIMIT 1;
    number := coalesce(number, 1);
    previous := coalesce(previous, decode(repeat('00', 32), 'hex'));
    digest := sha256(previous || convert_to(told_before || number || told_after, 'UTF8'));
    INSERT INTO medical.trace (dossier_id, number, at, actor_kind, actor_id, actor_name, profession, mode, action,
            document_id, granted, reason, previous, digest)
        VALUES (dossier, number, at, actor_kind, actor_id, actor_name, profession, mode, action, document, granted, reason,
            previous, digest);
    RETURN NEXT;
END
$$""",
    "GRANT EXECUTE ON FUNCTION medical.add_to_trace(uuid, timestamptz, text, text, text, text, text, text, uuid, boolean, "
    "text, text, text) TO titulaire, ps, alimentation",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
