"""Changing a parameter: validated, versioned, journalled. Actions flush; the door commits."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backoffice.audit.journal import record
from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.clock import PARIS
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.office import Office
from backoffice.parameters.declaration import Parameter, T
from backoffice.parameters.models import ParameterVersion
from backoffice.parameters.reading import current

LONGEST_REASON: Final = 300
_LONGEST_WORDS: Final = 400


def change(
    session: Session, office: Office, actor: Actor, parameter: Parameter[T], value: T, *, reason: str, seen: int,
    caisse: str | None = None,
) -> ParameterVersion:  # fmt: skip
    """Put a value in force from the next request on.

    `seen` is the version that was on the screen, 0 for the declared default. Raises NotAllowed, NotFound, Invalid, and
    WrongState when a colleague changed it meanwhile.
    """
    value = parameter.checked(value)
    before = _access(session, actor, parameter, caisse)
    if parameter.to_json(value) == parameter.to_json(before):
        raise Invalid("Rien n’a changé : ces valeurs sont déjà en vigueur.")
    kept = parameter.to_json(value)
    return _write(session, office, actor, parameter, caisse, seen, reason, kept, {
        "avant": _short(parameter.in_words(before)), "apres": _short(parameter.in_words(value)),
    })  # fmt: skip


def restore(
    session: Session, office: Office, actor: Actor, parameter: Parameter[T], *, reason: str, seen: int,
    caisse: str | None = None,
) -> ParameterVersion:  # fmt: skip
    """Back to what is declared. Raises as `change` does, and Invalid when that is what is in force."""
    before = _access(session, actor, parameter, caisse)
    found = current(session).version_of(parameter, caisse)
    if found is None or found.value is None:
        raise Invalid("Rien n’a changé : c’est déjà la valeur d’origine.")
    return _write(session, office, actor, parameter, caisse, seen, reason, None, {
        "avant": _short(parameter.in_words(before)), "apres": "valeur d’origine",
    })  # fmt: skip


def history_of(session: Session, parameter: Parameter[Any], caisse: str | None = None) -> list[ParameterVersion]:
    """Every version, the latest first."""
    where = (ParameterVersion.name == parameter.name, ParameterVersion.caisse.is_not_distinct_from(caisse))
    return list(session.scalars(select(ParameterVersion).where(*where).order_by(ParameterVersion.version.desc())))


def may_change(actor: Actor, parameter: Parameter[Any], caisse: str | None = None) -> bool:
    """Whether this actor may: an administrator, of the caisse concerned, or of the nine for what concerns them all."""
    wanted = {caisse} if parameter.per_caisse else set(CAISSE_CODES)
    return not actor.roles.isdisjoint({Role.ADMINISTRATOR, Role.SYSTEM}) and actor.caisses.issuperset(wanted)


def _access(session: Session, actor: Actor, parameter: Parameter[T], caisse: str | None) -> T:
    actor.require(Role.ADMINISTRATOR, Role.SYSTEM)
    if not may_change(actor, parameter, caisse):
        raise NotFound("Introuvable dans votre périmètre.")
    return current(session).of(parameter, caisse)


def _write(
    session: Session, office: Office, actor: Actor, parameter: Parameter[Any], caisse: str | None, seen: int,
    reason: str, value: Any, words: Mapping[str, str],
) -> ParameterVersion:  # fmt: skip
    reason = " ".join(reason.split())
    if not reason:
        raise Invalid("Dites pourquoi : le motif reste avec la nouvelle version.")
    if len(reason) > LONGEST_REASON:
        raise Invalid(f"Le motif dépasse {LONGEST_REASON} caractères : raccourcissez-le.")
    last, now = current(session).version_of(parameter, caisse), office.clock()
    if seen != (last.version if last else 0):
        raise WrongState(_met(parameter, last))
    row = {
        "name": parameter.name, "caisse": caisse, "version": seen + 1, "value": value, "set_at": now,
        "set_by": actor.login, "reason": reason,
    }  # fmt: skip
    # Of two who write the same version at once, the second waits for the first, and then finds it taken.
    written = insert(ParameterVersion).values(row).on_conflict_do_nothing().returning(ParameterVersion)
    found = session.scalars(written).one_or_none()
    current(session).forget(parameter.name)
    if found is None:
        raise WrongState(_met(parameter, None))
    record(
        session, actor, "parametre.modifier", parameter.name, at=now, caisse=caisse, reason=reason,
        detail={"version": found.version, **words},
    )  # fmt: skip
    return found


def _met(parameter: Parameter[Any], last: ParameterVersion | None) -> str:
    who = f" par {last.set_by} le {last.set_at.astimezone(PARIS):%d/%m à %H h %M}" if last else " par un collègue"
    return f"« {parameter.label} » a été modifié{who} pendant que vous le lisiez : relisez-le, puis recommencez."


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST_WORDS else f"{words[: _LONGEST_WORDS - 1]}…"
