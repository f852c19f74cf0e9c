"""Parameters: what is in force, and the form that puts another value in force."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session

from backoffice.calls.scripts import SCRIPTS
from backoffice.cases.recounting import recount
from backoffice.closure.explanation import EXPLANATION
from backoffice.core.actor import Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.parameters import actions
from backoffice.parameters.declaration import Parameter
from backoffice.parameters.declared import parameter_of
from backoffice.parameters.hours import CLOSED_DAYS, CLOSED_EVERYWHERE, HOURS, WEEK
from backoffice.parameters.limits import LIMITS
from backoffice.parameters.reading import current
from backoffice.parameters.reasons import REASON_LISTS
from backoffice.parameters.rights import GROUPS
from backoffice.parameters.scripts import Script, blocks_of
from backoffice.web.access import current_actor
from backoffice.web.administration.editors import Typed, editor_of
from backoffice.web.administration.views import ClosedView
from backoffice.web.errors import status_of
from backoffice.web.pages.composition import office
from backoffice.web.pages.once import new_request, once

_TEXTS: Final[tuple[Script, ...]] = (*SCRIPTS, EXPLANATION)
_FAMILIES: Final[tuple[tuple[str, tuple[Parameter[Any], ...]], ...]] = (
    ("Horaires et fermetures", tuple(HOURS)), ("Limites", LIMITS), ("Motifs", tuple(REASON_LISTS)),
    ("Textes lus à la personne", _TEXTS), ("Habilitations", (GROUPS,)),
)  # fmt: skip

_AFTER: Final[Mapping[str, Callable[[Session, str | None], object]]] = {
    WEEK.name: lambda session, caisse: recount(session, [caisse or ""]),
    CLOSED_DAYS.name: lambda session, caisse: recount(session, [caisse or ""]),
    CLOSED_EVERYWHERE.name: lambda session, _: recount(session, CAISSE_CODES),
}
"""What else changes in the same transaction."""


class Parameters(ClosedView):
    """The list, and one parameter with its form and its versions."""

    roles = frozenset({Role.ADMINISTRATOR})
    place, title = "parametres", "Paramètres"
    note = "Horaires, fermetures, limites, motifs, textes, groupes de l’annuaire : vus, changés, avec leurs versions."

    @expose("/")  # type: ignore[untyped-decorator]
    def index(self) -> str:
        """What is in force, for one caisse where each has its own."""
        actor = current_actor()
        caisse = request.args.get("caisse") or min(actor.caisses)
        actor.require_caisse(caisse)
        with office().db.unit_of_work() as session:
            now = current(session)
            families = [
                (family, [self._row(now, one, caisse if one.per_caisse else None) for one in parameters])
                for family, parameters in _FAMILIES
                if parameters
            ]
        return str(self.render(
            "administration/parametres.html", families=families, caisse=caisse, caisses=sorted(actor.caisses)
        ))  # fmt: skip

    @expose("/<key>", methods=["GET"])  # type: ignore[untyped-decorator]
    def show(self, key: str) -> str:
        """One parameter: its form and its versions."""
        parameter, caisse = self._wanted(key)
        with office().db.unit_of_work() as session:
            value = current(session).of(parameter, caisse)
        return self._page(parameter, caisse, editor_of(parameter).of_value(value))

    @expose("/<key>", methods=["POST"])  # type: ignore[untyped-decorator]
    def change(self, key: str) -> ResponseReturnValue:
        """Put what was typed in force, show how a text reads, or go back to what is declared."""
        parameter, caisse = self._wanted(key)
        actor, form, editor = current_actor(), request.form, editor_of(parameter)
        typed, reason, gesture = editor.of_form(form), form.get("motif", ""), form.get("geste", "")
        seen = int(form["version"]) if form.get("version", "").isdecimal() else -1
        try:
            if gesture == "apercu":
                text = parameter.checked(editor.read(parameter, typed))
                return self._page(parameter, caisse, typed, reason=reason, preview=blocks_of(text))
            with once(office().redis, actor.login, form.get("demande", "")) as claim:
                if claim.first:
                    with office().db.unit_of_work() as session:
                        options: dict[str, Any] = {"reason": reason, "seen": seen, "caisse": caisse}
                        if gesture == "origine":
                            actions.restore(session, office(), actor, parameter, **options)
                        else:
                            value = editor.read(parameter, typed)
                            actions.change(session, office(), actor, parameter, value, **options)
                        if parameter.name in _AFTER:
                            _AFTER[parameter.name](session, caisse)
                    claim.outcome = "fait"
                    flash(f"« {parameter.label} » est changé, et vaut dès maintenant.", "done")
        except (Invalid, WrongState) as refusal:
            return self._page(parameter, caisse, typed, reason=reason, error=str(refusal)), status_of(refusal)
        return redirect(url_for(".show", key=key, caisse=caisse), 303)

    def _page(
        self, parameter: Parameter[Any], caisse: str | None, typed: Typed, *, reason: str = "", error: str = "",
        preview: Any = None,
    ) -> str:  # fmt: skip
        with office().db.unit_of_work() as session:
            row = self._row(current(session), parameter, caisse)
            versions = actions.history_of(session, parameter, caisse)
        return str(self.render(
            "administration/parametre.html", parameter=parameter, caisse=caisse, typed=typed, reason=reason, error=error,
            preview=preview, row=row, editor=editor_of(parameter), form=FlaskForm(), request_name=new_request(),
            versions=[(one, _in_words(parameter, one.value)) for one in versions],
            may=actions.may_change(current_actor(), parameter, caisse), is_text=isinstance(parameter, Script),
            caisses=sorted(current_actor().caisses),
        ))  # fmt: skip

    def _row(self, now: Any, parameter: Parameter[Any], caisse: str | None) -> dict[str, Any]:
        version = now.version_of(parameter, caisse)
        value = now.of(parameter, caisse)
        return {
            "parameter": parameter, "caisse": caisse, "version": version, "words": parameter.in_words(value),
            "declared": version is None or version.value is None,
        }  # fmt: skip

    def _wanted(self, key: str) -> tuple[Parameter[Any], str | None]:
        parameter = parameter_of(key, _TEXTS)
        caisse = request.values.get("caisse") or None
        if parameter.per_caisse != (caisse is not None):
            raise NotFound("Ce paramètre n’existe pas.")
        if caisse is not None:
            current_actor().require_caisse(caisse)
        return parameter, caisse


def _in_words(parameter: Parameter[Any], kept: Any) -> str:
    if kept is None:
        return "valeur d’origine"
    try:
        return parameter.in_words(parameter.from_json(kept))
    except (Invalid, ValueError, TypeError, KeyError):
        return "valeur d’une autre version de l’application"
