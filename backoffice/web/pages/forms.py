"""Forms: they read what was typed and keep it; what may be is the rules' to say."""

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import DateField, HiddenField, IntegerField, RadioField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.widgets import HiddenInput


class OfficeForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """A form of the back office."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        """French sentences where WTForms has its own."""

        locales = ("fr",)


class Day(DateField):  # type: ignore[misc]
    """A day as browsers send it, or as people type it."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was sent; ValueError, as WTForms asks, when it cannot be."""
        if not "".join(valuelist).strip():
            self.data = None
            return
        try:
            super().process_formdata(valuelist)
        except ValueError:
            raise ValueError("Cette date n’existe pas : indiquez-la sous la forme JJ/MM/AAAA.") from None


class WholeNumber(IntegerField):  # type: ignore[misc]
    """A number as people type it: "2 000" is two thousand."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was sent; ValueError, as WTForms asks, when it cannot be."""
        typed = "".join("".join(valuelist).split())
        self.data = None
        if typed:
            if not (typed.isascii() and typed.isdigit() and len(typed) <= 9):
                raise ValueError(f"« {self.label.text} » attend un nombre entier, écrit en chiffres.")
            self.data = int(typed)


class StepForm(OfficeForm):
    """The confirmation of a step, with its reason where one is needed."""

    motif = TextAreaField("Motif")


class CaseForm(OfficeForm):
    """What is done to a case: the version seen, and a reason or a note, a priority or a queue."""

    demande = HiddenField()
    version = IntegerField(widget=HiddenInput())
    texte = TextAreaField("Texte")
    priorite = StringField("Priorité")
    file = StringField("File")
    autre = StringField("Numéro de l’autre demande")
    qui = StringField("Affectée à")


class AbsenceForm(OfficeForm):
    """Somebody is away, and who stands in for them."""

    demande = HiddenField()
    qui = StringField("Qui")
    du = Day("Du", format=["%Y-%m-%d", "%d/%m/%Y"])
    au = Day("Au", format=["%Y-%m-%d", "%d/%m/%Y"])
    remplacant = StringField("Remplacé par")


class UploadForm(OfficeForm):
    """A population file."""

    fichier = FileField("Fichier de population")
    encodage = RadioField(
        "Encodage du fichier",
        choices=[SelectChoice("utf-8", "UTF-8"), SelectChoice("iso-8859-15", "ISO-8859-15 (Latin-9)")],
        default="utf-8",
    )
