"""Openings by professionals: a DMP created, reopened, its secrets given again, a closure asked for (docs/decisions/0041).

All of it asks for `dmp.opening`, which one gate alone sets. What makes a dossier is written at the very moment of its opening
and never after: a contact, a login id, an identifier are added to no dossier that is there. A dossier changes by `ps` in one
way, from closed to open, where its closing was asked for and its holder has not blocked the professional. The codes on
their way to a person end before their dossier begins, in the order of locks of the portal. An event speaks of the
bound dossier. Attempts to find out who somebody is stand under a digest, and are forgotten after a year.
"""

from alembic import op
from sqlalchemy import text

revision = "0026"
down_revision = "0025"

TABLE = """
CREATE TABLE enrolment.professional_attempt (
    id              uuid PRIMARY KEY,
    at              timestamptz NOT NULL,
    professional_id text NOT NULL,
    counted_as      text NOT NULL,
    act             text NOT NULL,
    subject         bytea NOT NULL CHECK (octet_length(subject) = 32),
    identified      boolean NOT NULL DEFAULT false
)"""

OWNER_RIGHTS = "SECURITY DEFINER SET search_path = pg_catalog, pg_temp"

FUNCTIONS = (
    # Whether the professional of this transaction may reopen it: closed because somebody asked for that, and kept still.
    """
CREATE FUNCTION enrolment.may_reopen(wanted uuid) RETURNS boolean STABLE LANGUAGE sql DEFINER AS $$
    SELECT EXISTS (
        SELECT FROM enrolment.dossier d CROSS JOIN LATERAL (
            SELECT o.detail FROM enrolment.outbox o
            WHERE o.caisse = d.caisse AND o.person_id = d.person_id AND o.kind = 'dossier.closed'
            ORDER BY o.at DESC, o.id DESC LIMIT 1) closing
        WHERE d.id = wanted AND d.state = 'closed'
            AND (closing.detail->>'by' = 'holder' OR closing.detail->>'motive' = 'request')
            AND NOT EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = d.id
                AND b.professional_id = current_setting('dmp.professional', true) AND b.until IS NULL))
$$""",
    """
CREATE FUNCTION enrolment.only_reopens() RETURNS trigger LANGUAGE plpgsql DEFINER AS $$
BEGIN
    IF NEW.state = 'open' AND enrolment.may_reopen(OLD.id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'dossier: a professional reopens it, and nothing else' USING ERRCODE = 'restrict_violation';
END
$$""",
    # Patients of this professional who were born on a day: those who authorised them, and still do.
    """
CREATE FUNCTION medical.my_patients_born(born char(10))
RETURNS TABLE (dossier_id uuid, ins_c text, nom_naissance text, nom_usage text, prenom text) STABLE
LANGUAGE sql DEFINER AS $$
    SELECT d.id, i.value, d.nom_naissance, d.nom_usage, d.prenom
    FROM medical.relation r
    JOIN enrolment.dossier d ON d.id = r.dossier_id AND d.state = 'open' AND d.date_naissance = born
    JOIN enrolment.identifier i ON i.dossier_id = d.id AND i.system = '1.2.250.1.213.1.4.2' AND i.valid_to IS NULL
    WHERE r.professional_id = current_setting('dmp.professional', true) AND r.ended_at IS NULL
        AND (r.until IS NULL OR r.until > NULLIF(current_setting('dmp.moment', true), '')::timestamptz)
        AND NOT EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = d.id
            AND b.professional_id = r.professional_id AND b.until IS NULL)
$$""",
    """
CREATE FUNCTION enrolment.forget_professional_attempts(before timestamptz) RETURNS void VOLATILE
LANGUAGE sql DEFINER AS $$
    DELETE FROM enrolment.professional_attempt a WHERE a.id IN (
        SELECT o.id FROM enrolment.professional_attempt o
        WHERE o.at < least(before, now() - interval '1 year') LIMIT 1000 FOR UPDATE SKIP LOCKED)
$$""",
    """
CREATE FUNCTION enrolment.end_codes_of_opening() RETURNS trigger LANGUAGE plpgsql DEFINER AS $$
BEGIN
    UPDATE enrolment.creation_code c SET state = 'revoked', state_changed_at = NEW.opened_at,
        reason = 'DMP ouvert par un professionnel'
    WHERE c.caisse = NEW.caisse AND c.person_id = NEW.person_id AND c.state = 'live' AND c.expires_at > NEW.opened_at;
    RETURN NEW;
END
$$""",
    # A password given again is told to its holder; the first one of a DMP, which nobody has used, is told with it.
    """
CREATE FUNCTION medical.notice_of_secrets() RETURNS trigger LANGUAGE plpgsql DEFINER AS $$
BEGIN
    IF EXISTS (SELECT FROM enrolment.password p
            WHERE p.dossier_id = NEW.dossier_id AND (p.used_at IS NOT NULL OR NOT p.initial)) THEN
        PERFORM medical.give_notice(NEW.dossier_id, 'secrets', NEW.number::text, NEW.at);
    END IF;
    RETURN NULL;
END
$$""",
)

BOUND_ID = "NULLIF(current_setting('dmp.dossier', true), '')::uuid"
ME = "current_setting('dmp.professional', true)"
MOMENT = "NULLIF(current_setting('dmp.moment', true), '')::timestamptz"
OPENING = "current_setting('dmp.opening', true) = 'yes'"
BOUND = f"{OPENING} AND dossier_id = {BOUND_ID}"
BEING_BORN = (
    f"{BOUND} AND EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.way = 'ps' "
    f"AND d.opened_at = {MOMENT})"
)


def _welcome(table: str) -> str:
    """The bound dossier is open, and its holder has not blocked this professional."""
    return (
        f"{BOUND} AND EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open') "  # noqa: S608
        f"AND NOT EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = {table}.dossier_id "
        f"AND b.professional_id = {ME} AND b.until IS NULL)"
    )


POLICIES = (
    f"ps_opens ON enrolment.dossier AS RESTRICTIVE FOR INSERT TO ps "
    f"WITH CHECK ({OPENING} AND way = 'ps' AND opened_at = {MOMENT})",
    f"ps_reopens ON enrolment.dossier AS RESTRICTIVE FOR UPDATE TO ps USING ({OPENING})",
    f"ps_opens ON enrolment.identifier FOR INSERT TO ps WITH CHECK ({BEING_BORN})",
    f"ps_opens ON enrolment.account FOR INSERT TO ps WITH CHECK ({BEING_BORN})",
    f"ps_tells ON enrolment.account FOR SELECT TO ps USING ({_welcome('account')})",
    f"ps_opens ON enrolment.contact FOR INSERT TO ps WITH CHECK ({BEING_BORN})",
    f"ps_counts ON enrolment.contact FOR SELECT TO ps USING ({_welcome('contact')})",
    f"ps_opens ON enrolment.consent FOR INSERT TO ps "
    f"WITH CHECK ({BOUND} AND way = 'ps' AND collected_by = {ME} AND at = {MOMENT})",
    f"ps_knows ON enrolment.consent FOR SELECT TO ps USING ({BOUND} AND collected_by = {ME})",
    f"ps_gives ON enrolment.password FOR INSERT TO ps WITH CHECK (initial AND {_welcome('password')})",
    f"ps_ends ON enrolment.password FOR UPDATE TO ps USING ({_welcome('password')})",
    f"ps_knows ON enrolment.password FOR SELECT TO ps USING ({_welcome('password')})",
    f"ps_tells ON enrolment.outbox FOR INSERT TO ps WITH CHECK ({OPENING} "
    "AND kind IN ('dossier.opened', 'dossier.reopened', 'closure.requested') AND EXISTS (SELECT FROM enrolment.dossier d "
    f"WHERE d.id = {BOUND_ID} AND d.caisse = outbox.caisse AND d.person_id = outbox.person_id))",
    "rows ON enrolment.outbox TO caisse, titulaire USING (true) WITH CHECK (true)",
    f"ps_counts ON enrolment.professional_attempt FOR SELECT TO ps USING ({OPENING})",
    f"ps_tries ON enrolment.professional_attempt FOR INSERT TO ps "
    f"WITH CHECK ({OPENING} AND professional_id = {ME} AND NOT identified)",
    f"ps_proves ON enrolment.professional_attempt FOR UPDATE TO ps USING ({OPENING} AND professional_id = {ME})",
)

TRIGGERS = (
    "CREATE TRIGGER codes_end BEFORE INSERT ON enrolment.dossier FOR EACH ROW WHEN (NEW.way = 'ps') "
    "EXECUTE FUNCTION enrolment.end_codes_of_opening()",
    "CREATE TRIGGER professional_only_reopens BEFORE UPDATE ON enrolment.dossier FOR EACH ROW "
    "WHEN (current_user = 'ps') EXECUTE FUNCTION enrolment.only_reopens()",
    "CREATE TRIGGER notice_of_secrets AFTER INSERT ON medical.trace FOR EACH ROW "
    "WHEN (NEW.action = 'dossier.secrets' AND NEW.granted) EXECUTE FUNCTION medical.notice_of_secrets()",
)

GRANTS = (
    "REVOKE ALL ON FUNCTION enrolment.may_reopen(uuid), medical.my_patients_born(char), "
    "enrolment.forget_professional_attempts(timestamptz) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION enrolment.may_reopen(uuid), medical.my_patients_born(char), "
    "enrolment.forget_professional_attempts(timestamptz) TO ps",
    "GRANT SELECT (caisse, person_id, request_id, way, opened_at, keep_until), "
    "INSERT (id, request_id, caisse, person_id, civilite, nom_naissance, nom_usage, prenom, date_naissance, way, "
    "opened_at), UPDATE (state, state_changed_at, closed_by, reason, keep_until) ON enrolment.dossier TO ps",
    "GRANT INSERT (dossier_id, system, value, valid_from) ON enrolment.identifier TO ps",
    "GRANT SELECT (dossier_id, login), INSERT (dossier_id, login, created_at) ON enrolment.account TO ps",
    # Which channels there are; never where they lead.
    "GRANT SELECT (dossier_id, kind, until), INSERT (id, dossier_id, kind, value, since) ON enrolment.contact TO ps",
    "GRANT SELECT (id, dossier_id, collected_by), "
    "INSERT (id, dossier_id, at, way, terms, terms_sha256, wording, collected_by, on_behalf_by, on_behalf_as) "
    "ON enrolment.consent TO ps",
    "GRANT SELECT (dossier_id, initial, used_at, ended_at), INSERT (id, dossier_id, hash, initial, created_at, expires_at), "
    "UPDATE (ended_at) ON enrolment.password TO ps",
    "GRANT INSERT (event_id, kind, caisse, person_id, at, detail) ON enrolment.outbox TO ps",
    "GRANT SELECT (id, counted_as, at, identified), INSERT (id, at, professional_id, counted_as, act, subject), "
    "UPDATE (identified) ON enrolment.professional_attempt TO ps",
)


def upgrade() -> None:
    op.execute(TABLE)
    op.execute("CREATE INDEX professional_attempt_of ON enrolment.professional_attempt (counted_as, at)")
    for statement in FUNCTIONS:
        op.execute(statement.replace("DEFINER", OWNER_RIGHTS))
    for table in ("outbox", "professional_attempt"):
        op.execute(f"ALTER TABLE enrolment.{table} ENABLE ROW LEVEL SECURITY")
    for policy in POLICIES:
        op.execute(f"CREATE POLICY {policy}")
    for statement in (*TRIGGERS, *GRANTS):
        op.execute(statement)
    _also_told("secrets")


def _also_told(kind: str) -> None:
    """Let notices be of this kind too."""
    connection = op.get_bind()
    name, rule = connection.execute(
        text(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE conrelid = 'medical.notice'::regclass AND contype = 'c' AND pg_get_constraintdef(oid) LIKE '%(kind%'"
        )
    ).one()
    assert rule.count("'closed'::text") == 1
    op.execute(f"ALTER TABLE medical.notice DROP CONSTRAINT {name}")
    widened = rule.replace("'closed'::text", f"'closed'::text, '{kind}'::text")
    op.execute(f"ALTER TABLE medical.notice ADD CONSTRAINT {name} {widened}")


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
