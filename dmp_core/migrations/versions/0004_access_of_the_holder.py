"""Getting in: sessions, devices, attempts, one-time codes, authenticators, connections (docs/decisions/0014).

All of it is the portal's alone; the role `caisse` has no right on any of it. Rows of a dossier are bound to the setting
`dmp.dossier` as in 0003. A session must be found before its dossier is known: three functions of the owner take the
digest of its token, which only its browser can give.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

TABLES = (
    """
CREATE TABLE enrolment.attempt (
    lane          bytea PRIMARY KEY CHECK (octet_length(lane) = 32),
    scope         text NOT NULL,
    failures      integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    blocks        integer NOT NULL DEFAULT 0 CHECK (blocks >= 0),
    began_at      timestamptz NOT NULL,
    attacked_at   timestamptz,
    blocked_until timestamptz,
    forget_at     timestamptz NOT NULL
)""",
    """
CREATE TABLE enrolment.session (
    id           uuid PRIMARY KEY,
    token_sha256 bytea NOT NULL UNIQUE CHECK (octet_length(token_sha256) = 32),
    stage        text NOT NULL,
    dossier_id   uuid REFERENCES enrolment.dossier,
    caisse       char(3),
    person_id    bigint,
    data         bytea NOT NULL,
    address      text NOT NULL,
    device_label text NOT NULL,
    began_at     timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL,
    CHECK ((caisse IS NULL) = (person_id IS NULL))
)""",
    """
CREATE TABLE enrolment.device (
    id           uuid PRIMARY KEY,
    dossier_id   uuid NOT NULL REFERENCES enrolment.dossier,
    token_sha256 bytea NOT NULL CHECK (octet_length(token_sha256) = 32),
    label        text NOT NULL,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    UNIQUE (dossier_id, token_sha256)
)""",
    """
CREATE TABLE enrolment.one_time_code (
    dossier_id uuid NOT NULL REFERENCES enrolment.dossier,
    purpose    text NOT NULL,
    session_id uuid NOT NULL,
    digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
    key_id     text NOT NULL,
    sent_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (dossier_id, purpose)
)""",
    """
CREATE TABLE enrolment.authenticator (
    dossier_id   uuid PRIMARY KEY REFERENCES enrolment.dossier,
    secret       bytea NOT NULL,
    key_id       text NOT NULL,
    created_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step    bigint NOT NULL DEFAULT 0
)""",
    """
CREATE TABLE enrolment.connection (
    id           uuid PRIMARY KEY,
    dossier_id   uuid NOT NULL REFERENCES enrolment.dossier,
    session_id   uuid NOT NULL,
    device_id    uuid,
    device_label text NOT NULL,
    address      text NOT NULL,
    began_at     timestamptz NOT NULL,
    ended_at     timestamptz CHECK (ended_at >= began_at),
    ending       text CHECK (ending IN ('signed_out', 'expired', 'signed_out_elsewhere', 'password_changed', 'closed')),
    CHECK ((ended_at IS NULL) = (ending IS NULL))
)""",
    """
CREATE TABLE enrolment.contact_change (
    dossier_id uuid NOT NULL REFERENCES enrolment.dossier,
    kind       text NOT NULL CHECK (kind IN ('mail', 'mobile')),
    value      text NOT NULL,
    session_id uuid NOT NULL,
    asked_at   timestamptz NOT NULL,
    old_proved_at timestamptz,
    PRIMARY KEY (dossier_id, kind)
)""",
)

INDEXES = (
    "CREATE INDEX attempt_forget ON enrolment.attempt (forget_at)",
    "CREATE INDEX session_dossier ON enrolment.session (dossier_id)",
    "CREATE INDEX session_seen ON enrolment.session (seen_at)",
    "CREATE INDEX connection_dossier ON enrolment.connection (dossier_id, began_at)",
    "CREATE INDEX connection_session ON enrolment.connection (session_id) WHERE ended_at IS NULL",
)

FUNCTIONS = (
    # The session of a token, seen now; nothing when it is over, or when the dossier has been closed or suspended since.
    """
CREATE FUNCTION enrolment.session_of_token(digest bytea, moment timestamptz, idle interval, whole interval)
RETURNS TABLE (id uuid, stage text, dossier_id uuid, caisse char(3), person_id bigint, data bytea,
    began_at timestamptz, seen_at timestamptz) VOLATILE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE enrolment.session s SET seen_at = greatest(s.seen_at, moment)
    WHERE s.token_sha256 = digest AND s.seen_at > moment - idle AND s.began_at > moment - whole
        AND (s.stage <> 'open' OR EXISTS (
            SELECT FROM enrolment.dossier d WHERE d.id = s.dossier_id AND d.state = 'open'))
    RETURNING s.id, s.stage, s.dossier_id, s.caisse, s.person_id, s.data, s.began_at, s.seen_at
$$""",
    # True when this very call moved it on: the old token is dead, and two clicks at once cannot both move it.
    """
CREATE FUNCTION enrolment.advance_session(
    digest bytea, new_digest bytea, new_stage text, new_dossier uuid, new_data bytea, moment timestamptz, anew boolean
) RETURNS boolean VOLATILE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH done AS (
        UPDATE enrolment.session s SET token_sha256 = new_digest, stage = new_stage,
            dossier_id = coalesce(new_dossier, s.dossier_id), data = new_data, seen_at = moment,
            began_at = CASE WHEN anew THEN moment ELSE s.began_at END
        WHERE s.token_sha256 = digest RETURNING 1
    ) SELECT EXISTS (SELECT FROM done)
$$""",
    """
CREATE FUNCTION enrolment.end_session(digest bytea, moment timestamptz, how text) RETURNS void VOLATILE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH done AS (DELETE FROM enrolment.session s WHERE s.token_sha256 = digest RETURNING s.id)
    UPDATE enrolment.connection c SET ended_at = moment, ending = how
    FROM done WHERE c.session_id = done.id AND c.ended_at IS NULL
$$""",
    # Sessions that are over by time, a thousand at once; their connections say when they really ended.
    """
CREATE FUNCTION enrolment.end_old_sessions(moment timestamptz, idle interval, whole interval)
RETURNS bigint VOLATILE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH old AS (
        SELECT s.id FROM enrolment.session s WHERE s.seen_at <= moment - idle OR s.began_at <= moment - whole
        LIMIT 1000 FOR UPDATE SKIP LOCKED
    ), done AS (
        DELETE FROM enrolment.session s USING old WHERE s.id = old.id RETURNING s.id, s.began_at, s.seen_at
    ), told AS (
        UPDATE enrolment.connection c SET ending = 'expired',
            ended_at = greatest(c.began_at, least(done.seen_at + idle, done.began_at + whole))
        FROM done WHERE c.session_id = done.id AND c.ended_at IS NULL
    )
    SELECT count(*) FROM done
$$""",
)

HOLDER = "NULLIF(current_setting('dmp.dossier', true), '')::uuid"

OWN = ("device", "one_time_code", "authenticator", "connection", "contact_change")

GRANTS = (
    "GRANT EXECUTE ON FUNCTION enrolment.session_of_token(bytea, timestamptz, interval, interval), "
    "enrolment.advance_session(bytea, bytea, text, uuid, bytea, timestamptz, boolean), "
    "enrolment.end_session(bytea, timestamptz, text), "
    "enrolment.end_old_sessions(timestamptz, interval, interval) TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (failures, blocks, began_at, attacked_at, blocked_until, forget_at, scope), DELETE "
    "ON enrolment.attempt TO titulaire",
    "GRANT SELECT (id, dossier_id, stage, address, device_label, began_at, seen_at), INSERT, DELETE "
    "ON enrolment.session TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (last_at, label), DELETE ON enrolment.device TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (session_id, digest, key_id, sent_at, expires_at, used_at) "
    "ON enrolment.one_time_code TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (secret, key_id, created_at, confirmed_at, last_step), DELETE "
    "ON enrolment.authenticator TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (ended_at, ending), DELETE ON enrolment.connection TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (value, session_id, asked_at, old_proved_at), DELETE "
    "ON enrolment.contact_change TO titulaire",
)


def upgrade() -> None:
    for statement in (*TABLES, *INDEXES, *FUNCTIONS):
        op.execute(statement)
    for table in (*OWN, "session"):
        op.execute(f"ALTER TABLE enrolment.{table} ENABLE ROW LEVEL SECURITY")
    for table in OWN:
        op.execute(
            f"CREATE POLICY own ON enrolment.{table} TO titulaire USING (dossier_id = {HOLDER}) "
            f"WITH CHECK (dossier_id = {HOLDER})"
        )
    # Before there is a dossier a session may be begun, and reached through its token alone.
    op.execute(
        f"CREATE POLICY own ON enrolment.session TO titulaire USING (dossier_id = {HOLDER}) "
        f"WITH CHECK (dossier_id IS NULL OR dossier_id = {HOLDER})"
    )
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
