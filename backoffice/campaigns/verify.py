"""Reconciliation: population row = letter = page = manifest line = code, recounted from the files and both databases.

Every number is counted anew; nothing is taken from what an earlier step noted. What does not match is said, lot by lot.
"""

from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backoffice.adapters.dmp import OPENED_AT_COUNTER, OPENED_BY_PROFESSIONAL, CodeStatus
from backoffice.campaigns import control, sealing
from backoffice.campaigns.codes import carries_codes
from backoffice.campaigns.handing import noted_seal
from backoffice.campaigns.keeping import retention_of
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.production import lots_folder
from backoffice.campaigns.rules import OPEN_LOTS, CampaignState, Channel, LetterState, LotState
from backoffice.campaigns.trials import version_for
from backoffice.letters.reference import format_letter_id, letter_id_digits
from backoffice.office import Office

RETURNED = "courrier revenu"
"""Reason of the revocation of a code whose letter came back."""
_EXPLAINED = (OPENED_AT_COUNTER, OPENED_BY_PROFESSIONAL, RETURNED)


@dataclass(slots=True)
class Reconciliation:
    """What was counted, and what does not match."""

    campaigns: int = 0
    lots: int = 0
    letters: int = 0
    controls: int = 0
    """Letters to control addresses, whose code opens nothing."""
    pages: int = 0
    live_codes: int = 0
    """Live codes of sealed letters."""
    ended_codes: int = 0
    """Codes of sealed letters used, expired or revoked since."""
    emails: int = 0
    exceptions: int = 0
    waiting: int = 0
    """Letters whose turn has not come."""
    faults: list[str] = field(default_factory=list)
    """French sentences."""

    @property
    def clean(self) -> bool:
        """Whether everything matches."""
        return not self.faults


def verify_everything(session: Session, office: Office, references: tuple[str, ...] = ()) -> Reconciliation:
    """Recount the campaigns named, or all of them."""
    found = Reconciliation()
    query = select(Campaign).order_by(Campaign.id)
    if references:
        query = query.where(Campaign.reference.in_(references))
    for campaign in session.scalars(query):
        found.campaigns += 1
        _verify_campaign(session, office, campaign, found)
    for key in sorted(office.dmp.missing_keys()):
        found.faults.append(
            f"La clé « {key} » de codes en cours de validité manque au trousseau : ces codes seraient refusés."
        )
    return found


def verify_lot(session: Session, office: Office, campaign: Campaign, lot: Lot, found: Reconciliation) -> None:
    """Recount one sealed lot: files, manifest, letters, codes."""
    assert lot.name is not None
    folder = lots_folder(office, campaign)
    try:
        kept = retention_of(session, lot)
        seal = noted_seal(folder, lot, kept)
        if seal is None:
            raise sealing.Mismatch("La preuve de scellement (.json) manque.")
        if kept is not None and kept.destroyed_at is not None and (folder / f"{lot.name}.pdf").exists():
            raise sealing.Mismatch("Ses pages, détruites au terme de leur conservation, sont encore sur le disque.")
    except sealing.Mismatch as mismatch:
        found.faults.append(f"Lot {lot.name} : {mismatch}")
        return
    printed: dict[str, tuple[int, int, int]] = {}
    controls: dict[str, tuple[int, int]] = {}
    next_page = 1
    for row in sealing.read_manifest(folder / f"{lot.name}.csv"):
        if row["lettre"] in printed:
            found.faults.append(f"Lot {lot.name} : le courrier {row['lettre']} y figure deux fois.")
        if int(row["page_debut"]) != next_page:
            found.faults.append(
                f"Lot {lot.name} : les pages du courrier {row['lettre']} ne suivent pas les précédentes."
            )
        next_page = int(row["page_fin"]) + 1
        if row["statut"] == control.STATUS:
            controls[row["lettre"]] = (int(row["page_debut"]), int(row["page_fin"]))
            continue
        # Who did not open a DMP is forgotten in time: the letter's own number, negative, stands for them.
        person = int(row["personne"] or -int(letter_id_digits(row["lettre"])[3:12]))
        printed[row["lettre"]] = (person, int(row["page_debut"]), int(row["page_fin"]))
    if next_page - 1 != seal.pages or len(printed) != seal.letters:
        found.faults.append(
            f"Lot {lot.name} : {len(printed)} courriers et {next_page - 1} pages au manifeste, "
            f"{seal.letters} et {seal.pages} à la preuve."
        )
    noted = {
        format_letter_id(lot.caisse, number): (person, first, last)
        for number, person, first, last in session.execute(
            select(Letter.number, Letter.person_id, Letter.page_first, Letter.page_last).where(
                Letter.caisse == lot.caisse, Letter.campaign_id == campaign.id, Letter.channel == lot.channel,
                Letter.lot_sequence == lot.sequence, Letter.state == LetterState.SEALED,
            )
        )
    }  # fmt: skip
    if seal.content["modele"] != version_for(campaign, lot):
        found.faults.append(f"Lot {lot.name} : ses pages n’ont pas la version {lot.variant} du courrier approuvée.")
    if noted != printed:
        found.faults.append(
            f"Lot {lot.name} : {len(noted)} courriers scellés en base, {len(printed)} au manifeste ; "
            f"{sum(noted.get(one) != printed.get(one) for one in noted.keys() | printed.keys())} différences."
        )
    if controls != control.controls_of(session, lot) or len(controls) != lot.controls:
        found.faults.append(f"Lot {lot.name} : ses courriers témoins ne sont pas ceux enregistrés au scellement.")
    found.controls += len(controls)
    if carries_codes(campaign):
        _verify_codes(office, lot, [person for person, _, _ in printed.values() if person > 0], found)
    found.lots += 1
    found.letters += len(printed)
    found.pages += seal.pages


def _verify_codes(office: Office, lot: Lot, printed: list[int], found: Reconciliation) -> None:
    persons = set(printed)
    if len(persons) != len(printed):
        found.faults.append(f"Lot {lot.name} : une personne y a plusieurs courriers.")
    if office.dmp.current_issue(lot.uid) != lot.emission:
        found.faults.append(f"Lot {lot.name} : ses pages ne portent pas les codes en vigueur.")
    live = set(office.dmp.reconcile(lot.uid))
    found.live_codes += len(live & persons)
    if live - persons:
        found.faults.append(f"Lot {lot.name} : {len(live - persons)} codes valides sans page.")
    ended = sorted(persons - live)
    states = office.dmp.code_states(lot.caisse, ended) if ended else {}
    # Used, expired, revoked or replaced later: each has a state; no state at all means a page without a code.
    missing = [person for person in ended if person not in states]
    unexplained = [
        person
        for person, state in states.items()
        if state.status is CodeStatus.LIVE and state.issued_at < (lot.sealed_at or state.issued_at)
    ]
    # Nothing of ours revokes the code of a sealed letter without giving another, unless its reader opened their DMP at
    # the counter meanwhile or the letter came back: they would be turned away. A code of a later request stands in this
    # one's place, whatever became of it.
    revoked = sum(
        state.status is CodeStatus.REVOKED and state.request_id == lot.uid and state.reason not in _EXPLAINED
        for state in states.values()
    )
    if revoked:
        found.faults.append(f"Lot {lot.name} : {revoked} pages portent un code révoqué que rien ne remplace.")
    found.ended_codes += len(ended) - len(missing)
    if missing or unexplained:
        found.faults.append(f"Lot {lot.name} : {len(missing) + len(unexplained)} pages sans code correspondant.")


def _verify_campaign(session: Session, office: Office, campaign: Campaign, found: Reconciliation) -> None:
    lots = session.scalars(select(Lot).where(Lot.campaign_id == campaign.id).order_by(Lot.id)).all()
    for lot in lots:
        if lot.status is LotState.SEALED:
            verify_lot(session, office, campaign, lot, found)
        elif lot.status is LotState.QUARANTINED:
            found.faults.append(
                f"Campagne {campaign.reference}, lot {lot.sequence} de la caisse {lot.caisse} en quarantaine : {lot.reason}"
            )
    _verify_letters(session, campaign, found)
    known = {lot.name for lot in lots if lot.status is LotState.SEALED}
    folder = lots_folder(office, campaign)
    prefix = f"{campaign.reference}-"
    strangers = sorted(
        path.name for path in _lot_files(folder) if path.name.startswith(prefix) and path.stem not in known
    )
    waiting = any(lot.status is LotState.PLANNED for lot in lots)
    # A lot sealed by a process killed before its commit is adopted by the next attempt: no fault while one is due.
    if strangers and not waiting:
        found.faults.append(
            f"Campagne {campaign.reference} : fichiers de lot inconnus de la base ({', '.join(strangers[:3])})."
        )


def _lot_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.suffix in (".pdf", ".csv", ".json")]


def _verify_letters(session: Session, campaign: Campaign, found: Reconciliation) -> None:
    counts: dict[tuple[str, str], int] = {
        (channel, state): number
        for channel, state, number in session.execute(
            select(Letter.channel, Letter.state, func.count())
            .where(Letter.campaign_id == campaign.id, Letter.caisse.in_(campaign.caisses))
            .group_by(Letter.channel, Letter.state)
        )
    }
    total = sum(counts.values())
    if campaign.frozen_at is not None and total != campaign.eligible:
        found.faults.append(
            f"Campagne {campaign.reference} : {campaign.eligible} personnes à l’approbation, {total} courriers prévus."
        )
    found.exceptions += sum(number for (_, state), number in counts.items() if state == LetterState.EXCEPTION)
    found.waiting += sum(number for (_, state), number in counts.items() if state == LetterState.PLANNED)
    found.emails += sum(
        number for (channel, state), number in counts.items() if channel == Channel.MAIL and state == LetterState.SENT
    )
    waiting_lots = session.scalar(
        select(func.coalesce(func.sum(Lot.planned), 0)).where(Lot.campaign_id == campaign.id, Lot.state.in_(OPEN_LOTS))
    )
    planned = sum(number for (_, state), number in counts.items() if state == LetterState.PLANNED)
    if planned and not waiting_lots:
        found.faults.append(f"Campagne {campaign.reference} : {planned} courriers attendent sans lot à produire.")
    if campaign.status is CampaignState.FINISHED and planned:
        found.faults.append(f"Campagne {campaign.reference} terminée alors que {planned} courriers attendent.")
    doubtful = sum(number for (_, state), number in counts.items() if state == LetterState.SENDING)
    if doubtful and campaign.status is CampaignState.FINISHED:
        found.faults.append(
            f"Campagne {campaign.reference} : {doubtful} courriels peut-être partis, peut-être non (arrêt pendant l’envoi) : "
            "à vérifier auprès du serveur de courriels."
        )
