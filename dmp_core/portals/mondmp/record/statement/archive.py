"""The signed file: pages, AuditEvents and the chain itself, the digest of each under one signature."""

import hashlib
import json
import zipfile
from datetime import datetime
from io import BytesIO
from pathlib import Path
from uuid import UUID

import msgspec

from dmp_core.access.gate import Lines
from dmp_core.access.trace import row_of
from dmp_core.enrolment.words import long_day
from dmp_core.fhir.audit import audit_event
from dmp_core.fhir.resources import instant
from dmp_core.portals.mondmp.record.statement.pages import history_pages
from dmp_core.storage.seal import Seal

_READ_ME = """Historique des accès à votre DMP, établi le {day}

acces.pdf          à lire
acces-fhir.json    les mêmes accès, pour un logiciel (FHIR R4, AuditEvent, profils IHE BALP)
chaine.jsonl       les lignes telles que le DMP les garde ; l’empreinte de chacune porte celle de la précédente
empreintes.txt     l’empreinte SHA-256 de chaque fichier
signature.p7s      la signature du DMP sur empreintes.txt (CMS, RFC 5652)
certificat.pem     le certificat de cette signature
verifier.py        vérifie le tout sans réseau : python3 verifier.py
urgence-….jws      s’il y en a : la raison d’un accès en urgence, signée par la carte du professionnel (JWS, RFC 7515 ;
                   le certificat de la carte est dedans, « x5c »). Son empreinte est dans la ligne de l’accès.

Sans Python : sha256sum -c empreintes.txt, puis
openssl cms -verify -inform DER -in signature.p7s -content empreintes.txt -binary \\
  -CAfile certificat.pem -purpose any -no_check_time -out /dev/null

Le certificat est celui que mon-dmp publie (Mentions légales). Son empreinte SHA-256 :
{fingerprint}

Ces fichiers disent qui a soigné la personne : gardez-les pour vous.
"""


def statement(dossier: UUID, found: Lines, holder: str, at: datetime, seal: Seal) -> bytes:
    """The zip; of what was deleted or awaits its announcement it tells no more than the page does."""
    events = {
        "resourceType": "Bundle", "type": "collection", "timestamp": instant(at),
        "entry": [
            {"fullUrl": f"urn:uuid:{event['id']}", "resource": event}
            for event in (audit_event(dossier, line) for line in found.lines)
        ],
    }  # fmt: skip
    chain = "".join(
        json.dumps({"ligne": row_of(dossier, line), "empreinte": line.digest.hex()}, ensure_ascii=False) + "\n"
        for line in found.lines
    )
    files = {
        "LISEZ-MOI.txt": _READ_ME.format(day=long_day(at), fingerprint=seal.fingerprint).encode(),
        "acces.pdf": history_pages(found, holder, at),
        "acces-fhir.json": msgspec.json.encode(events),
        "chaine.jsonl": chain.encode(),
        "certificat.pem": seal.pem,
        "verifier.py": (Path(__file__).parent / "verifier.py").read_bytes(),
    } | {each.file_name: each.signed.encode() for each in found.proofs}
    digests = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items()).encode()
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in {**files, "empreintes.txt": digests, "signature.p7s": seal.sign(digests)}.items():
            archive.writestr(name, data)
    return out.getvalue()
