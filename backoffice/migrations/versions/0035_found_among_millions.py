"""Indexes that pages and the sweep need once there are years of letters, calls, cases and lines of the journal."""

from alembic import op

revision = "0035"
down_revision = "0034"

INDEXES = """
-- A letter's one change leaves its reason as it was, NULL, so that it stays in place: no index is touched (0001).
CREATE INDEX letter_reason ON letter (caisse, campaign_id, number) WHERE reason IS NOT NULL;
CREATE INDEX lot_doubtful ON lot (id) WHERE doubtful > 0;
CREATE INDEX case_file_state ON case_file (kind, state) WHERE ended_at IS NULL;
CREATE INDEX case_file_latest ON case_file (ended_at DESC, id DESC) WHERE ended_at IS NOT NULL;
CREATE INDEX case_file_number_begins ON case_file (number text_pattern_ops);
CREATE INDEX case_file_number_ends ON case_file (reverse(number) text_pattern_ops);
DROP INDEX phone_call_ended;
CREATE INDEX phone_call_ended ON phone_call (ended_at) INCLUDE (caisse, subject, opened_at);
CREATE INDEX identity_check_at ON identity_check (at) INCLUDE (caisse, result);
CREATE INDEX audit_entry_at ON audit_entry (at);
-- The journal has one writer at a time: nobody waits while what was put aside for the index is brought in.
ALTER INDEX audit_entry_alike SET (fastupdate = off);
"""
BACK = """
ALTER INDEX audit_entry_alike RESET (fastupdate);
DROP INDEX audit_entry_at, identity_check_at, phone_call_ended, case_file_number_ends, case_file_number_begins,
    case_file_latest, case_file_state, lot_doubtful, letter_reason;
CREATE INDEX phone_call_ended ON phone_call (ended_at);
"""


def upgrade() -> None:
    op.execute(INDEXES)


def downgrade() -> None:
    op.execute(BACK)
