"""Jobs: what waits, what runs, what fails, and asking again for what failed."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_wtf import FlaskForm

from backoffice.core.actor import Role
from backoffice.core.errors import NotFound, Unavailable, WrongState
from backoffice.operations import jobs
from backoffice.web.access import current_actor
from backoffice.web.administration.views import ClosedView
from backoffice.web.errors import status_of
from backoffice.web.pages.composition import office
from backoffice.web.pages.once import new_request, once


class Jobs(ClosedView):
    """The queue, what the database still holds, and the failures."""

    roles = frozenset({Role.ADMINISTRATOR})
    place, title = "travaux", "Travaux"
    note = "Ce qui attend, ce qui est en cours, ce qui échoue et pourquoi ; relancer un travail en échec."

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> str:
        """The list."""
        return self._page()

    @expose("/relancer", methods=["POST"])  # type: ignore[untyped-decorator]
    def run_again(self) -> ResponseReturnValue:
        """Ask again for one that failed."""
        actor, name = current_actor(), request.form.get("travail", "")[:80]
        try:
            with once(office().redis, actor.login, request.form.get("demande", "")) as claim:
                if claim.first:
                    failure = jobs.run_again(office(), actor, name)
                    claim.outcome = "fait"
                    label = jobs.label_of(failure.job, failure.key)
                    flash(f"{label} : relancé. La page dit dans un instant s’il a réussi.", "done")
        except (NotFound, WrongState, Unavailable) as refusal:
            return self._page(str(refusal)), status_of(refusal)
        return redirect(url_for(".index"), 303)

    def _page(self, error: str = "") -> str:
        try:
            bells, failed = jobs.queue_now(office())
            away = ""
        except Unavailable as refusal:
            bells, failed, away = None, [], str(refusal)
        with office().db.unit_of_work() as session:
            left = jobs.left_to_do(session)
        running = [(jobs.label_of(*name.split("-", 1)), begun) for name, begun in bells.running] if bells else []
        return str(self.render(
            "administration/travaux.html", bells=bells, away=away, left=left, running=running, error=error, now=office().clock(),
            failures=[(one, jobs.label_of(one.job, one.key), jobs.cause_of(one), jobs.may_run_again(one)) for one in failed],
            form=FlaskForm(), request_name=new_request(),
        ))  # fmt: skip
