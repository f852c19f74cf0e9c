"""How the parts are: databases, queue, directory, mail, workers, disk."""

from flask import current_app
from flask_admin import expose

from backoffice.core.actor import Role
from backoffice.operations.health import look
from backoffice.web.administration.views import ClosedView
from backoffice.web.pages.composition import office


class Health(ClosedView):
    """One line a part, asked when the page is opened."""

    roles = frozenset({Role.ADMINISTRATOR})
    place, title = "etat", "État de marche"
    note = "Bases de données, file, annuaire, courriels, travailleurs, disque : qui répond, et en combien de temps."

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> str:
        """The parts, those that are not well first."""
        parts = look(office(), current_app.extensions["directory"])
        parts.sort(key=lambda part: part.well)
        return str(self.render("administration/etat.html", parts=parts, at=office().clock()))
