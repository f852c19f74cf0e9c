"""Criteria as a French reader reads them: on the page of a campaign, of a segment, on a bon à tirer."""

from typing import Final

from backoffice.campaigns.criteria import Criteria, Draw
from backoffice.core.typography import NBSP, thousands

STEP_LABELS: Final = {
    "caisses": "Caisses choisies",
    "age_min": "Âge minimal",
    "age_max": "Âge maximal",
    "codes_postaux": "Codes postaux",
    "qualite": "Qualité",
    "sexe": "Sexe",
    "canal_enregistre": "Canal choisi par la personne",
    "courriel": "Adresse électronique",
    "liste": "Liste de personnes",
    "campagne_precedente": "Campagne précédente",
}
"""Criteria by the name of their condition."""


def criteria_facts(target: Criteria) -> list[tuple[str, str]]:
    """(label, value) of every criterion, those that restrict nothing in a few words."""
    facts = [
        ("Âges", _ages(target)),
        ("Codes postaux", ", ".join(target.postal_codes) or "Tous"),
        ("Qualité", {"OD": "Ouvrants droit", "AD": "Ayants droit"}.get("".join(target.qualites), "Toutes")),
    ]
    if target.sex is not None:
        facts.append(("Sexe", "Femmes" if target.sex == "MME" else "Hommes"))
    if target.channel is not None:
        facts.append(("Canal choisi", "Courriel" if target.channel == "mail" else "Courrier"))
    if target.email is not None:
        facts.append(("Adresse électronique", "Connue" if target.email else "Inconnue"))
    if target.earlier is not None:
        facts.append(("Campagne précédente", f"{target.earlier.reference} : {target.earlier.fate.label}"))
    if target.list_id is not None:
        facts.append(("Liste de personnes", f"liste n° {target.list_id}"))
    if target.draw is not None:
        facts.append(("Tirage au sort", draw_words(target.draw)))
    facts.append(
        ("Étranger", "Personnes à l’étranger comprises" if target.foreign else "Personnes à l’étranger exclues")
    )
    return facts


def draw_words(draw: Draw) -> str:
    """How many are drawn, and the seed that draws them again."""
    if draw.count is not None:
        return f"{thousands(draw.count)} {'personnes' if draw.count > 1 else 'personne'}, graine {draw.seed}"
    return f"{draw.percent:g}".replace(".", ",") + f"{NBSP}% dans chaque caisse, graine {draw.seed}"


def _ages(target: Criteria) -> str:
    low, high = target.age_min, target.age_max
    if low is None and high is None:
        return f"Tous, à partir de 18{NBSP}ans"
    if high is None:
        return f"{low}{NBSP}ans et plus"
    if low is None:
        return f"Jusqu’à {high}{NBSP}ans"
    return f"De {low} à {high}{NBSP}ans"
