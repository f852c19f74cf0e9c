"""`caisse printer` and the paper life of lots: hand-over, acknowledgement, posting, deposit slip, reprint."""

from datetime import date
from pathlib import Path

import click
from sqlalchemy.orm import Session

from backoffice.adapters import environment
from backoffice.campaigns.models import access_lot
from backoffice.campaigns.posting import read_return
from backoffice.campaigns.printers import PostalClass, declare, printers_of
from backoffice.campaigns.printing import Report, hand_to_printer, note_report, valid_until
from backoffice.campaigns.printing import acknowledge as acknowledge_lot
from backoffice.campaigns.reprint import reprint as reprint_letter
from backoffice.campaigns.reprint import reprint_posted
from backoffice.campaigns.slip import slip_file
from backoffice.cli.common import DATE, json_option, number, office_open, operator, print_json
from backoffice.core.clock import long_french_date
from backoffice.core.errors import Invalid
from backoffice.office import Office


@click.group()
def printer() -> None:
    """Imprimeurs."""


@printer.command("declare")
@click.argument("code")
@click.option("--nom", required=True, help="Nom de l’imprimeur.")
@click.option("--caisse", "caisses", multiple=True, required=True, help="Caisse servie ; à répéter.")
@click.option(
    "--certificat",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Certificat, en PEM.",
)
@click.option("--recto-verso", is_flag=True, help="Il imprime recto verso : chaque feuille reçoit un dos blanc.")
@click.option("--reperes", is_flag=True, help="Il met sous pli à la machine : chaque feuille porte un repère.")
@click.option("--classe", type=click.Choice([one.value for one in PostalClass]), default=PostalClass.GREEN.value)
def declare_printer(
    code: str, nom: str, caisses: tuple[str, ...], certificat: Path, recto_verso: bool, reperes: bool, classe: str
) -> None:
    """Déclare l’imprimeur CODE et le certificat pour lequel ses lots sont chiffrés."""
    with office_open() as office, office.db.unit_of_work() as session:
        found = declare(
            session, office, operator(), code=code, name=nom, caisses=caisses,
            certificate=certificat.read_text(encoding="ascii", errors="ignore"), duplex=recto_verso, marks=reperes,
            postal_class=classe,
        )  # fmt: skip
    click.echo(f"Imprimeur {found.code} déclaré. Empreinte à comparer au téléphone : {found.fingerprint.hex(':')}")


@printer.command("list")
@json_option
def list_printers(as_json: bool) -> None:
    """Imprimeurs déclarés."""
    with office_open() as office, office.db.unit_of_work() as session:
        rows = [
            {
                "code": one.code, "nom": one.name, "caisses": one.caisses, "recto_verso": one.duplex, "reperes": one.marks,
                "classe": one.postal_class, "certificat": one.fingerprint.hex(),
                "certificat_jusqu_au": one.certificate_until.isoformat(), "retire": one.retired_at is not None,
            }
            for one in printers_of(session, operator(), retired=True)
        ]  # fmt: skip
    if as_json:
        print_json(rows)
        return
    for row in rows:
        click.echo(f"{row['code']!s:<22} {row['nom']!s:<32}{' (retiré)' if row['retire'] else ''}")
    if not rows:
        click.echo("Aucun imprimeur.")


@click.command()
@click.argument("nom")
@click.option("--imprimeur", required=True, help="Code de l’imprimeur.")
@click.option("--motif", default="", help="Pourquoi le lot est remis de nouveau.")
def handover(nom: str, imprimeur: str, motif: str) -> None:
    """Chiffre le lot NOM pour un imprimeur et note qu’il lui est remis."""
    with office_open() as office, office.db.unit_of_work() as session:
        lot, campaign = access_lot(session, operator(), nom)
        _, envelope = hand_to_printer(session, office, operator(), campaign, lot, imprimeur, motif)
    click.echo(f"Lot {nom} remis à {imprimeur} : {envelope.path}")


@click.command()
@click.argument("nom")
@click.option("--recu-le", "day", type=DATE, help="Jour de la réception ; aujourd’hui par défaut.")
def acknowledge(nom: str, day: date | None) -> None:
    """Note que l’imprimeur a reçu et ouvert le lot NOM."""
    with office_open() as office, office.db.unit_of_work() as session:
        lot, _ = access_lot(session, operator(), nom)
        acknowledge_lot(session, office, operator(), lot, day)
    click.echo(f"Accusé de réception du lot {nom} noté.")


@click.command()
@click.argument("nom", required=False)
@click.option("--imprime-le", "printed", type=DATE, help="Jour de l’impression.")
@click.option("--depose-le", "posted", type=DATE, help="Jour de la remise à La Poste.")
@click.option("--lettres", "letters", type=click.IntRange(min=0), help="Courriers comptés par l’imprimeur.")
@click.option("--pages", type=click.IntRange(min=0), help="Pages comptées par l’imprimeur.")
@click.option("--motif", default="", help="Pourquoi une date déjà connue est corrigée.")
@click.option(
    "--fichier", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Fichier de retour de l’imprimeur."
)
@click.option("--imprimeur", help="Code de l’imprimeur, avec --fichier.")
@json_option
def posted(
    nom: str | None, printed: date | None, posted: date | None, letters: int | None, pages: int | None, motif: str,
    fichier: Path | None, imprimeur: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Note l’impression et le dépôt du lot NOM, ou de tous ceux d’un fichier de retour."""
    if (nom is None) == (fichier is None) or (fichier is not None and imprimeur is None):
        raise click.UsageError("Indiquez soit un lot, soit --fichier avec --imprimeur.")
    with office_open() as office, office.db.unit_of_work() as session:
        environment.require_agreement(session, office.environment)
        if fichier is not None:
            _read_file(office, session, fichier, imprimeur or "", as_json)
            return
        lot, _ = access_lot(session, operator(), nom or "")
        noted = note_report(
            session, office, operator(), lot, Report(None, printed, posted, letters, pages), reason=motif
        )
        end = valid_until(lot, noted.posted_on)
    if as_json:
        print_json({"lot": nom, "depose_le": noted.posted_on, "valables_jusqu_au": end})
    else:
        click.echo(f"Lot {nom} noté. Ses codes valent jusqu’au {long_french_date(end)} inclus.")


def _read_file(office: Office, session: Session, path: Path, code: str, as_json: bool) -> None:
    if path.stat().st_size > 4 * 1024**2:
        raise Invalid("Ce fichier dépasse 2 Mo : ce n’est pas un retour d’imprimeur.")
    found = read_return(session, office, operator(), code, path.read_bytes(), path.name)
    if as_json:
        print_json(
            {
                "lignes": found.lines, "lots": found.noted, "inchanges": found.unchanged, "ecarts": found.differences,
                "deja_lu": found.known_since is not None,
            }
        )  # fmt: skip
    elif found.known_since is not None:
        click.echo("Ce fichier a déjà été lu : rien n’a changé.")
    else:
        click.echo(
            f"{number(found.lines)} lignes lues, {number(len(found.noted))} lots notés, "
            f"{number(found.differences)} écarts à régler."
        )


@click.command()
@click.argument("nom")
@click.argument("fichier", type=click.Path(path_type=Path, dir_okay=False))
def slip(nom: str, fichier: Path) -> None:
    """Écrit le bordereau de dépôt du lot NOM dans FICHIER (PDF)."""
    with office_open() as office, office.db.unit_of_work() as session:
        lot, campaign = access_lot(session, operator(), nom)
        fichier.write_bytes(slip_file(session, office, operator(), campaign, lot))
    click.echo(f"Bordereau du lot {nom} : {fichier}")


@click.command()
@click.argument("courrier")
@click.argument("fichier", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--motif", default="", help="Ce qui est arrivé au courrier.")
@click.option("--depose-le", "day", type=DATE, help="Jour où la réimpression a été remise à La Poste.")
def reprint(courrier: str, fichier: Path | None, motif: str, day: date | None) -> None:
    """Tire le COURRIER abîmé de son lot vers FICHIER (PDF), ou note le dépôt de sa réimpression."""
    if (fichier is None) == (day is None):
        raise click.UsageError("Indiquez soit le fichier à écrire, soit --depose-le.")
    with office_open() as office, office.db.unit_of_work() as session:
        if day is not None:
            reprint_posted(session, office, operator(), courrier, day)
            click.echo(f"Dépôt de la réimpression noté : {long_french_date(day)}.")
            return
        copy = reprint_letter(session, office, operator(), courrier, motif)
        assert fichier is not None
        fichier.touch(mode=0o600)
        fichier.write_bytes(copy.pages)
    click.echo(f"Courrier {copy.letter_id} réimprimé ({copy.rank}e fois) : {fichier}")
