"""Waves: a campaign's plan, the day of each of its lots, days on which nothing leaves."""

from alembic import op

revision = "0009"
down_revision = "0008"

TABLES = """
CREATE TABLE campaign_plan (
    campaign_id bigint PRIMARY KEY REFERENCES campaign,
    version     integer NOT NULL CHECK (version > 0),
    starts_on   date NOT NULL,
    ends_on     date,
    per_day     integer NOT NULL CHECK (per_day > 0),
    tolerance   integer NOT NULL CHECK (tolerance >= 0),
    embargoes   jsonb NOT NULL DEFAULT '[]',
    changed_by  text NOT NULL,
    changed_at  timestamptz NOT NULL,
    CHECK (ends_on >= starts_on)
);

CREATE TABLE wave (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign_id bigint NOT NULL REFERENCES campaign,
    number      integer NOT NULL CHECK (number > 0),
    planned_on  date NOT NULL,
    latest_on   date NOT NULL,
    letters     integer NOT NULL,
    state       text NOT NULL CHECK (state IN ('prevue', 'a_confirmer', 'demarree', 'annulee')),
    decided_at  timestamptz NOT NULL,
    reason      text,
    started_at  timestamptz,
    started_by  text,
    UNIQUE (campaign_id, number),
    CHECK (latest_on >= planned_on),
    CHECK ((state = 'demarree') = (started_at IS NOT NULL))
);
CREATE INDEX wave_pending ON wave (planned_on) WHERE state IN ('prevue', 'a_confirmer');

CREATE TABLE embargo (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    first_day  date NOT NULL,
    last_day   date NOT NULL,
    label      text NOT NULL,
    created_by text NOT NULL,
    created_at timestamptz NOT NULL,
    ended_by   text,
    ended_at   timestamptz,
    CHECK (last_day >= first_day),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);

ALTER TABLE lot ADD COLUMN wave_id bigint REFERENCES wave;
CREATE INDEX lot_wave ON lot (wave_id);
"""

# Campaigns launched before there were waves: one wave a letter date, so that every campaign reads the same.
EARLIER = """
INSERT INTO wave (campaign_id, number, planned_on, latest_on, letters, state, decided_at, started_at, started_by)
SELECT c.id, row_number() OVER (PARTITION BY c.id ORDER BY l.letter_date), l.letter_date, l.letter_date, sum(l.planned),
    'demarree', c.launched_at, c.launched_at,
    (SELECT s.actor FROM campaign_step s WHERE s.campaign_id = c.id AND s.step = 'launch' ORDER BY s.id DESC LIMIT 1)
FROM campaign c JOIN lot l ON l.campaign_id = c.id
WHERE c.launched_at IS NOT NULL AND c.approver IS NOT NULL
GROUP BY c.id, l.letter_date;
UPDATE lot SET wave_id = wave.id FROM wave
WHERE wave.campaign_id = lot.campaign_id AND wave.planned_on = lot.letter_date;
"""

# A plan is remade: its waves that have not started go. Nobody of ours deletes a lot, a letter, a campaign or an embargo.
GRANTS = """
GRANT SELECT, INSERT, UPDATE ON campaign_plan, embargo TO caisse;
GRANT SELECT, INSERT, UPDATE, DELETE ON wave TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(EARLIER)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("ALTER TABLE lot DROP COLUMN wave_id; DROP TABLE wave, campaign_plan, embargo")
