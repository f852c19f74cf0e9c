"""Creation codes (docs/decisions/0003): keyed hashes alone, one live code a person, a state that only moves forward."""

from alembic import op

revision = "0002"
down_revision = "0001"

CAISSES = ("221", "251", "311", "371", "631", "641", "671", "801", "941")
"""The nine of the pre-series when this migration was written; another caisse falls into the default partition."""

REQUEST = """
CREATE TABLE enrolment.code_request (
    request_id  uuid PRIMARY KEY,
    caisse      char(3) NOT NULL CHECK (caisse ~ '^[0-9]{3}$'),
    issue_id    uuid NOT NULL,
    letter_date date NOT NULL,
    issued_at   timestamptz NOT NULL,
    codes       integer NOT NULL CHECK (codes >= 0)
)
"""

CODE = """
CREATE TABLE enrolment.creation_code (
    caisse           char(3) NOT NULL CHECK (caisse ~ '^[0-9]{3}$'),
    person_id        bigint NOT NULL,
    digest           bytea NOT NULL CHECK (octet_length(digest) = 32),
    key_id           text NOT NULL,
    request_id       uuid NOT NULL,
    issue_id         uuid NOT NULL,
    letter_date      date NOT NULL,
    expires_at       timestamptz NOT NULL,
    issued_at        timestamptz NOT NULL,
    state            text NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'used', 'revoked', 'expired')),
    state_changed_at timestamptz,
    reason           text CHECK (length(reason) <= 200),
    PRIMARY KEY (caisse, digest),
    CHECK ((state = 'live') = (state_changed_at IS NULL)),
    CHECK (expires_at <= (letter_date + interval '2 months' + interval '1 day') AT TIME ZONE 'Europe/Paris')
) PARTITION BY LIST (caisse)
"""

REFUSE = """
CREATE FUNCTION enrolment.refuse_code_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'creation code: no change from % to % by %', OLD.state, NEW.state, current_user
        USING ERRCODE = 'restrict_violation';
END
$$
"""

# A code ends once and never lives again; that it was used, the portal alone can say.
FORWARD_ONLY = """
CREATE TRIGGER forward_only BEFORE UPDATE ON enrolment.creation_code FOR EACH ROW
WHEN (OLD.state <> 'live' OR NEW.state = 'live' OR (NEW.state = 'used' AND current_user = 'caisse'))
EXECUTE FUNCTION enrolment.refuse_code_change()
"""

INDEXES = (
    "CREATE UNIQUE INDEX creation_code_one_live ON enrolment.creation_code (caisse, person_id) WHERE state = 'live'",
    "CREATE INDEX creation_code_person ON enrolment.creation_code (person_id)",
    "CREATE INDEX creation_code_request ON enrolment.creation_code (request_id)",
)

# Inserted, the digest is never read back: comparing belongs to the portal. The state of a new row is its default.
GRANTS = (
    "GRANT SELECT (request_id, caisse, issue_id, letter_date, issued_at, codes), "
    "INSERT (request_id, caisse, issue_id, letter_date, issued_at, codes), "
    "UPDATE (issue_id, letter_date, issued_at, codes) ON enrolment.code_request TO caisse",
    "GRANT SELECT (caisse, person_id, key_id, request_id, issue_id, letter_date, expires_at, issued_at, state, "
    "state_changed_at, reason), "
    "INSERT (caisse, person_id, digest, key_id, request_id, issue_id, letter_date, expires_at, issued_at), "
    "UPDATE (state, state_changed_at, reason) ON enrolment.creation_code TO caisse",
)


def upgrade() -> None:
    op.execute(REQUEST)
    op.execute(CODE)
    for caisse in CAISSES:
        op.execute(
            f"CREATE TABLE enrolment.creation_code_{caisse} PARTITION OF enrolment.creation_code "
            f"FOR VALUES IN ('{caisse}')"
        )
    op.execute("CREATE TABLE enrolment.creation_code_other PARTITION OF enrolment.creation_code DEFAULT")
    for statement in (*INDEXES, REFUSE, FORWARD_ONLY, *GRANTS):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
