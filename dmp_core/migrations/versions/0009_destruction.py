"""The destruction of dossiers past their ten years, and its proof (docs/decisions/0026).

The caisse has no right to delete: it may call one routine, which refuses before the end of the retention, takes two names
and leaves a proof. What the record holds is `medical.erase`'s to destroy and to sum up in a digest, never in a number:
the caisse must not learn how much there was. A table of either schema that refers to a dossier and is not emptied here
makes the last DELETE fail, and nothing is destroyed.
"""

from alembic import op

revision = "0009"
down_revision = "0008"

PROOF = """
CREATE TABLE enrolment.destruction (
    id           uuid PRIMARY KEY,
    caisse       char(3) NOT NULL,
    person_id    bigint NOT NULL,
    opened_at    timestamptz NOT NULL,
    closed_at    timestamptz NOT NULL,
    keep_until   date NOT NULL,
    proposed_by  text NOT NULL,
    confirmed_by text NOT NULL CHECK (confirmed_by <> proposed_by),
    destroyed_at timestamptz NOT NULL,
    contents     bytea NOT NULL CHECK (octet_length(contents) = 32),
    proof        bytea NOT NULL UNIQUE CHECK (octet_length(proof) = 32)
)"""

EXPIRED = "CREATE INDEX dossier_kept_until ON enrolment.dossier (keep_until) WHERE state = 'closed'"

# Contents lie sealed outside the database: with their dossier's key gone, nothing reads them any more.
ERASE = """
CREATE FUNCTION medical.erase(dossier uuid) RETURNS bytea VOLATILE
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE seen text;
BEGIN
    SELECT concat(
        (SELECT string_agg(sha256(convert_to(t::text, 'UTF8'))::text, '' ORDER BY t.number)
            FROM medical.trace t WHERE t.dossier_id = dossier),
        (SELECT string_agg(sha256(convert_to(d::text, 'UTF8'))::text, '' ORDER BY d.id)
            FROM medical.document d WHERE d.dossier_id = dossier),
        (SELECT string_agg(sha256(convert_to(f::text, 'UTF8'))::text, '')
            FROM medical.feed f WHERE f.dossier_id = dossier)) INTO seen;
    DELETE FROM medical.feed f WHERE f.dossier_id = dossier;
    DELETE FROM medical.trace t WHERE t.dossier_id = dossier;
    DELETE FROM medical.document d WHERE d.dossier_id = dossier;
    DELETE FROM medical.dossier_key k WHERE k.dossier_id = dossier;
    RETURN sha256(convert_to(seen, 'UTF8'));
END
$$"""

# In the order in which nothing is left that refers to what goes.
TABLES = (
    "session", "device", "one_time_code", "authenticator", "connection", "contact_change", "consent", "account",
    "password", "contact", "identifier",
)  # fmt: skip

# A digest of each table's rows joins the proof before they go.
EMPTY_ONE = (
    "contents := sha256(contents || coalesce((SELECT sha256(convert_to(string_agg(t::text, '|' ORDER BY t::text), "
    "'UTF8')) FROM enrolment.OWN t WHERE t.dossier_id = found.id), ''::bytea)); "
    "DELETE FROM enrolment.OWN t WHERE t.dossier_id = found.id;"
)

DESTROY = """
CREATE FUNCTION enrolment.destroy_dossier(
    request uuid, wanted_caisse char(3), wanted_person bigint, proposed text, confirmed text, moment timestamptz
) RETURNS TABLE (digest bytea, at timestamptz) VOLATILE
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found enrolment.dossier%ROWTYPE;
    contents bytea;
    done timestamptz := least(moment, now());
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(request::text, 8));
    IF EXISTS (SELECT FROM enrolment.destruction d WHERE d.id = request) THEN
        RETURN QUERY SELECT d.proof, d.destroyed_at FROM enrolment.destruction d
            WHERE d.id = request AND d.caisse = wanted_caisse AND d.person_id = wanted_person;
        RETURN;
    END IF;
    SELECT * INTO found FROM enrolment.dossier d
        WHERE d.caisse = wanted_caisse AND d.person_id = wanted_person FOR UPDATE;
    IF found.id IS NULL THEN
        RETURN;
    END IF;
    -- Whatever the caller's clock says, never before the real day.
    IF found.state <> 'closed' OR found.keep_until >= (done AT TIME ZONE 'Europe/Paris')::date THEN
        RAISE EXCEPTION 'dossier: kept until %', found.keep_until USING ERRCODE = 'restrict_violation';
    END IF;
    contents := medical.erase(found.id);
    -- EMPTY EACH
    contents := sha256(contents || convert_to(found::text, 'UTF8'));
    DELETE FROM enrolment.dossier d WHERE d.id = found.id;
    RETURN QUERY INSERT INTO enrolment.destruction AS made (id, caisse, person_id, opened_at, closed_at, keep_until,
        proposed_by, confirmed_by, destroyed_at, contents, proof)
    VALUES (request, found.caisse, found.person_id, found.opened_at, found.state_changed_at, found.keep_until,
        proposed, confirmed, done, contents, sha256(convert_to(concat_ws('|', request, found.caisse, found.person_id,
            found.keep_until, proposed, confirmed, extract(epoch FROM done)), 'UTF8') || contents))
    RETURNING made.proof, made.destroyed_at;
END
$$"""

GRANT = (
    "GRANT EXECUTE ON FUNCTION enrolment.destroy_dossier(uuid, char, bigint, text, text, timestamptz) TO caisse"
)  # fmt: skip


def upgrade() -> None:
    emptied = " ".join(EMPTY_ONE.replace("OWN", table) for table in TABLES)
    for statement in (PROOF, EXPIRED, ERASE, DESTROY.replace("-- EMPTY EACH", emptied), GRANT):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
