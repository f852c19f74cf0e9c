"""A visit: the steps of creating a DMP with the person, in order, and what each may record. Pure.

A step is written down before the next is shown: whoever takes the visit up again goes on from there.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backoffice.core.errors import Invalid, WrongState


class VisitState(StrEnum):
    """What a visit waits for, or how it ended."""

    IDENTITY = "identite"
    CARD = "carte"
    CONTACTS = "coordonnees"
    CONSENT = "consentement"
    CREATION = "creation"
    """Consent is given: the DMP is being made, or was made by an attempt whose answer was lost."""
    DOCUMENT = "document"
    """The DMP is there; its document has still to be handed over."""
    FINISHED = "terminee"
    ABANDONED = "abandonnee"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]

    @property
    def ended(self) -> bool:
        """Nothing more is done in it."""
        return self in (VisitState.FINISHED, VisitState.ABANDONED)


_LABELS: Final = {
    VisitState.IDENTITY: "identité à vérifier",
    VisitState.CARD: "carte Vitale à lire",
    VisitState.CONTACTS: "coordonnées à saisir",
    VisitState.CONSENT: "consentement à recueillir",
    VisitState.CREATION: "DMP à créer",
    VisitState.DOCUMENT: "document à remettre",
    VisitState.FINISHED: "terminée",
    VisitState.ABANDONED: "abandonnée",
}

STAGES: Final = (
    (VisitState.IDENTITY, "Identité"),
    (VisitState.CARD, "Carte Vitale"),
    (VisitState.CONTACTS, "Coordonnées"),
    (VisitState.CONSENT, "Consentement"),
    (VisitState.DOCUMENT, "Document"),
)
"""The line of stages on the screen; the creation itself is the consent's button."""

BEFORE_CREATION: Final = (VisitState.IDENTITY, VisitState.CARD, VisitState.CONTACTS, VisitState.CONSENT)
CORRECTABLE: Final = (VisitState.IDENTITY, VisitState.CARD, VisitState.CONTACTS)
"""Steps that may be taken again before the consent."""


class DocumentKind(StrEnum):
    """What the person showed; never its number, nor a copy."""

    IDENTITY_CARD = "cni"
    PASSPORT = "passeport"
    RESIDENCE = "titre_sejour"
    DRIVING = "permis"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _DOCUMENTS[self]


_DOCUMENTS: Final = {
    DocumentKind.IDENTITY_CARD: "Carte nationale d’identité",
    DocumentKind.PASSPORT: "Passeport",
    DocumentKind.RESIDENCE: "Titre de séjour",
    DocumentKind.DRIVING: "Permis de conduire",
}


class CardWay(StrEnum):
    """How the card was known."""

    READ = "lue"
    TYPED = "saisie"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return {CardWay.READ: "lue par le lecteur", CardWay.TYPED: "numéro de série saisi"}[self]


class Relation(StrEnum):
    """Who acts for somebody else."""

    PARENT = "autorite_parentale"
    GUARDIAN = "tuteur"
    CURATOR = "curateur"
    FAMILY = "habilitation_familiale"
    MANDATE = "mandat_protection"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _RELATIONS[self]


_RELATIONS: Final = {
    Relation.PARENT: "Titulaire de l’autorité parentale",
    Relation.GUARDIAN: "Tuteur ou tutrice",
    Relation.CURATOR: "Curateur ou curatrice",
    Relation.FAMILY: "Habilitation familiale",
    Relation.MANDATE: "Mandat de protection future",
}
NAME_LENGTH: Final = 120

INFORMATION: Final = (
    "Le DMP est gratuit, facultatif, et appartient à la personne : elle peut le clôturer quand elle le veut.",
    "Elle y retrouve ses documents de santé ; les professionnels qu’elle autorise y accèdent, et elle voit qui l’a fait.",
    "Elle peut masquer un document, refuser l’accès à un professionnel, et l’accès en urgence.",
    "Ni l’Assurance Maladie, ni l’employeur, ni une mutuelle ne voient ce qu’il contient.",
    "Il est conservé dix ans après sa clôture, puis détruit.",
)
"""Said to the person before the consent (CSP L.1111-14); the agent records that it was."""


@dataclass(frozen=True, slots=True)
class Representative:
    """Somebody who acts for the person."""

    name: str
    relation: Relation
    document: DocumentKind
    """What they showed of themselves."""
    proof_seen: bool
    """The livret de famille, judgment, habilitation or mandate."""


def require_representation(minor: bool, representative: Representative | None) -> None:
    """Who consents for whom (CSP R.1111-26): a parent or tuteur for a minor, a parent for nobody else. Raises Invalid."""
    if minor and (representative is None or representative.relation not in (Relation.PARENT, Relation.GUARDIAN)):
        raise Invalid(
            "Cette personne est mineure : un titulaire de l’autorité parentale ou son tuteur, présent, consent pour elle. "
            "Notez-le sous « Une autre personne agit pour elle »."
        )
    if not minor and representative is not None and representative.relation is Relation.PARENT:
        raise Invalid(
            "Cette personne a 18 ans : l’autorité parentale a pris fin. Elle consent elle-même, ou son tuteur."
        )


def require(state: str, *wanted: VisitState) -> VisitState:
    """The state of a visit, when it is one of `wanted`. Raises WrongState, with where it stands."""
    found = VisitState(state)
    if found not in wanted:
        raise WrongState(f"Cette étape est passée : la visite est « {found.label} ». La page a été mise à jour.")
    return found


def read_document(text: str) -> DocumentKind:
    """The kind of a document chosen. Raises Invalid for none of the list."""
    try:
        return DocumentKind(text)
    except ValueError:
        raise Invalid("Choisissez la pièce d’identité que vous avez vue.") from None


def read_representative(name: str, relation: str, document: str, proof: bool) -> Representative:
    """Who acts for the person, as typed. Raises Invalid with what is missing."""
    name = " ".join(name.split())
    if not name or len(name) > NAME_LENGTH:
        raise Invalid("Écrivez le nom et le prénom de la personne qui représente l’assuré.")
    try:
        who = Relation(relation)
    except ValueError:
        raise Invalid("Choisissez à quel titre cette personne représente l’assuré.") from None
    if not proof:
        raise Invalid(
            "Sans livret de famille, jugement, habilitation ou mandat présenté, personne ne peut consentir pour l’assuré."
        )
    return Representative(name, who, read_document(document), proof)


def read_serial(text: str) -> str:
    """The serial number of a carte Vitale as typed. Raises Invalid for anything but 8 to 12 digits."""
    digits = "".join(text.split()).replace(".", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and 8 <= len(digits) <= 12):
        raise Invalid("Le numéro de série de la carte Vitale a de 8 à 12 chiffres.")
    return digits
