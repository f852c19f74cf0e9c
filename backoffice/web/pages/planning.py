"""The load of the plans: expected calls, visits and creations, advisors needed, and the figures behind them."""

from datetime import timedelta
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from backoffice.core.actor import Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid
from backoffice.following.models import counted_at
from backoffice.planning.curves import Curve, Response, per_thousand, percent_seen
from backoffice.planning.figures import curves_in_force, may_set, set_curves, set_staff, staff_in_force
from backoffice.planning.outlook import outlook
from backoffice.planning.staff import HALVES, WEEKDAYS, Staff
from backoffice.web.access import access, current_actor
from backoffice.web.pages.composition import office
from backoffice.web.pages.load_chart import advisors_chart
from backoffice.web.pages.month import WEEKDAYS as SEVEN
from backoffice.web.pages.typed import hidden_number, typed_number

READERS: Final = (Role.CAMPAIGN_MANAGER, Role.SUPERVISOR, Role.ADMINISTRATOR)
SPANS: Final = (4, 8, 13)
"""Weeks that may be looked at."""
_CURVE_FIELDS: Final = ("pour_mille", "premier", "fort", "moitie")

pages = Blueprint("planning", __name__, url_prefix="/charge")


@pages.get("")
@access(*READERS)
def index() -> str:
    """The coming weeks, as a drawing and as a table."""
    weeks = next((span for span in SPANS if request.args.get("semaines") == str(span)), SPANS[0])
    today = paris_date(office().clock())
    first = today - timedelta(days=today.weekday())
    with office().db.unit_of_work() as session:
        found = outlook(session, office(), first, 7 * weeks)
        _, source = staff_in_force(session)
        _, assumption = curves_in_force(session)
        counted = counted_at(session, CAISSE_CODES)
    return render_template(
        "planning/index.html", found=found, counted=counted, weeks=weeks, spans=SPANS, today=today, weekdays=SEVEN, source=source,
        assumption=assumption, chart=advisors_chart(found.loads, entered=found.staff.entered), halves=HALVES,
        curves=[_curve_row(found, response) for response in Response], decides=may_set(current_actor()),
        expected=any(load.calls or load.creations for load in found.loads),
    )  # fmt: skip


def _curve_row(found: Any, response: Response) -> dict[str, Any]:
    seen = found.seen[response]
    return {
        "label": response.label,
        "assumed": found.curves[response].per_thousand,
        "used": per_thousand(found.rates[response]),
        "seen": percent_seen(seen),
        "events": sum(seen.events),
    }


@pages.get("/effectif")
@access(*READERS)
def staff_form() -> str:
    """Advisors by half-day, and how calls come."""
    with office().db.unit_of_work() as session:
        staff, source = staff_in_force(session)
    values = {f"{day}_{half}": str(staff.advisors[day][half]) for day in range(5) for half in range(2)} | {
        "duree": str(staff.seconds),
        "matin": str(staff.morning),
        "pointe": str(staff.peak),
        "source": "",
    }
    return _staff_page(values, source)


@pages.post("/effectif")
@access(*READERS)
def save_staff() -> ResponseReturnValue:
    """Put a staff in force."""
    names = [f"{day}_{half}" for day in range(5) for half in range(2)] + ["duree", "matin", "pointe", "source"]
    values = {name: request.form.get(name, "")[:500] for name in names}
    try:
        advisors = tuple(
            tuple(_number(values[f"{day}_{half}"], f"{WEEKDAYS[day]} {HALVES[half]}") for half in range(2))
            for day in range(5)
        )
        staff = Staff(
            advisors,  # type: ignore[arg-type]
            _number(values["duree"], "Durée d’un appel"), _number(values["matin"], "Part du matin"),
            _number(values["pointe"], "Demi-heure la plus chargée"),
        )  # fmt: skip
        with office().db.unit_of_work() as session:
            seen = hidden_number(request.form, "version")
            set_staff(session, office(), current_actor(), staff, values["source"], seen=-1 if seen is None else seen)
    except Invalid as refusal:
        with office().db.unit_of_work() as session:
            _, source = staff_in_force(session)
        return _staff_page(values, source, str(refusal)), 422
    flash("L’effectif est enregistré ; la charge est recalculée.", "done")
    return redirect(url_for(".index"), 303)


def _number(text: str, label: str) -> int:
    found = typed_number(text, label)
    if found is None:
        raise Invalid(f"« {label} » attend un nombre : écrivez 0 s’il n’y a personne.")
    return found


def _staff_page(values: dict[str, str], source: Any, error: str = "") -> str:
    return render_template(
        "planning/staff.html", values=values, source=source, error=error, weekdays=WEEKDAYS, halves=HALVES,
        decides=may_set(current_actor()),
    )  # fmt: skip


@pages.get("/courbes")
@access(*READERS)
def curves_form() -> str:
    """The assumed curves."""
    with office().db.unit_of_work() as session:
        curves, source = curves_in_force(session)
    values = {"source": ""}
    for response, curve in curves.items():
        figures = (curve.per_thousand, curve.first, curve.peak, curve.half_life)
        values |= {
            f"{response}_{name}": f"{figure:g}".replace(".", ",")
            for name, figure in zip(_CURVE_FIELDS, figures, strict=True)
        }
    return _curves_page(values, source)


@pages.post("/courbes")
@access(*READERS)
def save_curves() -> ResponseReturnValue:
    """Put assumed curves in force."""
    names = [f"{response}_{name}" for response in Response for name in _CURVE_FIELDS] + ["source"]
    values = {name: request.form.get(name, "")[:500] for name in names}
    try:
        curves = {
            response: Curve(
                _decimal(values[f"{response}_pour_mille"], response.label),
                *(_number(values[f"{response}_{name}"], response.label) for name in _CURVE_FIELDS[1:]),
            )
            for response in Response
        }
        with office().db.unit_of_work() as session:
            seen = hidden_number(request.form, "version")
            set_curves(session, office(), current_actor(), curves, values["source"], seen=-1 if seen is None else seen)
    except Invalid as refusal:
        with office().db.unit_of_work() as session:
            _, source = curves_in_force(session)
        return _curves_page(values, source, str(refusal)), 422
    flash("Les courbes sont enregistrées ; la charge est recalculée.", "done")
    return redirect(url_for(".index"), 303)


def _decimal(text: str, label: str) -> float:
    try:
        found = float(text.replace(",", ".").strip())
    except ValueError:
        raise Invalid(f"« {label} » attend un nombre de réponses pour 1 000 envois, par exemple 25 ou 2,5.") from None
    if not 0 <= found <= 1000:  # NaN too
        raise Invalid(f"{label} : les réponses pour 1 000 envois vont de 0 à 1 000.")
    return found


def _curves_page(values: dict[str, str], source: Any, error: str = "") -> str:
    return render_template(
        "planning/curves.html", values=values, source=source, error=error, responses=Response,
        decides=may_set(current_actor()),
    )  # fmt: skip
