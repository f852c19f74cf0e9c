"""How each kind of parameter is shown in a form and read from it: what was typed is kept, whatever the refusal."""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import date, time
from typing import Any, ClassVar, Final, Generic

from werkzeug.datastructures import MultiDict

from backoffice.core.actor import Role
from backoffice.core.errors import Invalid
from backoffice.core.opening_hours import WEEKDAYS, Week
from backoffice.parameters.declaration import Parameter, T, Whole
from backoffice.parameters.hours import ClosedDay, ClosedDays, Closures, OpeningWeek
from backoffice.parameters.reasons import Reason, ReasonList, Reasons
from backoffice.parameters.rights import GroupMap, Groups
from backoffice.parameters.scripts import Script

Form = MultiDict[str, str]
Typed = dict[str, Any]
_BLANK_ROWS: Final = 3
_MOST_ROWS: Final = 80
_TIME: Final = re.compile(r"(\d{1,2})\s*(?:[:hH]\s*(\d{2})?)?\Z")
_DAY: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})\s*[:;,–-]?\s*(.*)\Z")


class Editor(ABC, Generic[T]):
    """One kind of parameter as a form."""

    template: ClassVar[str]
    """The fields, included in the page."""

    @abstractmethod
    def of_value(self, value: T) -> Typed:
        """What the form shows for a value."""

    @abstractmethod
    def of_form(self, form: Form) -> Typed:
        """What was typed, to be shown again."""

    @abstractmethod
    def read(self, parameter: Parameter[T], typed: Typed) -> T:
        """The value that was typed. Raises Invalid, in one sentence, when it means nothing."""


class _Number(Editor[int]):
    template = "administration/champs/nombre.html"

    def of_value(self, value: int) -> Typed:
        return {"nombre": str(value)}

    def of_form(self, form: Form) -> Typed:
        return {"nombre": form.get("nombre", "")[:20]}

    def read(self, parameter: Parameter[int], typed: Typed) -> int:
        text = "".join(typed["nombre"].split())
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise Invalid(f"« {parameter.label} » attend un nombre entier, écrit en chiffres.")
        return int(text)


class _Week(Editor[Week]):
    template = "administration/champs/semaine.html"

    def of_value(self, value: Week) -> Typed:
        days = []
        for name, day in zip(WEEKDAYS, value, strict=True):
            times = [f"{at:%H:%M}" for span in day for at in span]
            days.append({"name": name, "times": times + [""] * (4 - len(times))})
        return {"days": days}

    def of_form(self, form: Form) -> Typed:
        return {
            "days": [
                {"name": name, "times": [form.get(f"{name}-{place}", "").strip()[:8] for place in range(1, 5)]}
                for name in WEEKDAYS
            ]
        }

    def read(self, parameter: Parameter[Week], typed: Typed) -> Week:
        del parameter
        return tuple(self._day(day["name"], day["times"]) for day in typed["days"])

    def _day(self, name: str, typed: list[str]) -> tuple[tuple[time, time], ...]:
        spans = []
        for begins, ends in (typed[:2], typed[2:]):
            if bool(begins) != bool(ends):
                raise Invalid(f"Le {name}, une plage a une heure sans l’autre : écrivez les deux, ou aucune.")
            if begins:
                spans.append((_time(name, begins), _time(name, ends)))
        return tuple(spans)


class _Closures(Editor[ClosedDays]):
    template = "administration/champs/fermetures.html"

    def of_value(self, value: ClosedDays) -> Typed:
        return {"lines": "\n".join(f"{one.day:%d/%m/%Y} {one.why}" for one in value)}

    def of_form(self, form: Form) -> Typed:
        return {"lines": form.get("jours", "")[:20_000]}

    def read(self, parameter: Parameter[ClosedDays], typed: Typed) -> ClosedDays:
        del parameter
        found = []
        for number, line in enumerate(typed["lines"].splitlines(), start=1):
            if not line.strip():
                continue
            parts = _DAY.match(line.strip())
            try:
                day = date(int(parts[3]), int(parts[2]), int(parts[1])) if parts else None
            except ValueError:
                day = None
            if parts is None or day is None:
                raise Invalid(f"La ligne {number} n’est pas une date suivie d’un motif, comme « 26/12/2016 Pont ».")
            found.append(ClosedDay(day, " ".join(parts[4].split())))
        return tuple(found)


class _Reasons(Editor[Reasons]):
    template = "administration/champs/motifs.html"

    def of_value(self, value: Reasons) -> Typed:
        rows = [{"code": one.code, "label": one.label, "active": one.active} for one in value]
        return {"rows": rows + [{"code": "", "label": "", "active": True} for _ in range(_BLANK_ROWS)]}

    def of_form(self, form: Form) -> Typed:
        rows = [
            {
                "code": form.get(f"code-{place}", "")[:40], "label": form.get(f"libelle-{place}", "")[:200],
                "active": f"actif-{place}" in form,
            }
            for place in _places(form, "libelle")
        ]  # fmt: skip
        return {"rows": rows}

    def read(self, parameter: Parameter[Reasons], typed: Typed) -> Reasons:
        del parameter
        found: list[Reason] = []
        for row in typed["rows"]:
            label = " ".join(row["label"].split())
            if row["code"] or label:
                code = row["code"] or _code_of(label, {one.code for one in found} | {r["code"] for r in typed["rows"]})
                found.append(Reason(code, label, row["active"]))
        return tuple(found)


class _Groups(Editor[Groups]):
    template = "administration/champs/groupes.html"

    def of_value(self, value: Groups) -> Typed:
        rows = [{"group": name, "role": role.value} for name, role in value.items()]
        return {"rows": rows + [{"group": "", "role": ""} for _ in range(_BLANK_ROWS)], "roles": _GIVEN_ROLES}

    def of_form(self, form: Form) -> Typed:
        rows = [
            {"group": form.get(f"groupe-{place}", "")[:300], "role": form.get(f"role-{place}", "")[:20]}
            for place in _places(form, "groupe")
        ]
        return {"rows": rows, "roles": _GIVEN_ROLES}

    def read(self, parameter: Parameter[Groups], typed: Typed) -> Groups:
        del parameter
        found: dict[str, Role] = {}
        for row in typed["rows"]:
            name = row["group"].strip()
            if not name:
                continue
            if row["role"] not in [role.value for role in _GIVEN_ROLES]:
                raise Invalid(f"Choisissez le rôle que donne le groupe « {name[:60]} ».")
            if name in found:
                raise Invalid(f"Le groupe « {name[:60]} » est écrit deux fois.")
            found[name] = Role(row["role"])
        return found


class _Text(Editor[str]):
    template = "administration/champs/texte.html"

    def of_value(self, value: str) -> Typed:
        return {"text": value}

    def of_form(self, form: Form) -> Typed:
        return {"text": form.get("texte", "")[:20_000]}

    def read(self, parameter: Parameter[str], typed: Typed) -> str:
        del parameter
        return str(typed["text"])


_GIVEN_ROLES: Final = tuple(role for role in Role if role is not Role.SYSTEM)
_EDITORS: Final[Mapping[type[Parameter[Any]], Editor[Any]]] = {
    Whole: _Number(), OpeningWeek: _Week(), Closures: _Closures(), ReasonList: _Reasons(), GroupMap: _Groups(),
    Script: _Text(),
}  # fmt: skip


def editor_of(parameter: Parameter[T]) -> Editor[T]:
    """The form of this kind of parameter."""
    return _EDITORS[type(parameter)]


def _places(form: Form, stem: str) -> list[int]:
    """The numbers of the rows that came, in order."""
    return [place for place in range(_MOST_ROWS) if f"{stem}-{place}" in form]


def _time(name: str, typed: str) -> time:
    parts = _TIME.match(typed.strip())
    try:
        if parts:
            return time(int(parts[1]), int(parts[2] or 0))
    except ValueError:
        pass
    raise Invalid(f"Le {name}, « {typed} » n’est pas une heure : écrivez par exemple 8:30 ou 17h30.")


def _code_of(label: str, taken: set[str]) -> str:
    """A short name for a new reason, after its label; files keep it for ever."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")[:34] or "motif"
    code, number = stem if len(stem) > 1 else f"{stem}_", 1
    while code in taken:
        number += 1
        code = f"{stem}_{number}"
    return code
