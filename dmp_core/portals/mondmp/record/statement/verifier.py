#!/usr/bin/env python3
"""Vérifie un historique des accès à un DMP, sans réseau : python3 verifier.py (Python 3.8 ou plus, et OpenSSL).

1. chaque fichier est celui que la signature couvre ; 2. chaque ligne suit de la précédente, et porte l’empreinte de ce
qu’une carte a signé ; 3. la signature est bonne.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
signed = {}
for entry in (here / "empreintes.txt").read_text(encoding="utf-8").splitlines():
    expected, name = entry.split("  ", 1)
    if hashlib.sha256((here / name).read_bytes()).hexdigest() != expected:
        sys.exit(f"Le fichier {name} a été changé.")
    if name.endswith(".jws"):
        signed[name] = expected

previous, reasons = "0" * 64, ""
for number, entry in enumerate((here / "chaine.jsonl").read_text(encoding="utf-8").splitlines(), 1):
    line = json.loads(entry)
    told = json.dumps(line["ligne"], ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    digest = hashlib.sha256(bytes.fromhex(previous) + told).hexdigest()
    if line["ligne"]["number"] != number or line["empreinte"] != digest:
        sys.exit(f"La ligne {number} a été changée, ôtée ou ajoutée.")
    previous, reasons = digest, reasons + line["ligne"]["reason"]
for name, digest in signed.items():
    if digest not in reasons:
        sys.exit(f"Aucun accès ne porte l’empreinte de {name}.")

done = subprocess.run(
    ["openssl", "cms", "-verify", "-inform", "DER", "-in", "signature.p7s", "-content", "empreintes.txt", "-binary",
     "-CAfile", "certificat.pem", "-purpose", "any", "-no_check_time", "-out", "/dev/null"],
    cwd=here, capture_output=True, check=False,
)  # fmt: skip
if done.returncode:
    sys.exit("La signature n’est pas celle de ce certificat.")
print("Historique intact. Comparez l’empreinte du certificat à celle que mon-dmp publie :")
subprocess.run(
    ["openssl", "x509", "-in", "certificat.pem", "-noout", "-fingerprint", "-sha256"], cwd=here, check=True
)  # fmt: skip
