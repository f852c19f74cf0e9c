"""Notices to holders: written with what they tell of, sent by a role that reaches nothing else (docs/decisions/0036).

Triggers write them, so that no way of coming to a dossier can forget one, in the very transaction of the access. The role
`avis` has no right on any table: it claims one notice at a time, with the address it goes to, and says what became of it.
The role `ps` neither writes nor reads them; a caisse does not know that there are any.
"""

from alembic import op
from sqlalchemy import text

from dmp_core.errors import Unavailable

revision = "0016"
down_revision = "0015"

TABLES = (
    # `about` is what is told of, so that it is told once: an event, a professional, an emergency.
    """
CREATE TABLE medical.notice (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    dossier_id uuid NOT NULL REFERENCES enrolment.dossier,
    kind       text NOT NULL CHECK (kind IN ('created', 'first_access', 'emergency', 'answer', 'closed')),
    about      text NOT NULL,
    channel    text NOT NULL CHECK (channel IN ('mail', 'mobile')),
    at         timestamptz NOT NULL,
    state      text NOT NULL CHECK
                   (state IN ('waiting', 'sending', 'sent', 'refused', 'doubtful', 'no_contact', 'declined')),
    attempts   integer NOT NULL DEFAULT 0,
    due_at     timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    UNIQUE (dossier_id, kind, about, channel)
)""",
    # What the holder does not want to be told of. An emergency is always told.
    """
CREATE TABLE medical.notice_refusal (
    id         uuid PRIMARY KEY,
    dossier_id uuid NOT NULL REFERENCES enrolment.dossier,
    kind       text NOT NULL CHECK (kind = 'first_access'),
    since      timestamptz NOT NULL,
    until      timestamptz CHECK (until >= since)
)""",
    "CREATE INDEX notice_waiting ON medical.notice ((kind = 'emergency') DESC, due_at) WHERE state = 'waiting'",
    "CREATE INDEX notice_sending ON medical.notice (changed_at) WHERE state = 'sending'",
    "CREATE UNIQUE INDEX notice_refusal_one_live ON medical.notice_refusal (dossier_id, kind) WHERE until IS NULL",
)

OWNER_RIGHTS = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"

FUNCTIONS = (
    """
CREATE FUNCTION medical.give_notice(dossier uuid, what text, of_what text, moment timestamptz) RETURNS void
DEFINER AS $$
BEGIN
    INSERT INTO medical.notice (dossier_id, kind, about, channel, at, state, due_at, changed_at)
    SELECT dossier, what, of_what, c.channel, moment, CASE WHEN EXISTS (SELECT FROM medical.notice_refusal r
            WHERE r.dossier_id = dossier AND r.kind = what AND r.until IS NULL) THEN 'declined' ELSE 'waiting' END,
        moment, moment
    FROM (VALUES ('mail'), ('mobile')) c (channel)
    ON CONFLICT DO NOTHING;
END
$$""",
    # Whoever dies is told nothing, and nobody in their place.
    """
CREATE FUNCTION medical.notice_of_event() RETURNS trigger
DEFINER AS $$
DECLARE found uuid;
BEGIN
    SELECT d.id INTO found FROM enrolment.dossier d WHERE d.caisse = NEW.caisse AND d.person_id = NEW.person_id;
    IF found IS NULL THEN
        RETURN NULL;
    ELSIF NEW.kind = 'dossier.opened' THEN
        PERFORM medical.give_notice(found, 'created', NEW.event_id::text, NEW.at);
    ELSIF NEW.detail->>'motive' = 'death' THEN
        UPDATE medical.notice n SET state = 'declined', changed_at = NEW.at
            WHERE n.dossier_id = found AND n.state = 'waiting';
    ELSE
        PERFORM medical.give_notice(found, 'closed', NEW.event_id::text, NEW.at);
    END IF;
    RETURN NULL;
END
$$""",
    """
CREATE FUNCTION medical.notice_of_access() RETURNS trigger
DEFINER AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM medical.notice n WHERE n.dossier_id = NEW.dossier_id AND n.kind = 'first_access'
            AND n.about = NEW.actor_id) THEN
        PERFORM medical.give_notice(NEW.dossier_id, 'first_access', NEW.actor_id, NEW.at);
    END IF;
    RETURN NULL;
END
$$""",
    """
CREATE FUNCTION medical.notice_of_emergency() RETURNS trigger
DEFINER AS $$
BEGIN
    PERFORM medical.give_notice(NEW.dossier_id, 'emergency', NEW.id::text, NEW.began_at);
    RETURN NULL;
END
$$""",
    # One notice that is due, emergencies first, with the address as it is now. It is marked before it is handed over.
    """
CREATE FUNCTION medical.claim_notice(moment timestamptz) RETURNS TABLE
    (id uuid, kind text, channel text, at timestamptz, attempts integer, address text) VOLATILE
DEFINER AS $$
#variable_conflict use_column
DECLARE
    found medical.notice%ROWTYPE;
    reached text;
BEGIN
    LOOP
        SELECT n.* INTO found FROM medical.notice n WHERE n.state = 'waiting' AND n.due_at <= moment
            ORDER BY (n.kind = 'emergency') DESC, n.due_at LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF found.id IS NULL THEN
            RETURN;
        END IF;
        SELECT c.value INTO reached FROM enrolment.contact c
            WHERE c.dossier_id = found.dossier_id AND c.kind = found.channel AND c.until IS NULL;
        UPDATE medical.notice n SET state = CASE WHEN reached IS NULL THEN 'no_contact' ELSE 'sending' END,
            attempts = n.attempts + 1, changed_at = moment WHERE n.id = found.id;
        IF reached IS NOT NULL THEN
            RETURN QUERY SELECT found.id, found.kind, found.channel, found.at, found.attempts + 1, reached;
            RETURN;
        END IF;
    END LOOP;
END
$$""",
    # `again` puts it back for later; only what is being sent can be settled.
    """
CREATE FUNCTION medical.settle_notice(notice uuid, outcome text, moment timestamptz, again timestamptz)
RETURNS boolean VOLATILE
DEFINER AS $$
BEGIN
    UPDATE medical.notice n SET state = outcome, changed_at = moment, due_at = coalesce(again, n.due_at)
        WHERE n.id = notice AND n.state = 'sending' AND outcome IN ('sent', 'refused', 'doubtful', 'waiting');
    RETURN FOUND;
END
$$""",
    # Claimed by a process that died: nobody can say whether they left.
    """
CREATE FUNCTION medical.doubtful_notices(moment timestamptz, before timestamptz)
RETURNS TABLE (id uuid, kind text, channel text) VOLATILE
DEFINER AS $$
BEGIN
    RETURN QUERY UPDATE medical.notice n SET state = 'doubtful', changed_at = moment
        WHERE n.state = 'sending' AND n.changed_at < before RETURNING n.id, n.kind, n.channel;
END
$$""",
)

TRIGGERS = (
    "CREATE TRIGGER notice AFTER INSERT ON enrolment.outbox FOR EACH ROW "
    "WHEN (NEW.kind IN ('dossier.opened', 'dossier.closed')) EXECUTE FUNCTION medical.notice_of_event()",
    # What a professional puts in is no access, and an emergency has its own notice.
    "CREATE TRIGGER notice AFTER INSERT ON medical.trace FOR EACH ROW "
    "WHEN (NEW.actor_kind = 'professional' AND NEW.granted AND NEW.mode = 'normal' AND NEW.action LIKE 'document.%' "
    "AND NEW.action NOT IN ('document.add', 'document.replace', 'document.delete')) "
    "EXECUTE FUNCTION medical.notice_of_access()",
    "CREATE TRIGGER notice AFTER INSERT ON medical.emergency FOR EACH ROW EXECUTE FUNCTION medical.notice_of_emergency()",
)

# Professionals who came before there were notices come for no first time any more.
ALREADY_SEEN = """
INSERT INTO medical.notice (dossier_id, kind, about, channel, at, state, due_at, changed_at)
SELECT t.dossier_id, 'first_access', t.actor_id, 'mail', min(t.at), 'declined', min(t.at), min(t.at)
FROM medical.trace t WHERE t.actor_kind = 'professional' AND t.granted AND t.mode = 'normal'
    AND t.action LIKE 'document.%' AND t.action NOT IN ('document.add', 'document.replace', 'document.delete')
GROUP BY t.dossier_id, t.actor_id"""

OWN_AND_OPEN = (
    "dossier_id = NULLIF(current_setting('dmp.dossier', true), '')::uuid "
    "AND EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = dossier_id AND d.state = 'open')"
)

GRANTS = (
    "GRANT SELECT, INSERT, UPDATE (until) ON medical.notice_refusal TO titulaire",
    "GRANT USAGE ON SCHEMA medical TO avis",
    "GRANT EXECUTE ON FUNCTION medical.claim_notice(timestamptz), "
    "medical.settle_notice(uuid, text, timestamptz, timestamptz), "
    "medical.doubtful_notices(timestamptz, timestamptz) TO avis",
)

GIVEN = ")) INTO seen;"
"""Where the digest of what `medical.erase` destroys ends, and its deletions begin (migrations 0009, 0010)."""


def erased_too(tables: tuple[str, ...]) -> None:
    """Have `medical.erase` sum up and empty these tables too, in this order."""
    before = op.get_bind().scalar(text("SELECT pg_get_functiondef('medical.erase'::regproc)"))
    assert before.count(GIVEN) == 1
    summed = ", ".join(
        f"(SELECT string_agg(sha256(convert_to(x::text, 'UTF8'))::text, '' ORDER BY x::text) "  # noqa: S608
        f"FROM medical.{table} x WHERE x.dossier_id = dossier)"
        for table in tables
    )
    emptied = " ".join(f"DELETE FROM medical.{table} x WHERE x.dossier_id = dossier;" for table in tables)  # noqa: S608
    op.execute(before.replace(GIVEN, f"), {summed}) INTO seen; {emptied}"))


def upgrade() -> None:
    connection = op.get_bind()
    if not connection.scalar(text("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'avis')")):
        raise Unavailable(
            "Il manque au serveur PostgreSQL le rôle avis\N{NO-BREAK SPACE}: créez-le avant de mettre à jour la base du DMP."
        )
    name = connection.scalar(text("SELECT quote_ident(current_database())"))
    op.execute(f"REVOKE ALL ON DATABASE {name} FROM avis")
    op.execute(f"GRANT CONNECT ON DATABASE {name} TO avis")
    for statement in (*TABLES, *(each.replace("DEFINER", OWNER_RIGHTS) for each in FUNCTIONS), ALREADY_SEEN, *TRIGGERS):
        op.execute(statement)
    for table in ("notice", "notice_refusal"):
        op.execute(f"ALTER TABLE medical.{table} ENABLE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY own ON medical.notice_refusal TO titulaire USING ({OWN_AND_OPEN}) WITH CHECK ({OWN_AND_OPEN})"
    )
    for statement in GRANTS:
        op.execute(statement)
    erased_too(("notice", "notice_refusal"))


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
