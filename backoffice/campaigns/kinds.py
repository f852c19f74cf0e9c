"""Kinds of campaigns, one declaration each: their letter, whom they leave out, what becomes of a code in force. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum

from backoffice.core.errors import Invalid


class Exclusion(StrEnum):
    """Why a targeted person receives nothing; the first that applies, in the order of the kind, counts."""

    DEPENDANT = "ayant_droit"
    SCHEME = "regime"
    CAISSE = "caisse"
    MOVED = "autre_caisse"
    HOLDER = "dmp_existant"
    CLOSED = "dmp_cloture"
    NO_DMP = "sans_dmp"
    DECEASED = "decede"
    OPPOSITION = "opposition"
    UNDELIVERABLE = "pnd"
    MINOR = "mineur"
    LIVE_CODE = "code_en_cours"
    NEWER_CODE = "code_plus_recent"
    NO_CODE = "code_echu"
    FOREIGN = "adresse_etrangere"
    NOT_DRAWN = "non_tiree"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS = {
    Exclusion.DEPENDANT: "ayants droit",
    Exclusion.SCHEME: "autre régime que le régime général",
    Exclusion.CAISSE: "caisse hors pré-série",
    Exclusion.MOVED: "rattachées depuis à une autre caisse",
    Exclusion.HOLDER: "détiennent déjà un DMP",
    Exclusion.CLOSED: "DMP clôturé",
    Exclusion.NO_DMP: "ne détiennent pas de DMP",
    Exclusion.DECEASED: "personnes décédées",
    Exclusion.OPPOSITION: "opposition aux envois",
    Exclusion.UNDELIVERABLE: "adresse connue comme non distribuable",
    Exclusion.MINOR: "moins de 18 ans à la date du courrier",
    Exclusion.LIVE_CODE: "code de création déjà en cours de validité",
    Exclusion.NEWER_CODE: "code plus récent que celui de la campagne précédente",
    Exclusion.NO_CODE: "code de la campagne précédente plus en cours de validité",
    Exclusion.FOREIGN: "adresse à l’étranger",
    Exclusion.NOT_DRAWN: "non tirées au sort",
}


def in_words(reason: str) -> str:
    """A letter's reason: a sentence already, or an exclusion to be put in words."""
    return Exclusion(reason).label if reason in set(Exclusion) else reason


_NOT_OURS = (Exclusion.DEPENDANT, Exclusion.SCHEME, Exclusion.CAISSE, Exclusion.MOVED)
_NOT_TO_BE_WRITTEN_TO = (Exclusion.DECEASED, Exclusion.OPPOSITION, Exclusion.UNDELIVERABLE, Exclusion.MINOR)
_INVITED = (*_NOT_OURS, Exclusion.HOLDER, Exclusion.CLOSED, *_NOT_TO_BE_WRITTEN_TO)
"""Left out of every invitation to create a DMP (formats/population.md)."""
_OWED = (Exclusion.MOVED, Exclusion.DECEASED, Exclusion.UNDELIVERABLE)
"""All that keeps back a letter that a person asked for or is owed: an opposition to mailings is no reason. Of who moved
to another caisse, this one only has an old address."""


@dataclass(frozen=True, slots=True)
class CampaignKind:
    """A kind of mailing: one declaration here, and one letter declared in `letters.kinds`."""

    name: str
    label: str
    letter: str
    """Name of the LetterKind."""
    prefix: str
    """Of the references, e.g. REC-2016-0001."""
    leaves_out: tuple[Exclusion, ...]
    """Its rule of eligibility: the reasons that count, in the order in which they are looked at."""
    on_demand: bool = False
    """Answers that persons are owed: gathered day by day by the system, never prepared by a campaign manager."""
    replacing: str | None = None
    """Why the code of its letter takes the place of the one in force, as the journal of codes says; None when a person
    with a code in force is left out."""
    needs_earlier: bool = False
    """It only makes sense towards the persons of an earlier campaign, or of a list."""
    note: str = ""
    """What the manager is told of it when choosing, in French."""
    only_post_needs_address: bool = False
    """An undeliverable address keeps back paper alone, not an e-mail."""
    any_mailbox: bool = False
    """An e-mail address that is known will do, whatever channel is registered: it is about an address that post misses."""
    relays: str | None = None
    """The prepared kind whose e-mails that did not arrive it takes the place of."""


REPLACED_ON_REQUEST = "remplacé à la demande de la personne"
"""Reason of the revocation of a code whose person asked for another, noted when that other one is issued."""
REPLACED_BY_REMINDER = "remplacé par le code d’une relance"
REPLACED_BY_REMAKE = "remplacé par le code d’un courrier refait"
REPLACED_BY_RELAY = "remplacé : courriel non remis"


def _answer(name: str, label: str, prefix: str, *, replacing: str | None = None) -> CampaignKind:
    return CampaignKind(
        name, label, name, prefix, _OWED, on_demand=True, replacing=replacing, only_post_needs_address=True
    )


KINDS: tuple[CampaignKind, ...] = (
    CampaignKind(
        "recruitment", "Recrutement", "recruitment", "REC", (*_INVITED, Exclusion.LIVE_CODE, Exclusion.FOREIGN),
        note="Invite à créer un DMP, avec un code valable deux mois.",
    ),
    CampaignKind(
        "reminder", "Relance avant expiration", "reminder", "REL",
        (*_INVITED, Exclusion.NEWER_CODE, Exclusion.NO_CODE, Exclusion.FOREIGN), replacing=REPLACED_BY_REMINDER,
        needs_earlier=True,
        note="À qui a reçu un code d’une campagne précédente et n’a pas créé son DMP. Ce code ne peut pas être relu : la "
        "relance en porte un nouveau, et l’ancien cesse d’ouvrir quoi que ce soit dès que le nouveau est émis.",
    ),
    CampaignKind(
        "information", "Information des titulaires", "information", "INF",
        (
            Exclusion.SCHEME, Exclusion.CAISSE, Exclusion.MOVED, Exclusion.CLOSED, Exclusion.NO_DMP, *_NOT_TO_BE_WRITTEN_TO,
            Exclusion.FOREIGN,
        ),
        note="Annonce aux titulaires d’un DMP ses nouvelles fonctions et l’arrivée de leurs données de remboursement ; "
        "sans code.",
        only_post_needs_address=True,
    ),
    CampaignKind(
        "resend", "Renvoi de codes demandés", "code_request", "REN",
        (*_NOT_OURS, Exclusion.HOLDER, Exclusion.CLOSED, Exclusion.DECEASED, Exclusion.UNDELIVERABLE, Exclusion.MINOR),
        replacing=REPLACED_ON_REQUEST, needs_earlier=True,
        note="Aux personnes d’une liste qui ont demandé un code. Le nouveau code remplace celui qu’elles auraient encore.",
    ),
    CampaignKind(
        "remake", "Courriers à refaire", "recruitment", "REF", (*_INVITED, Exclusion.FOREIGN),
        replacing=REPLACED_BY_REMAKE, needs_earlier=True,
        note="À qui un courrier doit être refait (abîmé, revenu, non produit), avec un nouveau code qui remplace l’ancien.",
    ),
    _answer("receipt", "Accusés de réception", "ACC"),
    _answer("code_request", "Codes demandés", "COD", replacing=REPLACED_ON_REQUEST),
    _answer("access_code", "Codes d’accès", "ACS", replacing=REPLACED_ON_REQUEST),
    _answer("closure_receipt", "Confirmations de clôture", "CLO"),
    _answer("reopening", "Confirmations de réouverture", "ROU"),
    _answer("contested_received", "Créations contestées, accès suspendu", "CTS"),
    _answer("contested_resumed", "Créations contestées, accès rétabli", "CTR"),
    _answer("contested_closed", "Créations contestées, DMP clôturé", "CTC"),
    _answer("contested_kept", "Créations contestées, suspension maintenue", "CTM"),
    _answer("closure_request", "Demandes de clôture", "DCL"),
    _answer("closure_withdrawn", "Clôtures abandonnées", "ABC"),
    CampaignKind(
        "address_check", "Adresses à vérifier", "address_check", "ADR",
        (Exclusion.MOVED, Exclusion.DECEASED, Exclusion.OPPOSITION, Exclusion.UNDELIVERABLE), on_demand=True,
        only_post_needs_address=True, any_mailbox=True,
    ),
)  # fmt: skip
PREPARED: tuple[CampaignKind, ...] = tuple(kind for kind in KINDS if not kind.on_demand)
"""The kinds that a campaign manager prepares."""
ANSWERS: tuple[CampaignKind, ...] = tuple(kind for kind in KINDS if kind.on_demand)
RELAYS: tuple[CampaignKind, ...] = tuple(
    replace(
        kind, name=f"{kind.name}_relay", label=f"{kind.label}, relais des courriels non remis", prefix="RLA",
        on_demand=True, replacing=REPLACED_BY_RELAY, needs_earlier=False, note="", relays=kind.name,
    )
    for kind in PREPARED
)  # fmt: skip
"""The kinds that write again to those whom the e-mail of a prepared one did not reach: the same letter and the same rule
of eligibility, day by day."""
ON_DEMAND: tuple[CampaignKind, ...] = ANSWERS + RELAYS
"""The kinds that the system gathers day by day."""


def relay_kind(name: str) -> CampaignKind:
    """The kind that relays the e-mails of this prepared kind."""
    return next(kind for kind in RELAYS if kind.relays == name)


def kind_of(name: str) -> CampaignKind:
    """The declared kind of this name; Invalid when there is none."""
    for kind in KINDS + RELAYS:
        if kind.name == name:
            return kind
    raise Invalid(
        f"Le type de campagne « {name} » n’existe pas ; types connus : {', '.join(k.name for k in PREPARED)}."
    )
