"""Letters by e-mail a minute: turns handed out by the database, so that every worker of every host keeps the same pace."""

from sqlalchemy import text

from backoffice.office import Office

_TURN = """
WITH taken AS (
    INSERT INTO mail_pace (next_at) VALUES (clock_timestamp() + make_interval(secs => :spacing))
    ON CONFLICT (one) DO UPDATE
        SET next_at = GREATEST(mail_pace.next_at, clock_timestamp()) + make_interval(secs => :spacing)
    RETURNING next_at - make_interval(secs => :spacing) AS turn
)
SELECT extract(epoch FROM turn - clock_timestamp()) FROM taken
"""


def take_turn(office: Office) -> float:
    """Take the next turn; return how many seconds away it is, 0 or less for now. Without a limit it is always now.

    A turn taken and not used is lost, which is all that a process killed meanwhile costs.
    """
    limit = office.settings.mail_per_minute
    if not limit:
        return 0.0
    with office.db.unit_of_work() as session:
        return float(session.execute(text(_TURN), {"spacing": 60 / limit}).scalar_one())
