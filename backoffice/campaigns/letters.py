"""What goes into a campaign's letters, from a row of the population."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from backoffice.adapters.dmp import DmpGateway, expires_on
from backoffice.campaigns import targeting
from backoffice.campaigns.kinds import kind_of
from backoffice.campaigns.models import Campaign, Lot
from backoffice.campaigns.rules import LetterState
from backoffice.core.address import Recipient
from backoffice.core.caisse import caisse_of
from backoffice.core.clock import paris_date
from backoffice.letters.kinds import LetterKind, letter_kind
from backoffice.letters.values import letter_values
from backoffice.population import notices
from dmp_core.identity.nir import grouped, mask


def recipient_of(row: Any) -> Recipient:
    """The addressee, from a row of `person`."""
    return Recipient(
        civilite=row.civilite, nom_naissance=row.nom_naissance, nom_usage=row.nom_usage, prenom=row.prenom,
        adresse_2=row.adresse_2, adresse_3=row.adresse_3, adresse_4=row.adresse_4, adresse_5=row.adresse_5,
        code_postal=row.code_postal, ville=row.ville, pays=row.pays,
    )  # fmt: skip


def values_of(
    recipient: Recipient, row: Any, letter_date: date, *, about: datetime | None = None,
    asked: Mapping[str, str] | None = None, masked: bool = False,
) -> dict[str, str]:  # fmt: skip
    """Every field of the letter known before its code is; `row` is a row of `person`, `about` the moment of what is
    confirmed, `asked` the fields that came with a letter asked for.

    `masked`, as on a screen and in an e-mail, which travels and stays in clear: the beginning of the NIR alone.
    """
    return dict(asked or {}) | letter_values(
        recipient, caisse_of(row.caisse), letter_date, code_end=expires_on(letter_date),
        number=mask(row.nir) if masked else grouped(row.nir),
        dmp_date=paris_date(about) if about else letter_date,
    )  # fmt: skip


def kind_of_letter(campaign: Campaign) -> LetterKind:
    """The declaration of the campaign's letter."""
    return letter_kind(kind_of(campaign.kind).letter)


def waiting_letters(
    session: Session,
    dmp: DmpGateway,
    campaign: Campaign,
    lot: Lot,
    *,
    due: datetime | None = None,
    limit: int | None = None,
) -> Sequence[Any]:
    """The lot's letters that wait, in page order, with their person's row; `limit` of those not put off beyond `due`.

    `reason` says why a person is not to be written to any more, looked at with today's population and record; codes in
    force are the record's to refuse, at issue. `about_at` is the moment of what a letter asked for is about, `asked` its
    own fields.
    """
    kind = kind_of(campaign.kind)
    chosen = session.execute(
        text(f"SELECT l.number, l.person_id FROM letter l WHERE {_WAITING} ORDER BY l.position LIMIT :limit"),  # noqa: S608
        _of(lot) | {"due": due, "limit": limit},
    ).all()
    persons = [row.person_id for row in chosen]
    targeting.load_facts_of(session, dmp, lot.caisse, persons)
    return session.execute(
        text(f"""
        SELECT l.number, l.person_id, p.*, {targeting.reason(kind, "l.channel", sending=True)} AS reason,
            r.about_at, r.fields AS asked
        FROM letter l JOIN person p ON p.caisse = l.caisse AND p.id = l.person_id
        LEFT JOIN record_dossier dossier ON dossier.caisse = l.caisse AND dossier.person_id = l.person_id
        LEFT JOIN letter_request r ON r.caisse = l.caisse AND r.letter_number = l.number
        {notices.JOIN_EACH}
        WHERE l.caisse = :caisse AND l.number = ANY(:chosen)
        ORDER BY l.position
        """),  # noqa: S608 - constants of ours
        targeting.parameters(session, campaign) | {"caisse": lot.caisse, "chosen": [row.number for row in chosen]},
    ).all()


def any_due(session: Session, lot: Lot, now: datetime) -> bool:
    """Whether a letter of the lot waits that is not put off beyond `now`."""
    found = session.execute(
        text(f"SELECT 1 FROM letter l WHERE {_WAITING} LIMIT 1"),  # noqa: S608
        _of(lot) | {"due": now},
    )
    return found.first() is not None


def _of(lot: Lot) -> dict[str, Any]:
    return {
        "caisse": lot.caisse, "campaign": lot.campaign_id, "channel": lot.channel, "sequence": lot.sequence,
        "planned": LetterState.PLANNED.value,
    }  # fmt: skip


_WAITING = """l.caisse = :caisse AND l.campaign_id = :campaign AND l.channel = :channel AND l.lot_sequence = :sequence
    AND l.state = :planned AND (CAST(:due AS timestamptz) IS NULL OR NOT EXISTS (
        SELECT 1 FROM mail_incident i WHERE i.caisse = l.caisse AND i.letter_number = l.number AND i.next_at > :due))"""
