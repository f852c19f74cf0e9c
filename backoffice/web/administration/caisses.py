"""The caisses: what each is called, where its letters come from, when it opens."""

from datetime import date, timedelta
from itertools import islice
from typing import Final

from flask_admin import expose
from sqlalchemy.orm import Session

from backoffice.core.actor import Role
from backoffice.core.caisse import caisse_of
from backoffice.core.calendar import holiday_name
from backoffice.core.clock import paris_date
from backoffice.parameters.hours import CLOSED_DAYS, CLOSED_EVERYWHERE, WEEK, ClosedDay, hours_of
from backoffice.parameters.reading import current
from backoffice.web.access import current_actor
from backoffice.web.administration.views import ClosedView
from backoffice.web.pages.composition import office

SHOWN: Final = 3
"""Days of closing to come, each with its reason."""
_AHEAD: Final = 366


class Caisses(ClosedView):
    """One line a caisse of the administrator's."""

    roles = frozenset({Role.ADMINISTRATOR})
    place, title = "caisses", "Caisses"
    note = "Noms, adresses d’expédition, horaires et prochaines fermetures des caisses."

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> str:
        """The lines."""
        today = paris_date(office().clock())
        with office().db.unit_of_work() as session:
            rows = [
                {
                    "caisse": caisse_of(code), "hours": WEEK.in_words(current(session).of(WEEK, code)),
                    "closed": _closed(session, code, today), "open": bool(hours_of(session, code).spans_of(today)),
                }
                for code in sorted(current_actor().caisses)
            ]  # fmt: skip
        return str(self.render("administration/caisses.html", rows=rows, week=WEEK, closed_days=CLOSED_DAYS))


def _closed(session: Session, caisse: str, today: date) -> list[ClosedDay]:
    """The next days without opening that the week does not tell: public holidays and days closed on purpose."""
    now = current(session)
    week, said = now.of(WEEK, caisse), (*now.of(CLOSED_DAYS, caisse), *now.of(CLOSED_EVERYWHERE))
    why = {one.day: one.why for one in said}
    days = (today + timedelta(days=ahead) for ahead in range(_AHEAD))
    reasons = ((day, holiday_name(day, [caisse]) or why.get(day)) for day in days if week[day.weekday()])
    return list(islice((ClosedDay(day, reason) for day, reason in reasons if reason), SHOWN))
