"""Letters posted later than planned: their codes live two months from the posting day. Codes that served nobody are forgotten."""

from alembic import op

revision = "0006"
down_revision = "0005"

LATEST = 92
"""Days after its date within which a letter may be said to have been posted; later, it needs a new code."""

COLUMNS = f"""
ALTER TABLE enrolment.creation_code ADD COLUMN posted_on date
    CHECK (posted_on > letter_date AND posted_on <= letter_date + {LATEST});
ALTER TABLE enrolment.creation_code DROP CONSTRAINT creation_code_check1;
ALTER TABLE enrolment.creation_code ADD CONSTRAINT creation_code_two_months
    CHECK (expires_at <= (greatest(letter_date, posted_on) + interval '2 months' + interval '1 day')
        AT TIME ZONE 'Europe/Paris');
"""

# An end put off is the one change that leaves a code live, and only the routine below makes it.
FORWARD_ONLY = """
DROP TRIGGER forward_only ON enrolment.creation_code;
CREATE TRIGGER forward_only BEFORE UPDATE ON enrolment.creation_code FOR EACH ROW
WHEN (OLD.state <> 'live' OR (NEW.state = 'used' AND current_user = 'caisse')
    OR (NEW.state = 'live' AND (current_user = 'caisse' OR NEW.expires_at <= OLD.expires_at)))
EXECUTE FUNCTION enrolment.refuse_code_change();
"""

# Never shorter, never a day that has not come, and nothing else of the row.
EXTEND = """
CREATE FUNCTION enrolment.extend_codes(request uuid, persons bigint[], posted date) RETURNS integer
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH extended AS (
        UPDATE enrolment.creation_code SET posted_on = posted,
            expires_at = (posted + interval '2 months' + interval '1 day') AT TIME ZONE 'Europe/Paris'
        WHERE request_id = request AND state = 'live' AND posted > letter_date
            AND (persons IS NULL OR person_id = ANY(persons))
            AND expires_at < (posted + interval '2 months' + interval '1 day') AT TIME ZONE 'Europe/Paris'
            AND posted <= (now() AT TIME ZONE 'Europe/Paris')::date
        RETURNING 1
    )
    SELECT count(*)::integer FROM extended
$$;
"""

# What opened a DMP is proof and stays; so does what ended within the last thirty days, whoever asks.
FORGET = """
CREATE FUNCTION enrolment.forget_codes(wanted char(3), persons bigint[], before date)
RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH forgotten AS (
        DELETE FROM enrolment.creation_code c
        WHERE c.caisse = wanted AND c.person_id = ANY(persons) AND c.state <> 'used'
            AND c.expires_at < least(before::timestamp AT TIME ZONE 'Europe/Paris', now() - interval '30 days')
            AND NOT EXISTS (SELECT FROM enrolment.dossier d WHERE d.caisse = c.caisse AND d.person_id = c.person_id)
        RETURNING 1
    )
    SELECT count(*)::integer FROM forgotten
$$;
"""

GRANTS = """
GRANT SELECT (posted_on) ON enrolment.creation_code TO caisse;
REVOKE ALL ON FUNCTION enrolment.extend_codes(uuid, bigint[], date) FROM PUBLIC;
REVOKE ALL ON FUNCTION enrolment.forget_codes(char, bigint[], date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION enrolment.extend_codes(uuid, bigint[], date),
    enrolment.forget_codes(char, bigint[], date) TO caisse;
"""


def upgrade() -> None:
    for statement in (COLUMNS, FORWARD_ONLY, EXTEND, FORGET, GRANTS):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
