"""What a view works with: the office of the application and the person who asks."""

from typing import cast

from flask import current_app

from backoffice.office import Office


def office() -> Office:
    """The parts put together by the composition root."""
    return cast(Office, current_app.extensions["office"])
