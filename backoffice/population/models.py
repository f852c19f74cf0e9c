"""Tables of the population: the insured persons as their caisse last described them, and the imports."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CHAR, Identity, Sequence, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.types import Text

from backoffice.adapters.db import Base
from backoffice.core.actor import Actor
from backoffice.core.errors import NotFound


class Person(Base):
    """An insured person of a caisse; the NIR is the key within it (formats/population.md)."""

    __tablename__ = "person"

    caisse: Mapped[str] = mapped_column(CHAR(3), primary_key=True)
    id: Mapped[int] = mapped_column(Sequence("person_id_seq"), primary_key=True)
    """The only name of a person that leaves this database."""
    nir: Mapped[str] = mapped_column(CHAR(15))
    civilite: Mapped[str]
    nom_naissance: Mapped[str]
    nom_usage: Mapped[str]
    prenom: Mapped[str]
    date_naissance: Mapped[str] = mapped_column(CHAR(10))
    birth_latest: Mapped[date]
    """Latest day an incomplete birth date allows: a minor is never recruited."""
    qualite: Mapped[str] = mapped_column(CHAR(2))
    nir_od: Mapped[str]
    regime: Mapped[str] = mapped_column(CHAR(2))
    adresse_2: Mapped[str]
    adresse_3: Mapped[str]
    adresse_4: Mapped[str]
    adresse_5: Mapped[str]
    code_postal: Mapped[str]
    ville: Mapped[str]
    pays: Mapped[str]
    email: Mapped[str]
    mobile: Mapped[str]
    canal: Mapped[str]
    vitale_serie: Mapped[str]
    vitale_type: Mapped[str]
    dmp: Mapped[bool]
    opposition: Mapped[bool]
    pnd: Mapped[bool]
    date_deces: Mapped[date | None]
    digest: Mapped[bytes]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    gone_at: Mapped[datetime | None]
    """Since when another caisse's file has them: they are written to from there. None while they are this caisse's."""


class ImportState(StrEnum):
    """Where an import stands."""

    QUEUED = "demande"
    """Waits for a worker, or is in its hands."""
    DIRECT = "direct"
    """Made by the very command that asked: if that one dies nobody takes it up later, when its file may be an older one."""
    DONE = "termine"
    REFUSED = "refuse"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _STATE_LABELS[self]


_STATE_LABELS = {
    ImportState.QUEUED: "en cours",
    ImportState.DIRECT: "en cours, en ligne de commande",
    ImportState.DONE: "terminé",
    ImportState.REFUSED: "refusé",
}
UNDER_WAY = (ImportState.QUEUED, ImportState.DIRECT)


class PopulationImport(Base):
    """One file handed over by a caisse, and what became of its rows."""

    __tablename__ = "population_import"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    file_name: Mapped[str]
    file_sha256: Mapped[bytes | None]
    encoding: Mapped[str]
    requested_by: Mapped[str]
    caisses: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """Scope of the person who asked: a row of another caisse is rejected."""
    state: Mapped[str]
    stage: Mapped[str] = mapped_column(default="")
    refusal: Mapped[str | None]
    rows_total: Mapped[int | None]
    rows_read: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    stored_file: Mapped[str | None]
    report_file: Mapped[str | None]
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


def access_import(session: Session, actor: Actor, import_id: int) -> PopulationImport:
    """The only way to hold an import: asked for within your caisses, or not found."""
    found = session.get(PopulationImport, import_id)
    if found is None or not actor.caisses.issuperset(found.caisses):
        raise NotFound("Cet import est introuvable dans votre périmètre.")
    return found


def list_imports(session: Session, actor: Actor, limit: int, offset: int = 0) -> tuple[int, list[PopulationImport]]:
    """(how many in all, one page of them): imports asked for within the actor's caisses, newest first."""
    within = PopulationImport.caisses.contained_by(sorted(actor.caisses))
    count = session.scalar(select(func.count()).select_from(PopulationImport).where(within)) or 0
    query = select(PopulationImport).where(within).order_by(PopulationImport.id.desc()).limit(limit).offset(offset)
    return count, list(session.scalars(query))
