"""The bon à tirer: real letters of a campaign chosen for their difficulty, under a cover that two persons sign."""

import hashlib
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
from sqlalchemy import ForeignKey, Identity, Integer, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from backoffice.adapters.db import Base
from backoffice.audit.journal import record
from backoffice.campaigns import targeting
from backoffice.campaigns.codes import carries_codes
from backoffice.campaigns.forecast import Forecast, counted
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.letters import kind_of_letter, recipient_of, values_of
from backoffice.campaigns.models import Campaign
from backoffice.campaigns.templates import current_version, program_of
from backoffice.core.actor import Actor, Role
from backoffice.core.address import AddressFault, address_block
from backoffice.core.caisse import caisse_of
from backoffice.core.clock import long_french_date, paris_date
from backoffice.core.errors import Invalid, NotFound
from backoffice.core.typography import NBSP, thousands
from backoffice.letters.compile import LaidOut, PageProgram
from backoffice.letters.cover import Cover, cover_pages
from backoffice.letters.faults import LetterFault
from backoffice.letters.reference import format_letter_id
from backoffice.letters.stamp import LotWriter
from backoffice.office import Office

CANDIDATES = 40
"""Persons looked at for one case: the longest addresses are often exceptions, which have no page."""
NO_CAISSE = "000"
"""Of the letter ids of a proof: no caisse has this number, so that a scanned proof is nobody's letter."""
PROOF_CODE = "XXXX XXXX XXXX"
"""The alphabet of codes has it, its check character is wrong: it can never be taken for one."""
_NONE = "aucun destinataire dans ce cas"


@dataclass(frozen=True, slots=True)
class Case:
    """What makes a letter difficult."""

    label: str
    order: str
    """SQL over the eligible persons: the most difficult first."""
    condition: str = "true"


CASES = (
    Case("Nom le plus long", "length(nom_usage) + length(nom_naissance) + length(prenom) DESC"),
    Case(
        "Adresse la plus longue", "length(adresse_2) + length(adresse_3) + length(adresse_4) + length(adresse_5) DESC"
    ),
    Case("Adresse à l’étranger", "length(adresse_4) DESC", "pays <> '' AND upper(pays) <> 'FRANCE'"),
    Case("Ayant droit (« mon nom ou celui de mon ayant droit »)", "length(nom_usage) DESC", "qualite = 'AD'"),
    Case(
        "Sans prénom", "length(nom_naissance) DESC", "prenom !~ '[[:alpha:]]{2}' OR upper(prenom) LIKE 'SANS PR_NOM%'"
    ),
    Case("Courrier ordinaire", "md5(caisse || id::text)"),
)
OTHER = Case(
    "Autre courrier",
    "length(nom_usage) + length(nom_naissance) + length(prenom) + length(adresse_2) + length(adresse_3) + length(adresse_4) "
    "+ length(adresse_5) DESC",
)


class ProofOpened(Base):
    """Who opened which bon à tirer. Inserted, never changed."""

    __tablename__ = "campaign_proof"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    version: Mapped[int] = mapped_column(Integer)
    """Of the draft."""
    template_version: Mapped[str]
    eligible: Mapped[int] = mapped_column(Integer)
    actor: Mapped[str]
    at: Mapped[datetime]
    digest: Mapped[bytes | None]
    """SHA-256 of the pages that were shown; None before they were kept."""

    @property
    def mark(self) -> str:
        """The digest as people compare it: its first 16 figures, by fours."""
        shown = (self.digest or b"").hex()[:16]
        return " ".join(shown[at : at + 4] for at in range(0, len(shown), 4))


@dataclass(frozen=True, slots=True)
class Chosen:
    """A letter that shows a case, laid out; None where nobody is in it."""

    case: Case
    laid_out: LaidOut | None


def choose(session: Session, campaign: Campaign, program: PageProgram, count: int | None = None) -> list[Chosen]:
    """One letter for each case, each of another person; needs `load_record_facts` in the same transaction.

    With `count`, so many letters: the first cases alone, or more letters with long names and addresses.
    """
    values = targeting.parameters(session, campaign)
    taken: set[tuple[str, int]] = set()
    found: list[Chosen] = []
    session.execute(
        text(f"CREATE TEMPORARY TABLE proof_person ON COMMIT DROP AS {targeting.eligible(campaign, 'p.*')}"), values
    )
    for case in CASES if count is None else (*CASES, *([OTHER] * count)):
        if sum(one.laid_out is not None for one in found) == count:
            break
        rows = session.execute(
            text(f"SELECT * FROM proof_person WHERE {case.condition} ORDER BY {case.order}, caisse, id LIMIT :most"),  # noqa: S608
            {"most": CANDIDATES + len(taken)},
        ).all()
        found.append(Chosen(case, _first_that_fits(rows, taken, campaign, program)))
    session.execute(text("DROP TABLE proof_person"))
    return found


def _first_that_fits(
    rows: Sequence[Any], taken: set[tuple[str, int]], campaign: Campaign, program: PageProgram
) -> LaidOut | None:
    for row in rows:
        if (row.caisse, row.id) in taken:
            continue
        try:
            recipient = recipient_of(row)
            laid_out = program.lay_out(
                values_of(recipient, row, campaign.letter_date, masked=True), address_block(recipient)
            )
        except (AddressFault, LetterFault):
            continue  # an exception of the campaign: it has no page
        taken.add((row.caisse, row.id))
        return laid_out
    return None


def letters_pages(campaign: Campaign, program: PageProgram, chosen: Sequence[Chosen]) -> bytes:
    """The pages of the letters chosen, in order. Raises NotFound when there is none."""
    laid_out = [one.laid_out for one in chosen if one.laid_out is not None]
    if not laid_out:
        raise NotFound(
            "Rien à montrer : personne ne recevrait ce courrier aujourd’hui, ou aucune de leurs adresses ne tient sur la page."
        )
    code = PROOF_CODE if carries_codes(campaign) else None
    with tempfile.TemporaryDirectory(prefix="apercu-") as folder:
        path = Path(folder) / "apercu.pdf"
        with LotWriter(program, path, title=f"Aperçu {campaign.reference}", date=campaign.letter_date) as writer:
            for rank, one in enumerate(laid_out, 1):
                writer.add(one, letter_id=format_letter_id(NO_CAISSE, rank), code=code)
        return path.read_bytes()


def bon_a_tirer(session: Session, office: Office, actor: Actor, campaign: Campaign) -> bytes:
    """The whole bon à tirer as a PDF; that it was opened, and of what, is written down.

    Raises NotFound when nobody would be written to.
    """
    actor.require(Role.CAMPAIGN_MANAGER, Role.SYSTEM)
    actor.require_caisse(*campaign.caisses)
    targeting.load_record_facts(session, office.dmp, campaign.caisses)
    count = counted(session, campaign)
    letter = kind_of_letter(campaign)
    program = program_of(office, letter.name, campaign.template_version)
    chosen = choose(session, campaign, program)
    pages = letters_pages(campaign, program, chosen)
    versions = [chosen]
    if campaign.variant_version is not None:
        second = program_of(office, letter.name, campaign.variant_version)
        versions.append(choose(session, campaign, second))
        pages = _joined(pages, letters_pages(campaign, second, versions[-1]))
    version = campaign.template_version or current_version(office, letter.name)
    cover = cover_pages(_cover(session, office, campaign, count, version, _places(versions, first=2)))
    if (length := _length(cover)) > 1:
        cover = cover_pages(_cover(session, office, campaign, count, version, _places(versions, first=length + 1)))
    content = _joined(cover, pages)
    opened = ProofOpened(
        campaign_id=campaign.id, version=campaign.version, template_version=version, eligible=count.eligible,
        actor=actor.login, at=office.clock(), digest=hashlib.sha256(content).digest(),
    )  # fmt: skip
    session.add(opened)
    session.flush()
    record(
        session, actor, "campagne.bon_a_tirer", campaign.reference, at=office.clock(),
        caisse=campaign.caisses[0] if len(campaign.caisses) == 1 else None,
        detail={"modele": version[:16], "personnes": count.eligible, "empreinte": opened.mark},
    )  # fmt: skip
    return content


def _trial(campaign: Campaign) -> str:
    if campaign.variant_version is None:
        return ""
    return f" ; version B {campaign.variant_version[:16]} pour {campaign.variant_share}{NBSP}% des personnes, au hasard"


def opened_by(session: Session, campaign: Campaign, login: str) -> ProofOpened | None:
    """The last bon à tirer of the draft as it is that this person opened."""
    query = select(ProofOpened).where(
        ProofOpened.campaign_id == campaign.id, ProofOpened.version == campaign.version, ProofOpened.actor == login
    )
    return session.scalars(query.order_by(ProofOpened.id.desc()).limit(1)).first()


def read_before_approval(session: Session, office: Office, actor: Actor, campaign: Campaign) -> ProofOpened | None:
    """The bon à tirer that the approver opened, which must be that of the draft and the template as they are.

    None for the command line, which approves on an operator's word. Raises Invalid, saying what to do.
    """
    if Role.SYSTEM in actor.roles:
        return None
    opened = opened_by(session, campaign, actor.login)
    if opened is None:
        raise Invalid("Ouvrez d’abord le bon à tirer : l’approbation dit lequel vous avez lu.")
    if not reads_what_is(office, campaign, opened):
        raise Invalid(
            "Le modèle du courrier a changé depuis que vous avez ouvert le bon à tirer : ouvrez-le à nouveau."
        )
    return opened


def reads_what_is(office: Office, campaign: Campaign, opened: ProofOpened | None) -> bool:
    """Whether this opening, if any, was of the pages that an approval would be of."""
    return (
        opened is not None and opened.digest is not None
        and opened.template_version == current_version(office, kind_of(campaign.kind).letter)
    )  # fmt: skip


def proof_read(session: Session, campaign: Campaign) -> ProofOpened | None:
    """The one on which the campaign was approved."""
    return None if campaign.proof_id is None else session.get(ProofOpened, campaign.proof_id)


def _places(versions: Sequence[Sequence[Chosen]], *, first: int) -> list[tuple[str, str]]:
    """(case, page of each version's letter), the letters of one version after those of the other."""
    page = itertools.count(first)
    found = [[None if one.laid_out is None else f"page {next(page)}" for one in chosen] for chosen in versions]
    rows = []
    for one, *places in zip(versions[0], *found, strict=True):
        if not any(places):
            words = _NONE
        elif len(places) == 1:
            words = str(places[0])
        else:
            words = " ; ".join(f"version {name}, {place or 'aucune'}" for name, place in zip("AB", places, strict=True))
        rows.append((one.case.label, words))
    return rows


def _cover(
    session: Session, office: Office, campaign: Campaign, count: Forecast, version: str,
    letters: Sequence[tuple[str, str]],
) -> Cover:  # fmt: skip
    segment = session.execute(
        text("SELECT name FROM segment WHERE id = :id"), {"id": campaign.segment_id}
    ).scalar_one_or_none()
    facts = [
        ("Campagne", f"{campaign.reference} – {campaign.name}"),
        ("Type de courrier", kind_of(campaign.kind).label),
        ("Caisses", ", ".join(caisse_of(code).label for code in campaign.caisses)),
        ("Date du courrier", long_french_date(campaign.letter_date)),
        ("Segment", f"{segment}, version {campaign.segment_version}" if segment else "critères propres à la campagne"),
        (
            "Destinataires",
            f"{thousands(count.eligible)} personnes sur {thousands(count.targeted)} visées : {_many(count.letters, 'courrier')} "
            f"en {_many(count.lots, 'lot')}, {_many(count.emails, 'courriel')}",
        ),
        (
            "Exclus",
            " ; ".join(
                f"{reason.label}{NBSP}: {thousands(number)}"
                for reason, number in sorted(count.excluded.items(), key=lambda item: -item[1])
            )
            or "personne",
        ),
        ("Version du modèle", f"{kind_of(campaign.kind).letter} {version[:16]}{_trial(campaign)}"),
        ("Préparée par", ", ".join(campaign.hands)),
        ("Édité le", f"{long_french_date(paris_date(office.clock()))}, brouillon n° {campaign.version}"),
    ]
    if count.replaced:
        facts.insert(
            6, ("Codes remplacés", f"{thousands(count.replaced)} codes en cours de validité cesseront d’ouvrir un DMP")
        )
    return Cover(
        "Bon à tirer",
        f"{campaign.reference} – {campaign.name}",
        facts,
        letters,
        "Ce sont de vraies lettres, telles que l’imprimeur les recevra ; le code imprimé n’ouvre rien. Tout changement du "
        "modèle ou du segment après l’approbation annule celle-ci. Document nominatif : à détruire après signature.",
        ("Préparée par", "Approuvée par (une autre personne)"),
    )


def _many(number: int, noun: str) -> str:
    return f"{thousands(number)} {noun}{'s' if number > 1 else ''}"


def _length(content: bytes) -> int:
    with pikepdf.open(BytesIO(content)) as pages:
        return len(pages.pages)


def _joined(*parts: bytes) -> bytes:
    out = BytesIO()
    with pikepdf.new() as whole:
        for part in parts:
            with pikepdf.open(BytesIO(part)) as source:
                whole.pages.extend(source.pages)
        whole.save(out, deterministic_id=True)
    return out.getvalue()
