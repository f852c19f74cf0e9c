"""Versions of a letter's template: edited in Word, proposed with its proof, made the current one by somebody else."""

import difflib
import re
import tempfile
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Identity, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.audit.journal import record
from backoffice.campaigns import templates
from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import Invalid, NotAllowed, NotFound, WrongState
from backoffice.letters.compile import SAMPLE_ADDRESS, PageProgram, compile_template
from backoffice.letters.kinds import letter_kind
from backoffice.letters.model import LineBreak, Slot
from backoffice.letters.reference import format_letter_id
from backoffice.letters.stamp import render_single
from backoffice.office import Office

LARGEST = 5 * 1024 * 1024
"""Bytes of a template."""
_SAMPLE_CODE = "XXXX XXXX XXXX"


class VersionState(StrEnum):
    """Where a version of a template stands."""

    PROPOSED = "proposee"
    CURRENT = "courante"
    REPLACED = "remplacee"
    SET_ASIDE = "ecartee"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _LABELS[self]


_LABELS = {
    VersionState.PROPOSED: "à approuver",
    VersionState.CURRENT: "courante",
    VersionState.REPLACED: "remplacée",
    VersionState.SET_ASIDE: "écartée",
}


class TemplateVersion(Base):
    """A version that somebody uploaded; its file is kept under its digest."""

    __tablename__ = "letter_template"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    letter: Mapped[str]
    version: Mapped[str]
    """SHA-256 of the docx, as campaigns and lots note it."""
    state: Mapped[str]
    file_name: Mapped[str]
    comment: Mapped[str]
    author: Mapped[str]
    author_national: Mapped[bool]
    at: Mapped[datetime]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]

    @property
    def status(self) -> VersionState:
        """The state as its enumeration."""
        return VersionState(self.state)


@dataclass(frozen=True, slots=True)
class Change:
    """A paragraph that differs between two versions."""

    added: bool
    text: str


def propose(
    session: Session, office: Office, actor: Actor, letter: str, name: str, content: bytes, comment: str
) -> TemplateVersion:
    """Check a docx against its letter and keep it as a proposal.

    Raises TemplateFault with the exact place and what to do, Invalid for a file too large, a missing comment or the
    very file that is current.
    """
    actor.require(Role.CAMPAIGN_MANAGER)
    kind = letter_kind(letter)
    if not comment.strip():
        raise Invalid("Dites en quelques mots ce qui change : le commentaire reste avec la version.")
    if len(content) > LARGEST:
        raise Invalid("Le modèle dépasse 5 Mo : retirez ce qui l’alourdit (images, polices incorporées).")
    shown = re.sub(r"[^\w .()-]", "_", Path(name.replace("\\", "/")).name)[-80:] or kind.template
    with tempfile.TemporaryDirectory(prefix="modele-") as folder:
        path = Path(folder) / shown
        path.write_bytes(content)
        program = compile_template(path, kind)
    if program.version == templates.current_version(office, letter):
        raise Invalid("Ce fichier est celui de la version courante : il n’y a rien à changer.")
    templates.keep(office, letter, program.version, content)
    made = TemplateVersion(
        letter=letter, version=program.version, state=VersionState.PROPOSED, file_name=shown, comment=comment.strip()[:300],
        author=actor.login, author_national=actor.caisses.issuperset(CAISSE_CODES), at=office.clock(),
    )  # fmt: skip
    session.add(made)
    session.flush()
    record(
        session, actor, "modele.proposer", f"modèle {letter}", at=office.clock(), reason=made.comment,
        detail={"version": program.version[:16]},
    )  # fmt: skip
    return made


def decide(session: Session, office: Office, actor: Actor, version_id: int, state: VersionState) -> TemplateVersion:
    """Make a proposal the current version, or set it aside.

    Four eyes: never its author; and one of the two of national scope, as the letter is that of the nine caisses.
    Approvals given with the earlier version become void by themselves.
    """
    actor.require(Role.CAMPAIGN_MANAGER)
    session.execute(text("SELECT pg_advisory_xact_lock(hashtext('letter_template'))"))
    found = session.get(TemplateVersion, version_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound("Cette version du modèle est introuvable.")
    if found.status is not VersionState.PROPOSED:
        raise WrongState(
            f"Cette version est « {found.status.label} » : il n’y a plus rien à décider. Rechargez la page."
        )
    if state is VersionState.CURRENT:
        if actor.login == found.author:
            raise NotAllowed(
                "L’auteur d’une version ne peut pas l’approuver : demandez à un autre responsable de campagne."
            )
        if not (found.author_national or actor.caisses.issuperset(CAISSE_CODES)):
            raise NotAllowed(
                "Ce courrier est celui des neuf caisses : une version d’une caisse est approuvée par un responsable national."
            )
        for earlier in session.scalars(
            select(TemplateVersion).where(
                TemplateVersion.letter == found.letter, TemplateVersion.state == VersionState.CURRENT
            )
        ):
            earlier.state = VersionState.REPLACED
        session.flush()
    found.state, found.decided_by, found.decided_at = state, actor.login, office.clock()
    session.flush()
    record(
        session, actor, f"modele.{'adopter' if state is VersionState.CURRENT else 'ecarter'}", f"modèle {found.letter}",
        at=office.clock(), detail={"version": found.version[:16]},
    )  # fmt: skip
    return found


def versions_of(session: Session, letter: str) -> list[TemplateVersion]:
    """What was uploaded for a letter, the latest first."""
    query = select(TemplateVersion).where(TemplateVersion.letter == letter).order_by(TemplateVersion.id.desc())
    return list(session.scalars(query))


def version_of(session: Session, version_id: int) -> TemplateVersion:
    """One version; NotFound when there is none."""
    found = session.get(TemplateVersion, version_id)
    if found is None:
        raise NotFound("Cette version du modèle est introuvable.")
    return found


def proof(program: PageProgram) -> bytes:
    """The letter with the longest ordinary value in each of its fields."""
    kind = program.kind
    return render_single(
        program,
        kind.samples,
        SAMPLE_ADDRESS,
        format_letter_id("000", 1),
        _SAMPLE_CODE if kind.late else None,
        tagged=False,
    )


def changes(before: PageProgram, after: PageProgram) -> list[Change]:
    """The paragraphs that differ, in the order of the letter."""
    found = difflib.ndiff(_paragraphs(before), _paragraphs(after))
    return [Change(line.startswith("+"), line[2:]) for line in found if line[:2] in ("+ ", "- ")]


def _paragraphs(program: PageProgram) -> list[str]:
    lines = []
    for block in program.sheet.blocks:
        pieces = (
            f"{{{{ {piece.field} }}}}"
            if isinstance(piece, Slot)
            else " "
            if isinstance(piece, LineBreak)
            else piece.text
            for piece in block.pieces
        )
        lines.append("".join(pieces).strip())
    return [line for line in lines if line]
