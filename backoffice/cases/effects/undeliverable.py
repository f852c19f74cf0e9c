"""Effects of cases about addresses from which a letter came back."""

from typing import Final

from backoffice.cases.effects.doing import Doing, Effect
from backoffice.population.notices import NoticeKind, end_notice


def confirm(doing: Doing) -> None:
    """The address is right: the notice about it ends; one that has ended already is none the worse."""
    case = doing.case
    if case.person_id is not None:
        end_notice(
            doing.session, doing.actor, case.caisse, case.person_id, NoticeKind.UNDELIVERABLE,
            reason=doing.reason or "adresse vérifiée", at=doing.office.clock(),
        )  # fmt: skip


EFFECTS: Final[dict[str, Effect]] = {"confirm": confirm}
