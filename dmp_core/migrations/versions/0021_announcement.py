"""Documents held back until they are announced to their holder (docs/decisions/0043; access/announcement.py).

Two weeks after the deposit, if the document is held back still, the holder is told that something awaits them: once, however
many versions it has, and only while the dossier is open. The role `ps` may show such a document to its holder, by one
routine, as its author or as the médecin traitant; no statement of any login hides one that is there.
"""

from alembic import op
from sqlalchemy import text

revision = "0021"
down_revision = "0020"

TOLD_AFTER = "interval '14 days'"
LONGEST = "interval '32 days'"
"""Longer than any month of the calendar, with its change of hour."""
OWNER_RIGHTS = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"

HOLD = f"""
CREATE FUNCTION medical.notice_of_hold() RETURNS trigger
{OWNER_RIGHTS} AS $$
BEGIN
    INSERT INTO medical.notice (dossier_id, kind, about, channel, at, state, due_at, changed_at)
    SELECT NEW.dossier_id, 'announcement', NEW.logical_id::text, c.channel, NEW.submitted_at + {TOLD_AFTER}, 'waiting',
        NEW.submitted_at + {TOLD_AFTER}, NEW.submitted_at
    FROM (VALUES ('mail'), ('mobile')) c (channel)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$"""  # noqa: S608 - constants of ours

# What the gate decides stands here a second time: open, nobody blocked, its author or the médecin traitant.
ANNOUNCE = f"""
CREATE FUNCTION medical.announce(document uuid, seen uuid, entry uuid) RETURNS boolean VOLATILE
{OWNER_RIGHTS} AS $$
DECLARE
    me text := current_setting('dmp.professional', true);
    here uuid := NULLIF(current_setting('dmp.dossier', true), '')::uuid;
    moment timestamptz := NULLIF(current_setting('dmp.moment', true), '')::timestamptz;
BEGIN
    UPDATE medical.document m SET hidden_until = moment, entry_uuid = entry, changed_at = moment
    WHERE m.id = document AND m.entry_uuid = seen AND m.dossier_id = here AND m.hidden_until > moment
        AND m.status IN ('approved', 'archived')
        AND EXISTS (SELECT FROM enrolment.dossier d WHERE d.id = here AND d.state = 'open')
        AND NOT EXISTS (SELECT FROM medical.block b WHERE b.dossier_id = here AND b.professional_id = me
            AND b.until IS NULL)
        AND ((m.author_kind = 'professional' AND m.author_id = me) OR EXISTS (SELECT FROM medical.relation r
            WHERE r.dossier_id = here AND r.professional_id = me AND r.basis = 'attending' AND r.ended_at IS NULL));
    RETURN FOUND;
END
$$"""  # noqa: S608

# In `claim_notice`: one that awaits its announcement no more is told to nobody; of a dossier that is not open, later.
CLAIMED = "            RETURN;\n        END IF;\n        SELECT c.value INTO reached"
JUDGED = """            RETURN;
        END IF;
        IF found.kind = 'announcement' AND NOT EXISTS (SELECT FROM medical.document m WHERE m.dossier_id = found.dossier_id
                AND m.logical_id = found.about::uuid AND m.status IN ('approved', 'archived') AND m.hidden_until > moment) THEN
            UPDATE medical.notice n SET state = 'declined', changed_at = moment WHERE n.id = found.id;
            CONTINUE;
        ELSIF found.kind = 'announcement' AND NOT EXISTS (SELECT FROM enrolment.dossier d
                WHERE d.id = found.dossier_id AND d.state = 'open') THEN
            UPDATE medical.notice n SET at = moment + interval '1 day', due_at = moment + interval '1 day' WHERE n.id = found.id;
            CONTINUE;
        END IF;
        SELECT c.value INTO reached"""

STATEMENTS = (
    f"ALTER TABLE medical.document ADD CONSTRAINT document_held_a_month CHECK (hidden_until <= submitted_at + {LONGEST})",
    "ALTER TABLE medical.notice DROP CONSTRAINT notice_kind_check",
    "ALTER TABLE medical.notice ADD CONSTRAINT notice_kind_check "
    "CHECK (kind IN ('created', 'first_access', 'emergency', 'answer', 'closed', 'announcement'))",
    HOLD,
    "CREATE TRIGGER notice_of_hold AFTER INSERT ON medical.document FOR EACH ROW WHEN (NEW.hidden_until IS NOT NULL) "
    "EXECUTE FUNCTION medical.notice_of_hold()",
    ANNOUNCE,
    "REVOKE ALL ON FUNCTION medical.announce(uuid, uuid, uuid) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION medical.announce(uuid, uuid, uuid) TO ps",
    # What an author does to their own document is no access to the dossier.
    "DROP TRIGGER notice ON medical.trace",
    "CREATE TRIGGER notice AFTER INSERT ON medical.trace FOR EACH ROW "
    "WHEN (NEW.actor_kind = 'professional' AND NEW.granted AND NEW.mode = 'normal' AND NEW.action LIKE 'document.%' "
    "AND NEW.action NOT IN ('document.add', 'document.replace', 'document.delete', 'document.announce', "
    "'document.archive', 'document.restore')) EXECUTE FUNCTION medical.notice_of_access()",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)
    before = op.get_bind().scalar(text("SELECT pg_get_functiondef('medical.claim_notice(timestamptz)'::regprocedure)"))
    assert before.count(CLAIMED) == 1
    op.execute(before.replace(CLAIMED, JUDGED))


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
