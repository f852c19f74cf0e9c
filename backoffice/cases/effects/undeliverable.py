"""Effects of cases about addresses from which a letter came back."""

from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from backoffice.cases.effects.doing import Doing, Effect
from backoffice.cases.models import Case
from backoffice.core.actor import Actor
from backoffice.letters.requests import RequestState, letters_of_case, request_letter
from backoffice.population.notices import NoticeKind, end_notice

CHECK: Final = "address_check"
"""The letter that asks a person to check the address; it says how to get another code."""


def confirm(doing: Doing) -> None:
    """The address is right: the notice about it ends; one that has ended already is none the worse."""
    case = doing.case
    if case.person_id is not None:
        end_notice(
            doing.session, doing.actor, case.caisse, case.person_id, NoticeKind.UNDELIVERABLE,
            reason=doing.reason or "adresse vérifiée", at=doing.office.clock(),
        )  # fmt: skip


def ask_to_check(session: Session, actor: Actor, case: Case, at: datetime) -> bool:
    """Ask the person to check their address, unless the case's letter has left or is about to; whether it was asked."""
    if case.person_id is None or any(
        letter.answer == CHECK and letter.status is not RequestState.NO_LETTER
        for letter in letters_of_case(session, case.number)
    ):
        return False
    request_letter(session, CHECK, case.caisse, case.person_id, by=actor.login, at=at, case_number=case.number)
    return True


def write(doing: Doing) -> None:
    """There is an address to write to again: whom no e-mail told is told now, by post."""
    ask_to_check(doing.session, doing.actor, doing.case, doing.office.clock())


EFFECTS: Final[dict[str, Effect]] = {"confirm": confirm, "write": write}
