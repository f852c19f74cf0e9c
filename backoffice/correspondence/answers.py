"""Which letter answers which event, and when letters by post are gathered. Pure."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final

from backoffice.adapters.dmp import Kind, Motive
from backoffice.core.calendar import is_working_day
from backoffice.core.clock import PARIS

GATHERED_AT: Final = time(16, 0)
"""Paris, each working day: the hour before the post leaves."""

_BY_KIND: Final = {
    Kind.DOSSIER_OPENED: "receipt",
    Kind.DOSSIER_REOPENED: "reopening",
    Kind.DOSSIER_SUSPENDED: "contested_received",
    Kind.DOSSIER_RESUMED: "contested_resumed",
}
_BY_MOTIVE: Final = {Motive.CONTESTED.value: "contested_closed", Motive.DEATH.value: None}
_BY_PURPOSE: Final = {"creation": "code_request", "access": "access_code"}
BY_POST_ALONE: Final = frozenset({"access_code"})
"""It gives access to whoever holds it: never to a mailbox."""


EVENT_LABELS: Final = {
    Kind.DOSSIER_OPENED: "DMP créé",
    Kind.CODE_REQUESTED: "code demandé",
    Kind.DOSSIER_CLOSED: "DMP clôturé",
    Kind.DOSSIER_REOPENED: "DMP rouvert",
    Kind.DOSSIER_SUSPENDED: "accès suspendu",
    Kind.DOSSIER_RESUMED: "accès rétabli",
    Kind.CREATION_CONTESTED: "création contestée",
    Kind.CLOSURE_REQUESTED: "clôture demandée à un professionnel",
}


def answer_to(kind: Kind, detail: Mapping[str, Any]) -> str | None:
    """The kind of letter due for an event; None when none is (DOMAIN 8.5)."""
    if kind is Kind.CODE_REQUESTED:
        return _BY_PURPOSE.get(str(detail.get("purpose")))
    if kind is Kind.DOSSIER_CLOSED:
        return _BY_MOTIVE.get(str(detail.get("motive")), "closure_receipt")
    return _BY_KIND.get(kind)


def last_gathering(now: datetime) -> datetime:
    """The latest moment, at or before `now`, at which letters by post were due to be gathered.

    What was received before it goes now, what came after waits for the next one: a worker that was down at the hour
    makes up for it, and gathering twice takes nothing more.
    """
    local = now.astimezone(PARIS)
    day = local.date()
    if not is_working_day(day) or local.time() < GATHERED_AT:
        day -= timedelta(days=1)
        while not is_working_day(day):
            day -= timedelta(days=1)
    return datetime.combine(day, GATHERED_AT, tzinfo=PARIS)


def post_leaves(now: datetime) -> bool:
    """Whether letters may be gathered by themselves on this day: never on one without post, whatever was left over."""
    return is_working_day(now.astimezone(PARIS).date())
