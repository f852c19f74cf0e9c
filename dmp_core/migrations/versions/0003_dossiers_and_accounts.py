"""Dossiers, their identifiers, consents and accounts, and the outbox (docs/decisions/0013).

The role `titulaire` is bound by row-level security to the dossier named in the setting `dmp.dossier`, which the portal
sets for one transaction once it knows who is there; what it must find before that, three functions of the owner give it.
The role `caisse` inserts credentials and never reads them.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

TABLES = (
    """
CREATE TABLE enrolment.dossier (
    id             uuid PRIMARY KEY,
    request_id     uuid NOT NULL UNIQUE,
    caisse         char(3) NOT NULL CHECK (caisse ~ '^[0-9]{3}$'),
    person_id      bigint NOT NULL,
    civilite       text NOT NULL,
    nom_naissance  text NOT NULL,
    nom_usage      text NOT NULL,
    prenom         text NOT NULL,
    date_naissance char(10) NOT NULL,
    way            text NOT NULL CHECK (way IN ('online', 'counter', 'ps')),
    state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'suspended', 'closed')),
    opened_at      timestamptz NOT NULL,
    state_changed_at timestamptz,
    closed_by      text CHECK (closed_by IN ('holder', 'caisse')),
    reason         text CHECK (length(reason) <= 200),
    keep_until     date,
    CHECK ((state = 'closed') = (keep_until IS NOT NULL)),
    CHECK ((state = 'closed') = (closed_by IS NOT NULL)),
    UNIQUE (caisse, person_id)
)""",
    """
CREATE TABLE enrolment.identifier (
    dossier_id uuid NOT NULL REFERENCES enrolment.dossier,
    system     text NOT NULL,
    value      text NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to   timestamptz CHECK (valid_to >= valid_from),
    PRIMARY KEY (dossier_id, system, valid_from)
)""",
    """
CREATE TABLE enrolment.consent (
    id           uuid PRIMARY KEY,
    dossier_id   uuid NOT NULL REFERENCES enrolment.dossier,
    at           timestamptz NOT NULL,
    way          text NOT NULL,
    terms        text NOT NULL,
    terms_sha256 bytea NOT NULL CHECK (octet_length(terms_sha256) = 32),
    wording      text NOT NULL,
    collected_by text,
    on_behalf_by text
)""",
    """
CREATE TABLE enrolment.account (
    dossier_id uuid PRIMARY KEY REFERENCES enrolment.dossier,
    login      text NOT NULL UNIQUE CHECK (login ~ '^[a-z]{4}[0-9]{4}$'),
    created_at timestamptz NOT NULL
)""",
    """
CREATE TABLE enrolment.password (
    id         uuid PRIMARY KEY,
    dossier_id uuid NOT NULL REFERENCES enrolment.dossier,
    hash       text NOT NULL CHECK (hash LIKE '$argon2id$%'),
    initial    boolean NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    used_at    timestamptz,
    ended_at   timestamptz,
    CHECK (initial = (expires_at IS NOT NULL))
)""",
    """
CREATE TABLE enrolment.contact (
    id         uuid PRIMARY KEY,
    dossier_id uuid NOT NULL REFERENCES enrolment.dossier,
    kind       text NOT NULL CHECK (kind IN ('mail', 'mobile')),
    value      text NOT NULL,
    since      timestamptz NOT NULL,
    until      timestamptz CHECK (until >= since)
)""",
    """
CREATE TABLE enrolment.outbox (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id  uuid NOT NULL UNIQUE,
    kind      text NOT NULL,
    caisse    char(3) NOT NULL,
    person_id bigint NOT NULL,
    at        timestamptz NOT NULL,
    detail    jsonb NOT NULL DEFAULT '{}',
    done_at   timestamptz
)""",
)

INDEXES = (
    # One dossier for one identifier, whichever caisse the person belongs to.
    "CREATE UNIQUE INDEX identifier_current ON enrolment.identifier (system, value) WHERE valid_to IS NULL",
    "CREATE INDEX consent_dossier ON enrolment.consent (dossier_id)",
    "CREATE UNIQUE INDEX password_one_live ON enrolment.password (dossier_id) WHERE ended_at IS NULL",
    "CREATE UNIQUE INDEX contact_one_live ON enrolment.contact (dossier_id, kind) WHERE until IS NULL",
    "CREATE INDEX outbox_waiting ON enrolment.outbox (id) WHERE done_at IS NULL",
    "CREATE INDEX outbox_person ON enrolment.outbox (caisse, person_id, kind, at)",
)

FUNCTIONS = (
    # What the portal must find before it knows which dossier it speaks of: a key in, a handle out, no list.
    """
CREATE FUNCTION enrolment.dossier_of_login(wanted text) RETURNS TABLE (id uuid, state text) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.id, d.state FROM enrolment.account a JOIN enrolment.dossier d ON d.id = a.dossier_id WHERE a.login = wanted
$$""",
    """
CREATE FUNCTION enrolment.dossier_of_person(wanted_caisse char(3), wanted_person bigint)
RETURNS TABLE (id uuid, state text, request_id uuid) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.id, d.state, d.request_id FROM enrolment.dossier d
    WHERE d.caisse = wanted_caisse AND d.person_id = wanted_person
$$""",
    """
CREATE FUNCTION enrolment.dossier_of_identifier(wanted_system text, wanted_value text)
RETURNS TABLE (id uuid, state text) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.id, d.state FROM enrolment.identifier i JOIN enrolment.dossier d ON d.id = i.dossier_id
    WHERE i.system = wanted_system AND i.value = wanted_value AND i.valid_to IS NULL
$$""",
    # The person's codes, the live one first, to be compared by the portal, which holds the key. Ten bound the work.
    """
CREATE FUNCTION enrolment.codes_of_person(wanted_caisse char(3), wanted_person bigint)
RETURNS TABLE (digest bytea, key_id text, state text, expires_at timestamptz, issued_at timestamptz, issue_id uuid)
STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.digest, c.key_id, c.state, c.expires_at, c.issued_at, c.issue_id FROM enrolment.creation_code c
    WHERE c.caisse = wanted_caisse AND c.person_id = wanted_person
    ORDER BY (c.state = 'live') DESC, c.issued_at DESC LIMIT 10
$$""",
    # True when this very call consumed it: two browsers with one code meet here.
    """
CREATE FUNCTION enrolment.use_code(wanted_caisse char(3), wanted_person bigint, wanted_digest bytea, moment timestamptz)
RETURNS boolean VOLATILE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH done AS (
        UPDATE enrolment.creation_code SET state = 'used', state_changed_at = moment
        WHERE caisse = wanted_caisse AND person_id = wanted_person AND digest = wanted_digest AND state = 'live'
            AND expires_at > moment
        RETURNING 1
    ) SELECT EXISTS (SELECT FROM done)
$$""",
    # How often a kind of event was asked for a person since a moment, and when last: the limits of code requests.
    """
CREATE FUNCTION enrolment.events_of_person(
    wanted_caisse char(3), wanted_person bigint, wanted_kind text, since timestamptz
) RETURNS TABLE (number bigint, last_at timestamptz) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*), max(o.at) FROM enrolment.outbox o
    WHERE o.caisse = wanted_caisse AND o.person_id = wanted_person AND o.kind = wanted_kind AND o.at > since
$$""",
    # The login id of a dossier that the caller opened at a counter, until its holder first gets in: an answer that was
    # lost can be given again. Later, and of a dossier opened elsewhere, no caisse learns it.
    """
CREATE FUNCTION enrolment.login_just_given(wanted_request uuid) RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT a.login FROM enrolment.account a JOIN enrolment.dossier d ON d.id = a.dossier_id
    WHERE d.request_id = wanted_request AND d.way = 'counter' AND d.state = 'open' AND NOT EXISTS (
        SELECT FROM enrolment.password p WHERE p.dossier_id = d.id AND (p.used_at IS NOT NULL OR NOT p.initial))
$$""",
    """
CREATE FUNCTION enrolment.refuse_dossier_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'dossier: no change from % to % by %', OLD.state, NEW.state, current_user
        USING ERRCODE = 'restrict_violation';
END
$$""",
    # The holder closes an open dossier, nothing else; suspending and reopening are the caisse's.
    """
CREATE TRIGGER holder_only_closes BEFORE UPDATE ON enrolment.dossier FOR EACH ROW
WHEN (current_user = 'titulaire' AND NOT (OLD.state = 'open' AND NEW.state = 'closed'))
EXECUTE FUNCTION enrolment.refuse_dossier_change()""",
    """
CREATE FUNCTION enrolment.refuse_beyond_counter() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'dossier: a caisse opens at its counter' USING ERRCODE = 'restrict_violation';
END
$$""",
    """
CREATE TRIGGER caisse_opens_at_counter BEFORE INSERT ON enrolment.dossier FOR EACH ROW
WHEN (current_user = 'caisse' AND NEW.way <> 'counter')
EXECUTE FUNCTION enrolment.refuse_beyond_counter()""",
    # With its owner's rights, for the caisse may not see what it looks at: who got in decides where their codes go.
    """
CREATE FUNCTION enrolment.refuse_contact_of_another_s() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = NEW.dossier_id AND d.way <> 'counter') OR EXISTS (
        SELECT FROM enrolment.password p
        WHERE p.dossier_id = NEW.dossier_id AND (p.used_at IS NOT NULL OR NOT p.initial))
    THEN
        RAISE EXCEPTION 'contact: its holder alone adds to it' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$""",
    """
CREATE TRIGGER caisse_only_begins BEFORE INSERT ON enrolment.contact FOR EACH ROW
WHEN (current_user = 'caisse')
EXECUTE FUNCTION enrolment.refuse_contact_of_another_s()""",
)

HOLDER = "NULLIF(current_setting('dmp.dossier', true), '')::uuid"

_OWN = {"dossier": "id", "identifier": "dossier_id", "consent": "dossier_id", "account": "dossier_id",
        "password": "dossier_id", "contact": "dossier_id"}  # fmt: skip

GRANTS = (
    "GRANT USAGE ON SCHEMA enrolment TO titulaire",
    "GRANT EXECUTE ON FUNCTION enrolment.dossier_of_login(text), enrolment.dossier_of_person(char, bigint), "
    "enrolment.dossier_of_identifier(text, text), enrolment.codes_of_person(char, bigint), "
    "enrolment.use_code(char, bigint, bytea, timestamptz), "
    "enrolment.events_of_person(char, bigint, text, timestamptz) TO titulaire",
    # A dossier begins in the state that is its default.
    "GRANT SELECT, INSERT (id, request_id, caisse, person_id, civilite, nom_naissance, nom_usage, prenom, "
    "date_naissance, way, opened_at), UPDATE (state, state_changed_at, closed_by, reason, keep_until) "
    "ON enrolment.dossier TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (valid_to) ON enrolment.identifier TO titulaire",
    "GRANT SELECT, INSERT ON enrolment.consent, enrolment.account TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (used_at, ended_at) ON enrolment.password TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (until) ON enrolment.contact TO titulaire",
    "GRANT INSERT (event_id, kind, caisse, person_id, at, detail) ON enrolment.outbox TO titulaire",
    "GRANT EXECUTE ON FUNCTION enrolment.login_just_given(uuid) TO caisse",
    # The caisse: administrative facts of a dossier, its states, and putting in what an assisted creation needs.
    "GRANT SELECT (id, request_id, caisse, person_id, way, state, opened_at, state_changed_at, closed_by, reason, "
    "keep_until), "
    "INSERT (id, request_id, caisse, person_id, civilite, nom_naissance, nom_usage, prenom, date_naissance, way, "
    "opened_at), "
    "UPDATE (state, state_changed_at, closed_by, reason, keep_until) ON enrolment.dossier TO caisse",
    "GRANT INSERT (dossier_id, system, value, valid_from) ON enrolment.identifier TO caisse",
    "GRANT INSERT (id, dossier_id, at, way, terms, terms_sha256, wording, collected_by, on_behalf_by) "
    "ON enrolment.consent TO caisse",
    "GRANT INSERT (dossier_id, login, created_at) ON enrolment.account TO caisse",
    "GRANT INSERT (id, dossier_id, hash, initial, created_at, expires_at), UPDATE (ended_at), "
    "SELECT (dossier_id, ended_at) ON enrolment.password TO caisse",
    "GRANT INSERT (id, dossier_id, kind, value, since) ON enrolment.contact TO caisse",
    "GRANT SELECT (id, event_id, kind, caisse, person_id, at, detail, done_at), "
    "INSERT (event_id, kind, caisse, person_id, at, detail), UPDATE (done_at) ON enrolment.outbox TO caisse",
)


def upgrade() -> None:
    for statement in (*TABLES, *INDEXES, *FUNCTIONS):
        op.execute(statement)
    for table, column in _OWN.items():
        op.execute(f"ALTER TABLE enrolment.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own ON enrolment.{table} TO titulaire USING ({column} = {HOLDER}) "
            f"WITH CHECK ({column} = {HOLDER})"
        )
        # Columns, not rows, are what the caisse is denied here.
        op.execute(f"CREATE POLICY caisse ON enrolment.{table} TO caisse USING (true) WITH CHECK (true)")
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
