"""What the record's pages have in common: their blueprint, the gate, whose dossier it is, paging, words."""

from typing import Final
from uuid import UUID

from flask import Blueprint, current_app, request
from flask.blueprints import BlueprintSetupState

from dmp_core.access.gate import HolderGate
from dmp_core.access.holder_circle import HolderCircle
from dmp_core.enrolment.words import NBSP
from dmp_core.holder.profile import Profile, profile_of
from dmp_core.holder.sessions import Stage
from dmp_core.portals.charts import day_in_figures, figure
from dmp_core.portals.mondmp.web import session as web
from dmp_core.professionals.professions import label_of
from dmp_core.record.nomenclatures import label_of_type
from dmp_core.record.sealing import DossierKeys

blueprint = Blueprint("record", __name__, url_prefix="/mon-dmp")

PAGE: Final = 20
BY_EITHER: Final = (Stage.OPEN, Stage.REPRESENTING)
"""What a holder opens in their own DMP, and a representative in that of the person they act for."""
_LAST_PAGE: Final = 500


@blueprint.record_once
def _equip(state: BlueprintSetupState) -> None:
    state.app.jinja_env.filters.update(
        size=size_in_words, type_label=label_of_type, profession=label_of, figure=figure, figures=day_in_figures
    )


def gate() -> HolderGate:
    """The gate of this process; in front of a representative, one that knows who they are."""
    if (who := web.acting()) is not None:
        parts = web.parts()
        store = parts.store.acting(UUID(who.id), parts.clock)
        return HolderGate(store, parts.shelf, DossierKeys(parts.record), parts.clock, who)
    found = current_app.extensions["mondmp.gate"]
    assert isinstance(found, HolderGate)
    return found


def circle() -> HolderCircle:
    """What the holder, or who represents them, settles about professionals."""
    if (who := web.acting()) is not None:
        parts = web.parts()
        return HolderCircle(parts.store.acting(UUID(who.id), parts.clock), parts.clock, who)
    found = current_app.extensions["mondmp.circle"]
    assert isinstance(found, HolderCircle)
    return found


def own() -> UUID:
    """The dossier of who is signed in, or the one that a representative chose."""
    held = web.current_session()
    dossier = held.representing if held.stage is Stage.REPRESENTING else held.dossier_id
    assert dossier is not None
    return dossier


def holder() -> Profile:
    """Who is signed in."""
    with web.parts().store.transaction(own()) as connection:
        return profile_of(connection)


def holder_name() -> str:
    """Whose DMP it is, as an author is named."""
    if (whom := web.represented()) is not None:
        return whom.name
    who = holder()
    return f"{who.given_name} {who.name}"


def asked_page() -> int:
    """The page asked for, from 0; what is no number is the first one."""
    text = request.args.get("page", "1")
    return min(int(text), _LAST_PAGE) - 1 if text.isascii() and text.isdigit() and int(text) > 0 else 0


def size_in_words(octets: int) -> str:
    """A size as it is said: "12 Ko", "1,4 Mo"."""
    if octets < 1_000_000:
        return f"{max(1, round(octets / 1000))}{NBSP}Ko"
    return f"{octets / 1_000_000:.1f}{NBSP}Mo".replace(".", ",")
