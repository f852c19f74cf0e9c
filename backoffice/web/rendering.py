"""What templates may call: French dates and numbers, versioned static files, the links a role may follow."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from flask import Flask, request, url_for

from backoffice.core.actor import EMERGENCY_LOGIN, Actor
from backoffice.core.caisse import CAISSE_CODES, caisse_of
from backoffice.core.clock import PARIS, long_french_date
from backoffice.core.typography import NBSP, no_break_spaces, thousands
from backoffice.web.access import actor_or_none, may_open

STATIC_FOLDER: Final = Path(__file__).parent / "static"
TEMPLATE_FOLDER: Final = Path(__file__).resolve().parents[2] / "templates" / "pages"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the application, on the home page and in the navigation of those who may open it."""

    label: str
    note: str
    endpoint: str
    prefix: str
    """Addresses under it belong to this section."""


SECTIONS: Final = (
    Section(
        "Guichet", "Recevoir les personnes : file d’attente, visites, création d’un DMP.", "counter.index", "/accueil"
    ),
    Section(
        "Campagnes",
        "Préparer, approuver et lancer les envois de courriers, suivre les lots.",
        "campaigns.index",
        "/campagnes",
    ),
    Section(
        "Calendrier",
        "Voir la journée : départs, ce qui attend quelqu’un, codes qui expirent, quatre semaines de vagues.",
        "agenda.index",
        "/calendrier",
    ),
    Section(
        "Charge",
        "Prévoir les appels, les visites et les créations que les vagues amènent, et l’effectif qu’il faut.",
        "planning.index",
        "/charge",
    ),
    Section(
        "Courriers à la demande",
        "Suivre les accusés de réception, les codes demandés et les confirmations de clôture.",
        "correspondence.index",
        "/courriers-a-la-demande",
    ),
    Section(
        "Suivi des envois",
        "Lire ce que deviennent les envois, jusqu’à la création du DMP ; comparer, exporter, imprimer.",
        "following.index",
        "/envois",
    ),
    Section(
        "Courriels non remis",
        "Voir les courriels retentés ou relayés par La Poste, trancher ceux qui sont douteux.",
        "emails.index",
        "/courriels",
    ),
    Section(
        "Population",
        "Importer le fichier des assurés et relire les rejets.",
        "population.index",
        "/population",
    ),
    Section(
        "Demandes",
        "Suivre les demandes des assurés, de leur ouverture à leur fin.",
        "cases.index",
        "/demandes",
    ),
    Section(
        "Clôtures", "Suivre les clôtures qui attendent leur jour, et les DMP à détruire.", "closure.index", "/clotures"
    ),
    Section("Appels", "Ouvrir un appel du 0 810, rappeler, lire les statistiques par sujet.", "calls.index", "/appels"),
    Section(
        "Supervision",
        "Suivre les files, les échéances, les absences et la qualité des demandes de la caisse.",
        "supervision.index",
        "/supervision",
    ),
    Section(
        "Retours",
        "Noter les courriers que La Poste rapporte, voir d’où ils reviennent.",
        "returns.index",
        "/retours",
    ),
    Section(
        "Imprimeurs",
        "Déclarer les imprimeurs, lire leurs retours, régler les écarts.",
        "printers.index",
        "/imprimeurs",
    ),
    Section(
        "Administration",
        "Régler les horaires, les limites, les motifs, les textes et les habilitations ; suivre l’état de marche.",
        "administration.index",
        "/administration",
    ),
    Section("Registres", "Consulter les tables et le journal, sans rien modifier.", "registers.index", "/registres"),
)


def equip_templates(app: Flask, sections: Iterable[Section], environment_note: str) -> None:
    """Add the filters and globals."""
    known = tuple(sections)
    versions = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in STATIC_FOLDER.iterdir()
        if path.is_file()
    }

    def asset(name: str) -> str:
        return url_for("shell.static", filename=name, v=versions[name])

    def open_sections() -> list[Section]:
        actor = actor_or_none()
        if actor is None:
            return []
        return [section for section in known if may_open(app, actor, section.endpoint)]

    def may_call() -> bool:
        actor = actor_or_none()
        return actor is not None and may_open(app, actor, "calls.open_new")

    app.jinja_env.filters.update(
        thousands=thousands, instant=french_instant, day=long_french_date, nbsp=no_break_spaces, short_day=short_day,
        scope=scope,
    )  # fmt: skip

    @app.context_processor
    def globals_of_templates() -> dict[str, Any]:
        return {
            "asset": asset,
            "actor": actor_or_none(),
            "sections": open_sections,
            "may_call": may_call,
            "may_search": lambda: (actor := actor_or_none()) is not None and may_open(app, actor, "persons.asked"),
            "is_current": lambda section: request.path.startswith(section.prefix),
            "environment_note": environment_note,
            "emergency_login": EMERGENCY_LOGIN,
        }


def french_instant(instant: datetime) -> str:
    """An aware instant as read in Paris: "02/11/2016 à 09 h 30"."""
    local = instant.astimezone(PARIS)
    return f"{local:%d/%m/%Y} à {local:%H}{NBSP}h{NBSP}{local:%M}"


def short_day(day: date) -> str:
    """A day in figures: "02/11/2016"."""
    return f"{day:%d/%m/%Y}"


def scope(actor: Actor) -> str:
    """The caisses of somebody, in words."""
    if actor.caisses.issuperset(CAISSE_CODES):
        return "Les neuf caisses"
    return ", ".join(caisse_of(code).label for code in sorted(actor.caisses))
