"""Two versions of a letter set side by side, with what may be concluded and what may not, in one French sentence."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from backoffice.core.typography import NBSP, thousands
from backoffice.following.charts import percent
from backoffice.following.curves import Choice, created_within
from backoffice.following.funnel import Dimension, label_of
from backoffice.following.intervals import Difference, Share, difference
from backoffice.following.models import CampaignDay, Fact

AGES = (60, 30, 14, 7)
"""Days within which groups are compared: the longest that enough letters have reached."""
ENOUGH = 0.8
"""Share of the letters that must have reached that age."""
ENOUGH_EVENTS = 5
"""Creations in all below which nothing is concluded."""


@dataclass(frozen=True, slots=True)
class Group:
    """One version, one wave: the share of its letters that led to a creation within the same number of days."""

    label: str
    within: Share


@dataclass(frozen=True, slots=True)
class Comparison:
    """Groups on the same footing, and the difference when there are two."""

    days: int
    groups: list[Group]
    difference: Difference | None
    sentence: str


def compare(session: Session, choice: Choice, today: date, dimension: Dimension) -> Comparison | None:
    """The groups of `choice` by this dimension; None while no age was reached by enough letters, or with one group."""
    column: Any = CampaignDay.variant if dimension is Dimension.VARIANT else CampaignDay.wave
    values: list[Any] = list(
        session.scalars(
            select(column)
            .where(*choice.condition(), CampaignDay.fact == Fact.SENT, CampaignDay.sent_on <= today)
            .distinct()
            .order_by(column)
        )
    )
    days = _age_reached(session, choice, today)
    if len(values) < 2 or days is None:
        return None
    groups = []
    for value in values:
        only = replace(choice, variant=value) if dimension is Dimension.VARIANT else replace(choice, wave=value)
        groups.append(Group(label_of(dimension, value), created_within(session, only, today, days)))
    groups = [group for group in groups if group.within.whole]
    if len(groups) < 2:
        return None
    found = difference(groups[0].within, groups[1].within) if len(groups) == 2 else None
    return Comparison(days, groups, found, _sentence(days, groups, found))


def _age_reached(session: Session, choice: Choice, today: date) -> int | None:
    rows = session.execute(
        select(CampaignDay.sent_on, func.sum(CampaignDay.letters))
        .where(*choice.condition(), CampaignDay.fact == Fact.SENT, CampaignDay.sent_on <= today)
        .group_by(CampaignDay.sent_on)
    ).all()
    total = sum(number for _, number in rows)
    for days in AGES:
        if total and sum(number for day, number in rows if day <= today - timedelta(days=days)) >= ENOUGH * total:
            return days
    return None


def _sentence(days: int, groups: list[Group], found: Difference | None) -> str:
    if found is None:
        return (
            f"Comparées au même âge, {days} jours. Des intervalles qui se recouvrent largement ne disent rien d’une vague "
            "à l’autre ; avec beaucoup de vagues, l’une s’écarte toujours des autres par hasard."
        )
    first, second = groups
    if first.within.part + second.within.part < ENOUGH_EVENTS:
        return "Trop peu de créations pour conclure quoi que ce soit."
    if not found.told:
        return (
            f"À {days} jours, rien ne sépare les deux : l’écart vrai peut aller de {points(found.low)} à "
            f"{points(found.high)}{NBSP}points. Cela ne prouve pas qu’elles se "
            f"valent, seulement que {thousands(first.within.whole + second.within.whole)} envois ne suffisent pas à les "
            "départager."
        )
    better, other = (second, first) if found.value > 0 else (first, second)
    low, high = sorted((abs(found.low), abs(found.high)))
    return (
        f"À {days} jours, {_named(better)} fait mieux : {percent(better.within.value)} contre {percent(other.within.value)}, un "
        f"écart qui va vraisemblablement de {points(low)} à {points(high)}{NBSP}points. Cela vaut pour ces destinataires et "
        "cette période, et pour une lecture faite une fois, à une date choisie d’avance : relue chaque jour jusqu’à ce qu’un "
        "écart apparaisse, la même page en montrerait souvent un qui n’existe pas."
    )


def _named(group: Group) -> str:
    """ "la version B", within a sentence."""
    return f"la {group.label[0].lower()}{group.label[1:]}"


def points(value: float) -> str:
    """A difference of two shares, in hundredths, without its unit."""
    return f"{100 * value:.1f}".replace(".", ",").replace("-", "\u2212")
