"""`caisse campaign`: the life of a campaign, from draft to sealed lots."""

import secrets
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import click
from sqlalchemy.orm import Session

from backoffice.campaigns import actions, cancelling
from backoffice.campaigns.criteria import CHANNELS, Criteria, Draw, Earlier, Fate
from backoffice.campaigns.kinds import PREPARED, Exclusion
from backoffice.campaigns.lists import Checked, keep_list
from backoffice.campaigns.models import Campaign, access_campaign
from backoffice.campaigns.preview import preview_pages
from backoffice.campaigns.rules import CampaignState, ChannelRule, Draft
from backoffice.campaigns.status import CampaignStatus, campaign_status
from backoffice.cli.common import DATE, json_option, number, office_open, operator, print_json, progress_bar
from backoffice.core.clock import long_french_date
from backoffice.core.errors import Unavailable, WrongState
from backoffice.office import Office


@click.group()
def campaign() -> None:
    """Campagnes de courriers."""


@campaign.command()
@click.option("--name", required=True, help="Nom de la campagne.")
@click.option(
    "--kind",
    default="recruitment",
    show_default=True,
    metavar="T",
    help=f"Type de courrier : {', '.join(kind.name for kind in PREPARED)}.",
)
@click.option(
    "--caisse", "caisses", multiple=True, required=True, metavar="C", help="Caisse à trois chiffres ; répétable."
)
@click.option("--letter-date", type=DATE, required=True, metavar="D", help="Date portée sur les courriers.")
@click.option("--per-day", type=int, metavar="K", help="Courriers par jour ouvré.")
@click.option("--age-min", type=int)
@click.option("--age-max", type=int)
@click.option("--postal-code", "postal_codes", multiple=True, metavar="P", help="Code postal ou son début ; répétable.")
@click.option(
    "--qualite", "qualites", multiple=True, metavar="OD|AD", help="Restreint aux ouvrants droit ou aux ayants droit."
)
@click.option("--foreign", is_flag=True, help="Écrit aussi aux adresses à l’étranger.")
@click.option("--sex", type=click.Choice(["M", "MME"]), help="Restreint aux hommes ou aux femmes.")
@click.option("--registered-channel", type=click.Choice(CHANNELS), help="Restreint à un canal enregistré.")
@click.option(
    "--email/--no-email", "email", default=None, help="Restreint à qui a, ou n’a pas, d’adresse électronique."
)
@click.option("--earlier", metavar="REF", help="Campagne précédente.")
@click.option(
    "--fate",
    type=click.Choice([fate.value for fate in Fate]),
    default=Fate.NOT_CREATED.value,
    show_default=True,
    help="Ce qu’il est advenu dans la campagne précédente.",
)
@click.option(
    "--list",
    "list_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="F",
    help="Fichier de numéros de sécurité sociale, un par ligne.",
)
@click.option("--draw-count", type=int, metavar="N", help="Tire N personnes au sort.")
@click.option("--draw-percent", type=float, metavar="X", help="Tire X %% des personnes de chaque caisse au sort.")
@click.option("--seed", metavar="G", help="Graine du tirage : la même tire les mêmes personnes.")
@click.option(
    "--canal", type=click.Choice([rule.value for rule in ChannelRule]), default="registered", show_default=True
)
@json_option
def create(
    name: str, kind: str, caisses: tuple[str, ...], letter_date: date, per_day: int | None, age_min: int | None,
    age_max: int | None, postal_codes: tuple[str, ...], qualites: tuple[str, ...], foreign: bool, sex: str | None,
    registered_channel: str | None, email: bool | None, earlier: str | None, fate: str, list_file: Path | None,
    draw_count: int | None, draw_percent: float | None, seed: str | None, canal: str, as_json: bool,
) -> None:  # fmt: skip
    """Prépare une campagne ; affiche sa référence."""
    drawn = draw_count is not None or draw_percent is not None
    criteria = Criteria(
        age_min, age_max, postal_codes, qualites, foreign, sex, registered_channel, email,
        earlier=Earlier(earlier, Fate(fate)) if earlier else None,
        draw=Draw(seed or secrets.token_hex(4), draw_count, draw_percent) if drawn else None,
    )  # fmt: skip
    draft = Draft(name, kind, caisses, letter_date, ChannelRule(canal), criteria, per_day)
    with office_open() as office, office.db.unit_of_work() as session:
        if list_file is not None:
            checked = keep_list(
                session, office, operator(), list_file.read_text(encoding="utf-8-sig", errors="replace")
            )
            draft = replace(draft, criteria=replace(criteria, list_id=checked.list_id))
            _tell(checked)
        made = actions.create(session, office, operator(), draft)
        reference = made.reference
    print_json({"reference": reference}) if as_json else click.echo(reference)


def _tell(checked: Checked) -> None:
    """Lines of a list that name nobody, on stderr."""
    for label, lines in (("sans numéro valable", checked.unreadable), ("inconnues", checked.unknown)):
        if lines:
            click.echo(f"Lignes {label} : {', '.join(map(str, lines))}.", err=True)


@campaign.command("list")
@json_option
def list_all(as_json: bool) -> None:
    """Toutes les campagnes."""
    from backoffice.campaigns.status import campaign_statuses, list_campaigns

    with office_open() as office, office.db.unit_of_work() as session:
        found = campaign_statuses(session, list_campaigns(session, operator()))
    if as_json:
        print_json([one.as_json() for one in found])
        return
    for one in found:
        click.echo(f"{one.reference}  {one.state_label:<12} {number(one.done):>9}/{number(one.total):<9} {one.name}")
    if not found:
        click.echo("Aucune campagne.")


@campaign.command()
@click.argument("reference")
def submit(reference: str) -> None:
    """Soumet un brouillon à approbation."""
    with office_open() as office, office.db.unit_of_work() as session:
        actions.submit(session, office, operator(), reference)
    click.echo(f"{reference} attend son approbation.")


@campaign.command()
@click.argument("reference")
def approve(reference: str) -> None:
    """Approuve : les personnes et le modèle sont figés."""
    with office_open() as office:
        with office.db.unit_of_work() as session:
            actions.approve(session, office, operator(), reference)
        status = _frozen(office, reference)
    click.echo(
        f"{reference} est approuvée : {number(status.eligible)} personnes, {number(status.lots + status.mail_lots)} lots."
    )


def _frozen(office: Office, reference: str) -> CampaignStatus:
    """Freeze here and now, or wait for the worker that was quicker."""
    while True:
        with office.db.unit_of_work() as session:
            actions.freeze_now(session, office, access_campaign(session, operator(), reference).id)
        with office.db.unit_of_work() as session:
            status = campaign_status(session, access_campaign(session, operator(), reference))
        if status.frozen or status.state not in (CampaignState.APPROVED, CampaignState.RUNNING):
            return status
        time.sleep(0.2)


@campaign.command()
@click.argument("reference")
@click.option("--wait", is_flag=True, help="Montre l’avancement jusqu’au dernier lot scellé.")
def launch(reference: str, wait: bool) -> None:
    """Lance la fabrication des lots par les travailleurs (« caisse worker »)."""
    with office_open() as office:
        with office.db.unit_of_work() as session:
            actions.launch(session, office, operator(), reference)
        if wait:
            status = follow(office, reference)
            click.echo(f"{reference} : {number(status.lots_sealed)} lots scellés, {number(status.letters)} courriers.")
        else:
            click.echo(f"{reference} est lancée.")


@campaign.command()
@click.argument("reference")
@click.option("--motif", default="suspension demandée en ligne de commande", help="Pourquoi.")
def pause(reference: str, motif: str) -> None:
    """Suspend : rien n’est perdu."""
    with office_open() as office, office.db.unit_of_work() as session:
        actions.pause(session, office, operator(), reference, motif)
    click.echo(f"{reference} est suspendue.")


@campaign.command()
@click.argument("reference")
@click.option("--wait", is_flag=True)
def resume(reference: str, wait: bool) -> None:
    """Reprend une campagne suspendue."""
    with office_open() as office:
        with office.db.unit_of_work() as session:
            actions.resume(session, office, operator(), reference)
        if wait:
            follow(office, reference)
    click.echo(f"{reference} a repris.")


@campaign.command()
@click.argument("reference")
@click.option("--motif", required=True, help="Pourquoi.")
def cancel(reference: str, motif: str) -> None:
    """Annule : les codes qui ne sont pas partis sont révoqués, les lots scellés restent."""
    with office_open() as office:
        with office.db.unit_of_work() as session:
            cancelling.cancel(session, office, operator(), reference, motif)
        with office.db.unit_of_work() as session:
            status = campaign_status(session, access_campaign(session, operator(), reference))
    click.echo(f"{reference} est annulée ; {number(status.letters)} courriers étaient déjà scellés.")


@campaign.command("status")
@click.argument("reference")
@json_option
def show_status(reference: str, as_json: bool) -> None:
    """Où en est la campagne."""
    with office_open() as office, office.db.unit_of_work() as session:
        found = campaign_status(session, access_campaign(session, operator(), reference))
    if as_json:
        print_json(found.as_json())
    else:
        click.echo(describe(found))


@campaign.command()
@click.argument("reference")
@click.argument("fichier", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--count", default=5, show_default=True, type=click.IntRange(1, 50), help="Nombre de courriers.")
def preview(reference: str, fichier: Path, count: int) -> None:
    """Écrit dans FICHIER (.pdf) des courriers réels, tels que l’imprimeur les aura, avec un faux code."""
    with office_open() as office, office.db.unit_of_work() as session:
        found = access_campaign(session, operator(), reference)
        pages = preview_pages(session, office, operator(), found, count)
    fichier.write_bytes(pages)
    click.echo(f"Aperçu écrit dans {fichier}.")


def describe(found: CampaignStatus) -> str:
    """The numbers as a French text."""
    lines = [
        f"{found.reference} « {found.name} » : {found.state_label}",
        f"  courriers datés du {long_french_date(found.letter_date)}, caisses {', '.join(found.caisses)}",
        f"  visées {number(found.targeted)}, éligibles {number(found.eligible)}",
    ]
    lines += [f"    exclues : {number(count)} {Exclusion(reason).label}" for reason, count in found.excluded.items()]
    lines += [
        f"  lots {found.lots_sealed}/{found.lots} scellés, {number(found.letters)} courriers, {number(found.pages)} pages",
        f"  courriels {number(found.emails)}/{number(found.emails_planned)} envoyés, exceptions {number(found.exceptions)}",
    ]
    if found.quarantined:
        lines.append(f"  {found.quarantined} lots en quarantaine (« caisse verify » dit pourquoi)")
    if found.reason:
        lines.append(f"  motif : {found.reason}")
    return "\n".join(lines)


def follow(office: Office, reference: str, *, paper_only: bool = False) -> CampaignStatus:
    """Show progress until nothing is left to make.

    Raises WrongState when the campaign is paused or cancelled meanwhile, or a lot went into quarantine.
    """
    with progress_bar() as bar:
        task = bar.add_task("fabrication des lots", total=None)
        idle_since, last = time.monotonic(), -1
        while True:
            with office.db.unit_of_work() as session:
                found = campaign_status(session, _reload(session, reference))
            done = found.letters + found.exceptions if paper_only else found.done
            bar.update(task, total=(found.letters_planned if paper_only else found.total) or None, completed=done)
            if found.state == CampaignState.FINISHED or (
                found.frozen
                and found.lots_sealed + found.quarantined >= found.lots
                and (paper_only or found.mail_lots_sent == found.mail_lots)
            ):
                break
            if found.state in (CampaignState.PAUSED, CampaignState.CANCELLED):
                raise WrongState(f"{reference} est {found.state_label} : {found.reason or 'sans motif'}")
            if done != last:
                idle_since, last = time.monotonic(), done
            elif time.monotonic() - idle_since > 60:
                raise Unavailable(
                    "Rien n’avance depuis une minute : aucun travailleur ne répond. Lancez « caisse worker »."
                )
            time.sleep(0.3)
    if found.quarantined:
        raise WrongState(
            f"{found.quarantined} lots sont en quarantaine ; les autres sont scellés. « caisse verify » dit pourquoi."
        )
    return found


def _reload(session: Session, reference: str) -> Campaign:
    return access_campaign(session, operator(), reference)
