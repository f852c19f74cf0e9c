"""Letters asked for one by one, by an event or a case; a case has a team, a priority, a way, facts, and maybe no person."""

from alembic import op

revision = "0005"
down_revision = "0004"

LETTERS = """
CREATE TABLE letter_request (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request       uuid NOT NULL UNIQUE,
    caisse        char(3) NOT NULL,
    person_id     bigint NOT NULL,
    answer        text NOT NULL,
    about_at      timestamptz NOT NULL,
    case_number   text REFERENCES case_file (number),
    fields        jsonb NOT NULL DEFAULT '{}',
    requested_at  timestamptz NOT NULL,
    requested_by  text NOT NULL,
    state         text NOT NULL CHECK (state IN ('attente', 'courrier', 'sans_courrier')),
    channel       text CHECK (channel IN ('courrier', 'mail')),
    campaign_id   bigint REFERENCES campaign,
    letter_number bigint,
    left_at       timestamptz,
    reason        text,
    CHECK (state <> 'courrier' OR letter_number IS NOT NULL),
    CHECK (state <> 'attente' OR letter_number IS NULL)
);
INSERT INTO letter_request (request, caisse, person_id, answer, about_at, case_number, requested_at, requested_by, state,
    channel, campaign_id, letter_number, reason)
SELECT e.event_id, e.caisse, e.person_id, e.answer, e.at, c.number, e.received_at, 'systeme', e.state,
    e.channel, e.campaign_id, e.letter_number, e.reason
FROM dmp_event e LEFT JOIN case_file c ON c.origin = e.event_id WHERE e.answer IS NOT NULL ORDER BY e.id;
UPDATE letter_request r SET left_at = l.at FROM letter l
WHERE l.caisse = r.caisse AND l.number = r.letter_number AND l.state IN ('scellee', 'envoyee');
CREATE INDEX letter_request_waiting ON letter_request (answer, caisse, requested_at) WHERE state = 'attente';
CREATE INDEX letter_request_under_way ON letter_request (requested_at) WHERE state = 'courrier' AND left_at IS NULL;
CREATE INDEX letter_request_requested ON letter_request (requested_at);
CREATE INDEX letter_request_letter ON letter_request (caisse, letter_number);
CREATE INDEX letter_request_person ON letter_request (caisse, person_id, id);
CREATE INDEX letter_request_case ON letter_request (case_number) WHERE case_number IS NOT NULL;
GRANT SELECT, INSERT, UPDATE (state, channel, campaign_id, letter_number, left_at, reason) ON letter_request TO caisse;
REVOKE UPDATE (state, channel, campaign_id, letter_number, reason) ON dmp_event FROM caisse;
ALTER TABLE dmp_event DROP COLUMN state, DROP COLUMN channel, DROP COLUMN campaign_id, DROP COLUMN letter_number,
    DROP COLUMN reason;
"""
CASES = """
ALTER TABLE case_file ALTER COLUMN person_id DROP NOT NULL,
    ADD COLUMN team text NOT NULL DEFAULT 'accueil',
    ADD COLUMN priority smallint NOT NULL DEFAULT 1 CHECK (priority BETWEEN 1 AND 3),
    ADD COLUMN way text NOT NULL DEFAULT 'en_ligne',
    ADD COLUMN facts jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN escalated_at timestamptz;
ALTER TABLE case_file ALTER COLUMN team DROP DEFAULT, ALTER COLUMN priority DROP DEFAULT, ALTER COLUMN way DROP DEFAULT;
ALTER TABLE case_entry DROP CONSTRAINT case_entry_what_check;
CREATE INDEX case_file_to_escalate ON case_file (escalates_at) WHERE ended_at IS NULL AND escalated_at IS NULL;
"""
BACK = """
ALTER TABLE dmp_event ADD COLUMN state text CHECK (state IN ('recu', 'attente', 'courrier', 'sans_courrier')),
    ADD COLUMN channel text CHECK (channel IN ('courrier', 'mail')), ADD COLUMN campaign_id bigint REFERENCES campaign,
    ADD COLUMN letter_number bigint, ADD COLUMN reason text;
UPDATE dmp_event SET state = 'recu' WHERE answer IS NULL;
UPDATE dmp_event e SET state = r.state, channel = r.channel, campaign_id = r.campaign_id, reason = r.reason,
    letter_number = CASE r.state WHEN 'courrier' THEN r.letter_number END FROM letter_request r WHERE r.request = e.event_id;
ALTER TABLE dmp_event ALTER COLUMN state SET NOT NULL, ADD CHECK ((state = 'recu') = (answer IS NULL)),
    ADD CHECK ((state = 'courrier') = (letter_number IS NOT NULL));
CREATE INDEX dmp_event_waiting ON dmp_event (answer, caisse, received_at) WHERE state = 'attente';
CREATE INDEX dmp_event_letter ON dmp_event (caisse, letter_number);
GRANT UPDATE (state, channel, campaign_id, letter_number, reason) ON dmp_event TO caisse;
DROP TABLE letter_request;
ALTER TABLE case_file DROP COLUMN team, DROP COLUMN priority, DROP COLUMN way, DROP COLUMN facts, DROP COLUMN escalated_at,
    ALTER COLUMN person_id SET NOT NULL;
ALTER TABLE case_entry ADD CONSTRAINT case_entry_what_check CHECK (what IN ('step', 'note', 'owner'));
"""


def upgrade() -> None:
    op.execute(LETTERS)
    op.execute(CASES)


def downgrade() -> None:
    op.execute(BACK)
