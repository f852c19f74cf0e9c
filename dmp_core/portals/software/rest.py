"""What FHIR has no agreed words for: the consent (TD0.3), the professional's patients (TD0.4), what they deposited, and
the types that they may.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
from flask import Blueprint, Response, request

from dmp_core.access.depositing import depositable
from dmp_core.access.software import Receipt
from dmp_core.clock import PARIS
from dmp_core.errors import Invalid, NotFound
from dmp_core.fhir import systems
from dmp_core.portals.answers import require
from dmp_core.portals.professionals.card import parts, professional
from dmp_core.portals.professionals.receipts import receipt
from dmp_core.portals.software.gates import gate

calls = Blueprint("rest", __name__)

PAGE: Final = 50
LAST_PAGE: Final = 2_000


class Consent(msgspec.Struct, forbid_unknown_fields=True):
    """What the professional states of their patient."""

    patient_informe: bool


class OwnPatient(msgspec.Struct):
    """A patient who authorised the professional, now or before."""

    dmp: UUID
    ins_c: str | None
    autorisation: str
    medecin_traitant: bool
    depuis: datetime
    fin: datetime | None


class Patients(msgspec.Struct):
    """One page of them, the latest authorisation first."""

    patients: list[OwnPatient]
    suite: bool


class Deposited(msgspec.Struct):
    """The receipt of one version of a document."""

    dmp: UUID
    ins_c: str | None
    document: UUID
    version: int
    type: str
    sha256: str
    recu_le: datetime
    etat: str
    recu: str | None
    """The same but for the state, under the house's seal (JWS)."""


class Deposits(msgspec.Struct):
    """One page of them, the latest first."""

    depots: list[Deposited]
    suite: bool


class Kind(msgspec.Struct):
    """A type of document."""

    code: str
    systeme: str
    libelle: str


class Kinds(msgspec.Struct):
    """Those that the profession may deposit, those expected of it first."""

    types: list[Kind]


@calls.put("/dmp/<uuid:dossier>/autorisation")
def consent(dossier: UUID) -> Response:
    """TD0.3: the patient, informed, consents."""
    require({"application/json"})
    try:
        told = msgspec.json.decode(request.get_data(), type=Consent)
    except msgspec.MsgspecError:
        raise Invalid('Le consentement se dit ainsi : {"patient_informe": true}.') from None
    gate().consent(professional(), dossier, informed=told.patient_informe)
    return Response(status=204)


@calls.delete("/dmp/<uuid:dossier>/autorisation")
def leave(dossier: UUID) -> Response:
    """TD0.3: the professional's authorisation ends."""
    gate().leave(professional(), dossier)
    return Response(status=204)


@calls.get("/patients")
def patients() -> Response:
    """TD0.4, by INS-C alone: the software knows who they are."""
    found, more = gate().authorised_by(professional(), PAGE, _offset())
    return _json(
        Patients(
            [
                OwnPatient(each.dossier, each.ins_c, each.authorisation.value, each.attending, each.since, each.until)
                for each in found
            ],
            more,
        )
    )


@calls.get("/depots")
def deposits() -> Response:
    """Everything that this professional deposited, and what became of it."""
    found, more = gate().deposited_by(professional(), PAGE, _offset())
    return _json(
        Deposits(
            [
                Deposited(
                    each.dossier, each.ins_c, each.document, each.version, each.type_code, each.sha256.hex(),
                    each.submitted_at, each.status.value, _signed(each),
                )
                for each in found
            ],
            more,
        )
    )  # fmt: skip


@calls.get("/certificat-des-recus.pem")
def certificate() -> Response:
    """The certificate under which receipts are signed, to be kept apart from them."""
    seal = parts().seal
    if seal is None:
        raise NotFound("Les reçus de ce serveur ne sont pas signés.")
    return Response(seal.pem, content_type="application/x-pem-file")


@calls.get("/types")
def types() -> Response:
    """The first is the one to propose."""
    today = parts().clock().astimezone(PARIS).date()
    found = depositable(professional().profession.code, today)
    return _json(Kinds([Kind(each.code, systems.system_of_type(each.system), each.label) for each in found]))


def _signed(each: Receipt) -> str | None:
    return receipt(
        dmp=each.dossier, document=each.document, version=each.version, type=each.type_code, sha256=each.sha256.hex(),
        auteur=str(professional().id), recu_le=each.submitted_at,
    )  # fmt: skip


def _offset() -> int:
    page = request.args.get("page", "1")
    if not (page.isascii() and page.isdigit() and 0 < int(page) <= LAST_PAGE):
        raise Invalid("page est un nombre, à partir de 1.")
    return (int(page) - 1) * PAGE


def _json(told: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(told), content_type="application/json")
