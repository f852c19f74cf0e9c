"""Effects of closures, contested creations and deaths: on the record through its facade, and on mailings."""

from typing import Final

from sqlalchemy import select

from backoffice.adapters.dmp import DossierFacts, DossierState, Motive
from backoffice.cases.effects.doing import Doing, Effect
from backoffice.cases.models import Case
from backoffice.population.notices import NoticeKind, end_notice, give_notice, notices_of


def reopen(doing: Doing) -> None:
    """Reopen the person's closed DMP (DOMAIN 4.1); one that is open already was, by an attempt that died half-way.

    Mailings that a closure had stopped begin again. Raises NotFound without a DMP, WrongState for a suspended one.
    """
    facts = _dossier(doing)
    if facts is None or facts.state is not DossierState.OPEN:
        doing.office.dmp.reopen(doing.case.caisse, doing.person_id, doing.reason[:200])
    for source in _sources(doing, NoticeKind.OPPOSITION):
        kind = select(Case.kind).where(Case.number == source.removeprefix("demande "))
        if doing.session.scalar(kind) == "closure":
            _end(doing, NoticeKind.OPPOSITION)


def close(doing: Doing) -> None:
    """Close the person's DMP at their request; closed already, by them or by an attempt that died, nothing is done.

    Raises NotFound without a DMP.
    """
    _close(doing, Motive.REQUEST, f"clôture demandée, demande {doing.case.number}")


def close_contested(doing: Doing) -> None:
    """Close a DMP that its holder never asked for. Raises NotFound without a DMP."""
    _close(doing, Motive.CONTESTED, f"création contestée, demande {doing.case.number}")


def close_for_death(doing: Doing) -> None:
    """Close the DMP of somebody who has died; without a DMP there is nothing to close."""
    if _dossier(doing) is not None:
        _close(doing, Motive.DEATH, f"décès établi, demande {doing.case.number}")


def resume(doing: Doing) -> None:
    """Let the holder in again; already done by an attempt that died, nothing is done. Raises NotFound, WrongState."""
    facts = _dossier(doing)
    if facts is None or facts.state is not DossierState.OPEN:
        doing.office.dmp.resume(doing.case.caisse, doing.person_id, f"contestation levée, demande {doing.case.number}")


def stop_mailings(doing: Doing) -> None:
    """No campaign writes to the person any more, from this transaction on."""
    give_notice(
        doing.session, doing.actor, doing.case.caisse, doing.person_id, NoticeKind.OPPOSITION,
        source=f"demande {doing.case.number}", at=doing.office.clock(),
    )  # fmt: skip


def let_mail_again(doing: Doing) -> None:
    """End the stop that this very case had put: an opposition of the person's own stays."""
    if f"demande {doing.case.number}" in _sources(doing, NoticeKind.OPPOSITION):
        _end(doing, NoticeKind.OPPOSITION)


def lift_death(doing: Doing) -> None:
    """End the notice of death that this very case had put."""
    if f"demande {doing.case.number}" in _sources(doing, NoticeKind.DECEASED):
        _end(doing, NoticeKind.DECEASED)


def _close(doing: Doing, motive: Motive, reason: str) -> None:
    facts = _dossier(doing)
    if facts is None or facts.state is not DossierState.CLOSED:
        doing.office.dmp.close_dossier(doing.case.caisse, doing.person_id, reason, motive)


def _dossier(doing: Doing) -> DossierFacts | None:
    return doing.office.dmp.dossier_states(doing.case.caisse, [doing.person_id]).get(doing.person_id)


def _sources(doing: Doing, kind: NoticeKind) -> list[str]:
    found = notices_of(doing.session, doing.case.caisse, [doing.person_id]).get(doing.person_id, [])
    return [notice.source for notice in found if notice.kind == kind]


def _end(doing: Doing, kind: NoticeKind) -> None:
    end_notice(
        doing.session, doing.actor, doing.case.caisse, doing.person_id, kind, reason=f"demande {doing.case.number}",
        at=doing.office.clock(),
    )  # fmt: skip


EFFECTS: Final[dict[str, Effect]] = {
    "reopen": reopen, "close": close, "close_contested": close_contested, "close_for_death": close_for_death,
    "resume": resume, "stop_mailings": stop_mailings, "let_mail_again": let_mail_again, "lift_death": lift_death,
}  # fmt: skip
