"""Legal representatives of a person: who may be declared, on what proof, until when. Rules, in the caller's transaction.

Declared at the counter of a caisse, with the proof seen. A mandate of parental authority, or of a minor's tuteur, ends the
day before the eighteenth birthday whatever was typed; that of an adult ends with its judgment.
"""

import unicodedata
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, text

from dmp_core.clock import PARIS
from dmp_core.enrolment.credentials import draw_password, hash_password
from dmp_core.enrolment.dossiers import Contacts, channels_of, give_password, open_account
from dmp_core.enrolment.facade import require_reason
from dmp_core.enrolment.majority import comes_of_age
from dmp_core.errors import Invalid, NotFound, WrongState

LONGEST_NAME: Final = 60
_LOGIN_WRONG: Final = (
    "Cet identifiant n’est pas celui d’un représentant de ce nom : vérifiez-le sur son document, ou laissez le champ vide "
    "pour lui ouvrir un accès."
)


class Capacity(StrEnum):
    """By what right somebody acts for another. A curateur assists and does not represent: not one of them."""

    PARENTAL = "parental"
    GUARDIAN = "tutelle"
    FAMILY = "habilitation"
    MANDATE = "mandat"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _CAPACITIES[self]


class Proof(StrEnum):
    """What was shown; neither copied nor kept."""

    FAMILY_BOOK = "livret_famille"
    BIRTH_RECORD = "acte_naissance"
    JUDGMENT = "jugement"
    STAMPED_MANDATE = "mandat_vise"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _PROOFS[self]


_CAPACITIES: Final = {
    Capacity.PARENTAL: "Titulaire de l’autorité parentale",
    Capacity.GUARDIAN: "Tuteur ou tutrice",
    Capacity.FAMILY: "Habilitation familiale",
    Capacity.MANDATE: "Mandat de protection future",
}
_PROOFS: Final = {
    Proof.FAMILY_BOOK: "Livret de famille",
    Proof.BIRTH_RECORD: "Acte de naissance",
    Proof.JUDGMENT: "Jugement",
    Proof.STAMPED_MANDATE: "Mandat visé par le greffe",
}
PROOFS_OF: Final = {
    Capacity.PARENTAL: (Proof.FAMILY_BOOK, Proof.BIRTH_RECORD, Proof.JUDGMENT),
    Capacity.GUARDIAN: (Proof.JUDGMENT,),
    Capacity.FAMILY: (Proof.JUDGMENT,),
    Capacity.MANDATE: (Proof.STAMPED_MANDATE,),
}
"""What proves each."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """What an agent declares of a representative who stands in front of them."""

    civility: str
    """`M` or `MME`."""
    given_name: str = field(repr=False)
    name: str = field(repr=False)
    capacity: Capacity
    proof: Proof
    since: date | None
    """First day, of the judgment or of the mandate; None for parental authority."""
    until: date | None
    """Last day, as the judgment says; None for one that says none."""
    contacts: Contacts
    """Of the representative themselves; none for somebody who has an account already."""
    login: str = field(default="", repr=False)
    """Of the account they have already, empty for none."""


@dataclass(frozen=True, slots=True)
class Made:
    """A mandate just declared."""

    mandate: UUID
    until: date | None
    login: str | None = field(repr=False)
    password: str | None = field(repr=False)


def term_of(declared: Declaration, birth_date: str, today: date) -> tuple[date, date | None]:
    """First and last day of a mandate. Raises Invalid for what cannot stand, in one sentence."""
    of_age = comes_of_age(birth_date)
    minor = today < of_age
    if declared.capacity is Capacity.PARENTAL and not minor:
        raise Invalid(
            "Cette personne a 18 ans : l’autorité parentale a pris fin, personne ne la représente à ce titre."
        )
    if declared.proof not in PROOFS_OF[declared.capacity]:
        wanted = " ou ".join(each.label.lower() for each in PROOFS_OF[declared.capacity])
        raise Invalid(f"Ce titre se prouve par un autre document : {wanted}.")
    since = today if declared.capacity is Capacity.PARENTAL else declared.since
    if since is None:
        raise Invalid("Indiquez à partir de quand la personne est représentée : la date du jugement ou du mandat.")
    if since > today:
        raise Invalid("La date de début est dans l’avenir : déclarez le représentant quand la mesure a commencé.")
    until = declared.until
    if until is not None and until < today:
        raise Invalid("La date de fin est passée : ce titre ne vaut plus.")
    if until is None and not minor and declared.capacity in (Capacity.GUARDIAN, Capacity.FAMILY):
        raise Invalid("Indiquez jusqu’à quand la mesure dure : la date est dans le jugement.")
    if minor:
        last = of_age - timedelta(days=1)
        until = last if until is None else min(until, last)
    return since, until


def declare(
    connection: Connection, now: datetime, request_id: UUID, caisse: str, dossier: UUID, birth_date: str,
    declared: Declaration, declared_by: str,
) -> Made:  # fmt: skip
    """Write a mandate, with an account for a representative who has none. The mandate's id is the request's.

    Raises Invalid, and WrongState for somebody who represents this person already, or a dossier that is not open.
    """
    names = _name(declared.given_name, "le prénom"), _name(declared.name, "le nom")
    if declared.civility not in ("M", "MME"):
        raise Invalid("Indiquez la civilité du représentant.")
    since, until = term_of(declared, birth_date, now.astimezone(PARIS).date())
    login = password = None
    if declared.login.strip():
        who = _known(connection, declared.login, names)
    else:
        channels, password = channels_of(declared.contacts), draw_password()
        hashed, who = hash_password(password), uuid4()
    # The state is asked again under this lock: nobody is declared on a dossier that is being closed.
    if connection.scalar(_STATE, {"dossier": dossier}) != "open":
        raise WrongState("Ce DMP n’est pas ouvert : aucun représentant ne peut y être déclaré.")
    if password is not None:
        connection.execute(
            _REPRESENTATIVE,
            {
                "id": who, "request": request_id, "caisse": caisse, "civility": declared.civility, "given": names[0],
                "name": names[1], "now": now,
            },
        )  # fmt: skip
        login = open_account(connection, now, who, channels, hashed)
    today = now.astimezone(PARIS).date()
    connection.execute(_OVER, {"who": who, "dossier": dossier, "today": today, "now": now})
    made = connection.execute(
        _MANDATE,
        {
            "id": request_id, "who": who, "dossier": dossier, "capacity": declared.capacity.value,
            "proof": declared.proof.value, "since": since, "until": until, "by": declared_by, "now": now,
        },
    ).rowcount  # fmt: skip
    if not made:
        raise WrongState(
            "Cette personne représente déjà l’assuré : mettez d’abord fin à son accès pour en changer le titre."
        )
    return Made(request_id, until, login, password)


def end(connection: Connection, now: datetime, dossier: UUID, mandate: UUID, reason: str) -> None:
    """The caisse ends a mandate, at once. Raises Invalid without a reason, NotFound for one that has ended."""
    require_reason(reason, "de la fin d’accès")
    row = {"mandate": mandate, "dossier": dossier, "now": now, "reason": reason}
    if not connection.execute(_END, row).rowcount:
        raise NotFound("Ce représentant n’a plus accès à ce DMP : actualisez la page.")


def renew_password(connection: Connection, now: datetime, dossier: UUID, mandate: UUID) -> str:
    """A new initial password for a representative in force, in clear, once. Raises NotFound."""
    who = connection.scalar(_OF_MANDATE, {"mandate": mandate, "dossier": dossier})
    if who is None:
        raise NotFound("Ce représentant n’a plus accès à ce DMP : actualisez la page.")
    password = draw_password()
    give_password(connection, who, hash_password(password), now)
    return password


def _known(connection: Connection, login: str, names: tuple[str, str]) -> UUID:
    """The representative who has this login id and this name: the two together, for an id is easily mistyped."""
    wanted = "".join(login.split()).lower()
    who: UUID | None = connection.scalar(_OF_LOGIN, {"login": wanted})
    row = connection.execute(_NAMES, {"who": who}).one_or_none() if who else None
    if who is None or row is None or (_plain(row.prenom), _plain(row.nom)) != (_plain(names[0]), _plain(names[1])):
        raise Invalid(_LOGIN_WRONG)
    return who


def _name(typed: str, what: str) -> str:
    name = " ".join(typed.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or not any(map(str.isalpha, name)):
        raise Invalid(f"Indiquez {what} du représentant, en {LONGEST_NAME} caractères au plus.")
    return name


def _plain(name: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFKD", name.casefold()) if one.isalpha())


_STATE: Final = text("SELECT state FROM enrolment.dossier WHERE id = :dossier FOR NO KEY UPDATE")
_REPRESENTATIVE: Final = text(
    "INSERT INTO enrolment.representative (id, request_id, caisse, civilite, prenom, nom, created_at) "
    "VALUES (:id, :request, :caisse, :civility, :given, :name, :now)"
)
_MANDATE: Final = text(
    "INSERT INTO enrolment.mandate (id, representative_id, dossier_id, capacity, proof, since, until, declared_by, "
    "declared_at) VALUES (:id, :who, :dossier, :capacity, :proof, :since, :until, :by, :now) "
    "ON CONFLICT (representative_id, dossier_id) WHERE ended_at IS NULL DO NOTHING"
)
# One whose last day has gone by gives way to a new one.
_OVER: Final = text(
    "UPDATE enrolment.mandate SET ended_at = :now, ended_by = 'term' "
    "WHERE representative_id = :who AND dossier_id = :dossier AND ended_at IS NULL AND until < :today"
)
_END: Final = text(
    "UPDATE enrolment.mandate SET ended_at = greatest(declared_at, :now), ended_by = 'caisse', reason = :reason "
    "WHERE id = :mandate AND dossier_id = :dossier AND ended_at IS NULL"
)
_OF_MANDATE: Final = text(
    "SELECT representative_id FROM enrolment.mandate WHERE id = :mandate AND dossier_id = :dossier AND ended_at IS NULL"
)
_OF_LOGIN: Final = text("SELECT enrolment.representative_of_login(:login)")
_NAMES: Final = text("SELECT prenom, nom FROM enrolment.representative WHERE id = :who")
