"""Keys of the keyed hashes, in a file outside every database: whoever reads a database alone learns no code.

The file is JSON, mode 600: `{"current": id, "keys": {id: base64 of 32 bytes}}`. The current key hashes what is new; the
older ones go on verifying what they hashed, for the id of its key stands beside each hash. An id is derived from its
key, so that a lost file made anew, or a damaged one, is noticed instead of turning every code sent into a wrong one.
"""

import base64
import errno
import fcntl
import hmac
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dmp_core.errors import Unavailable

KEY_BYTES = 32
"""The output size of SHA-256, which RFC 2104 (section 3) gives as the key size to take."""

_HASH = "sha256"


@dataclass(frozen=True, slots=True)
class Keyring:
    """HMAC-SHA-256 under a current key, verification under any key ever current."""

    current: str
    """Id of the key that hashes what is new."""
    keys: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "Keyring":
        """Read the key file.

        Raises Unavailable when it is missing, readable by others than its owner, or damaged.
        """
        try:
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                content = file.read()
        except FileNotFoundError:
            raise Unavailable(
                f"Le fichier de clés {path} est introuvable : restaurez-le, ce qu’il protège en dépend."
            ) from None
        except OSError as error:
            raise Unavailable(
                f"Le fichier de clés {path} ne peut pas être lu ({_reason(error)}) : vérifiez son "
                "propriétaire et ses droits."
            ) from None
        if mode & 0o077:
            raise Unavailable(
                f"Le fichier de clés {path} est ouvert à d’autres que son propriétaire (droits {mode:o})"
                f" : faites « chmod 600 {path} », puis changez de "
                "clé si un tiers a pu la lire."
            )
        try:
            return cls._parse(json.loads(content))
        except (ValueError, KeyError, TypeError, AttributeError):
            # Not chained: the damaged content is secret.
            raise Unavailable(f"Le fichier de clés {path} est abîmé : restaurez-le depuis sa sauvegarde.") from None

    @classmethod
    def create_if_missing(cls, path: Path, urandom: Callable[[int], bytes] = os.urandom) -> "Keyring":
        """Read the key file, made with one fresh key when there is none; two starts at once make one file.

        Raises Unavailable as `load` does, and when the file cannot be written.
        """
        with alone_in(path.parent):
            if not path.exists():
                write_secret(path, _with_new_key({}, urandom))
        return cls.load(path)

    @classmethod
    def rotate(cls, path: Path, urandom: Callable[[int], bytes] = os.urandom) -> "Keyring":
        """Add a key to the file and make it the current one; running programs take it up when they next load.

        Raises Unavailable as `load` does, and when the file cannot be written.
        """
        with alone_in(path.parent):
            write_secret(path, _with_new_key(cls.load(path).keys, urandom))
        return cls.load(path)

    def hasher(self, prefix: bytes) -> Callable[[bytes], bytes]:
        """A function that hashes `prefix` + message under the current key, made for millions of messages."""
        prepared = hmac.new(self.keys[self.current], prefix, _HASH)

        def digest(message: bytes) -> bytes:
            # Copying a state that has already swallowed key and prefix is 1.6 times hmac.digest.
            state = prepared.copy()
            state.update(message)
            return state.digest()

        return digest

    def matches(self, key_id: str, message: bytes, digest: bytes) -> bool:
        """Whether `digest` is that of `message` (prefix included) under the key `key_id`, in constant time.

        Raises Unavailable when the ring does not hold that key: the answer is then unknown, not no.
        """
        key = self.keys.get(key_id)
        if key is None:
            raise Unavailable(f"La clé {key_id} manque au fichier de clés : restaurez-le depuis sa sauvegarde.")
        return hmac.compare_digest(hmac.digest(key, message, _HASH), digest)

    @classmethod
    def _parse(cls, document: Any) -> "Keyring":
        keys = {name: base64.b64decode(text, validate=True) for name, text in document["keys"].items()}
        if document["current"] not in keys:
            raise ValueError("no current key")
        if any(len(key) != KEY_BYTES or name != key_id(key) for name, key in keys.items()):
            raise ValueError("a key is not the one its id was derived from")
        return cls(document["current"], keys)


def key_id(key: bytes) -> str:
    """The public name of a key: "k" and ten hexadecimal digits, derived one way from the key itself."""
    return "k" + hmac.digest(key, b"dmp/keyring/id", _HASH).hex()[:10]


def _with_new_key(keys: Mapping[str, bytes], urandom: Callable[[int], bytes]) -> bytes:
    key = urandom(KEY_BYTES)
    ring = {**keys, key_id(key): key}
    encoded = {name: base64.b64encode(value).decode("ascii") for name, value in ring.items()}
    return json.dumps({"current": key_id(key), "keys": encoded}, indent=1).encode()


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """One writer of a folder at a time, across threads and processes; made, for its owner alone, when missing."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise _not_written(folder, error) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_secret(path: Path, content: bytes) -> None:
    """Replace `path` whole or not at all, never readable by others, and on the disk when this returns."""
    aside = path.with_name(path.name + ".new")
    try:
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _not_written(path.parent, error) from None


def _not_written(path: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"Le fichier de clés ne peut pas être écrit dans {path} ({_reason(error)})"
        " : vérifiez la place et les droits du dossier."
    )


def _reason(error: OSError) -> str:
    """The cause in French where it is a usual one."""
    return _REASONS.get(error.errno or 0, error.strerror or "erreur du système")


_REASONS = {
    errno.EACCES: "accès refusé",
    errno.EPERM: "accès refusé",
    errno.ENOSPC: "disque plein",
    errno.EDQUOT: "quota atteint",
    errno.EROFS: "disque en lecture seule",
    errno.EISDIR: "c’est un dossier",
    errno.ENOTDIR: "un élément du chemin n’est pas un dossier",
}
