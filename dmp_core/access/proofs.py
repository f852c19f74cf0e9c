"""The signed reasons of emergencies, kept with them for as long as the dossier: put in once by the professional's gate, read
by the holder.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from dmp_core.access.signed_reason import Proof
from dmp_core.professionals.certificates import Professional
from dmp_core.professionals.signing import SignatureRefused


@dataclass(frozen=True, slots=True)
class Kept:
    """A signed reason, as its holder may keep it too."""

    emergency: UUID
    signer: str = field(repr=False)
    """By the name on the certificate of signature."""
    at: datetime
    signed: str = field(repr=False)
    """JWS, compact; its SHA-256 stands in the line of the trace."""

    @property
    def file_name(self) -> str:
        """As it is given to keep."""
        return f"urgence-{self.at:%Y-%m-%d}-{self.emergency.hex[:8]}.jws"


def keep(
    connection: Connection, dossier: UUID, emergency: UUID, who: Professional, proof: Proof, now: datetime
) -> None:  # fmt: skip
    """Keep the proof of an emergency, in its transaction. Raises SignatureRefused when it has served."""
    row = {
        "emergency": emergency, "dossier": dossier, "who": str(who.id), "once": proof.once, "signed": proof.signed.text,
        "signer": proof.signed.by.name, "now": now,
    }  # fmt: skip
    if not connection.execute(_KEEP, row).rowcount:
        raise SignatureRefused("Cette signature a déjà servi : signez de nouveau pour chaque accès.")


def kept(connection: Connection, dossier: UUID) -> list[Kept]:
    """The proofs of the bound dossier's emergencies, the first one first."""
    rows = connection.execute(_KEPT, {"dossier": dossier})
    return [Kept(row.emergency_id, row.signer, row.at, row.signed) for row in rows]


_KEEP: Final = text(
    "INSERT INTO medical.emergency_proof (emergency_id, dossier_id, professional_id, once, signed, signer, at) "
    "VALUES (:emergency, :dossier, :who, :once, :signed, :signer, :now) ON CONFLICT DO NOTHING"
)
_KEPT: Final = text(
    "SELECT emergency_id, signer, at, signed FROM medical.emergency_proof WHERE dossier_id = :dossier ORDER BY at, emergency_id"
)
