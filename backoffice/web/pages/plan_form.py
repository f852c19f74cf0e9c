"""The terms of a plan as they are typed: read field by field, kept as they were written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from backoffice.campaigns.models import Campaign
from backoffice.campaigns.scheduling import Embargo, Terms
from backoffice.campaigns.wave_models import Plan
from backoffice.core.calendar import working_days
from backoffice.core.errors import Invalid
from backoffice.web.pages.typed import typed_day, typed_number

ROWS: Final = 4
"""Embargoes of a campaign that the form has room for."""


@dataclass(frozen=True, slots=True)
class PlanReading:
    """What the form says: terms, or what is wrong, field by field."""

    values: dict[str, str]
    terms: Terms | None = None
    errors: dict[str, str] = field(default_factory=dict)


def starting_plan(campaign: Campaign, plan: Plan | None, total: int, first_day: date) -> dict[str, str]:
    """What the form shows first: the plan's terms, or a proposal from the campaign's own figures."""
    day = plan.starts_on if plan and plan.starts_on >= first_day else next(working_days(first_day, campaign.caisses))
    values = {
        "debut": day.isoformat(),
        "par_jour": str(plan.per_day if plan else campaign.per_day or total or ""),
        "fin": plan.ends_on.isoformat() if plan and plan.ends_on and plan.ends_on >= day else "",
        "tolerance": str(plan.tolerance if plan else 1),
    }
    for row, embargo in enumerate(plan.own_embargoes[:ROWS] if plan else ()):
        values |= {
            f"du_{row}": embargo.first.isoformat(),
            f"au_{row}": embargo.last.isoformat(),
            f"pour_{row}": embargo.label,
        }
    return values


def read_plan(form: Mapping[str, str], today: date) -> PlanReading:
    """The terms that were typed, judged by the rules one field at a time so that each sentence stands by its field."""
    names = ["debut", "par_jour", "fin", "tolerance", "vagues"]
    names += [f"{name}_{row}" for row in range(ROWS) for name in ("du", "au", "pour")]
    values = {name: form.get(name, "")[:200] if name != "vagues" else form.get(name, "")[:20_000] for name in names}
    errors: dict[str, str] = {}
    start = _day(values, "debut", errors)
    end = _day(values, "fin", errors)
    per_day = _number(values, "par_jour", "Envois par jour", errors)
    tolerance = _number(values, "tolerance", "Au plus tard", errors)
    if start is None:
        errors.setdefault("debut", "Indiquez le jour du premier départ.")
    if per_day is None:
        errors.setdefault("par_jour", "Indiquez le nombre d’envois par jour.")
    embargoes = _embargoes(values, errors)
    sound = Terms(today, 1)
    changes: dict[str, Terms] = {
        "debut": replace(sound, start=start or today),
        "par_jour": replace(sound, per_day=1 if per_day is None else per_day),
        "fin": replace(sound, start=max(start or today, today), end=end),
        "tolerance": replace(sound, tolerance=1 if tolerance is None else tolerance),
    }
    for name, terms in changes.items():
        if name not in errors:
            _note(terms, name, errors, today)
    if errors or start is None or per_day is None:
        return PlanReading(values, None, {name: errors[name] for name in names if name in errors})
    return PlanReading(
        values, Terms(start, per_day, end, 1 if tolerance is None else tolerance, embargoes, _sizes(values["vagues"]))
    )


def _note(terms: Terms, name: str, errors: dict[str, str], today: date) -> None:
    try:
        terms.check(today)
    except Invalid as refusal:
        errors[name] = str(refusal)


def _day(values: Mapping[str, str], name: str, errors: dict[str, str]) -> date | None:
    try:
        return typed_day(values[name])
    except Invalid as refusal:
        errors[name] = str(refusal)
        return None


def _number(values: Mapping[str, str], name: str, label: str, errors: dict[str, str]) -> int | None:
    try:
        return typed_number(values[name], label)
    except Invalid as refusal:
        errors[name] = str(refusal)
        return None


def _embargoes(values: Mapping[str, str], errors: dict[str, str]) -> tuple[Embargo, ...]:
    found = []
    for row in range(ROWS):
        first, last = _day(values, f"du_{row}", errors), _day(values, f"au_{row}", errors)
        label = values[f"pour_{row}"].strip()
        if first is None and last is None and not label:
            continue
        if first is None:
            errors.setdefault(f"du_{row}", "Indiquez le premier jour de cet embargo.")
            continue
        embargo = Embargo(first, last or first, label)
        try:
            embargo.check()
        except Invalid as refusal:
            errors.setdefault(f"pour_{row}" if not label else f"au_{row}", str(refusal))
        found.append(embargo)
    return tuple(found)


def _sizes(text: str) -> tuple[tuple[date, int], ...]:
    """Day and size of each wave of a proposal, as the form carries them; nothing when somebody has changed them."""
    try:
        return tuple(
            (date.fromisoformat(day), int(size))
            for day, _, size in (one.partition(":") for one in text.split(",") if one)
        )
    except ValueError:
        return ()


def carried(sizes: tuple[tuple[date, int], ...]) -> str:
    """The other way round."""
    return ",".join(f"{day.isoformat()}:{size}" for day, size in sizes)
