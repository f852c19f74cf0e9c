"""Forms: they read what was typed and keep it; what may be is the rules' to say."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    DateField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice
from wtforms.widgets import HiddenInput

from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import PREPARED, ChannelRule, Criteria, Draft
from backoffice.core.actor import Actor
from backoffice.core.caisse import caisse_of
from backoffice.core.calendar import working_days
from backoffice.core.errors import Invalid

NOTICE: Final = timedelta(days=7)
"""Between preparing a campaign and the date of its letters: approval, printing, handing to the post."""
_EVERYBODY: Final = ""


class _Form(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """French sentences where WTForms has its own."""

        locales = ("fr",)


class _Day(DateField):  # type: ignore[misc]
    def process_formdata(self, valuelist: list[str]) -> None:
        if not "".join(valuelist).strip():
            self.data = None
            return
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Cette date n’existe pas : indiquez-la sous la forme JJ/MM/AAAA.") from None


class _WholeNumber(IntegerField):  # type: ignore[misc]
    """A number as people type it: "2 000" is two thousand."""

    def process_formdata(self, valuelist: list[str]) -> None:
        typed = "".join("".join(valuelist).split())
        self.data = None
        if typed:
            if not (typed.isascii() and typed.isdigit() and len(typed) <= 9):
                raise ValueError(f"« {self.label.text} » attend un nombre entier, écrit en chiffres.")
            self.data = int(typed)


class CampaignForm(_Form):
    """What a campaign manager decides."""

    demande = HiddenField()
    """Names this filling-in, so that sending it twice creates one campaign."""
    nom = StringField("Nom de la campagne")
    type = RadioField(
        "Type de courrier", choices=[SelectChoice(kind.name, kind.label) for kind in PREPARED], default=PREPARED[0].name
    )  # fmt: skip
    caisses = SelectMultipleField("Caisses")
    date = _Day("Date du courrier", format=["%Y-%m-%d", "%d/%m/%Y"])
    age_min = _WholeNumber("Âge minimal")
    age_max = _WholeNumber("Âge maximal")
    codes_postaux = StringField("Codes postaux")
    qualite = RadioField(
        "Qualité",
        choices=[
            SelectChoice(_EVERYBODY, "Toutes"),
            SelectChoice("OD", "Ouvrants droit"),
            SelectChoice("AD", "Ayants droit"),
        ],
        default=_EVERYBODY,
    )
    etranger = BooleanField("Écrire aussi aux personnes qui résident à l’étranger")
    canal = RadioField(
        "Envoi",
        choices=[
            SelectChoice(ChannelRule.REGISTERED.value, "Selon le choix de la personne"),
            SelectChoice(ChannelRule.POST.value, "Courrier papier pour tous"),
        ],
        default=ChannelRule.REGISTERED.value,
    )
    par_jour = _WholeNumber("Courriers par jour")

    @classmethod
    def within(cls, actor: Actor, **data: Any) -> "CampaignForm":
        """The form with the caisses of this person to choose from."""
        form = cls(**data)
        form.caisses.choices = [SelectChoice(code, caisse_of(code).label) for code in sorted(actor.caisses)]
        return form


def starting_values(actor: Actor, today: date, model: Campaign | None) -> dict[str, Any]:
    """What an empty form proposes: a working day about a week ahead; or the choices of an earlier campaign."""
    values: dict[str, Any] = {
        "date": next(working_days(today + NOTICE)),
        "caisses": sorted(actor.caisses) if len(actor.caisses) == 1 else [],
    }
    if model is not None:
        target = model.target
        values |= {
            "nom": model.name, "type": model.kind, "caisses": model.caisses, "age_min": target.age_min,
            "age_max": target.age_max, "codes_postaux": ", ".join(target.postal_codes),
            "qualite": target.qualites[0] if len(target.qualites) == 1 else _EVERYBODY, "etranger": target.foreign,
            "canal": model.channel_rule, "par_jour": model.per_day,
        }  # fmt: skip
    return values


@dataclass(frozen=True, slots=True)
class Reading:
    """What a form says: a draft, or what is wrong, field by field."""

    draft: Draft | None
    errors: dict[str, str] = field(default_factory=dict)


def read_campaign(form: CampaignForm, today: date, *, named: bool = True) -> Reading:
    """The draft that was typed, judged by the rules field by field so that each sentence stands beside its field.

    Without `named` a missing name is no fault: counting needs none.
    """
    errors = {}
    if not form.validate():
        errors = {name: str(sentences[0]) for name, sentences in form.errors.items() if name in form.data}
        if "csrf_token" in form.errors:
            raise Invalid("Ce formulaire était ouvert depuis trop longtemps. Rechargez la page, puis recommencez.")
    if form.date.data is None:
        errors.setdefault("date", "Indiquez la date du courrier.")
    # A draft without fault but for one field at a time: whatever the rules say is about that field.
    sound = Draft("nom", PREPARED[0].name, tuple(choice.value for choice in form.caisses.choices[:1]), today)
    day: date | None = form.date.data
    typed: dict[str, dict[str, Any]] = {
        "nom": {"name": form.nom.data or ("" if named else sound.name)},
        "type": {"kind": form.type.data or ""},
        "caisses": {"caisses": tuple(form.caisses.data or ())},
        "date": {"letter_date": day or today},
        "age_min": {"criteria": Criteria(age_min=form.age_min.data)},
        "age_max": {"criteria": Criteria(age_min=form.age_min.data, age_max=form.age_max.data)},
        "codes_postaux": {"criteria": Criteria(postal_codes=_codes(form.codes_postaux.data))},
        "qualite": {"criteria": Criteria(qualites=(form.qualite.data,) if form.qualite.data else ())},
        "par_jour": {"per_day": form.par_jour.data},
    }
    for name, change in typed.items():
        if name in errors or (name == "age_max" and "age_min" in errors):
            continue
        try:
            replace(sound, **change).check(today)
        except Invalid as refusal:
            errors[name] = str(refusal)
    if errors or day is None:
        return Reading(None, {name: errors[name] for name in typed if name in errors})
    criteria = Criteria(
        form.age_min.data, form.age_max.data, _codes(form.codes_postaux.data),
        (form.qualite.data,) if form.qualite.data else (), form.etranger.data,
    )  # fmt: skip
    return Reading(
        Draft(
            typed["nom"]["name"], form.type.data, tuple(form.caisses.data), day, ChannelRule(form.canal.data),
            criteria, form.par_jour.data,
        )
    )  # fmt: skip


def _codes(typed: str | None) -> tuple[str, ...]:
    found: Iterable[str] = re.split(r"[\s,;]+", typed or "")
    return tuple(dict.fromkeys(code for code in found if code))


class StepForm(_Form):
    """The confirmation of a step, with its reason where one is needed."""

    motif = TextAreaField("Motif")


class CaseForm(_Form):
    """What is done to a case: the version seen, and a reason or a note, a priority or a queue."""

    demande = HiddenField()
    version = IntegerField(widget=HiddenInput())
    texte = TextAreaField("Texte")
    priorite = StringField("Priorité")
    file = StringField("File")


class UploadForm(_Form):
    """A population file."""

    fichier = FileField("Fichier de population")
    encodage = RadioField(
        "Encodage du fichier",
        choices=[SelectChoice("utf-8", "UTF-8"), SelectChoice("iso-8859-15", "ISO-8859-15 (Latin-9)")],
        default="utf-8",
    )
