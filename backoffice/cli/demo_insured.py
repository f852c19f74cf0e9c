"""`caisse demo insured` and `card`: somebody invented, with what is needed to open a DMP online, or at the counter."""

import click
from sqlalchemy import and_, exists, select

from backoffice.campaigns.models import Campaign, DmpEvent, Letter
from backoffice.campaigns.rules import Channel, LetterState
from backoffice.cli.common import json_option, office_open, print_json
from backoffice.core.caisse import caisse_of
from backoffice.core.clock import paris_date
from backoffice.core.errors import NotFound, WrongState
from backoffice.embedded import card_reader
from backoffice.office import Office
from backoffice.operations.bringup import external
from backoffice.population.insured import may_open
from backoffice.population.models import Person
from backoffice.settings import read_json
from dmp_core.identity.nir import grouped


@click.command()
@click.option("--caisse", default="631", show_default=True)
@click.option("--remove", is_flag=True, help="Retire la carte du lecteur.")
def card(caisse: str, remove: bool) -> None:
    """Met dans le lecteur de démonstration la carte Vitale d’un assuré fictif sans DMP : de quoi essayer le guichet."""
    caisse_of(caisse)
    if external():
        raise WrongState("Cette commande ne sert qu’à la démonstration.")
    with office_open() as office:
        run = office.settings.data / "run"
        if remove:
            card_reader.remove(run)
            click.echo("Le lecteur est vide.")
            return
        found = _visitor(office, caisse)
        if found is None:
            raise NotFound("Aucun assuré fictif ne peut ouvrir de DMP : lancez d’abord « ./run ».")
        card_reader.insert(run, found.nir, found.vitale_serie)
    click.echo(
        f"Dans le lecteur : la carte de {found.prenom} {found.nom_usage or found.nom_naissance}, personne fictive"
    )
    click.echo(
        f"Né(e) le {found.date_naissance} ; numéro de série {found.vitale_serie}, à saisir si le lecteur est vide."
    )


def _visitor(office: Office, caisse: str) -> Person | None:
    """Somebody who may open a DMP at the counter, and has none."""
    today = paris_date(office.clock())
    with office.db.unit_of_work() as session:
        candidates = session.scalars(
            select(Person)
            .where(
                Person.caisse == caisse, Person.vitale_serie != "", Person.canal == Channel.POST, ~Person.dmp,
                Person.date_deces.is_(None), ~Person.pnd,
            )
            .order_by(Person.id.desc())
            .limit(200)
        ).all()  # fmt: skip
    holders = office.dmp.dossier_states(caisse, [person.id for person in candidates])
    return next((one for one in candidates if one.id not in holders and may_open(one, today)), None)


@click.command()
@click.option("--caisse", default="631", show_default=True)
@json_option
def insured(caisse: str, as_json: bool) -> None:
    """Un assuré fictif dont le code est arrivé par courriel : de quoi essayer mon-dmp."""
    caisse_of(caisse)
    if external():
        raise WrongState("Cette commande montre un numéro de sécurité sociale : elle ne sert qu’à la démonstration.")
    with office_open() as office, office.db.unit_of_work() as session:
        found = session.scalars(
            select(Person)
            .join(Letter, and_(Letter.caisse == Person.caisse, Letter.person_id == Person.id))
            .join(Campaign, Campaign.id == Letter.campaign_id)
            .where(
                Person.caisse == caisse, Person.vitale_serie != "", Campaign.kind == "recruitment",
                Letter.channel == Channel.MAIL, Letter.state == LetterState.SENT,
                ~exists().where(DmpEvent.caisse == Person.caisse, DmpEvent.person_id == Person.id),
            )
            .order_by(Letter.number)
            .limit(1)
        ).one_or_none()  # fmt: skip
        services = read_json(office.settings.data / "run" / "services.json")
        visitor = _visitor(office, caisse)
    if found is None:
        raise NotFound("Aucun assuré fictif n’a reçu de code par courriel : lancez d’abord « ./run ».")
    page = f"http://127.0.0.1:{services['mail_page']['port']}/" if "mail_page" in services else ""
    card = {"photo": "avec photo", "sans_photo": "sans photo"}[found.vitale_type]
    if as_json:
        print_json(
            {
                "prenom": found.prenom, "nom": found.nom_usage or found.nom_naissance, "nir": found.nir,
                "date_naissance": found.date_naissance, "vitale_serie": found.vitale_serie,
                "vitale_type": found.vitale_type, "courriel": found.email, "page_des_courriels": page,
                "guichet": {"prenom": visitor.prenom, "nom": visitor.nom_usage or visitor.nom_naissance} if visitor else None,
            }
        )  # fmt: skip
        return
    click.echo(f"{found.prenom} {found.nom_usage or found.nom_naissance}, personne fictive")
    click.echo(f"Numéro de sécurité sociale : {grouped(found.nir)}")
    click.echo(f"Date de naissance          : {found.date_naissance}")
    click.echo(f"Carte Vitale {card:<14}: {found.vitale_serie}")
    click.echo(f"Code de création           : dans le courriel à {found.email}, sur {page}")
    if visitor is not None:
        name = f"{visitor.prenom} {visitor.nom_usage or visitor.nom_naissance}"
        click.echo(
            f"Pour le guichet            : {name}, né(e) le {visitor.date_naissance}, carte {visitor.vitale_serie}"
        )
        click.echo("                             (« caisse demo card » met sa carte dans le lecteur)")
