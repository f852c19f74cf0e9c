"""Control addresses of the caisses: who receives one letter of every lot."""

from typing import Final

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, SelectField, StringField
from wtforms.fields import SelectChoice

from backoffice.campaigns import control
from backoffice.core.actor import Role
from backoffice.core.caisse import caisse_of
from backoffice.core.errors import Invalid
from backoffice.web.access import access, current_actor
from backoffice.web.pages.composition import office
from backoffice.web.pages.forms import OfficeForm

EDITORS: Final = (Role.CAMPAIGN_MANAGER, Role.ADMINISTRATOR)

pages = Blueprint("control_addresses", __name__, url_prefix="/adresses-temoins")


class ControlForm(OfficeForm):
    """A control address."""

    caisse = SelectField("Caisse")
    label = StringField("À quoi elle sert")
    civilite = RadioField(
        "Civilité", choices=[SelectChoice("MME", "Madame"), SelectChoice("M", "Monsieur")], default="MME"
    )
    prenom = StringField("Prénom")
    nom = StringField("Nom")
    adresse_2 = StringField("Service, étage")
    adresse_3 = StringField("Bâtiment, résidence")
    adresse_4 = StringField("Numéro et voie")
    adresse_5 = StringField("Lieu-dit, boîte postale")
    code_postal = StringField("Code postal")
    ville = StringField("Ville")
    email = StringField("Adresse électronique")


@pages.get("")
@access(*EDITORS)
def index() -> str:
    """The control addresses in use, and a form to add one."""
    return _page(_form())


@pages.post("")
@access(*EDITORS)
def add() -> ResponseReturnValue:
    """Add one."""
    form = _form()
    if not form.validate():
        return _page(form, "Choisissez une caisse de votre périmètre."), 422
    typed = {name: value or "" for name, value in form.data.items() if name not in ("caisse", "csrf_token")}
    try:
        with office().db.unit_of_work() as session:
            control.add_address(session, office(), current_actor(), form.caisse.data, **typed)
    except Invalid as refusal:
        return _page(form, str(refusal)), 422
    flash("L’adresse témoin est ajoutée : elle recevra un envoi de chaque lot produit désormais.", "done")
    return redirect(url_for(".index"), 303)


@pages.post("/<int:address_id>/retirer")
@access(*EDITORS)
def end(address_id: int) -> ResponseReturnValue:
    """Take one out."""
    with office().db.unit_of_work() as session:
        control.end_address(session, office(), current_actor(), address_id)
    flash("L’adresse témoin est retirée : elle ne recevra plus rien.", "done")
    return redirect(url_for(".index"), 303)


def _form() -> ControlForm:
    form = ControlForm()
    form.caisse.choices = [SelectChoice(code, caisse_of(code).label) for code in sorted(current_actor().caisses)]
    return form


def _page(form: ControlForm, error: str = "") -> str:
    with office().db.unit_of_work() as session:
        rows = control.list_addresses(session, current_actor())
    return render_template("control_addresses/index.html", form=form, rows=rows, error=error, most=control.MOST)
