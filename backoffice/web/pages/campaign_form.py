"""The form of a campaign: it reads what was typed and keeps it; what may be is the rules' to say."""

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final, Self

from flask_wtf.file import FileField
from wtforms import (
    BooleanField,
    HiddenField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice

from backoffice.campaigns.criteria import Criteria, Draw, Earlier, Fate
from backoffice.campaigns.kinds import PREPARED, kind_of
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.rules import ChannelRule, Draft
from backoffice.campaigns.segments import Segment
from backoffice.core.actor import Actor
from backoffice.core.caisse import caisse_of
from backoffice.core.calendar import working_days
from backoffice.core.errors import Invalid
from backoffice.web.pages.forms import Day, OfficeForm, WholeNumber

NOTICE: Final = timedelta(days=7)
"""Between preparing a campaign and the date of its letters: approval, printing, handing to the post."""
_EVERYBODY: Final = ""
_BY_NUMBER, _BY_SHARE = "nombre", "part"


class CriteriaForm(OfficeForm):
    """Whom to write to."""

    caisses = SelectMultipleField("Caisses")
    age_min = WholeNumber("Âge minimal")
    age_max = WholeNumber("Âge maximal")
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
    sexe = RadioField(
        "Sexe",
        choices=[SelectChoice(_EVERYBODY, "Tous"), SelectChoice("MME", "Femmes"), SelectChoice("M", "Hommes")],
        default=_EVERYBODY,
    )
    canal_enregistre = RadioField(
        "Canal choisi par la personne",
        choices=[
            SelectChoice(_EVERYBODY, "Indifférent"),
            SelectChoice("courrier", "Courrier"),
            SelectChoice("mail", "Courriel"),
        ],
        default=_EVERYBODY,
    )
    courriel = RadioField(
        "Adresse électronique",
        choices=[
            SelectChoice(_EVERYBODY, "Indifférent"),
            SelectChoice("oui", "Connue"),
            SelectChoice("non", "Inconnue"),
        ],
        default=_EVERYBODY,
    )
    precedente = SelectField("Campagne précédente", choices=[SelectChoice(_EVERYBODY, "Aucune")], default=_EVERYBODY)
    devenir = SelectField(
        "Ce qu’il en est advenu",
        choices=[SelectChoice(fate.value, fate.label) for fate in Fate],
        default=Fate.NOT_CREATED.value,
    )
    liste = HiddenField()
    """A list that was checked already."""
    liste_texte = TextAreaField("Numéros de sécurité sociale")
    liste_fichier = FileField("Fichier de numéros")
    etranger = BooleanField("Écrire aussi aux personnes qui résident à l’étranger")
    tirage = RadioField(
        "Tirage au sort",
        choices=[
            SelectChoice(_EVERYBODY, "Aucun : toutes les personnes"),
            SelectChoice(_BY_NUMBER, "Un nombre de personnes"),
            SelectChoice(_BY_SHARE, "Un pourcentage, dans chaque caisse"),
        ],
        default=_EVERYBODY,
    )
    tirage_valeur = StringField("Combien")
    graine = StringField("Graine du tirage")

    @classmethod
    def within(cls, actor: Actor, earlier: Sequence[Campaign], **data: Any) -> Self:
        """The form with the caisses of this person, and the earlier campaigns, to choose from."""
        form = cls(**data)
        form.caisses.choices = [SelectChoice(code, caisse_of(code).label) for code in sorted(actor.caisses)]
        form.precedente.choices = [
            SelectChoice(_EVERYBODY, "Aucune"),
            *(SelectChoice(one.reference, f"{one.reference} – {one.name}") for one in earlier),
        ]
        return form


class CampaignForm(CriteriaForm):
    """What a campaign manager decides."""

    demande = HiddenField()
    """Names this filling-in, so that sending it twice creates one campaign."""
    nom = StringField("Nom de la campagne")
    type = RadioField(
        "Type de courrier", choices=[SelectChoice(kind.name, kind.label) for kind in PREPARED], default=PREPARED[0].name
    )  # fmt: skip
    date = Day("Date du courrier", format=["%Y-%m-%d", "%d/%m/%Y"])
    canal = RadioField(
        "Envoi",
        choices=[
            SelectChoice(ChannelRule.REGISTERED.value, "Selon le choix de la personne"),
            SelectChoice(ChannelRule.POST.value, "Courrier papier pour tous"),
        ],
        default=ChannelRule.REGISTERED.value,
    )
    par_jour = WholeNumber("Courriers par jour")
    version = HiddenField()
    """Of the draft that was read, when one is changed."""
    segment = SelectField("Segment enregistré", choices=[SelectChoice(_EVERYBODY, "Aucun")], default=_EVERYBODY)

    def offer_segments(self, segments: Sequence[Segment]) -> None:
        """Segments to choose from."""
        self.segment.choices = [
            SelectChoice(_EVERYBODY, "Aucun"),
            *(SelectChoice(str(one.id), one.name) for one in segments),
        ]


def starting_values(actor: Actor, today: date, model: Campaign | None) -> dict[str, Any]:
    """What an empty form proposes: a working day about a week ahead; or the choices of an earlier campaign."""
    values: dict[str, Any] = {
        "date": next(working_days(today + NOTICE)),
        "caisses": sorted(actor.caisses) if len(actor.caisses) == 1 else [],
        "graine": secrets.token_hex(4),
    }
    if model is not None:
        values |= {
            "nom": model.name, "type": model.kind, "caisses": model.caisses, "canal": model.channel_rule,
            "par_jour": model.per_day, "segment": str(model.segment_id or _EVERYBODY),
        }  # fmt: skip
        values |= criteria_values(model.target)
    return values


def criteria_values(target: Criteria) -> dict[str, Any]:
    """The criteria as their form shows them."""
    values: dict[str, Any] = {
        "age_min": target.age_min, "age_max": target.age_max, "codes_postaux": ", ".join(target.postal_codes),
        "qualite": target.qualites[0] if len(target.qualites) == 1 else _EVERYBODY, "etranger": target.foreign,
        "sexe": target.sex or _EVERYBODY, "canal_enregistre": target.channel or _EVERYBODY,
        "courriel": _EVERYBODY if target.email is None else ("oui" if target.email else "non"),
        "liste": str(target.list_id or ""),
    }  # fmt: skip
    if target.earlier is not None:
        values |= {"precedente": target.earlier.reference, "devenir": target.earlier.fate.value}
    if target.draw is not None:
        by_number = target.draw.count is not None
        amount = target.draw.count if by_number else f"{target.draw.percent:g}".replace(".", ",")
        values |= {
            "tirage": _BY_NUMBER if by_number else _BY_SHARE,
            "tirage_valeur": str(amount),
            "graine": target.draw.seed,
        }
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
    errors = _typing_faults(form)
    if form.date.data is None:
        errors.setdefault("date", "Indiquez la date du courrier.")
    # A draft without fault but for one field at a time: whatever the rules say is about that field.
    sound = Draft("nom", PREPARED[0].name, tuple(choice.value for choice in form.caisses.choices[:1]), today)
    day: date | None = form.date.data
    typed: dict[str, dict[str, Any]] = {
        "nom": {"name": form.nom.data or ("" if named else sound.name)},
        "type": {"kind": form.type.data or "", "criteria": _unjudged(form)},
        "caisses": {"caisses": tuple(form.caisses.data or ())},
        "date": {"letter_date": day or today},
        "par_jour": {"per_day": form.par_jour.data},
    }
    for name, criteria in _criteria_by_field(form).items():
        typed[name] = {"criteria": criteria}
    for name, change in typed.items():
        if name in errors or (name == "age_max" and "age_min" in errors):
            continue
        try:
            replace(sound, **change).check(today)
        except Invalid as refusal:
            errors["precedente" if name == "type" and form.type.data in _KIND_NAMES else name] = str(refusal)
    if errors or day is None:
        return Reading(None, {name: errors[name] for name in sorted(errors, key=_rank)})
    return Reading(
        Draft(
            typed["nom"]["name"], form.type.data, tuple(form.caisses.data), day, ChannelRule(form.canal.data),
            read_criteria(form), form.par_jour.data, int(form.segment.data) if form.segment.data else None,
        )
    )  # fmt: skip


_KIND_NAMES: Final = frozenset(kind.name for kind in PREPARED)
_FIRST: Final = ("nom", "type", "date", "par_jour", "canal")
_ORDER: Final = (*_FIRST, *(name for name in vars(CriteriaForm) if not name.startswith("_")))


def _rank(name: str) -> int:
    """Where a field stands on the page."""
    return _ORDER.index(name) if name in _ORDER else len(_ORDER)


def _typing_faults(form: OfficeForm) -> dict[str, str]:
    """What cannot even be read, field by field. Raises Invalid when the form is too old to be trusted."""
    if form.validate():
        return {}
    if "csrf_token" in form.errors:
        raise Invalid("Ce formulaire était ouvert depuis trop longtemps. Rechargez la page, puis recommencez.")
    return {name: str(sentences[0]) for name, sentences in form.errors.items() if name in form.data}


def read_criteria(form: CriteriaForm) -> Criteria:
    """The criteria that were typed; Invalid when the draw cannot be read."""
    return replace(
        _unjudged(form),
        age_min=form.age_min.data,
        age_max=form.age_max.data,
        postal_codes=_codes(form.codes_postaux.data),
        draw=_draw(form),
    )


def read_segment(form: CriteriaForm) -> tuple[Criteria | None, dict[str, str]]:
    """Criteria alone, for a segment: as typed, or what is wrong field by field."""
    errors = _typing_faults(form)
    for name, criteria in _criteria_by_field(form).items():
        if name in errors or (name == "age_max" and "age_min" in errors):
            continue
        try:
            criteria.check()
        except Invalid as refusal:
            errors[name] = str(refusal)
    if not form.caisses.data:
        errors.setdefault("caisses", "Choisissez au moins une caisse.")
    if errors:
        return None, {name: errors[name] for name in sorted(errors, key=_rank)}
    return read_criteria(form), {}


def list_typed(form: CriteriaForm) -> str:
    """What was pasted or sent as a list, as text; the file counts when there are both."""
    sent: Any = form.liste_fichier.data
    if sent is not None and sent.filename:
        content: bytes = sent.read(LARGEST_LIST + 1)
        if len(content) > LARGEST_LIST:
            raise Invalid("Le fichier de la liste dépasse 8 Mo : coupez-le en plusieurs.")
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return content.decode("iso-8859-15")
    return str(form.liste_texte.data or "")


LARGEST_LIST: Final = 8_000_000


def _unjudged(form: CriteriaForm) -> Criteria:
    """The criteria chosen among those offered."""
    earlier = Earlier(form.precedente.data, Fate(form.devenir.data)) if form.precedente.data else None
    return Criteria(
        qualites=(form.qualite.data,) if form.qualite.data else (),
        foreign=form.etranger.data,
        sex=form.sexe.data or None,
        channel=form.canal_enregistre.data or None,
        email={"oui": True, "non": False}.get(form.courriel.data or ""),
        earlier=earlier,
        list_id=int(form.liste.data) if (form.liste.data or "").isdigit() else None,
    )


def _criteria_by_field(form: CriteriaForm) -> dict[str, Criteria]:
    """Criteria with one typed field each, to be judged by itself."""
    found = {
        "age_min": Criteria(age_min=form.age_min.data),
        "age_max": Criteria(age_min=form.age_min.data, age_max=form.age_max.data),
        "codes_postaux": Criteria(postal_codes=_codes(form.codes_postaux.data)),
        "qualite": Criteria(qualites=(form.qualite.data,) if form.qualite.data else ()),
    }
    try:
        found["tirage_valeur"] = Criteria(draw=_draw(form))
    except ValueError:
        found["tirage_valeur"] = Criteria(draw=Draw(form.graine.data or "-"))
    return found


def _draw(form: CriteriaForm) -> Draw | None:
    """The draw that was typed; ValueError when its number is none."""
    if not form.tirage.data:
        return None
    typed = "".join((form.tirage_valeur.data or "").replace("%", "").split()).replace(",", ".")
    if not re.fullmatch(r"\d{1,9}(\.\d{1,3})?", typed, re.ASCII):
        raise ValueError("not a number")
    seed = (form.graine.data or "").strip() or secrets.token_hex(4)
    if form.tirage.data == _BY_SHARE:
        return Draw(seed, percent=float(typed))
    return Draw(seed, count=int(typed))


def _codes(typed: str | None) -> tuple[str, ...]:
    found: Iterable[str] = re.split(r"[\s,;]+", typed or "")
    return tuple(dict.fromkeys(code for code in found if code))


def kind_notes() -> dict[str, str]:
    """What is said of each kind beside its choice."""
    return {kind.name: kind_of(kind.name).note for kind in PREPARED}
