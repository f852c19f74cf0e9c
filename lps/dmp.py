"""The calls of the DMP's API, and what they say."""

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx

from lps.patience import IMPATIENT, Patience

_INS_C: Final = "urn:oid:1.2.250.1.213.1.4.2"
_AUTHORISATION: Final = "https://dmp.example/fhir/StructureDefinition/autorisation"
_DMP: Final = "https://interop.esante.gouv.fr/ig/fhir/dmp/StructureDefinition"
_FHIR: Final = "application/fhir+json"
_NORMAL: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "N"}]}
_VISIBILITY: Final = "urn:oid:1.2.250.1.213.1.1.4.13"
_HELD: Final = "INVISIBLE_PATIENT"
_SECRET: Final = "INVISIBLE_REPRESENTANTS_LEGAUX"  # noqa: S105 - a code
"""Limits to who sees a document, beside the label of any other."""
_PATIENCE: Final = 30.0


class Refused(Exception):
    """The DMP does not do it; `str` is its sentence."""

    def __init__(self, sentence: str, *, lost: bool = False) -> None:
        super().__init__(sentence)
        self.lost = lost
        """Whether no answer came: nobody knows whether it was done."""


@dataclass(frozen=True, slots=True)
class State:
    """TD0.2, without a word on who the patient is."""

    dmp: str
    open: bool
    authorisation: str
    """VALIDE, EXPIRE, NON_EXISTE, INTERDIT; empty where the DMP is not open."""
    motive: str
    until: str
    closed_on: str
    closing_motive: str
    attending: bool


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a list."""

    id: str
    title: str
    kind: str
    author: str
    day: str
    mime: str
    received_at: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A DMP just created or reopened."""

    dmp: str
    ins_c: str | None
    authorised: bool
    new: bool
    """False when it had been done."""
    document: bytes = field(repr=False)
    """The document des secrets of a creation, for the patient alone; empty otherwise."""


class Dmp:
    """One DMP server, spoken to with one card."""

    def __init__(self, server: str, transport: httpx.BaseTransport, patience: Patience = IMPATIENT) -> None:
        self._patience = patience
        self._kinds: list[dict[str, str]] = []
        self._client = httpx.Client(base_url=f"{server.rstrip('/')}/api/v1", transport=transport, timeout=_PATIENCE)

    def __enter__(self) -> "Dmp":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def state(self, ins_c: str) -> State | None:
        """Whether the patient has a DMP, and this professional an authorisation."""
        found = self._ask("POST", "/fhir/Patient/_search", data={"identifier": f"{_INS_C}|{ins_c}"}).json()
        if not found.get("entry"):
            return None
        patient = found["entry"][0]["resource"]
        told = {each["url"]: each for each in patient.get("extension", [])}
        rights = _parts(told.get(_AUTHORISATION))
        closing = _parts(told.get(f"{_DMP}/dmp-fermeture"))
        return State(
            patient["id"], patient["active"], rights.get("etat", ""), rights.get("motif", ""), rights.get("fin", ""),
            closing.get("dateFermeture", ""), closing.get("motifFermeture", {}).get("text", ""),
            told.get(f"{_DMP}/dmp-medecin-traitant", {}).get("valueBoolean", False),
        )  # fmt: skip

    def consent(self, dmp: str) -> None:
        """Record that the patient, informed, consents."""
        self._ask("PUT", f"/dmp/{dmp}/autorisation", json={"patient_informe": True})

    def leave(self, dmp: str) -> None:
        """End this professional's authorisation."""
        self._ask("DELETE", f"/dmp/{dmp}/autorisation")

    def documents(self, dmp: str) -> list[Document]:
        """Every current document, page after page."""
        found, where = [], f"/dmp/{dmp}/fhir/DocumentReference?status=current&_count=50"
        while where:
            page = self._ask("GET", where).json()
            found += [_document(each["resource"]) for each in page.get("entry", [])]
            following = [each["url"] for each in page["link"] if each["relation"] == "next"]
            where = following[0] if following else ""
        return found

    def news(self, dmp: str) -> dict[str, Any]:
        """What others put in since this professional's last visit, in one request."""
        found: dict[str, Any] = self._ask("GET", f"/dmp/{dmp}/nouveautes").json()
        return found

    def read(self, dmp: str, document: str) -> tuple[bytes, str]:
        """A content and its mime type."""
        answer = self._ask("GET", f"/dmp/{dmp}/fhir/Binary/{document}", headers={"Accept": "*/*"})
        return answer.content, answer.headers["content-type"].partition(";")[0]

    def reason_to_sign(self, dmp: str, reason: str, mode: str) -> bytes:
        """The words that the card signs to open this DMP in an emergency."""
        return self._ask("POST", f"/dmp/{dmp}/urgence/raison", json={"motif": reason, "mode": mode}).content

    def break_glass(self, dmp: str, signed: str) -> str:
        """Open it by the signed reason; until when."""
        headers = {"Content-Type": "application/jose"}
        answer = self._ask("POST", f"/dmp/{dmp}/urgence", content=signed.encode(), headers=headers)
        return str(answer.json()["jusqu_a"])

    def summary(self, dmp: str) -> tuple[bytes, str]:
        """The medical summary in force, as JSON, and its version."""
        answer = self._ask("GET", f"/dmp/{dmp}/synthese")
        return answer.content, answer.headers["etag"].strip('"')

    def summarise(self, dmp: str, summary: bytes, over: str) -> str:
        """Put a summary in the place of the version `over`, empty for the first; its own version."""
        headers = {"Content-Type": "application/json"} | ({"If-Match": f'"{over}"'} if over else {})
        answer = self._ask("PUT", f"/dmp/{dmp}/synthese", content=summary, headers=headers)
        return str(answer.headers["etag"].strip('"'))

    def types(self) -> list[dict[str, str]]:
        """The types that the profession deposits, the one to propose first."""
        self._kinds = self._kinds or self._ask("GET", "/types").json()["types"]
        return self._kinds

    def deposit(
        self, dmp: str, data: bytes, title: str, kind: str, act: datetime | None, *, replaces: str = "", name: str = "",
        over: str = "", hold: bool = False, secret: bool = False,
    ) -> tuple[Document, bool]:  # fmt: skip
        """Put a document in; False when it was there already. Without `kind`, the first that the profession deposits.

        Without `act`, the act's date is that of a structured document, or else now. It replaces the document `replaces`, or
        the one that bears the name `over`; `hold`: until it is announced; `secret`: hidden from the patient's legal
        representatives, as a minor may ask (CSP L.1111-5).
        """
        known = self.types()
        chosen = [each for each in known if not kind or each["code"] == kind]
        if not chosen:
            raise Refused(f"Votre profession ne dépose pas de document de type {kind}.")
        digest = hashlib.sha1(data, usedforsecurity=False).digest()
        told: dict[str, Any] = {
            "resourceType": "DocumentReference", "status": "current",
            # The same file for the same DMP bears the same name: sent twice, it is recognised.
            "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": uuid5(NAMESPACE_URL, f"{dmp}/{digest.hex()}").urn},
            "type": {"coding": [{"system": chosen[0]["systeme"], "code": chosen[0]["code"]}]},
            **({"context": {"period": {"start": act.isoformat()}}} if act else {}),
            "content": [
                {
                    "attachment": {
                        "title": title, "data": base64.b64encode(data).decode(), "size": len(data),
                        "hash": base64.b64encode(digest).decode(),
                    }
                }
            ],
        }  # fmt: skip
        if name:
            told["masterIdentifier"]["value"] = name
        elif replaces:
            del told["masterIdentifier"]
        if replaces or over:
            target = {"identifier": {"value": over}} if over else {"reference": f"DocumentReference/{replaces}"}
            told["relatesTo"] = [{"code": "replaces", "target": target}]
        if hold or secret:
            limits = [code for code, asked in ((_HELD, hold), (_SECRET, secret)) if asked]
            told["securityLabel"] = [_NORMAL, *({"coding": [{"system": _VISIBILITY, "code": each}]} for each in limits)]
        answer = self._ask(
            "POST", f"/dmp/{dmp}/fhir/DocumentReference", json=told, headers={"Content-Type": _FHIR}
        )  # fmt: skip
        return _document(answer.json()), answer.status_code == 201

    def withdraw(self, dmp: str, document: str) -> None:
        """Take a document back."""
        self._ask("DELETE", f"/dmp/{dmp}/fhir/DocumentReference/{document}")

    def withdraw_named(self, dmp: str, name: str) -> None:
        """Take back the document that bears this name."""
        self._ask("DELETE", f"/dmp/{dmp}/fhir/DocumentReference", params={"identifier": f"urn:ietf:rfc:3986|{name}"})

    def announce(self, dmp: str, document: str) -> None:
        """Show to the patient what awaited its announcement."""
        # That label alone: the document may be hidden from others, who are not announced anything.
        for place in ("/securityLabel/1", "/securityLabel/2"):
            shown = [
                {"op": "test", "path": f"{place}/coding/0/code", "value": _HELD}, {"op": "remove", "path": place},
            ]  # fmt: skip
            try:
                self._ask(
                    "PATCH", f"/dmp/{dmp}/fhir/DocumentReference/{document}", json=shown,
                    headers={"Content-Type": "application/json-patch+json"},
                )  # fmt: skip
            except Refused:
                if place.endswith("2"):
                    raise
            else:
                return

    def patients(self) -> list[dict[str, Any]]:
        """Those who authorised this professional."""
        return self._pages("/patients", "patients")

    def conditions(self) -> dict[str, Any]:
        """What a patient is told and asked before their DMP is opened, and the version to quote."""
        found: dict[str, Any] = self._ask("GET", "/conditions").json()
        return found

    def create(
        self, operation: UUID, vitale: dict[str, str], mail: str, mobile: str, conditions: str, *, authorised: bool
    ) -> Opened:
        """Create the DMP of a patient who consents; asked again with `operation`, the same one, and a new document."""
        told = self._consented(vitale, conditions, authorised) | {"coordonnees": {"courriel": mail, "mobile": mobile}}
        return _opened(self._ask("PUT", f"/creations/{operation}", json=told))

    def reopen(self, operation: UUID, vitale: dict[str, str], conditions: str, *, authorised: bool) -> Opened:
        """Reopen a closed DMP."""
        told = self._consented(vitale, conditions, authorised)
        return _opened(self._ask("PUT", f"/reactivations/{operation}", json=told))

    def secrets(self, vitale: dict[str, str]) -> bytes:
        """A new document des secrets, which the holder asks for."""
        told = {"vitale": vitale, "demande_par_le_titulaire": True}
        return self._ask("POST", "/secrets", json=told).content

    def ask_closure(self, operation: UUID, vitale: dict[str, str]) -> None:
        """Pass on that the holder, informed, asks for the closure."""
        told = {"vitale": vitale, "patient_informe": True, "demande_par_le_titulaire": True}
        self._ask("PUT", f"/clotures/{operation}", json=told)

    def find(self, name: str, given_name: str, birth_date: str) -> list[str]:
        """The INS-C of own patients of these traits."""
        told = {"nom": name, "prenom": given_name, "naissance": birth_date}
        found: list[str] = self._ask("POST", "/patients/_recherche", json=told).json()["ins_c"]
        return found

    def administration(self, dmp: str) -> dict[str, Any]:
        """What is known of the DMP besides its documents."""
        found: dict[str, Any] = self._ask("GET", f"/dmp/{dmp}/administratif").json()
        return found

    def link(self, dmp: str) -> str:
        """Where a browser with the same card finds this DMP, for a minute."""
        return str(self._ask("POST", f"/dmp/{dmp}/contexte").json()["adresse"])

    def deposits(self) -> list[dict[str, Any]]:
        """The receipts of everything this professional put in."""
        return self._pages("/depots", "depots")

    def seal(self) -> bytes:
        """The certificate under which receipts are signed; PEM."""
        return self._ask("GET", "/certificat-des-recus.pem").content

    def _consented(self, vitale: dict[str, str], conditions: str, authorised: bool) -> dict[str, Any]:
        consent = {"patient_informe": True, "patient_consent": True, "conditions": conditions}
        return {"vitale": vitale, "consentement": consent, "autorisation": authorised}

    def _pages(self, where: str, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        number, more = 1, True
        while more:
            page = self._ask("GET", f"{where}?page={number}").json()
            found, number, more = [*found, *page[name]], number + 1, page["suite"]
        return found

    def _ask(self, method: str, where: str, **more: Any) -> httpx.Response:
        try:
            answer = self._patience.asked(lambda: self._client.request(method, where, **more))
        except httpx.TransportError:
            raise Refused(
                "Le serveur du DMP ne répond pas, ou n’accepte pas cette carte : vérifiez l’adresse et la carte.",
                lost=True,
            ) from None
        if answer.status_code >= 400:
            raise Refused(_sentence(answer))
        return answer


def _opened(answer: httpx.Response) -> Opened:
    told = answer.json()
    document = told["document_secrets"]
    return Opened(
        told["dmp"], told["ins_c"], told["autorisation"], answer.status_code == 201,
        base64.b64decode(document) if document else b"",
    )  # fmt: skip


def _sentence(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["issue"][0]["diagnostics"])
    except (ValueError, KeyError, IndexError, TypeError):
        return f"Le DMP a répondu par une erreur ({answer.status_code})."


def _parts(extension: dict[str, Any] | None) -> dict[str, Any]:
    """The parts of a complex extension, by their name."""
    return {
        each["url"]: next(value for name, value in each.items() if name.startswith("value"))
        for each in (extension or {}).get("extension", [])
    }


def _document(told: dict[str, Any]) -> Document:
    attachment = told["content"][0]["attachment"]
    author = next(each for each in told["contained"] if each["id"] == "author")["name"]
    return Document(
        told["id"], attachment["title"], told["type"]["coding"][0]["display"],
        author if isinstance(author, str) else author[0]["text"], told["context"]["period"]["start"][:10],
        attachment["contentType"], told["date"],
    )  # fmt: skip
