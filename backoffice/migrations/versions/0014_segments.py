"""Segments, lists of persons, drafts that several hands may change, approvals that a change voids."""

from alembic import op

revision = "0014"
down_revision = "0013"

TABLES = """
CREATE TABLE person_list (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    made_by  text NOT NULL,
    made_at  timestamptz NOT NULL,
    caisses  text[] NOT NULL,
    lines    integer NOT NULL,
    found    integer NOT NULL
);
CREATE TABLE person_list_member (
    list_id   bigint NOT NULL REFERENCES person_list,
    caisse    char(3) NOT NULL,
    person_id bigint NOT NULL,
    PRIMARY KEY (list_id, caisse, person_id)
);

CREATE TABLE segment (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL,
    caisses     text[] NOT NULL CHECK (cardinality(caisses) > 0),
    criteria    jsonb NOT NULL,
    version     integer NOT NULL DEFAULT 1,
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL,
    archived_at timestamptz
);
CREATE TABLE segment_change (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    segment_id bigint NOT NULL REFERENCES segment,
    version    integer NOT NULL,
    what       text NOT NULL CHECK (what IN ('creer', 'modifier', 'archiver', 'retablir')),
    actor      text NOT NULL,
    at         timestamptz NOT NULL,
    name       text NOT NULL,
    caisses    text[] NOT NULL,
    criteria   jsonb NOT NULL
);
CREATE INDEX segment_change_segment ON segment_change (segment_id, id);

ALTER TABLE campaign ADD COLUMN version integer NOT NULL DEFAULT 1;
ALTER TABLE campaign ADD COLUMN hands text[] NOT NULL DEFAULT '{}';
ALTER TABLE campaign ADD COLUMN segment_id bigint REFERENCES segment;
ALTER TABLE campaign ADD COLUMN segment_version integer;
UPDATE campaign SET hands = ARRAY[author];
CREATE INDEX campaign_segment ON campaign (segment_id) WHERE launched_at IS NULL;
"""

# Nobody of ours deletes a letter or a lot, but for this: what was written down for an approval that is void, and of
# which nothing was ever made.
THAW = """
CREATE FUNCTION thaw_campaign(wanted bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM campaign WHERE id = wanted AND launched_at IS NULL FOR UPDATE;
    IF NOT FOUND OR EXISTS (SELECT FROM lot WHERE campaign_id = wanted AND (attempts > 0 OR state NOT IN ('prevu', 'programme')))
    THEN
        RAISE EXCEPTION 'campaign % has begun to be made', wanted;
    END IF;
    DELETE FROM letter USING campaign c
        WHERE c.id = wanted AND letter.caisse = ANY(c.caisses) AND letter.campaign_id = wanted;
    DELETE FROM lot WHERE campaign_id = wanted;
END $$;
REVOKE ALL ON FUNCTION thaw_campaign(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION thaw_campaign(bigint) TO caisse;
"""

GRANTS = """
GRANT SELECT, INSERT ON person_list, person_list_member, segment_change TO caisse;
GRANT SELECT, INSERT, UPDATE ON segment TO caisse;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(THAW)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute(
        "DROP FUNCTION thaw_campaign(bigint); ALTER TABLE campaign DROP COLUMN version, DROP COLUMN hands, "
        "DROP COLUMN segment_id, DROP COLUMN segment_version; "
        "DROP TABLE segment_change, segment, person_list_member, person_list"
    )
