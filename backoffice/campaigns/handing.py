"""Handing a sealed lot over to a person: verified against its proof and the database, fenced, and journalled."""

from enum import StrEnum
from pathlib import Path

from sqlalchemy.orm import Session

from backoffice.adapters import environment
from backoffice.audit.journal import record
from backoffice.campaigns import sealing
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.production import lots_folder
from backoffice.campaigns.rules import Channel, LotState
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import NotFound, WrongState
from backoffice.office import Office


class LotFile(StrEnum):
    """The three files of a lot, by their suffix."""

    PAGES = "pdf"
    MANIFEST = "csv"
    PROOF = "json"


def noted_seal(folder: Path, lot: Lot) -> sealing.Seal | None:
    """The proof of a sealed lot, its files verified against it and it against the database; None when it is gone.

    Raises Mismatch at any difference: files changed together with their proof are told by the database.
    """
    seal = sealing.find_seal(folder, lot.name or "")
    noted = (lot.pdf_sha256 or b"").hex(), (lot.csv_sha256 or b"").hex()
    if seal is not None and (seal.pdf_sha256, seal.csv_sha256) != noted:
        raise sealing.Mismatch("Les empreintes du lot ne sont pas celles enregistrées au scellement.")
    return seal


def require_sealed(session: Session, lot: Lot) -> None:
    """Raise WrongState unless the lot is sealed on paper and its pages are still there."""
    del session
    if lot.status is not LotState.SEALED or lot.channel != Channel.POST or lot.name is None:
        raise WrongState("Ce lot n’est pas scellé : il n’a pas de pages pour l’instant.")


def hand_over(session: Session, office: Office, actor: Actor, campaign: Campaign, lot: Lot, part: LotFile) -> Path:
    """The path of one file of a sealed lot of `campaign`, after all three were recounted.

    Raises WrongState when it is not sealed, when the files are no longer those that were sealed, or when this
    environment may not send; NotFound when they are gone.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    actor.require_caisse(*campaign.caisses)
    require_sealed(session, lot)
    assert lot.name is not None
    environment.require_agreement(session, office.environment)
    folder = lots_folder(office, campaign)
    try:
        seal = noted_seal(folder, lot)
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
