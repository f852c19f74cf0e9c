"""The message under the keyed hash of a creation code: what it is, for which caisse, and the code.

The person is not part of it, so that the database itself refuses the same code twice within a caisse. The portal knows
the person from their NIR and serial: it reads that person's live row, and compares under the key named there.
"""

from collections.abc import Iterable

from dmp_core.storage.keyring import Keyring

_PURPOSE = b"dmp/creation-code/1"


def digests(ring: Keyring, caisse: str, codes: Iterable[str]) -> Iterable[bytes]:
    """The 32-byte keyed hash of each normalised code, under the ring's current key."""
    digest = ring.hasher(_prefix(caisse))
    return (digest(code.encode("ascii")) for code in codes)


def is_digest_of(ring: Keyring, key_id: str, caisse: str, code: str, digest: bytes) -> bool:
    """Whether `digest`, made under `key_id`, is that of this normalised code, in constant time.

    Raises Unavailable when the ring no longer holds that key.
    """
    return ring.matches(key_id, _prefix(caisse) + code.encode("ascii"), digest)


def _prefix(caisse: str) -> bytes:
    return b"\0".join((_PURPOSE, caisse.encode("ascii"), b""))
