"""The kinds of letters. Adding one is a docx in templates/letters and one line in LETTER_KINDS."""

from dataclasses import dataclass

from backoffice.core.errors import NotFound
from backoffice.core.typography import quoted


@dataclass(frozen=True, slots=True)
class LetterField:
    """A merge field a kind of letter knows."""

    name: str
    """As written in the template, e.g. "personne.nom"."""
    meaning: str
    """French, for the authors of templates and for faults."""
    sample: str
    """Used for previews and to check that the template fits its page."""
    late: bool = False
    """Known only when the letter is stamped, after it is known to fit: the code, which is never held elsewhere."""
    required: bool = False
    """The template must use it."""


@dataclass(frozen=True, slots=True)
class LetterKind:
    """A kind of letter: what it is called, where its text is, what varies in it."""

    name: str
    label: str
    """French; also the title of its PDF files."""
    subject: str
    """Subject of the same letter sent by e-mail."""
    template: str
    """File name in templates/letters."""
    fields: tuple[LetterField, ...]

    @property
    def late(self) -> LetterField | None:
        """Its field known only at stamping, if it has one."""
        return next((field for field in self.fields if field.late), None)

    @property
    def samples(self) -> dict[str, str]:
        """A value for each field known before stamping."""
        return {field.name: field.sample for field in self.fields if not field.late}


CAISSE_LABEL = LetterField("caisse.libelle", "nom de la caisse", "CPAM du Puy-de-Dôme", required=True)
CAISSE_RETURN = LetterField(
    "caisse.retour",
    "adresse de retour de la caisse",
    "CPAM DU PUY DE DOME, 63031\u00a0CLERMONT\u00a0FERRAND\u00a0CEDEX\u00a09",
)
FIRST_NAME = LetterField("personne.prenom", "prénom de la personne", "Marie-Hélène")
LAST_NAME = LetterField("personne.nom", "nom d’usage, ou à défaut nom de naissance", "Lefèvre-Dubois", required=True)
SALUTATION = LetterField("personne.appel", "« Chère madame » ou « Cher monsieur »", "Chère madame", required=True)
DATE = LetterField("courrier.date", "date du courrier, en toutes lettres", "3 mai 2016", required=True)
CODE = LetterField("code.valeur", "code de création, par groupes de quatre", "7KXR 4DHW 9PCT", late=True, required=True)
CODE_END = LetterField("code.fin", "dernier jour de validité du code", "3 juillet 2016", required=True)
NUMBER = LetterField(
    "personne.numero", "numéro de sécurité sociale, à 15 chiffres", "2 50 08 63 113 042 99", required=True
)
DMP_DATE = LetterField(
    "dmp.date", "date de ce que le courrier confirme (création, clôture, suspension…)", "2 novembre 2016", required=True
)
CASE_NUMBER = LetterField("demande.numero", "numéro de la demande", "2016-631-000042", required=True)
CASE_EFFECT = LetterField("demande.effet", "jour où la demande prend effet", "14 novembre 2016", required=True)
_COMMON = (CAISSE_LABEL, CAISSE_RETURN, FIRST_NAME, LAST_NAME, SALUTATION, DATE)

LETTER_KINDS: tuple[LetterKind, ...] = (
    LetterKind(
        name="recruitment",
        label="Je crée mon Dossier Médical Partagé",
        subject="Créez votre Dossier Médical Partagé",
        template="recruitment.docx",
        fields=(*_COMMON, CODE, CODE_END),
    ),
    LetterKind(
        name="reminder",
        label="Mon nouveau code pour créer mon Dossier Médical Partagé",
        subject="Il est encore temps de créer votre Dossier Médical Partagé",
        template="reminder.docx",
        fields=(*_COMMON, CODE, CODE_END),
    ),
    LetterKind(
        name="information",
        label="De nouvelles fonctions pour mon Dossier Médical Partagé",
        subject="De nouvelles fonctions pour votre Dossier Médical Partagé",
        template="information.docx",
        fields=_COMMON,
    ),
    LetterKind(
        name="receipt",
        label="Confirmation de la création de mon Dossier Médical Partagé",
        subject="Votre Dossier Médical Partagé a été créé",
        template="receipt.docx",
        fields=(*_COMMON, NUMBER, DMP_DATE),
    ),
    LetterKind(
        name="code_request",
        label="Mon code pour créer mon Dossier Médical Partagé",
        subject="Le code que vous avez demandé pour créer votre Dossier Médical Partagé",
        template="code_request.docx",
        fields=(*_COMMON, CODE, CODE_END),
    ),
    LetterKind(
        name="access_code",
        label="Mon code pour retrouver l’accès à mon Dossier Médical Partagé",
        subject="Votre code pour retrouver l’accès à votre Dossier Médical Partagé",
        template="access_code.docx",
        fields=(*_COMMON, CODE, CODE_END),
    ),
    LetterKind(
        name="closure_receipt",
        label="Confirmation de la clôture de mon Dossier Médical Partagé",
        subject="Votre Dossier Médical Partagé a été clôturé",
        template="closure_receipt.docx",
        fields=(*_COMMON, DMP_DATE),
    ),
    LetterKind(
        name="reopening",
        label="Mon Dossier Médical Partagé est rouvert",
        subject="Votre Dossier Médical Partagé est rouvert",
        template="reopening.docx",
        fields=(*_COMMON, DMP_DATE),
    ),
    LetterKind(
        name="contested_received",
        label="L’accès à mon Dossier Médical Partagé est suspendu",
        subject="L’accès à votre Dossier Médical Partagé est suspendu",
        template="contested_received.docx",
        fields=(*_COMMON, DMP_DATE),
    ),
    LetterKind(
        name="contested_resumed",
        label="L’accès à mon Dossier Médical Partagé est rétabli",
        subject="L’accès à votre Dossier Médical Partagé est rétabli",
        template="contested_resumed.docx",
        fields=(*_COMMON, DMP_DATE),
    ),
    LetterKind(
        name="contested_closed",
        label="Le Dossier Médical Partagé que je n’ai pas demandé est clôturé",
        subject="Le Dossier Médical Partagé que vous n’avez pas demandé est clôturé",
        template="contested_closed.docx",
        fields=(*_COMMON, DMP_DATE),
    ),
    LetterKind(
        name="contested_kept",
        label="L’accès à mon Dossier Médical Partagé reste suspendu",
        subject="L’accès à votre Dossier Médical Partagé reste suspendu",
        template="contested_kept.docx",
        fields=(*_COMMON, CASE_NUMBER),
    ),
    LetterKind(
        name="closure_request",
        label="Ma demande de clôture de mon Dossier Médical Partagé",
        subject="Votre demande de clôture de votre Dossier Médical Partagé",
        template="closure_request.docx",
        fields=(*_COMMON, CASE_NUMBER, CASE_EFFECT),
    ),
    LetterKind(
        name="closure_withdrawn",
        label="J’ai renoncé à clôturer mon Dossier Médical Partagé",
        subject="Vous avez renoncé à clôturer votre Dossier Médical Partagé",
        template="closure_withdrawn.docx",
        fields=(*_COMMON, CASE_NUMBER),
    ),
    LetterKind(
        name="address_check",
        label="Mon adresse pour les courriers du Dossier Médical Partagé",
        subject="Vérifiez l’adresse où vous écrit l’Assurance Maladie",
        template="address_check.docx",
        fields=_COMMON,
    ),
)


def letter_kind(name: str) -> LetterKind:
    """The kind of letter with this name. Raises NotFound when none is declared."""
    for kind in LETTER_KINDS:
        if kind.name == name:
            return kind
    raise NotFound(f"Le type de courrier {quoted(name)} n’existe pas.")
