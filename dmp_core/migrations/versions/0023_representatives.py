"""Legal representatives: their own account, the mandate that lets them act for a dossier, and what they never see (0045).

Whoever signs in is a `subject`: the holder of a dossier, under the dossier's own id, or a representative. Accounts,
passwords, contacts, sessions … belong to a subject, so that a representative gets in by the very ways of a holder. In
those tables the column `dossier_id` names the subject.

While `dmp.representative` is set, the role `titulaire` is bound to the dossier of somebody else: it is there as long as
their mandate is in force at `dmp.moment`, without its credentials, without what was hidden from representatives, and
without the will of the person (directives anticipées). It adds nothing but lines of the trace, in the representative's name.
"""

# ruff: noqa: S608 - statements are made of constants of ours

from alembic import op
from sqlalchemy import text

revision = "0023"
down_revision = "0022"

OF_SUBJECTS = (
    "account", "password", "contact", "session", "device", "one_time_code", "authenticator", "connection",
    "contact_change",
)  # fmt: skip
"""Tables of a subject's access; the order is that in which they are emptied."""

TABLES = (
    "CREATE TABLE enrolment.subject (id uuid PRIMARY KEY)",
    "INSERT INTO enrolment.subject SELECT id FROM enrolment.dossier",
    """
CREATE TABLE enrolment.representative (
    id         uuid PRIMARY KEY REFERENCES enrolment.subject,
    request_id uuid NOT NULL UNIQUE,
    caisse     char(3) NOT NULL CHECK (caisse ~ '^[0-9]{3}$'),
    civilite   text NOT NULL CHECK (civilite IN ('M', 'MME')),
    nom        text NOT NULL CHECK (length(nom) BETWEEN 1 AND 60),
    prenom     text NOT NULL CHECK (length(prenom) BETWEEN 1 AND 60),
    created_at timestamptz NOT NULL
)""",
    # A day of the calendar of Paris; parental authority ends the day before the person comes of age, which is written here.
    """
CREATE TABLE enrolment.mandate (
    id                uuid PRIMARY KEY,
    representative_id uuid NOT NULL REFERENCES enrolment.representative,
    dossier_id        uuid NOT NULL REFERENCES enrolment.dossier,
    capacity          text NOT NULL CHECK (capacity IN ('parental', 'tutelle', 'habilitation', 'mandat')),
    proof             text NOT NULL CHECK (proof IN ('livret_famille', 'acte_naissance', 'jugement', 'mandat_vise')),
    since             date NOT NULL,
    until             date CHECK (until >= since),
    declared_by       text NOT NULL CHECK (declared_by <> ''),
    declared_at       timestamptz NOT NULL,
    ended_at          timestamptz CHECK (ended_at >= declared_at),
    ended_by          text CHECK (ended_by IN ('holder', 'caisse', 'term')),
    reason            text CHECK (length(reason) <= 200),
    CHECK (capacity <> 'parental' OR until IS NOT NULL),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
)""",
    "ALTER TABLE enrolment.session ADD COLUMN representing uuid REFERENCES enrolment.dossier ON DELETE CASCADE",
    "ALTER TABLE medical.document ADD COLUMN hidden_from_representatives boolean NOT NULL DEFAULT false",
    "ALTER TABLE enrolment.consent ADD COLUMN on_behalf_as text",
    # A secret connection (CSP L.1111-5): never told to representatives.
    "ALTER TABLE medical.trace DROP CONSTRAINT trace_mode_check",
    "ALTER TABLE medical.trace ADD CONSTRAINT trace_mode_check "
    "CHECK (mode IN ('normal', 'urgence', 'centre15', 'secret'))",
    "ALTER TABLE medical.trace DROP CONSTRAINT trace_actor_kind_check",
    "ALTER TABLE medical.trace ADD CONSTRAINT trace_actor_kind_check "
    "CHECK (actor_kind IN ('holder', 'professional', 'insurance', 'representative'))",
    "ALTER TABLE medical.notice DROP CONSTRAINT notice_kind_check",
    "ALTER TABLE medical.notice ADD CONSTRAINT notice_kind_check "
    "CHECK (kind IN ('created', 'first_access', 'emergency', 'answer', 'closed', 'announcement', 'represented'))",
    "CREATE UNIQUE INDEX mandate_one_live ON enrolment.mandate (representative_id, dossier_id) WHERE ended_at IS NULL",
    "CREATE INDEX mandate_of_dossier ON enrolment.mandate (dossier_id)",
    "CREATE INDEX document_in_secret ON medical.document (dossier_id) WHERE hidden_from_representatives",
    "CREATE INDEX trace_in_secret ON medical.trace (dossier_id, actor_id) WHERE mode = 'secret'",
)  # fmt: skip

SQL = "LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$"
TODAY = "(moment AT TIME ZONE 'Europe/Paris')::date"
IN_FORCE = f"m.ended_at IS NULL AND {TODAY} >= m.since AND (m.until IS NULL OR {TODAY} <= m.until)"
HOLDER = "NULLIF(current_setting('dmp.dossier', true), '')::uuid"

FUNCTIONS = (
    """
CREATE FUNCTION enrolment.become_subject() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO enrolment.subject (id) VALUES (NEW.id);
    RETURN NEW;
END
$$""",
    "CREATE TRIGGER a_subject BEFORE INSERT ON enrolment.dossier FOR EACH ROW "
    "EXECUTE FUNCTION enrolment.become_subject()",
    "CREATE TRIGGER a_subject BEFORE INSERT ON enrolment.representative FOR EACH ROW "
    "EXECUTE FUNCTION enrolment.become_subject()",
    # Whether somebody acts for an open dossier at this moment.
    f"""
CREATE FUNCTION enrolment.represents(who uuid, wanted uuid, moment timestamptz) RETURNS boolean STABLE
{SQL}
    SELECT EXISTS (SELECT FROM enrolment.mandate m JOIN enrolment.dossier d ON d.id = m.dossier_id AND d.state = 'open'
        WHERE m.representative_id = who AND m.dossier_id = wanted AND {IN_FORCE})
$$""",
    # For whom the representative of this transaction may act now.
    f"""
CREATE FUNCTION enrolment.represented(moment timestamptz)
RETURNS TABLE (dossier_id uuid, civilite text, nom_naissance text, nom_usage text, prenom text, date_naissance char(10),
    capacity text, until date) STABLE
{SQL}
    SELECT d.id, d.civilite, d.nom_naissance, d.nom_usage, d.prenom, d.date_naissance, m.capacity, m.until
    FROM enrolment.mandate m JOIN enrolment.dossier d ON d.id = m.dossier_id AND d.state = 'open'
    WHERE m.representative_id = {HOLDER} AND {IN_FORCE} ORDER BY d.prenom, d.nom_naissance, d.id
$$""",
    f"""
CREATE OR REPLACE FUNCTION enrolment.dossier_of_login(wanted text) RETURNS TABLE (id uuid, state text) STABLE
{SQL}
    SELECT a.dossier_id, coalesce(d.state, 'open') FROM enrolment.account a
    LEFT JOIN enrolment.dossier d ON d.id = a.dossier_id WHERE a.login = wanted
$$""",
    # Over as well when the mandate is: a representative is out from the next request on.
    "DROP FUNCTION enrolment.session_of_token(bytea, timestamptz, interval, interval)",
    f"""
CREATE FUNCTION enrolment.session_of_token(digest bytea, moment timestamptz, idle interval, whole interval)
RETURNS TABLE (id uuid, stage text, dossier_id uuid, caisse char(3), person_id bigint, data bytea,
    began_at timestamptz, seen_at timestamptz, representing uuid) VOLATILE
{SQL}
    UPDATE enrolment.session s SET seen_at = greatest(s.seen_at, moment)
    WHERE s.token_sha256 = digest AND s.seen_at > moment - idle AND s.began_at > moment - whole
        AND CASE s.stage
            WHEN 'open' THEN EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = s.dossier_id AND d.state = 'open')
            WHEN 'representing' THEN enrolment.represents(s.dossier_id, s.representing, moment)
            ELSE true END
    RETURNING s.id, s.stage, s.dossier_id, s.caisse, s.person_id, s.data, s.began_at, s.seen_at, s.representing
$$""",
    "DROP FUNCTION enrolment.advance_session(bytea, bytea, text, uuid, bytea, timestamptz, boolean)",
    f"""
CREATE FUNCTION enrolment.advance_session(digest bytea, new_digest bytea, new_stage text, new_dossier uuid,
    new_data bytea, moment timestamptz, anew boolean, chosen uuid) RETURNS boolean VOLATILE
{SQL}
    WITH done AS (
        UPDATE enrolment.session s SET token_sha256 = new_digest, stage = new_stage,
            dossier_id = coalesce(new_dossier, s.dossier_id), data = new_data, seen_at = moment, representing = chosen,
            began_at = CASE WHEN anew THEN moment ELSE s.began_at END
        WHERE s.token_sha256 = digest AND (chosen IS NULL OR enrolment.represents(s.dossier_id, chosen, moment))
        RETURNING 1
    ) SELECT EXISTS (SELECT FROM done)
$$""",
    # The login id of a representative whom the caller just declared, until they first get in; as for a holder (0003).
    f"""
CREATE FUNCTION enrolment.representative_just_given(wanted uuid) RETURNS text STABLE
{SQL}
    SELECT a.login FROM enrolment.account a JOIN enrolment.representative r ON r.id = a.dossier_id
    WHERE r.id = wanted AND NOT EXISTS (SELECT FROM enrolment.password p
        WHERE p.dossier_id = r.id AND (p.used_at IS NOT NULL OR NOT p.initial))
$$""",
    # Of a representative who shows their login id at a counter: a key in, a handle out.
    f"""
CREATE FUNCTION enrolment.representative_of_login(wanted text) RETURNS uuid STABLE
{SQL}
    SELECT r.id FROM enrolment.account a JOIN enrolment.representative r ON r.id = a.dossier_id WHERE a.login = wanted
$$""",
    # Where the next line of the bound dossier's chain follows, whatever of it may be read.
    f"""
CREATE FUNCTION medical.chain_end() RETURNS TABLE (number bigint, digest bytea) STABLE
{SQL}
    SELECT t.number, t.digest FROM medical.trace t WHERE t.dossier_id = {HOLDER} ORDER BY t.number DESC LIMIT 1
$$""",
    # Whether somebody ever came in secret to the bound dossier; or, on the day of `moment`, that or to what is secret.
    f"""
CREATE FUNCTION medical.acted_in_secret(who text, moment timestamptz) RETURNS boolean STABLE
{SQL}
    SELECT EXISTS (SELECT FROM medical.trace t WHERE t.dossier_id = {HOLDER} AND t.actor_id = who AND t.mode = 'secret'
            AND (moment IS NULL OR (t.at AT TIME ZONE 'Europe/Paris')::date = {TODAY}))
        OR EXISTS (SELECT FROM medical.document d JOIN medical.trace t ON t.dossier_id = d.dossier_id
            AND t.document_id = d.id AND t.actor_id = who AND t.actor_kind = 'professional'
            AND (t.at AT TIME ZONE 'Europe/Paris')::date = {TODAY}
        WHERE d.dossier_id = {HOLDER} AND d.hidden_from_representatives)
$$""",
    """
CREATE FUNCTION medical.notice_of_mandate() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM medical.give_notice(NEW.dossier_id, 'represented', NEW.id::text, NEW.declared_at);
    RETURN NULL;
END
$$""",
    "CREATE TRIGGER notice AFTER INSERT ON enrolment.mandate FOR EACH ROW EXECUTE FUNCTION medical.notice_of_mandate()",
    # Representatives of nobody any more, with their access; part of the destruction of a dossier.
    "CREATE FUNCTION enrolment.forget_representatives() RETURNS void LANGUAGE plpgsql "
    "SET search_path = pg_catalog, pg_temp AS $$ DECLARE gone uuid[] := ARRAY(SELECT r.id FROM enrolment.representative r "
    "WHERE NOT EXISTS (SELECT FROM enrolment.mandate m WHERE m.representative_id = r.id)); BEGIN "
    + " ".join(f"DELETE FROM enrolment.{each} x WHERE x.dossier_id = ANY(gone);" for each in OF_SUBJECTS)
    + " DELETE FROM enrolment.representative r WHERE r.id = ANY(gone);"
    " DELETE FROM enrolment.subject s WHERE s.id = ANY(gone); END $$",
)

EMPTY_MANDATES = (
    "contents := sha256(contents || coalesce((SELECT sha256(convert_to(string_agg(t::text, '|' ORDER BY t::text), "
    "'UTF8')) FROM enrolment.mandate t WHERE t.dossier_id = found.id), ''::bytea)); "
    "DELETE FROM enrolment.mandate t WHERE t.dossier_id = found.id;"
)
LAST = "contents := sha256(contents || convert_to(found::text"
GONE = "DELETE FROM enrolment.dossier d WHERE d.id = found.id;"
"""What the destruction of a dossier does last (migration 0009)."""

FOLLOWS = "    number := coalesce(number, 1);"
FOLLOWS_TOO = f"""    IF actor_kind = 'representative' THEN
        SELECT c.number + 1, c.digest INTO number, previous FROM medical.chain_end() c;
    END IF;
{FOLLOWS}"""
"""In `add_to_trace` (0022): a representative does not read all of the chain that their line follows."""

# Asked once a statement, not once a row.
ACTING = "(SELECT NULLIF(current_setting('dmp.representative', true), '')::uuid)"
MOMENT = "(SELECT NULLIF(current_setting('dmp.moment', true), '')::timestamptz)"
THEMSELVES = f"{ACTING} IS NULL"
SHOWN = f"{THEMSELVES} OR (NOT hidden_from_representatives AND type_code NOT IN ('EXPPAT_1', 'EXPPAT_3'))"
TOLD = (
    f"{THEMSELVES} OR (mode <> 'secret' AND NOT medical.acted_in_secret(actor_id, at) "
    "AND (document_id IS NULL OR EXISTS (SELECT FROM medical.document d WHERE d.id = document_id)))"
)

OWN = (*OF_SUBJECTS, "identifier", "consent", "app_grant", "app_token")
UNKNOWN = f"{THEMSELVES} OR basis = 'attending' OR NOT medical.acted_in_secret(professional_id, NULL)"

# schema.table, command, rows reached, rows written: limits that come on top of those of the role `titulaire`
LIMITS = (
    *((f"enrolment.{each}", "ALL", THEMSELVES, THEMSELVES) for each in OWN),
    ("enrolment.dossier", "SELECT", f"{THEMSELVES} OR enrolment.represents({ACTING}, id, {MOMENT})", None),
    ("enrolment.dossier", "INSERT", None, THEMSELVES),
    ("enrolment.dossier", "UPDATE", THEMSELVES, THEMSELVES),
    ("medical.document", "SELECT", SHOWN, None),
    ("medical.document", "UPDATE", SHOWN, SHOWN),
    ("medical.document", "INSERT", None, THEMSELVES),
    ("medical.trace", "SELECT", TOLD, None),
    ("medical.relation", "SELECT", UNKNOWN, None),
    ("medical.relation", "INSERT", None, THEMSELVES),
    ("medical.emergency_refusal", "INSERT", None, THEMSELVES),
    ("medical.emergency_refusal", "UPDATE", THEMSELVES, THEMSELVES),
    ("medical.trusted_person", "ALL", THEMSELVES, THEMSELVES),
    ("medical.notice_refusal", "ALL", THEMSELVES, THEMSELVES),
    ("medical.contest", "INSERT", None, THEMSELVES),
    ("medical.emergency_proof", "SELECT", THEMSELVES, None),
)  # fmt: skip

BOUND = f"dossier_id = {HOLDER}"
POLICIES = (
    "CREATE POLICY caisse ON enrolment.representative TO caisse USING (true) WITH CHECK (true)",
    "CREATE POLICY caisse ON enrolment.mandate TO caisse USING (true) WITH CHECK (true)",
    f"CREATE POLICY own ON enrolment.representative FOR SELECT TO titulaire USING (id = {HOLDER} OR id = {ACTING} "
    "OR EXISTS (SELECT FROM enrolment.mandate m WHERE m.representative_id = representative.id))",
    f"CREATE POLICY own ON enrolment.mandate FOR SELECT TO titulaire USING "
    f"(representative_id = {HOLDER} OR ({BOUND} AND ({THEMSELVES} OR representative_id = {ACTING})))",
    f"CREATE POLICY holder_ends ON enrolment.mandate FOR UPDATE TO titulaire USING ({BOUND} AND {THEMSELVES}) "
    f"WITH CHECK ({BOUND} AND {THEMSELVES} AND ended_by = 'holder')",
    f"CREATE POLICY ps_told ON enrolment.mandate FOR SELECT TO ps "
    f"USING ({BOUND} AND (SELECT medical.sight()) <> 'nothing')",
    "CREATE POLICY ps_told ON enrolment.representative FOR SELECT TO ps USING "
    "(EXISTS (SELECT FROM enrolment.mandate m WHERE m.representative_id = representative.id))",
    f"ALTER POLICY begins ON medical.trace WITH CHECK (CASE WHEN {THEMSELVES} THEN actor_kind = 'holder' "
    f"ELSE actor_kind = 'representative' AND actor_id = ({ACTING})::text END)",
)

ARGUMENTS = {
    "enrolment.represents": "uuid, uuid, timestamptz",
    "enrolment.represented": "timestamptz",
    "enrolment.session_of_token": "bytea, timestamptz, interval, interval",
    "enrolment.advance_session": "bytea, bytea, text, uuid, bytea, timestamptz, boolean, uuid",
    "medical.chain_end": "",
    "medical.acted_in_secret": "text, timestamptz",
}
GRANTS = (
    *(f"GRANT EXECUTE ON FUNCTION {name}({given}) TO titulaire" for name, given in ARGUMENTS.items()),
    "GRANT EXECUTE ON FUNCTION enrolment.representative_just_given(uuid), enrolment.representative_of_login(text) TO caisse",
    "GRANT SELECT ON enrolment.representative TO titulaire",
    "GRANT SELECT, UPDATE (ended_at, ended_by) ON enrolment.mandate TO titulaire",
    "GRANT UPDATE (hidden_from_representatives) ON medical.document TO titulaire",
    "GRANT SELECT (representing) ON enrolment.session TO titulaire",
    "GRANT SELECT (id, request_id, caisse, civilite, nom, prenom, created_at), "
    "INSERT (id, request_id, caisse, civilite, nom, prenom, created_at) ON enrolment.representative TO caisse",
    "GRANT SELECT (id, representative_id, dossier_id, capacity, proof, since, until, declared_by, declared_at, ended_at, "
    "ended_by, reason), INSERT (id, representative_id, dossier_id, capacity, proof, since, until, declared_by, "
    "declared_at), UPDATE (ended_at, ended_by, reason) ON enrolment.mandate TO caisse",
    "GRANT INSERT (on_behalf_as) ON enrolment.consent TO caisse",
    "GRANT SELECT (id, civilite, nom, prenom) ON enrolment.representative TO ps",
    "GRANT SELECT (dossier_id, representative_id, capacity, since, until, ended_at) ON enrolment.mandate TO ps",
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)
    op.execute("ALTER TABLE enrolment.dossier ADD FOREIGN KEY (id) REFERENCES enrolment.subject")
    for table in OF_SUBJECTS:
        op.execute(f"ALTER TABLE enrolment.{table} DROP CONSTRAINT {table}_dossier_id_fkey")
        op.execute(f"ALTER TABLE enrolment.{table} ADD FOREIGN KEY (dossier_id) REFERENCES enrolment.subject")
    for statement in FUNCTIONS:
        op.execute(statement)
    before = op.get_bind().scalar(text("SELECT pg_get_functiondef('enrolment.destroy_dossier'::regproc)"))
    assert (before.count(LAST), before.count(GONE)) == (1, 1)
    after = "DELETE FROM enrolment.subject s WHERE s.id = found.id; PERFORM enrolment.forget_representatives();"
    adds = op.get_bind().scalar(text("SELECT pg_get_functiondef('medical.add_to_trace'::regproc)"))
    assert adds.count(FOLLOWS) == 1
    op.execute(adds.replace(FOLLOWS, FOLLOWS_TOO))
    op.execute(before.replace(LAST, f"{EMPTY_MANDATES} {LAST}").replace(GONE, f"{GONE} {after}"))
    for table in ("representative", "mandate"):
        op.execute(f"ALTER TABLE enrolment.{table} ENABLE ROW LEVEL SECURITY")
    for table, command, reached, written in LIMITS:
        rules = [f"USING ({reached})"] if reached else []
        rules += [f"WITH CHECK ({written})"] if written else []
        name = "represented" if command == "ALL" else f"represented_{command.lower()}"
        op.execute(
            f"CREATE POLICY {name} ON {table} AS RESTRICTIVE FOR {command} TO titulaire {' '.join(rules)}"
        )  # fmt: skip
    for statement in (*POLICIES, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
