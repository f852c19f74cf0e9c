"""The commands by which a DMP is opened for a patient who is there, and found again without their card."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import click

from lps.card import Patient
from lps.desk import VITALE, Desk, day
from lps.dmp import Opened, Refused

_OPERATION = click.option(
    "--operation", type=click.UUID, default=None, help="La même que la fois d’avant, quand la réponse s’est perdue."
)
_OUT = click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Document des secrets à écrire (PDF), pour le patient.",
)
_INFORMED = click.option("--informed", is_flag=True, help="Le patient a reçu l’information (lps conditions).")
_CONSENTS = click.option("--consents", is_flag=True, help="Le patient consent.")
_AUTHORISED = click.option(
    "--authorised/--not-authorised", default=None, help="Le patient m’autorise, ou non, à consulter son DMP."
)


@click.command()
@click.pass_obj
def conditions(desk: Desk) -> None:
    """Ce qui se dit au patient avant qu’il consente."""
    told = desk.dmp.conditions()
    print(told["information"], told["consentement"], *told["texte"], sep="\n\n")
    print(f"\nVersion {told['version']}, empreinte {told['empreinte']}.")


@click.command()
@VITALE
@click.option("--mail", default="", help="Adresse électronique du patient.")
@click.option("--mobile", default="", help="Mobile du patient.")
@_INFORMED
@_CONSENTS
@_AUTHORISED
@_OUT
@_OPERATION
@click.pass_obj
def create(
    desk: Desk, vitale: Path, mail: str, mobile: str, informed: bool, consents: bool, authorised: bool | None, out: Path,
    operation: UUID | None,
) -> None:  # fmt: skip
    """Crée le DMP du patient présent."""
    patient, version = Patient.read(vitale), _agreed(desk, informed, consents)
    let_in, asked = _choice(authorised), operation or uuid4()
    _place(out)
    with _naming(asked):
        made = desk.dmp.create(asked, patient.told, mail, mobile, version, authorised=let_in)
    out.write_bytes(made.document)
    print(made.ins_c or made.dmp)
    said = "est créé" if made.new else "était déjà créé ; ce document porte un nouveau mot de passe"
    print(f"Le DMP {said}. Imprimez {out}, remettez-le au patient, puis effacez-le.{_access(made)}")


@click.command()
@VITALE
@_INFORMED
@_CONSENTS
@_AUTHORISED
@_OPERATION
@click.pass_obj
def reopen(
    desk: Desk, vitale: Path, informed: bool, consents: bool, authorised: bool | None, operation: UUID | None
) -> None:
    """Réactive le DMP clôturé du patient présent."""
    patient, version = Patient.read(vitale), _agreed(desk, informed, consents)
    made = desk.dmp.reopen(operation or uuid4(), patient.told, version, authorised=_choice(authorised))
    print(f"Le DMP {'est réactivé' if made.new else 'était déjà réactivé'}.{_access(made)}")


@click.command()
@VITALE
@click.option("--asked", is_flag=True, help="Le titulaire le demande.")
@_OUT
@click.pass_obj
def secrets(desk: Desk, vitale: Path, asked: bool, out: Path) -> None:
    """Réédite le document des secrets, avec un nouveau mot de passe."""
    if not asked:
        raise Refused("Le titulaire seul demande un nouveau mot de passe : ajoutez --asked quand il l’a fait.")
    _place(out)
    out.write_bytes(desk.dmp.secrets(Patient.read(vitale).told))
    print(f"Le document est écrit dans {out} : imprimez-le, remettez-le au patient, puis effacez-le.")


@click.command("close")
@VITALE
@click.option("--explained", is_flag=True, help="Le patient sait ce que clôturer veut dire.")
@click.option("--asked", is_flag=True, help="Le titulaire le demande.")
@click.pass_obj
def close(desk: Desk, vitale: Path, explained: bool, asked: bool) -> None:
    """Transmet à la caisse la demande de clôture du titulaire."""
    if not (explained and asked):
        raise Refused("Expliquez la clôture au patient, puis ajoutez --explained et --asked.")
    desk.dmp.ask_closure(uuid4(), Patient.read(vitale).told)
    print("La demande est transmise : la caisse la fait confirmer au patient.")


@click.command()
@click.argument("name")
@click.argument("given_name")
@click.argument("birth_date")
@click.pass_obj
def find(desk: Desk, name: str, given_name: str, birth_date: str) -> None:
    """Retrouve un de mes patients sans sa carte : nom, prénom, naissance AAAA-MM-JJ."""
    found = desk.dmp.find(name, given_name, birth_date)
    if not found:
        raise Refused("Aucun patient qui vous autorise ne porte ces traits : demandez sa carte Vitale, ou son INS-C.")
    print(*found, sep="\n")


@click.command()
@VITALE
@click.pass_obj
def administration(desk: Desk, vitale: Path) -> None:
    """Les données administratives du DMP."""
    told = desk.dmp.administration(desk.state(vitale).dmp)
    used = "s’y est déjà connecté" if told["titulaire_connecte"] else "ne s’y est pas encore connecté"
    print(f"Ouvert le {day(told['ouvert_le'])}, {told['voie']} ; le titulaire {used}.")
    print(f"Codes envoyés par : {', '.join(told['canaux'])}.")
    for title, people in (
        ("Personne de confiance", [told["personne_de_confiance"]] if told["personne_de_confiance"] else []),
        ("À prévenir", told["personnes_a_prevenir"]),
    ):
        for one in people:
            print(f"{title} : {one['nom']}, {one['lien'] or 'lien non précisé'}, {one['telephone']}.")
    for name in told["represente_par"]:
        print(f"Représenté par : {name}.")


@click.command("open")
@VITALE
@click.pass_obj
def opening(desk: Desk, vitale: Path) -> None:
    """L’adresse du DMP du patient sur le site, pour une minute et pour ma carte."""
    print(desk.dmp.link(desk.state(vitale).dmp))


COMMANDS = (conditions, create, reopen, secrets, close, find, administration, opening)


@contextmanager
def _naming(operation: UUID) -> Iterator[None]:
    """Name the operation when its answer is lost: asked again with it, it is done once."""
    try:
        yield
    except Refused as refusal:
        if not refusal.lost:
            raise
        raise Refused(f"{refusal} Recommencez avec --operation {operation}.") from None


def _agreed(desk: Desk, informed: bool, consents: bool) -> str:
    """The version of the conditions that the patient agrees to."""
    if not informed:
        raise Refused("Informez d’abord le patient (lps conditions), puis ajoutez --informed.")
    if not consents:
        raise Refused("Sans le consentement du patient, rien n’est fait : ajoutez --consents quand il l’a donné.")
    return str(desk.dmp.conditions()["version"])


def _choice(authorised: bool | None) -> bool:
    if authorised is None:
        raise Refused("Dites si le patient vous autorise à consulter : --authorised ou --not-authorised.")
    return authorised


def _access(made: Opened) -> str:
    return " Le patient vous autorise à le consulter." if made.authorised else ""


def _place(out: Path) -> None:
    """The document's file, its owner's alone, before the password that it must hold is made."""
    try:
        out.touch(mode=0o600)
    except OSError:
        raise Refused(f"Le fichier {out} ne peut pas être écrit : rien n’a été fait.") from None
