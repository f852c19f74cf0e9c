"""Reasons to choose from, list by list. A reason that was used is retired, never removed: old files still name it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from backoffice.core.errors import Invalid
from backoffice.parameters.declaration import Parameter

LONGEST_LABEL: Final = 80
MOST: Final = 40
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{1,39}\Z")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: what files keep, what people read."""

    code: str
    label: str
    active: bool = True
    """Whether it may still be chosen."""


Reasons = tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonList(Parameter[Reasons]):
    """The reasons of one kind of act, read as `offered(current(session).of(ABANDON))`."""

    def checked(self, value: Reasons) -> Reasons:
        """Each code and each label once, every declared code still there, one that may be chosen."""
        if len(value) > MOST:
            raise Invalid(f"Pas plus de {MOST} motifs : au-delà, personne ne les lit.")
        codes, labels = [one.code for one in value], [one.label.strip().casefold() for one in value]
        for code in codes:
            if not _CODE.match(code):
                raise Invalid(f"Le code « {code[:40]} » s’écrit en minuscules sans accent, chiffres et « _ ».")
        for one in value:
            if not one.label.strip():
                raise Invalid(f"Le motif « {one.code} » n’a pas de libellé.")
            if len(one.label) > LONGEST_LABEL:
                raise Invalid(f"Le libellé de « {one.code} » dépasse {LONGEST_LABEL} caractères.")
        if len(set(codes)) < len(codes) or len(set(labels)) < len(labels):
            raise Invalid("Un même motif est écrit deux fois.")
        gone = [one.label for one in self.default if one.code not in codes]
        if gone:
            raise Invalid(f"« {gone[0]} » ne peut être retiré de la liste : des dossiers le nomment. Désactivez-le.")
        if not any(one.active for one in value):
            raise Invalid("Il faut au moins un motif à proposer.")
        return value

    def to_json(self, value: Reasons) -> Any:
        """One object a reason."""
        return [{"code": one.code, "label": one.label, "active": one.active} for one in value]

    def from_json(self, kept: Any) -> Reasons:
        """The list again, with the reasons declared since: a new version of the application never loses one."""
        found = tuple(Reason(one["code"], one["label"], bool(one["active"])) for one in kept)
        known = {one.code for one in found}
        return (*found, *(one for one in self.default if one.code not in known))

    def in_words(self, value: Reasons) -> str:
        """The labels on offer."""
        return " · ".join(one.label for one in value if one.active)


def offered(reasons: Reasons) -> Reasons:
    """Those that may be chosen today."""
    return tuple(one for one in reasons if one.active)


def chosen(reasons: Reasons, code: str) -> Reason:
    """The reason of this code, among those on offer. Raises Invalid when it is none of them."""
    for one in reasons:
        if one.code == code and one.active:
            return one
    raise Invalid("Choisissez un motif de la liste.")


def label_of(reasons: Reasons, code: str) -> str:
    """How an earlier choice reads, on offer or retired since."""
    return next((one.label for one in reasons if one.code == code), code)


CLOSURE: Final = ReasonList(
    name="motifs.cloture", label="Motifs de clôture",
    meaning="Proposés quand une personne demande la clôture de son DMP ; elle n’est pas tenue d’en donner un.",
    default=(
        Reason("sans_motif", "La personne ne donne pas de motif"),
        Reason("plus_utile", "Le DMP ne lui est plus utile"),
        Reason("confidentialite", "Elle craint pour la confidentialité"),
        Reason("non_voulu", "Elle ne l’avait pas voulu"),
        Reason("deces", "Décès du titulaire"),
    ),
)  # fmt: skip
CONTEST: Final = ReasonList(
    name="motifs.contestation", label="Motifs de contestation d’une création",
    meaning="Proposés quand une personne dit ne pas être à l’origine de la création de son DMP.",
    default=(
        Reason("pas_moi", "La personne n’a rien demandé"),
        Reason("proche", "Un proche a créé le DMP sans son accord"),
        Reason("accueil", "Elle n’a pas compris ce qu’elle acceptait à l’accueil"),
        Reason("vol", "Son courrier ou sa carte Vitale lui a été volé"),
    ),
)  # fmt: skip
ABANDON: Final = ReasonList(
    name="motifs.abandon", label="Motifs d’abandon d’une visite",
    meaning="Proposés quand une visite à l’accueil s’arrête avant la création du DMP.",
    default=(
        Reason("change_avis", "La personne change d’avis"),
        Reason("piece_manquante", "Il manque une pièce d’identité"),
        Reason("carte_illisible", "La carte Vitale n’est pas lisible"),
        Reason("reviendra", "Elle reviendra"),
        Reason("partie", "Elle est partie sans attendre"),
        Reason("impossible", "Aucun DMP ne peut être créé pour elle"),
    ),
)  # fmt: skip

CONSULTATION: Final = ReasonList(
    name="motifs.consultation", label="Raisons d’ouvrir la fiche d’une personne",
    meaning="Demandées quand la personne n’est ni dans une demande suivie par l’agent, ni à l’accueil ou au téléphone avec lui.",
    default=(
        Reason("accueil", "La personne est devant moi"),
        Reason("telephone", "La personne est au téléphone"),
        Reason("courrier", "Elle a écrit, ou un courrier la concernant est revenu"),
        Reason("verification", "Vérification pour un collègue ou un superviseur"),
        Reason("autre", "Une autre raison, en quelques mots"),
    ),
)  # fmt: skip

REASON_LISTS: Final[Sequence[ReasonList]] = (CLOSURE, CONTEST, ABANDON, CONSULTATION)
