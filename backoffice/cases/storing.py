"""Files joined to cases and the disk compared: what nothing names is removed in time, what is named must be there.

A file is written before its transaction commits, so that a line never names a file that is not there; killed or rolled
back in between, the file stays and nobody can reach it.
"""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from backoffice.adapters import environment
from backoffice.adapters.vault import Vault, vault_of
from backoffice.cases.files import Attachment
from backoffice.cases.models import Case
from backoffice.core.errors import Unavailable
from backoffice.office import Office

KEPT: Final = timedelta(hours=24)
"""How long a file that nothing names stays: its transaction may not have ended, its database may be about to be restored."""
EVERY: Final = 3600
"""Seconds between two looks at the whole folder, by one worker of all the hosts."""


def clear_unnamed(office: Office) -> int:
    """Remove the files of no case; return how many. Once an hour, and never beside a copied or restored database.

    Raises WrongState there: the files may be those of another environment.
    """
    if not office.redis.set("caisse:pieces", "", nx=True, ex=EVERY):
        return 0
    vault = vault_of(office.settings)
    with office.db.unit_of_work() as session:
        found = list(_unnamed(session, office, vault))
        if found:
            environment.require_agreement(session, office.environment)
    for uid in found:
        vault.forget(uid)
    return len(found)


def faults_of_files(session: Session, office: Office) -> list[str]:
    """What does not match between the cases' files and the disk, each read and recounted; French sentences."""
    vault, faults = vault_of(office.settings), []
    kept = select(Attachment, Case.number).join(Case, Case.id == Attachment.case_id).order_by(Attachment.added_at)
    for one, number in session.execute(kept.where(Attachment.withdrawn_at.is_(None))):
        try:
            content = vault.read(one.uid, one.key_id)
        except Unavailable:
            faults.append(
                f"Demande {number} : une pièce ne peut pas être lue, son fichier ou sa clé manque ou est abîmé."
            )
            continue
        if not one.is_content(content):
            faults.append(f"Demande {number} : une pièce n’est plus celle qui a été jointe.")
    left = sum(1 for _ in _unnamed(session, office, vault))
    if left:
        faults.append(
            f"{left} fichier{'s' if left > 1 else ''} de pièces sans demande depuis plus d’un jour : "
            "la tournée les efface dans l’heure."
        )
    return faults


def _unnamed(session: Session, office: Office, vault: Vault) -> Iterator[uuid.UUID]:
    """The files older than KEPT whose line is not there, or says that they were destroyed."""
    for uids in vault.written_before(office.clock() - KEPT):
        named = set(
            session.scalars(select(Attachment.uid).where(Attachment.uid.in_(uids), Attachment.destroyed_at.is_(None)))
        )
        yield from (uid for uid in uids if uid not in named)
