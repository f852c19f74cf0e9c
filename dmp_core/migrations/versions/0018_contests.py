"""Contests of emergency accesses, by the holder, and the answer of the professional (docs/decisions/0038).

An emergency is contested once. Its professional may write the answer, once, and nothing else of it: neither a way into the
dossier nor the end of one comes with it. What waits for them is asked of one routine, which names their own emergencies in
open dossiers alone.
"""

from alembic import op
from sqlalchemy import text

revision = "0018"
down_revision = "0017"

TABLE = """
CREATE TABLE medical.contest (
    id              uuid PRIMARY KEY,
    dossier_id      uuid NOT NULL REFERENCES enrolment.dossier,
    emergency_id    uuid NOT NULL UNIQUE REFERENCES medical.emergency,
    professional_id text NOT NULL,
    words           text NOT NULL CHECK (length(words) BETWEEN 1 AND 500),
    at              timestamptz NOT NULL,
    answer          text CHECK (length(answer) BETWEEN 1 AND 1000),
    answered_at     timestamptz,
    CHECK ((answer IS NULL) = (answered_at IS NULL))
)"""

INDEXES = (
    "CREATE INDEX contest_to_answer ON medical.contest (professional_id, at) WHERE answered_at IS NULL",
    "CREATE INDEX contest_of_dossier ON medical.contest (dossier_id)",
)

FUNCTIONS = (
    """
CREATE FUNCTION medical.contests_to_answer(most integer) RETURNS TABLE (
    id uuid, dossier_id uuid, civilite text, nom_naissance text, nom_usage text, prenom text, date_naissance char(10),
    mode text, reason text, began_at timestamptz, words text, at timestamptz
) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.id, d.id, d.civilite, d.nom_naissance, d.nom_usage, d.prenom, d.date_naissance, e.mode, e.reason, e.began_at,
        c.words, c.at
    FROM medical.contest c
    JOIN medical.emergency e ON e.id = c.emergency_id
    JOIN enrolment.dossier d ON d.id = c.dossier_id AND d.state = 'open'
    WHERE c.professional_id = current_setting('dmp.professional', true) AND c.answered_at IS NULL
    ORDER BY c.at, c.id LIMIT most
$$""",
    """
CREATE FUNCTION medical.notice_of_answer() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM medical.give_notice(NEW.dossier_id, 'answer', NEW.id::text, NEW.answered_at);
    RETURN NULL;
END
$$""",
)

TRIGGER = (
    "CREATE TRIGGER notice AFTER UPDATE ON medical.contest FOR EACH ROW "
    "WHEN (OLD.answered_at IS NULL AND NEW.answered_at IS NOT NULL) EXECUTE FUNCTION medical.notice_of_answer()"
)

BOUND = "dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid"
OPEN = "EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open')"
ME = "professional_id = current_setting('dmp.professional', true)"
OF_THE_EMERGENCY = (
    "EXISTS (SELECT FROM medical.emergency e WHERE e.id = emergency_id AND e.dossier_id = contest.dossier_id "
    "AND e.professional_id = contest.professional_id)"
)

POLICIES = (
    f"own ON medical.contest TO titulaire USING ({BOUND} AND {OPEN}) WITH CHECK ({BOUND} AND {OPEN})",
    f"begins ON medical.contest AS RESTRICTIVE FOR INSERT TO titulaire WITH CHECK ({OF_THE_EMERGENCY})",
    f"ps_select ON medical.contest FOR SELECT TO ps USING ({BOUND} AND {OPEN} AND {ME})",
    f"ps_update ON medical.contest FOR UPDATE TO ps USING ({BOUND} AND {OPEN} AND {ME} AND answered_at IS NULL) "
    f"WITH CHECK ({BOUND} AND {ME})",
)

GRANTS = (
    "GRANT SELECT, INSERT (id, dossier_id, emergency_id, professional_id, words, at) ON medical.contest TO titulaire",
    "GRANT SELECT, UPDATE (answer, answered_at) ON medical.contest TO ps",
    "GRANT EXECUTE ON FUNCTION medical.contests_to_answer(integer) TO ps",
)

GIVEN = ")) INTO seen;"
ERASED = (
    "), (SELECT string_agg(sha256(convert_to(x::text, 'UTF8'))::text, '' ORDER BY x.id) "
    "FROM medical.contest x WHERE x.dossier_id = dossier)) INTO seen; "
    "DELETE FROM medical.contest x WHERE x.dossier_id = dossier;"
)
"""What `medical.erase` sums up and empties too, before the emergencies (migration 0016)."""


def upgrade() -> None:
    for statement in (TABLE, *INDEXES, *FUNCTIONS, TRIGGER):
        op.execute(statement)
    op.execute("ALTER TABLE medical.contest ENABLE ROW LEVEL SECURITY")
    for policy in POLICIES:
        op.execute(f"CREATE POLICY {policy}")
    for grant in GRANTS:
        op.execute(grant)
    before = op.get_bind().scalar(text("SELECT pg_get_functiondef('medical.erase'::regproc)"))
    assert before.count(GIVEN) == 1
    op.execute(before.replace(GIVEN, ERASED))


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
