"""What every page of the administration has, and the list of them.

Flask-Admin 2.2 opens a view to everybody until it is told otherwise, checks no CSRF token by itself, and runs a view
again when it raises TypeError: here a view is closed until it names roles, CSRF is the whole application's, and nothing
runs twice.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from flask import abort
from flask_admin import Admin, BaseView, expose

from backoffice.core.actor import Role
from backoffice.web.access import Access, current_actor


class ClosedView(BaseView):  # type: ignore[misc]  # Flask-Admin is untyped
    """A page of the administration, under /administration/<place>."""

    roles: ClassVar[frozenset[Role]] = frozenset()
    """Who may open it: nobody, until a subclass names someone."""
    place: ClassVar[str]
    title: ClassVar[str]
    note: ClassVar[str]
    """One sentence for the list."""

    def __init__(self) -> None:
        super().__init__(name=self.title, endpoint=f"administration_{self.place}", url=f"/administration/{self.place}")

    @property
    def access_declaration(self) -> Access:
        """What the check of every request reads."""
        return Access(self.roles)

    def is_accessible(self) -> bool:
        """The same rule once more, by Flask-Admin's own door."""
        return not current_actor().roles.isdisjoint(self.roles)

    def inaccessible_callback(self, name: str, **_: Any) -> Any:  # noqa: ARG002
        """Refuse."""
        abort(403)

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return fn(self, *args, **kwargs)


class Home(ClosedView):
    """The list of the pages this person may open."""

    roles = frozenset({Role.ADMINISTRATOR})
    place, title, note = "", "Administration", ""

    def __init__(self) -> None:
        BaseView.__init__(self, name=self.title, endpoint="administration", url="/administration")

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> str:
        """The list."""
        pages = [view for view in self.admin._views if isinstance(view, ClosedView) and view is not self]
        return str(self.render("administration/home.html", pages=[view for view in pages if view.is_accessible()]))


def mount_administration(admin: Admin, views: Iterable[type[ClosedView]]) -> None:
    """Put the pages beside the registers."""
    wanted: list[type[ClosedView]] = [Home, *views]
    for view in wanted:
        admin.add_view(view())
