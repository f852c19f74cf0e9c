"""The access of professionals served: its composition root. Mutual TLS ends here, never in a proxy before it."""

import json
import re
import sys
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from flask import Flask

from backoffice.adapters.logs import quiet_logs
from backoffice.core import errors
from backoffice.core.clock import Clock, system_clock
from backoffice.population.insured import InsuredPersons
from backoffice.settings import Settings
from dmp_core import errors as dmp_errors
from dmp_core.feed.laboratory import Biologist, write_reports
from dmp_core.identity import insc
from dmp_core.portals.professionals.app import create_app as create_portal
from dmp_core.portals.professionals.parts import Parts
from dmp_core.portals.professionals.serving import Server, Tls
from dmp_core.professionals.authority import TestAuthority, write_secret
from dmp_core.professionals.identifiers import national_id
from dmp_core.professionals.store import ProfessionalStore
from dmp_core.professionals.trust import Anchors, FolderOfLists, Trust
from dmp_core.record.cda import Patient
from dmp_core.record.shelf import shelf_at
from dmp_core.storage.keyring import Keyring
from dmp_core.storage.seal import Seal

log = structlog.get_logger(__name__)
DEMONSTRATION_CODE = "1234"
_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:[0-9]{1,5})?")
_LISTS = timedelta(days=90)
_CARDS = (
    ("medecin", "810000000017", "DUBOIS", "CLAIRE", "Médecin", "G15_10/SM54"),
    ("infirmier", "0631234567", "PETIT", "LUC", "Infirmier", ""),
    ("chirurgien-dentiste", "810000000025", "MOREAU", "INES", "Chirurgien-Dentiste", ""),
)
_SECRETARY = ("3940000001/SEC-1", "LEROY", "NADIA", "1940000001", "CABINET DE TEST")


def create_app(settings: Settings, *, clock: Clock = system_clock) -> Flask:
    """The site over `settings`. Raises Unavailable when its address, its authorities or the key ring are not there."""
    own = settings.professionals
    for variable, value in (("DMP_PS_URL", own.dmp_url), ("PS_SECRET_KEY", own.secret_key)):
        if not value:
            raise errors.Unavailable(f"L’accès des professionnels n’est pas configuré : indiquez {variable}.")
    try:
        trust = Trust(Anchors.load(own.trust), FolderOfLists(own.trust))
        documents = settings.mondmp
        record = Keyring.create_if_missing(documents.record_keyring)
        shelf = shelf_at(documents.documents, documents.shelf_url, documents.shelf_credentials, documents.shelf_ca_file)
        seal = Seal.create_if_missing(own.seal, clock(), "Reçus de dépôt")
    except dmp_errors.DmpError as refusal:
        raise errors.Unavailable(str(refusal)) from refusal
    return create_portal(
        Parts(
            clock=clock, store=ProfessionalStore(own.dmp_url), trust=trust, record=record,
            shelf=shelf, secret_key=own.secret_key,
            insured=InsuredPersons(own.insured_url, clock, application="ps") if own.insured_url else None,
            regulators=_regulators(own.regulators), note=settings.environment_note, hosts=own.hosts,
            embedders=_origins(own.embedders), seal=seal,
            calls_per_minute=own.calls_per_minute,
        )
    )  # fmt: skip


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until a signal ends the process. Raises Unavailable as `create_app` does, and without a certificate."""
    own = settings.professionals
    parts = create_app(settings).extensions["professionals"]  # what is missing is said here, not in a process's log
    parts.store.close()
    try:
        parts.shelf.require_ready()
    except dmp_errors.Unavailable as away:  # TD0.2 and consents work without it
        log.warning("documents_away", reason=str(away))
    if not (own.certificate.is_file() and own.key.is_file()):
        raise errors.Unavailable(
            f"Le certificat du serveur {own.certificate} ou sa clé {own.key} manque : indiquez PS_CERTIFICATE et PS_KEY."
        )
    Server(lambda: create_app(settings), Tls(own.certificate, own.key, Anchors.load(own.trust)), host, port).run()


def invent(settings: Settings, clock: Clock = system_clock) -> None:
    """A test authority in place of the real ones, new at each start, with software cards to try: code 1234."""
    own, authority, now = settings.professionals, TestAuthority(clock()), clock()
    authority.publish(own.trust, now, life=_LISTS)
    server = authority.server("localhost", now - timedelta(minutes=5))
    write_secret(own.key, server.key_pem)
    own.certificate.write_bytes(server.pem + authority.establishments.pem)
    for name, number, surname, given_name, profession, speciality in _CARDS:
        card = authority.card(
            number, surname, given_name, profession, now - timedelta(minutes=5), speciality=speciality
        )
        file = own.trust / f"carte-{name}.p12"
        write_secret(file, card.pkcs12(DEMONSTRATION_CODE, [authority.cards.certificate]))
        signature = authority.signature(card, now - timedelta(minutes=5), speciality=speciality)
        write_secret(
            own.trust / f"signature-{name}.p12", signature.pkcs12(DEMONSTRATION_CODE, [authority.cards.certificate])
        )
    secretary = authority.staff(*_SECRETARY, now - timedelta(minutes=5))
    write_secret(
        own.trust / "carte-secretariat.p12", secretary.pkcs12(DEMONSTRATION_CODE, [authority.cards.certificate])
    )


def invent_reports(vitale: Path, author: str, folder: Path, now: datetime) -> list[Path]:
    """Invented laboratory reports (CDA) about whoever a carte Vitale tells, as a software reads it, by the professional of
    this number: files for `lps deposit`. Raises Invalid for a card, or a number, that is none.
    """
    who = national_id(author)
    try:
        told = json.loads(vitale.read_bytes())
        nir, given_name, born = told["nir"], told["prenom"], told["naissance"]
        ins_c = insc.compute(given_name, insc.birth_date_of(born), nir)
    except (OSError, ValueError, KeyError, TypeError, insc.InsCFault):
        raise errors.Invalid(
            f"La carte Vitale {vitale} ne se lit pas : nir, prenom et naissance y sont attendus."
        ) from None
    if who is None or not who.personal:
        raise errors.Invalid("Le numéro du professionnel est celui de sa carte : 8 puis le RPPS, ou 0 puis l’ADELI.")
    patient = Patient(ins_c, told.get("nom", "DEMONSTRATION"), "", given_name, born, woman=nir.startswith("2"))
    return write_reports(folder, patient, Biologist(str(who), "BIOLOGISTE", "DE DEMONSTRATION"), now)


def _regulators(file: Path | None) -> frozenset[str]:
    """One PS_IdNat a line. Raises Unavailable for a file that is not there, or a line that is no number."""
    if file is None:
        return frozenset()
    try:
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        raise errors.Unavailable(f"La liste des régulateurs du centre 15 ({file}) ne peut pas être lue.") from None
    if wrong := [line for line in lines if national_id(line) is None]:
        raise errors.Unavailable(f"La liste des régulateurs du centre 15 porte un numéro faux : {wrong[0][:20]}.")
    return frozenset(lines)


def _origins(named: tuple[str, ...]) -> tuple[str, ...]:
    """Raises Unavailable for what is not the origin of a site."""
    if wrong := [each for each in named if not _ORIGIN.fullmatch(each)]:
        raise errors.Unavailable(f"PS_EMBEDDERS attend des origines comme https://logiciel.exemple : {wrong[0][:60]}.")
    return named


if __name__ == "__main__":
    quiet_logs()
    found = Settings.from_env()
    # Authorities that somebody named are never written over.
    if len(sys.argv) > 2 and sys.argv[2] == "demonstration" and found.professionals.trust == found.data / "igc":
        invent(found)
    serve(found, "127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8002)
