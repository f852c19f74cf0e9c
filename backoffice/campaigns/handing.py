"""Handing a sealed lot over to a person: verified against its proof and the database, fenced, and journalled."""

from enum import StrEnum
from pathlib import Path

from sqlalchemy.orm import Session

from backoffice.adapters import environment
from backoffice.audit.journal import record
from backoffice.campaigns import sealing
from backoffice.campaigns.keeping import LotRetention, pages_gone, retention_of
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.production import lots_folder
from backoffice.campaigns.rules import Channel, LotState
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import NotFound, WrongState
from backoffice.office import Office


class LotFile(StrEnum):
    """The three files of a lot, by their suffix."""

    PAGES = "pdf"
    MANIFEST = "csv"
    PROOF = "json"


def noted_seal(folder: Path, lot: Lot, kept: LotRetention | None = None) -> sealing.Seal | None:
    """The proof of a sealed lot, its files verified against it and it against the database; None when it is gone.

    `kept` says what retention has done to it. Raises Mismatch at any difference: files changed together with their proof
    are told by the database.
    """
    seal = sealing.find_seal(
        folder, lot.name or "", pages=kept is None or kept.destroying_at is None,
        manifest=kept.manifest_sha256.hex() if kept and kept.manifest_sha256 else None,
        pending=kept is not None and kept.erasing_at is not None and kept.erased_at is None,
    )  # fmt: skip
    noted = (lot.pdf_sha256 or b"").hex(), (lot.csv_sha256 or b"").hex()
    if seal is not None and (seal.pdf_sha256, seal.csv_sha256) != noted:
        raise sealing.Mismatch("Les empreintes du lot ne sont pas celles enregistrées au scellement.")
    return seal


def require_sealed(session: Session, lot: Lot) -> None:
    """Raise WrongState unless the lot is sealed on paper and its pages are still there."""
    if lot.status is not LotState.SEALED or lot.channel != Channel.POST or lot.name is None:
        raise WrongState("Ce lot n’est pas scellé : il n’a pas de pages pour l’instant.")
    if (gone := pages_gone(session, lot)) is not None and gone.destroying_at is not None:
        raise WrongState(
            f"Les pages de ce lot ont été détruites le {paris_date(gone.destroying_at):%d/%m/%Y}, au terme de leur "
            "conservation : il ne reste que ses preuves."
        )


def hand_over(session: Session, office: Office, actor: Actor, campaign: Campaign, lot: Lot, part: LotFile) -> Path:
    """The path of one file of a sealed lot of `campaign`, after all three were recounted.

    Raises WrongState when it is not sealed, when the files are no longer those that were sealed, or when this
    environment may not send; NotFound when they are gone.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    actor.require_caisse(*campaign.caisses)
    kept = retention_of(session, lot)
    if part is LotFile.PAGES or kept is None:
        require_sealed(session, lot)
    assert lot.name is not None
    environment.require_agreement(session, office.environment)
    folder = lots_folder(office, campaign)
    try:
        seal = noted_seal(folder, lot, kept)
    except sealing.Mismatch as mismatch:
        raise WrongState(f"{mismatch} N’envoyez pas ce lot à l’imprimeur ; prévenez votre administrateur.") from None
    if seal is None:
        raise NotFound("Les fichiers de ce lot ne sont plus à leur place : prévenez votre administrateur.")
    record(
        session,
        actor,
        "lot.telecharger",
        lot.name,
        at=office.clock(),
        caisse=lot.caisse,
        detail={"fichier": part.value},
    )
    return folder / f"{lot.name}.{part}"
