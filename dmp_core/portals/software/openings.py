"""The calls by which practice software opens a DMP for a patient who is there (TD1.1 to TD1.5), finds its own patients without
their card (TD0.5), and leads to the site at one of them (TD0.9).
"""

import base64
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

import msgspec
from flask import Blueprint, Response, current_app, request

from dmp_core.access.identifying import VitaleCard
from dmp_core.access.openers import INFORMATION, Given, opener_of
from dmp_core.access.opening import Made, OpeningGate
from dmp_core.enrolment.conditions import CONSENT, current_terms
from dmp_core.enrolment.contacts import mail_address, mobile_number
from dmp_core.enrolment.dossiers import Contacts
from dmp_core.enrolment.papers import secrets_pdf
from dmp_core.errors import Invalid, NotFound
from dmp_core.holder import relatives
from dmp_core.portals.answers import require
from dmp_core.portals.professionals.card import professional
from dmp_core.portals.professionals.context import link_to
from dmp_core.portals.software.gates import gate

calls = Blueprint("openings", __name__)

CHANNELS: Final = {"mail": "courriel", "mobile": "mobile"}
WAYS: Final = {"online": "en ligne", "counter": "à l’accueil d’une caisse", "ps": "chez un professionnel"}
_Told = TypeVar("_Told", bound=msgspec.Struct)


class Vitale(msgspec.Struct, forbid_unknown_fields=True):
    """What the carte Vitale says."""

    nir: str
    prenom: str
    naissance: str
    serie: str

    @property
    def card(self) -> VitaleCard:
        """The same, normalised. Raises Invalid."""
        return VitaleCard.of(self.nir, self.prenom, self.naissance, self.serie)


class Consent(msgspec.Struct, forbid_unknown_fields=True):
    """What the professional states of their patient."""

    patient_informe: bool
    patient_consent: bool
    conditions: str
    representant: str = ""
    """First name and name of who consents for the patient, "" for the patient."""
    qualite: str = ""
    """`tutelle`, `habilitation` or `mandat`."""

    @property
    def given(self) -> Given:
        """The same, as the gate takes it. Raises Invalid."""
        return Given(self.patient_informe, self.patient_consent, self.conditions).by(self.representant, self.qualite)


class Where(msgspec.Struct, forbid_unknown_fields=True):
    """Where one-time codes go: one of the two at least."""

    courriel: str = ""
    mobile: str = ""


class Creation(msgspec.Struct, forbid_unknown_fields=True):
    """TD1.1."""

    vitale: Vitale
    coordonnees: Where
    consentement: Consent
    autorisation: bool


class Reopening(msgspec.Struct, forbid_unknown_fields=True):
    """TD1.2."""

    vitale: Vitale
    consentement: Consent
    autorisation: bool


class SecretsAsked(msgspec.Struct, forbid_unknown_fields=True):
    """TD1.5a."""

    vitale: Vitale
    demande_par_le_titulaire: bool


class ClosureAsked(msgspec.Struct, forbid_unknown_fields=True):
    """TD1.4."""

    vitale: Vitale
    patient_informe: bool
    demande_par_le_titulaire: bool


class Traits(msgspec.Struct, forbid_unknown_fields=True):
    """TD0.5."""

    nom: str
    prenom: str
    naissance: str


class Receipt(msgspec.Struct):
    """What is kept of a creation; but for the document, which is the patient's."""

    dmp: UUID
    ins_c: str | None
    fait_le: datetime
    autorisation: bool
    document_secrets: str | None
    """PDF in base64."""


class Conditions(msgspec.Struct):
    """What a patient is told and asked."""

    version: str
    empreinte: str
    """SHA-256 of the conditions."""
    information: str
    consentement: str
    texte: list[str]


class Found(msgspec.Struct):
    """Own patients of these traits."""

    ins_c: list[str]


class Relative(msgspec.Struct):
    """Somebody whom the holder names."""

    nom: str
    telephone: str
    """E.164."""
    lien: str


class Administration(msgspec.Struct):
    """What is known of a DMP besides its documents."""

    ouvert_le: datetime
    voie: str
    titulaire_connecte: bool
    canaux: list[str]
    represente_par: list[str]
    personne_de_confiance: Relative | None
    personnes_a_prevenir: list[Relative]
    """Whom to call in an emergency, the first first."""


class Link(msgspec.Struct):
    """Where a browser finds a DMP."""

    adresse: str
    jusqu_a: datetime


@calls.get("/conditions")
def conditions() -> Response:
    """What the patient is told and asked, and the version to quote."""
    terms = current_terms()
    lines = [line for block in terms.blocks for line in block.texts]
    return _json(Conditions(terms.version, terms.sha256.hex(), INFORMATION, CONSENT, lines))


@calls.put("/creations/<uuid:operation>")
def create(operation: UUID) -> Response:
    """201, or 200 when this very creation had been made: the document is then a new one."""
    told = _told(Creation)
    where = told.coordonnees
    contacts = Contacts(
        mail_address(where.courriel) if where.courriel else None, mobile_number(where.mobile) if where.mobile else None
    )
    made = _gate().create(
        opener_of(professional()), operation, told.vitale.card, contacts, told.consentement.given,
        authorise=told.autorisation,
    )  # fmt: skip
    return _receipt(made)


@calls.put("/reactivations/<uuid:operation>")
def reopen(operation: UUID) -> Response:
    """201, or 200 when it had been done."""
    told = _told(Reopening)
    return _receipt(
        _gate().reopen(
            opener_of(professional()), operation, told.vitale.card, told.consentement.given, authorise=told.autorisation
        )
    )


@calls.post("/secrets")
def secrets() -> Response:
    """The document des secrets, PDF."""
    told = _told(SecretsAsked)
    given = _gate().secrets(opener_of(professional()), told.vitale.card, asked=told.demande_par_le_titulaire)
    response = Response(secrets_pdf(given), content_type="application/pdf")
    response.headers["Content-Disposition"] = "attachment"
    return response


@calls.put("/clotures/<uuid:operation>")
def closure(operation: UUID) -> Response:
    """202: the caisse has it confirmed."""
    told = _told(ClosureAsked)
    _gate().ask_closure(
        opener_of(professional()), operation, told.vitale.card, explained=told.patient_informe,
        asked=told.demande_par_le_titulaire,
    )  # fmt: skip
    return Response(status=202)


@calls.post("/patients/_recherche")
def find() -> Response:
    """The INS-C of own patients of these traits."""
    told = _told(Traits)
    return _json(Found(gate().find_by_traits(professional(), told.nom, told.prenom, told.naissance.strip())))


@calls.get("/dmp/<uuid:dossier>/administratif")
def administration(dossier: UUID) -> Response:
    """TD1.3, reading; without identity."""
    found = gate().administration(professional(), dossier)
    channels = [CHANNELS[each] for each in found.channels]
    trusted = found.relatives.trusted
    return _json(
        Administration(
            found.opened_at, WAYS[found.way.value], found.signed_in, channels, list(found.represented_by),
            _relative(trusted) if trusted else None, list(map(_relative, found.relatives.contacts)),
        )
    )  # fmt: skip


@calls.post("/dmp/<uuid:dossier>/contexte")
def context(dossier: UUID) -> Response:
    """TD0.9: where the professional's browser finds this DMP, for a minute."""
    if gate().state_of(professional(), dossier) is None:
        raise NotFound("Cette ressource n’existe pas.")
    path, until = link_to(dossier)
    return _json(Link(f"{request.scheme}://{request.host}{path}", until), 201)


def _gate() -> OpeningGate:
    found = current_app.extensions["software.opening"]
    assert isinstance(found, OpeningGate)
    return found


def _told(kind: type[_Told]) -> _Told:
    require({"application/json"})
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except msgspec.MsgspecError:
        raise Invalid("La demande ne se lit pas : vérifiez les noms de ses champs, et qu’aucun ne manque.") from None


def _relative(one: relatives.Relative) -> Relative:
    return Relative(one.name, one.phone, one.relation)


def _receipt(made: Made) -> Response:
    document = base64.b64encode(secrets_pdf(made.secrets)).decode() if made.secrets is not None else None
    told = Receipt(made.dossier, made.ins_c, made.at, made.authorised, document)
    return _json(told, 201 if made.entered else 200)


def _json(told: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(told), status=status, content_type="application/json")
