"""Files joined to a case: looked at before they are kept, encrypted where they lie, each reading journalled."""

import hashlib
import re
import uuid
from pathlib import PurePosixPath, PureWindowsPath
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backoffice.adapters.vault import vault_of
from backoffice.audit.journal import record
from backoffice.cases.actions import add_line
from backoffice.cases.files import Attachment
from backoffice.cases.models import Case, access_case
from backoffice.cases.sniffing import Kind, kind_of_file
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotAllowed, NotFound, Unavailable
from backoffice.office import Office

MOST: Final = 30
"""Files a case."""
_LONGEST_NAME: Final = 80
_LONG_NUMBER: Final = re.compile(r"\d(?:[\s._-]?\d){9,}")
"""A file is often named after a NIR or a phone number: names are shown in lists and journals."""


def attach(session: Session, office: Office, actor: Actor, number: str, name: str, content: bytes) -> Attachment:
    """Keep a file with the case. Raises Invalid for one that is not taken, Unavailable when it cannot be kept.

    The file is written first: a crash before the commit leaves an encrypted file that nothing names (see `storing`).
    """
    case = access_case(session, actor, number, lock=True)
    kind = kind_of_file(content)
    digest = hashlib.sha256(content).digest()
    mine = select(Attachment).where(Attachment.case_id == case.id, Attachment.withdrawn_at.is_(None))
    if (known := session.scalars(mine.where(Attachment.sha256 == digest)).first()) is not None:
        return known
    if (session.scalar(select(func.count()).select_from(mine.subquery())) or 0) >= MOST:
        raise Invalid(f"Une demande a {MOST} pièces au plus : retirez-en une, ou réunissez-les dans un seul PDF.")
    vault = vault_of(office.settings)
    if not vault.has_key and session.scalar(select(Attachment.uid).limit(1)) is not None:
        raise Unavailable("Le fichier de clés des pièces est introuvable : restaurez-le depuis sa sauvegarde.")
    uid = uuid.uuid4()
    kept = Attachment(
        uid=uid, case_id=case.id, name=_shown_name(name, kind), media_type=kind.media_type, size=len(content), sha256=digest,
        key_id=vault.keep(uid, content), added_by=actor.login, added_at=office.clock(),
    )  # fmt: skip
    session.add(kept)
    add_line(session, case, office, actor, "attachment", words=kept.name)
    record(
        session, actor, "piece.ajouter", case.number, at=office.clock(), caisse=case.caisse,
        detail={"piece": str(uid), "nature": kind.label, "octets": len(content)},
    )  # fmt: skip
    return kept


def read(session: Session, office: Office, actor: Actor, number: str, uid: uuid.UUID) -> tuple[Attachment, bytes]:
    """A file in clear; who read it and when is journalled. Raises NotFound, Unavailable."""
    case = access_case(session, actor, number)
    found = _access(session, case, uid)
    content = vault_of(office.settings).read(uid, found.key_id)
    if not found.is_content(content):
        raise Unavailable("Cette pièce n’est plus celle qui a été jointe : prévenez votre administrateur.")
    record(
        session,
        actor,
        "piece.telecharger",
        case.number,
        at=office.clock(),
        caisse=case.caisse,
        detail={"piece": str(uid)},
    )
    return found, content


def withdraw(session: Session, office: Office, actor: Actor, number: str, uid: uuid.UUID, reason: str) -> Attachment:
    """Take away a file joined by mistake, to be destroyed at once; its line stays. By who joined it, or a supervisor.

    Raises NotFound, NotAllowed, and Invalid without a reason.
    """
    case = access_case(session, actor, number, lock=True)
    found = _access(session, case, uid)
    if found.added_by != actor.login and Role.SUPERVISOR not in actor.roles:
        raise NotAllowed(
            f"Cette pièce a été jointe par {found.added_by} : demandez-lui de la retirer, ou à un superviseur."
        )
    if not (reason := reason.strip()[:200]):
        raise Invalid("Dites en quelques mots pourquoi la pièce est retirée.")
    found.withdrawn_by, found.withdrawn_at, found.reason = actor.login, office.clock(), reason
    add_line(session, case, office, actor, "withdrawn", words=f"{found.name} : {reason}")
    record(
        session, actor, "piece.retirer", case.number, at=office.clock(), caisse=case.caisse, reason=reason,
        detail={"piece": str(uid)},
    )  # fmt: skip
    return found


def destroy_withdrawn(office: Office) -> int:
    """Remove from the disk what was withdrawn; return how many. Killed on the way, the next round does it."""
    with office.db.unit_of_work() as session:
        waiting = session.scalars(
            select(Attachment)
            .where(Attachment.withdrawn_at.is_not(None), Attachment.destroyed_at.is_(None))
            .with_for_update(skip_locked=True)
        ).all()
        for one in waiting:
            vault_of(office.settings).forget(one.uid)
            one.destroyed_at = office.clock()
    return len(waiting)


def _access(session: Session, case: Case, uid: uuid.UUID) -> Attachment:
    found = session.get(Attachment, uid)
    if found is None or found.case_id != case.id or found.withdrawn_at is not None:
        raise NotFound("Cette pièce n’existe pas, ou a été retirée.")
    return found


def _shown_name(sent: str, kind: Kind) -> str:
    """The last part of the name, without what cannot be shown, long numbers, or another suffix than its kind's."""
    last = PureWindowsPath(PurePosixPath(sent).name).name
    plain = "".join(letter for letter in last if letter.isprintable() and letter not in '"\\/<>|:*?')
    stem = _LONG_NUMBER.sub("…", plain.rsplit(".", 1)[0] if "." in plain else plain).strip(" .")
    return f"{stem[:_LONGEST_NAME] or 'pièce'}{kind.suffix}"
