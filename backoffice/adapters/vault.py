"""Files that are kept encrypted: AES-256-GCM, a key of each file derived from a key ring outside the database.

Whoever reads the file store, or the database, or both, reads nothing of them; the key ring is a file of its own.
"""

import hmac
import os
import re
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from backoffice.adapters.dmp import translated
from backoffice.core.errors import Unavailable
from backoffice.settings import Settings
from dmp_core.storage.keyring import Keyring

_MARK: Final = b"PJ1"
_NONCE: Final = 12
_PURPOSE: Final = b"caisse/piece/aes-256-gcm/"


_NAME: Final = re.compile(r"[0-9a-f]{32}")


class Vault:
    """A folder of encrypted files, each under its own identifier."""

    def __init__(self, folder: Path, keyring: Path) -> None:
        self._folder, self._keyring = folder, keyring

    @property
    def has_key(self) -> bool:
        """Whether its key ring exists: a lost one is never made anew while files depend on it."""
        return self._keyring.exists()

    def keep(self, uid: uuid.UUID, content: bytes) -> str:
        """Write the file, on the disk when this returns; give back the id of the key that opens it.

        Raises Unavailable when the key ring or the disk refuses.
        """
        with translated():
            ring = Keyring.create_if_missing(self._keyring)
        nonce = os.urandom(_NONCE)
        sealed = AESGCM(_key(ring, ring.current, uid)).encrypt(nonce, content, uid.bytes)
        path = self._path(uid)
        aside = path.with_name(f".{path.name}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                out.write(_MARK + nonce + sealed)
                out.flush()
                os.fsync(out.fileno())
            aside.replace(path)
            folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise Unavailable(
                "La pièce n’a pas pu être gardée : le stockage des fichiers refuse. Prévenez votre administrateur."
            ) from error
        return ring.current

    def read(self, uid: uuid.UUID, key_id: str) -> bytes:
        """The file in clear. Raises Unavailable when it, or its key, is lost or damaged."""
        with translated():
            ring = Keyring.load(self._keyring)
        try:
            kept = self._path(uid).read_bytes()
            if key_id not in ring.keys or not kept.startswith(_MARK):
                raise InvalidTag
            body = kept[len(_MARK) :]
            return AESGCM(_key(ring, key_id, uid)).decrypt(body[:_NONCE], body[_NONCE:], uid.bytes)
        except (OSError, InvalidTag) as error:
            raise Unavailable(
                "Cette pièce ne peut pas être lue : son fichier ou sa clé manque, ou est abîmé. Prévenez votre administrateur."
            ) from error

    def forget(self, uid: uuid.UUID) -> None:
        """Remove the file; one that is gone already is gone."""
        self._path(uid).unlink(missing_ok=True)

    def written_before(self, at: datetime) -> Iterator[list[uuid.UUID]]:
        """The files last written before an instant, folder by folder; what a kill left half written is removed on the way.

        Raises OSError when the folder cannot be read.
        """
        if not self._folder.is_dir():
            return
        for folder in sorted(self._folder.iterdir()):
            found = []
            for path in folder.iterdir() if folder.is_dir() else ():
                if path.stat().st_mtime >= at.timestamp():
                    continue
                if path.name.startswith("."):
                    path.unlink(missing_ok=True)
                elif _NAME.fullmatch(path.name):
                    found.append(uuid.UUID(path.name))
            if found:
                yield found

    def _path(self, uid: uuid.UUID) -> Path:
        return self._folder / uid.hex[:2] / uid.hex


def vault_of(settings: Settings) -> Vault:
    """Where the files joined to cases are."""
    return Vault(settings.files / "pieces", settings.case_keyring)


def _key(ring: Keyring, key_id: str, uid: uuid.UUID) -> bytes:
    return hmac.digest(ring.keys[key_id], _PURPOSE + uid.bytes, "sha256")
