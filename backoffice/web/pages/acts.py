"""What is done about a person's DMP at the desk or during a call: one form an act, the same rules for both."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import request
from sqlalchemy.orm import Session

from backoffice.adapters.dmp import DossierState
from backoffice.cases.colleagues import names_of
from backoffice.cases.kinds.closure import CLOSURE, DEATH, REOPENING
from backoffice.cases.kinds.contested import CONTESTED
from backoffice.cases.linking import open_about, same_open
from backoffice.cases.queueing import Way
from backoffice.cases.workflow import Workflow
from backoffice.closure import asking, telling
from backoffice.closure.asking import MEANS, Asked, File
from backoffice.closure.explanation import explanation
from backoffice.closure.persons import person_of, why_not_now
from backoffice.closure.representation import Title
from backoffice.core.actor import Actor
from backoffice.core.errors import Invalid
from backoffice.parameters.reading import current
from backoffice.parameters.reasons import CLOSURE as CLOSURE_REASONS
from backoffice.parameters.reasons import CONTEST, offered
from backoffice.persons import resend
from backoffice.web.access import current_actor
from backoffice.web.pages.composition import office


def _code(session: Session, actor: Actor, caisse: str, person_id: int, way: Way, _source: str) -> str:
    try:
        asked = uuid.UUID(request.form.get("demande", ""))
    except ValueError:
        raise Invalid("Ce formulaire est incomplet : rechargez la page.") from None
    person = person_of(session, actor, caisse, person_id)
    spoken = "téléphone" if way is Way.PHONE else "accueil"
    told = resend.request_code(session, office(), actor, person, asked, spoken)
    if told.why_not:
        raise Invalid(told.why_not)
    return f"Un code part {'par courriel' if told.by_mail else 'par La Poste'}. Il remplacera le précédent."


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that may be asked about a person."""

    slug: str
    label: str
    subject: str
    """Of a call, that it answers."""
    needs_proof: bool
    """Whether, by telephone, the identity must have been proved: a death is told by somebody else."""
    do: Callable[[Session, Actor, str, int, Way, str], str]
    """Session, actor, caisse, person, way, where it comes from; returns what was done, in one sentence."""
    opens: Workflow | None = None
    """The kind of case that it opens, or goes on with."""
    on: frozenset[DossierState] | None = None
    """The states of the DMP that it is done on; None: whatever they are."""


def letter_sent() -> File | None:
    """The scanned letter of the form, if there is one."""
    sent = request.files.get("lettre")
    return File(sent.filename, sent.stream.read()) if sent is not None and sent.filename else None


def _close(session: Session, actor: Actor, caisse: str, person_id: int, way: Way, _source: str) -> str:
    form = request.form
    asked = Asked(
        way, "questions" if way is Way.PHONE else form.get("identite", ""), form.get("motif", ""),
        "explique" in form, "confirme" in form, form.get("titre", ""), "titre_vu" in form, letter_sent(),
    )  # fmt: skip
    if way is Way.PHONE and not asked.confirmed:
        raise Invalid(
            "Au téléphone, la clôture attend que le titulaire confirme sa demande : cochez la case s’il l’a fait."
        )
    case = asking.ask_closure(session, office(), actor, caisse, person_id, asked)
    if case.state == "cooling":
        return f"Demande {case.number} : le DMP sera clôturé le {case.facts['effet']}. Les envois sont arrêtés, un courrier part."
    return f"Demande {case.number} enregistrée : les envois sont arrêtés, la clôture attend d’être confirmée."


def _contest(session: Session, actor: Actor, caisse: str, person_id: int, way: Way, _source: str) -> str:
    case = telling.contest(
        session, office(), actor, caisse, person_id, reason=request.form.get("motif", ""), way=way
    )  # fmt: skip
    return f"L’accès au DMP est suspendu. Demande {case.number} confiée à un superviseur, un courrier part."


def _death(session: Session, actor: Actor, caisse: str, person_id: int, way: Way, _source: str) -> str:
    case = telling.report_death(
        session, office(), actor, caisse, person_id, words=request.form.get("precisions", ""), way=way
    )  # fmt: skip
    return f"Les envois sont arrêtés. Demande {case.number} ouverte : la caisse attend l’acte de décès."


def _oppose(session: Session, actor: Actor, caisse: str, person_id: int, _way: Way, source: str) -> str:
    if request.form.get("souhait") == "reprendre":
        if not telling.accept_again(session, office(), actor, caisse, person_id):
            raise Invalid("Aucune opposition n’est en vigueur : il n’y a rien à lever.")
        return "L’opposition est levée : la personne pourra de nouveau être invitée."
    telling.oppose(session, office(), actor, caisse, person_id, source=source)
    return "L’opposition est en vigueur : plus aucune campagne n’écrira à cette personne."


def _reopen(session: Session, actor: Actor, caisse: str, person_id: int, way: Way, _source: str) -> str:
    case = asking.ask_reopening(session, office(), actor, caisse, person_id, way)
    return f"Demande {case.number} ouverte : un superviseur décide de la réouverture."


ACTS: Final[Mapping[str, Act]] = {
    act.slug: act
    for act in (
        Act("code", "Renvoyer un code", "code_perdu", True, _code),
        Act("cloture", "Demander la clôture", "cloture", True, _close, CLOSURE, frozenset({DossierState.OPEN})),
        Act(
            "contestation",
            "Suspendre : création contestée",
            "contestation",
            True,
            _contest,
            CONTESTED,
            frozenset({DossierState.OPEN, DossierState.SUSPENDED}),
        ),
        Act("opposition", "Opposition aux envois", "refus", True, _oppose),
        Act("deces", "Signaler un décès", "deces", False, _death, DEATH),
        Act(
            "reouverture",
            "Demander la réouverture",
            "cloture",
            True,
            _reopen,
            REOPENING,
            frozenset({DossierState.CLOSED}),
        ),
    )
}
"""By the word of their address."""


def facts_of_form(
    session: Session, act: Act, way: Way, caisse: str, person_id: int, *, known: bool = True
) -> dict[str, Any]:  # fmt: skip
    """What the form of this act shows. What is known of the person is in it for acts alone that need a proof.

    `known`: whether the person's cases may be named, which on the line they may once the identity is proved.
    """
    shown: dict[str, Any] = {
        "act": act,
        "way": way,
        "means": MEANS.get(way, {}),
        "twins": [],
        "others": [],
        "names": {},
        "blocked": "",
    }
    if act.opens is not None and known:
        actor = current_actor()
        twins = same_open(session, actor, act.opens, caisse, person_id)
        others = [one for one in open_about(session, actor, caisse, person_id) if one.kind != act.opens.name]
        shown |= {"twins": twins, "others": others, "names": names_of(session, {one.owner for one in twins})}
    if act.on is not None and known:
        shown["blocked"] = why_not_now(office(), caisse, person_id, act.on)
    if act.slug == "cloture":
        shown |= {
            "blocks": explanation(session), "reasons": offered(current(session).of(CLOSURE_REASONS)),
            "titles": () if way is Way.PHONE else tuple(Title),
        }  # fmt: skip
    elif act.slug == "code":
        shown |= {
            "looked": resend.look(session, office(), person_of(session, current_actor(), caisse, person_id)),
            "request_id": uuid.uuid4(),
        }
    elif act.slug == "contestation":
        shown["reasons"] = offered(current(session).of(CONTEST))
    elif act.slug == "opposition":
        shown["standing"] = telling.opposition_of(session, caisse, person_id)
    return shown


def perform(session: Session, act: Act, caisse: str, person_id: int, way: Way, source: str) -> str:
    """Do it; see each act for what it refuses."""
    return act.do(session, current_actor(), caisse, person_id, way, source)
