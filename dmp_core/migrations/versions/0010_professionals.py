"""Professionals: who may come to a dossier, whom its holder blocked, emergencies, and the rights of the role `ps` (0031).

`ps` is bound to one dossier and one professional at a time (`dmp.dossier`, `dmp.professional`, `dmp.moment`). What
the gate decides stands here a second time, but for the matrix of professions: without a way in, no document and no key;
masked ones for their author and for who sees everything alone; nothing of a dossier that is not open; no line of the trace
in anybody's name but the professional's own.
"""

from alembic import op

revision = "0010"
down_revision = "0009"

TABLES = (
    # Who may come, and by what right. The médecin traitant stays until another is named; the others for a time.
    """
CREATE TABLE medical.relation (
    id              uuid PRIMARY KEY,
    dossier_id      uuid NOT NULL REFERENCES enrolment.dossier,
    professional_id text NOT NULL CHECK (length(professional_id) BETWEEN 2 AND 64),
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 150),
    profession      text NOT NULL,
    basis           text NOT NULL CHECK (basis IN ('attending', 'consent', 'team')),
    sees_all        boolean NOT NULL,
    given_by        text NOT NULL,
    since           timestamptz NOT NULL,
    until           timestamptz CHECK (until > since),
    ended_at        timestamptz CHECK (ended_at >= since),
    CHECK (basis <> 'attending' OR sees_all),
    CHECK ((basis = 'attending') = (until IS NULL)),
    CHECK (NOT sees_all OR given_by = 'titulaire')
)""",
    """
CREATE TABLE medical.block (
    id              uuid PRIMARY KEY,
    dossier_id      uuid NOT NULL REFERENCES enrolment.dossier,
    professional_id text NOT NULL,
    name            text NOT NULL,
    profession      text NOT NULL,
    since           timestamptz NOT NULL,
    until           timestamptz CHECK (until >= since)
)""",
    """
CREATE TABLE medical.emergency (
    id              uuid PRIMARY KEY,
    dossier_id      uuid NOT NULL REFERENCES enrolment.dossier,
    professional_id text NOT NULL,
    name            text NOT NULL,
    profession      text NOT NULL,
    mode            text NOT NULL CHECK (mode IN ('urgence', 'centre15')),
    reason          text NOT NULL CHECK (length(reason) BETWEEN 1 AND 300),
    began_at        timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    CHECK (ends_at > began_at AND ends_at <= began_at + interval '1 hour')
)""",
    """
CREATE TABLE medical.emergency_refusal (
    id         uuid PRIMARY KEY,
    dossier_id uuid NOT NULL REFERENCES enrolment.dossier,
    since      timestamptz NOT NULL,
    until      timestamptz CHECK (until >= since)
)""",
)

INDEXES = (
    "CREATE UNIQUE INDEX relation_one_live ON medical.relation (dossier_id, professional_id) WHERE ended_at IS NULL",
    "CREATE UNIQUE INDEX relation_one_attending ON medical.relation (dossier_id) "
    "WHERE basis = 'attending' AND ended_at IS NULL",
    "CREATE UNIQUE INDEX block_one_live ON medical.block (dossier_id, professional_id) WHERE until IS NULL",
    "CREATE INDEX emergency_of ON medical.emergency (dossier_id, professional_id, ends_at)",
    "CREATE UNIQUE INDEX emergency_refusal_one_live ON medical.emergency_refusal (dossier_id) WHERE until IS NULL",
)

# What the professional of this transaction may see of its dossier: everything, all but what is masked, or nothing.
SIGHT = """
CREATE FUNCTION medical.sight() RETURNS text STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN NOT EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = here.dossier AND d.state = 'open')
            OR EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = here.dossier
                AND b.professional_id = here.professional AND b.until IS NULL) THEN 'nothing'
        WHEN own.sees_all THEN 'all'
        WHEN own.id IS NOT NULL THEN 'some'
        WHEN EXISTS (SELECT FROM medical.emergency e WHERE e.dossier_id = here.dossier
                AND e.professional_id = here.professional AND e.ends_at > here.moment)
            AND NOT EXISTS (SELECT FROM medical.emergency_refusal r
                WHERE r.dossier_id = here.dossier AND r.until IS NULL) THEN 'some'
        ELSE 'nothing' END
    FROM (SELECT NULLIF(current_setting('dmp.dossier', true), '')::uuid AS dossier,
        current_setting('dmp.professional', true) AS professional,
        NULLIF(current_setting('dmp.moment', true), '')::timestamptz AS moment) here
    LEFT JOIN medical.relation own ON own.dossier_id = here.dossier AND own.professional_id = here.professional
        AND own.ended_at IS NULL AND (own.until IS NULL OR own.until > here.moment)
$$"""

# As in 0009, with what has come since; the person of trust was left behind there.
ERASE = """
CREATE OR REPLACE FUNCTION medical.erase(dossier uuid) RETURNS bytea VOLATILE
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE seen text;
BEGIN
    SELECT concat(
        (SELECT string_agg(sha256(convert_to(t::text, 'UTF8'))::text, '' ORDER BY t.number)
            FROM medical.trace t WHERE t.dossier_id = dossier),
        (SELECT string_agg(sha256(convert_to(d::text, 'UTF8'))::text, '' ORDER BY d.id)
            FROM medical.document d WHERE d.dossier_id = dossier),
        (SELECT string_agg(sha256(convert_to(f::text, 'UTF8'))::text, '')
            FROM medical.feed f WHERE f.dossier_id = dossier),
        (SELECT string_agg(sha256(convert_to(p::text, 'UTF8'))::text, '' ORDER BY p.id)
            FROM medical.trusted_person p WHERE p.dossier_id = dossier),
        (SELECT string_agg(sha256(convert_to(r::text, 'UTF8'))::text, '' ORDER BY r.id)
            FROM medical.relation r WHERE r.dossier_id = dossier),
        (SELECT string_agg(sha256(convert_to(b::text, 'UTF8'))::text, '' ORDER BY b.id)
            FROM medical.block b WHERE b.dossier_id = dossier),
        (SELECT string_agg(sha256(convert_to(e::text, 'UTF8'))::text, '' ORDER BY e.id)
            FROM medical.emergency e WHERE e.dossier_id = dossier),
        (SELECT string_agg(sha256(convert_to(r::text, 'UTF8'))::text, '' ORDER BY r.id)
            FROM medical.emergency_refusal r WHERE r.dossier_id = dossier)) INTO seen;
    DELETE FROM medical.emergency_refusal r WHERE r.dossier_id = dossier;
    DELETE FROM medical.emergency e WHERE e.dossier_id = dossier;
    DELETE FROM medical.block b WHERE b.dossier_id = dossier;
    DELETE FROM medical.relation r WHERE r.dossier_id = dossier;
    DELETE FROM medical.trusted_person p WHERE p.dossier_id = dossier;
    DELETE FROM medical.feed f WHERE f.dossier_id = dossier;
    DELETE FROM medical.trace t WHERE t.dossier_id = dossier;
    DELETE FROM medical.document d WHERE d.dossier_id = dossier;
    DELETE FROM medical.dossier_key k WHERE k.dossier_id = dossier;
    RETURN sha256(convert_to(seen, 'UTF8'));
END
$$"""

NEW = ("relation", "block", "emergency", "emergency_refusal")

BOUND = "dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid"
OPEN = "EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open')"
ME = "current_setting('dmp.professional', true)"
# As a sub-query without a link to the row: asked once a statement, not once a row.
SEES = "(SELECT medical.sight())"
UNBLOCKED = (
    f"NOT EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = relation.dossier_id AND b.professional_id = {ME} "
    "AND b.until IS NULL)"
)

# table, command, rows reached, rows written
OF_PROFESSIONALS = (
    ("medical.dossier_key", "SELECT", f"{BOUND} AND {SEES} <> 'nothing'", None),
    ("medical.dossier_key", "INSERT", None, f"{BOUND} AND {SEES} <> 'nothing'"),
    (
        "medical.document", "SELECT",
        f"{BOUND} AND status <> 'deleted' AND ({SEES} = 'all' OR ({SEES} = 'some' AND (NOT masked OR author_id = {ME})))",
        None,
    ),
    ("medical.trace", "SELECT", BOUND, None),
    ("medical.trace", "INSERT", None, f"{BOUND} AND actor_kind = 'professional' AND actor_id = {ME}"),
    ("medical.relation", "SELECT", f"{BOUND} AND professional_id = {ME}", None),
    (
        "medical.relation", "INSERT", None,
        f"{BOUND} AND {OPEN} AND given_by = {ME} AND {UNBLOCKED} "
        f"AND (professional_id = {ME} OR (basis = 'team' AND {SEES} <> 'nothing'))",
    ),
    # To give themselves a new term, or to leave.
    ("medical.relation", "UPDATE", f"{BOUND} AND {OPEN} AND professional_id = {ME}", f"{BOUND} AND professional_id = {ME}"),
    ("medical.block", "SELECT", f"{BOUND} AND professional_id = {ME}", None),
    ("medical.emergency", "SELECT", f"{BOUND} AND (professional_id = {ME} OR {SEES} = 'all')", None),
    ("medical.emergency", "INSERT", None, f"{BOUND} AND {OPEN} AND professional_id = {ME}"),
    ("medical.emergency_refusal", "SELECT", BOUND, None),
)  # fmt: skip

# The holder gives in their own name, whom they choose.
BEGINS = {"relation": "given_by = 'titulaire'", "block": "true", "emergency_refusal": "true"}

GRANTS = (
    "GRANT USAGE ON SCHEMA enrolment, medical TO ps",
    "GRANT EXECUTE ON FUNCTION enrolment.dossier_of_identifier(text, text), medical.sight() TO ps",
    "GRANT SELECT (id, state, civilite, nom_naissance, nom_usage, prenom, date_naissance) ON enrolment.dossier TO ps",
    "GRANT SELECT, INSERT ON medical.dossier_key TO ps",
    "GRANT SELECT ON medical.document, medical.block, medical.emergency_refusal TO ps",
    # Of the trace, what the next line must follow.
    "GRANT SELECT (dossier_id, number, digest), INSERT ON medical.trace TO ps",
    "GRANT SELECT, INSERT, UPDATE (ended_at) ON medical.relation TO ps",
    "GRANT SELECT, INSERT ON medical.emergency TO ps",
    "GRANT SELECT, INSERT, UPDATE (ended_at) ON medical.relation TO titulaire",
    "GRANT SELECT, INSERT, UPDATE (until) ON medical.block, medical.emergency_refusal TO titulaire",
    "GRANT SELECT ON medical.emergency TO titulaire",
)


def upgrade() -> None:
    for statement in (*TABLES, *INDEXES, SIGHT, ERASE):
        op.execute(statement)
    for table in NEW:
        op.execute(f"ALTER TABLE medical.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY own ON medical.{table} TO titulaire USING ({BOUND} AND {OPEN}) WITH CHECK ({BOUND} AND {OPEN})"
        )
    for table, added in BEGINS.items():
        op.execute(
            f"CREATE POLICY begins ON medical.{table} AS RESTRICTIVE FOR INSERT TO titulaire WITH CHECK ({added})"
        )
    op.execute(
        "CREATE POLICY before_the_door ON enrolment.dossier TO ps USING "
        "(id = NULLIF(current_setting('dmp.dossier', true), '')::uuid)"
    )
    for table, command, reached, written in OF_PROFESSIONALS:
        rules = [f"USING ({reached})"] if reached else []
        rules += [f"WITH CHECK ({written})"] if written else []
        op.execute(f"CREATE POLICY ps_{command.lower()} ON {table} FOR {command} TO ps {' '.join(rules)}")
    for statement in GRANTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
