"""Registers: read-only windows on tables, listed by Flask-Admin, shown in our own pages and closed by default.

    class Lots(Register):
        roles = frozenset({Role.SUPERVISOR})
        column_list = ("reference", "letters")
        column_labels = {"reference": "Lot", "letters": "Courriers"}

    mount_registers(app, database.unit_of_work, [Lots(Lot, name="Lots", endpoint="lots")])

Nothing can be created, changed, deleted or run from a register: those addresses do not exist. Only the columns that
are named show, and the query itself keeps to the caisses of the person. Flask-Admin's own SQLAlchemy views cannot be
imported without Flask-SQLAlchemy (2.2.1) and query by the legacy API: the few queries a register needs are here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Any, ClassVar, Final

from flask import Flask, abort
from flask_admin import Admin, AdminIndexView, expose
from flask_admin.form import BaseForm
from flask_admin.model import BaseModelView
from flask_admin.theme import Theme
from sqlalchemy import ColumnElement, Select, String, Text, cast, func, inspect, or_, select
from sqlalchemy.exc import DataError, StatementError
from sqlalchemy.orm import Session

from backoffice.core.actor import Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import NotFound
from backoffice.core.typography import NBSP, thousands
from backoffice.web.access import Access, current_actor
from backoffice.web.rendering import french_instant, short_day

_ROUTES: Final = ("index_view", "details_view")
_LONGEST_SEARCH: Final = 100
MOST_COUNTED: Final = 10_000
"""Rows counted at most: past them a register says "more than", and nobody turns that many pages."""

Formatter = Callable[[Any, Any, str], Any]
FORMATTERS: Final[Mapping[type, Formatter]] = {
    type(None): lambda *_: "—",
    bool: lambda _, value, __: "oui" if value else "non",
    datetime: lambda _, value, __: french_instant(value),
    date: lambda _, value, __: short_day(value),
    bytes: lambda _, value, __: value.hex(),
    dict: lambda _, value, __: ", ".join(f"{key}{NBSP}: {content}" for key, content in value.items()) or "—",
}
"""How a value of each type is shown; whole numbers stay bare, as many of them are names."""

Reader = Callable[[], AbstractContextManager[Session]]
"""Opens a database session for one reading, e.g. `Database.unit_of_work`."""


def _grouped(view: Any, context: Any, row: Any, name: str) -> str:  # noqa: ARG001 - Flask-Admin's signature
    value = getattr(row, name)
    return "—" if value is None else thousands(value)


class Register(BaseModelView):  # type: ignore[misc]  # Flask-Admin is untyped
    """A window on a table of one primary key. Changes go through actions, never through a form."""

    can_create = can_edit = can_delete = can_export = False
    can_view_details = True
    column_display_actions = False
    page_size = 50
    can_set_page_size = False
    list_template = "registers/list.html"
    details_template = "registers/details.html"
    column_type_formatters = column_type_formatters_detail = dict(FORMATTERS)

    roles: ClassVar[frozenset[Role]] = frozenset()
    """Who may look: nobody, until a subclass names someone."""
    caisse_column: ClassVar[str | None] = "caisse"
    """Column that holds a row's caisse; None, said on purpose, for a table without one.
    A row that names no caisse concerns them all and is shown to those who have the nine."""
    number_columns: ClassVar[frozenset[str]] = frozenset()
    """Columns of counts: grouped by threes and set to the right."""
    most_counted: ClassVar[int] = MOST_COUNTED
    least_search: ClassVar[int] = 1
    """Characters of a search: 3 where a trigram index answers it, as it knows nothing of shorter words."""
    note: ClassVar[str] = ""
    """One sentence under the title."""
    _urls: Any
    column_formatters: Any = None

    def __init__(self, model: type[Any], *, name: str, endpoint: str) -> None:
        if not self.column_list:
            raise ValueError(f"{type(self).__name__}: name the columns that show")
        if self.caisse_column is not None and self.caisse_column not in inspect(model).columns:
            raise ValueError(
                f"{model.__name__} has no column {self.caisse_column!r}: say caisse_column = None if meant"
            )
        self._key = inspect(model).primary_key[0]
        self._read: Reader | None = None
        self.column_formatters = {**dict.fromkeys(self.number_columns, _grouped), **(self.column_formatters or {})}
        super().__init__(model, name=name, endpoint=f"registre_{endpoint}", url=endpoint)

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

    def opened(self, session: Session, row: Any) -> None:
        """Called when somebody looks at one row, in the transaction that read it: override to journal the reading."""

    def read_with(self, read: Reader) -> None:
        """Give the register its database; `mount_registers` does."""
        self._read = read

    def create_blueprint(self, admin: Admin) -> Any:
        """Only looking has an address."""
        self._urls = [route for route in self._urls if route[1] in _ROUTES]
        return super().create_blueprint(admin)

    def get_list(
        self,
        page: int | None,
        sort_column: str | None,
        sort_desc: bool,
        search: str | None,
        filters: Any,  # noqa: ARG002
        page_size: int | None = None,
    ) -> tuple[int, Sequence[Any]]:
        """One page of the rows of the actor's caisses, and how many there are: `most_counted` + 1 when more."""
        conditions = self._within()
        if search and self.column_searchable_list:
            if self.too_short(search):
                return 0, []
            wanted = search.strip()[:_LONGEST_SEARCH]
            columns = (_as_text(getattr(self.model, name)) for name in self.column_searchable_list)
            conditions.append(or_(*(column.icontains(wanted, autoescape=True) for column in columns)))
        size = page_size or self.page_size
        found = select(self._key).where(*conditions).limit(self.most_counted + 1).subquery()
        with self._reading() as session:
            count = session.scalar(select(func.count()).select_from(found)) or 0
            if search and count <= self.most_counted:
                # Few rows: those that the index found, rather than a walk in the order of the list until enough answer.
                conditions = [self._key.in_(select(found.c[0]))]
            query = self._ordered(select(self.model).where(*conditions), sort_column, sort_desc)
            return count, session.scalars(query.limit(size).offset((page or 0) * size)).all()

    def too_short(self, search: str | None) -> bool:
        """Whether this search has too few characters to be made."""
        return bool(search) and len((search or "").strip()) < self.least_search

    def get_one(self, id: Any) -> Any:  # noqa: A002
        """One row of the actor's caisses. Raises NotFound, for a foreign row as for none."""
        try:
            with self._reading() as session:
                key = self._key.type.python_type(id)
                row = session.scalar(select(self.model).where(self._key == key, *self._within()))
                if row is not None:
                    self.opened(session, row)
                    return row
        except (ValueError, DataError, StatementError):
            pass  # not even a key of this table
        raise NotFound("Introuvable dans votre périmètre.")

    def get_pk_value(self, model: Any) -> Any:
        """What an address names a row by."""
        return getattr(model, self._key.key)

    def scaffold_list_columns(self) -> Sequence[str]:
        """Where `column_details_list` says nothing, a row shows what the list shows."""
        return list(self.column_list)

    def scaffold_sortable_columns(self) -> dict[str, str]:
        """The columns of the list that the table really has."""
        return {name: name for name in self.column_list if name in inspect(self.model).columns}

    def init_search(self) -> bool:
        """Whether there is a search field."""
        return bool(self.column_searchable_list)

    def scaffold_form(self) -> type[BaseForm]:
        """No form is ever shown: none is made out of the columns."""
        return BaseForm  # type: ignore[no-any-return]

    def scaffold_list_form(self, *_: Any, **__: Any) -> type[BaseForm]:
        """As `scaffold_form`."""
        return BaseForm  # type: ignore[no-any-return]

    def _reading(self) -> AbstractContextManager[Session]:
        if self._read is None:
            raise RuntimeError("the register is not mounted")
        return self._read()

    def _within(self) -> list[ColumnElement[bool]]:
        if self.caisse_column is None:
            return []
        column = getattr(self.model, self.caisse_column)
        caisses = current_actor().caisses
        condition = column.in_(sorted(caisses))
        return [or_(condition, column.is_(None)) if caisses.issuperset(CAISSE_CODES) else condition]

    def _ordered(self, query: Select[Any], sort_column: str | None, sort_desc: bool) -> Select[Any]:
        # An address may ask for what the page does not offer.
        name, descending = (sort_column, sort_desc) if sort_column and self.is_sortable(sort_column) else (None, False)
        if name is None:
            default = self.column_default_sort
            name, descending = (default, False) if isinstance(default, str) else default or (None, False)
        if name is not None:
            column = getattr(self.model, name)
            query = query.order_by(column.desc() if descending else column)
        return query.order_by(self._key)  # a page must not repeat what another showed


def _as_text(column: Any) -> Any:
    """The column as it stands where it is text: an index on it does not know a cast."""
    return column if isinstance(column.type, String) else cast(column, Text)


class RegistersHome(AdminIndexView):  # type: ignore[misc]
    """The list of the registers this person may open."""

    def __init__(self, roles: frozenset[Role]) -> None:
        super().__init__(name="Registres", endpoint="registers", url="/registres")
        self.static_folder = None  # Flask-Admin's scripts and styles are not used
        self.access_declaration = Access(roles)

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> str:
        """The list."""
        registers = [view for view in self.admin._views if isinstance(view, Register) and view.is_accessible()]
        return str(self.render("registers/home.html", registers=registers))


def mount_registers(app: Flask, read: Reader, registers: Iterable[Register]) -> Admin:
    """Put the registers under /registres, over the database that `read` opens."""
    mounted = list(registers)
    roles = frozenset(role for register in mounted for role in register.roles)
    # The folder is a name that does not exist: every template is ours.
    admin = Admin(app, name="Registres", index_view=RegistersHome(roles), theme=Theme("none", "base.html"))
    for register in mounted:
        register.read_with(read)
        admin.add_view(register)
    return admin
