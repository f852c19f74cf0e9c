"""One function a button of the visit: each locks its row, checks the state, writes the step and its line of the journal.

Actions flush; the door commits. The creation itself, which crosses two databases, is in `creation`.
"""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from backoffice.adapters.cards import Card
from backoffice.adapters.dmp import CONSENT, Contacts, current_terms, read_contacts
from backoffice.audit.journal import record
from backoffice.core.actor import Actor, system_actor
from backoffice.core.clock import paris_date
from backoffice.core.errors import Invalid, WrongState
from backoffice.counter.models import ROLES, Ticket, Visit, VisitEntry, access_visit
from backoffice.counter.rules import (
    BEFORE_CREATION,
    CORRECTABLE,
    CardWay,
    DocumentKind,
    Representative,
    VisitState,
    require,
    require_representation,
)
from backoffice.office import Office
from backoffice.parameters.reading import current
from backoffice.parameters.reasons import ABANDON, chosen
from backoffice.persons.access import object_of
from backoffice.population.insured import is_minor
from backoffice.population.models import Person

FORGOTTEN: Final = timedelta(days=3)
"""After so long the person has gone for good: what they had typed is not kept."""
NOT_THE_CARD: Final = (
    "Cette carte Vitale n’est pas celle de la personne : vérifiez de qui il s’agit avant de continuer."
)


def start(
    session: Session, office: Office, actor: Actor, person: Person, ticket: Ticket | None = None, *,
    by_card: Card | None = None,
) -> Visit:  # fmt: skip
    """Open the visit of a person in front of the agent; asked again, the same visit. `by_card`: their card, just read.

    Raises WrongState when a colleague has the person's visit in hand: it is taken up from there.
    """
    actor.require(*ROLES)
    now = office.clock()
    made = session.scalar(
        insert(Visit)
        .values(
            uid=uuid.uuid4(), caisse=person.caisse, person_id=person.id, state=VisitState.IDENTITY, owner=actor.login,
            ticket_id=ticket.id if ticket else None, opened_at=now, opened_by=actor.login, prints=0, version=1,
            card=CardWay.READ if by_card is not None and by_card.serial == person.vitale_serie else None,
        )
        .on_conflict_do_nothing()
        .returning(Visit.id)
    )  # fmt: skip
    visit = session.scalars(
        select(Visit).where(
            Visit.caisse == person.caisse, Visit.person_id == person.id, Visit.ended_at.is_(None)
        ).with_for_update()
    ).one()  # fmt: skip
    if made is None:
        if visit.owner != actor.login:
            raise WrongState(f"Une visite de cette personne est déjà ouverte par {visit.owner} : reprenez-la.")
        return visit
    detail = {"ticket": ticket.label} if ticket else {}
    _write(session, office, actor, visit, "ouverture", detail | ({"carte": "lue"} if visit.card else {}))
    record(
        session, actor, "visite.ouvrir", object_of(person), at=now, caisse=person.caisse, detail={"visite": visit.id}
    )
    return visit


def take_over(session: Session, office: Office, actor: Actor, visit_id: int) -> Visit:
    """Go on with a visit that a colleague began, at the step where it stands."""
    visit = access_visit(session, actor, visit_id, lock=True)
    if visit.status.ended:
        raise WrongState("Cette visite est terminée : ouvrez-en une nouvelle.")
    if visit.owner != actor.login:
        before, visit.owner = visit.owner, actor.login
        _write(session, office, actor, visit, "reprise", {"de": before})
        record(
            session, actor, "visite.reprendre", f"personne {visit.person_id}", at=office.clock(), caisse=visit.caisse,
            detail={"visite": visit.id, "de": before},
        )  # fmt: skip
    return visit


def identify(
    session: Session, office: Office, actor: Actor, visit_id: int, document: DocumentKind,
    representative: Representative | None = None, *, seen: int | None = None,
) -> Visit:  # fmt: skip
    """Note which document was seen, and who acts for the person if they do not themselves. No number, no copy."""
    visit = _held(session, actor, visit_id, seen, *BEFORE_CREATION)
    person = session.get_one(Person, (visit.caisse, visit.person_id))
    require_representation(is_minor(person, paris_date(office.clock())), representative)
    visit.document, visit.identified_by, visit.identified_at = document, actor.login, office.clock()
    visit.representative = None
    detail = {"piece": document.value}
    if representative is not None:
        visit.representative = {
            "nom": representative.name, "qualite": representative.relation.value, "piece": representative.document.value,
            "mandat_vu": representative.proof_seen,
        }  # fmt: skip
        detail["representant"] = representative.relation.value
    _move(visit, VisitState.IDENTITY, VisitState.CARD if visit.card is None else VisitState.CONTACTS)
    _write(session, office, actor, visit, "identite", detail)
    return visit


def card_read(
    session: Session, office: Office, actor: Actor, visit_id: int, card: Card, *, seen: int | None = None
) -> Visit:
    """Note that the card in the reader is the person's. Raises Invalid when it is somebody else's."""
    visit = _held(session, actor, visit_id, seen, *BEFORE_CREATION)
    person = session.get_one(Person, (visit.caisse, visit.person_id))
    if card.nir != person.nir:
        raise Invalid(NOT_THE_CARD)
    return _card(session, office, actor, visit, person, card.serial, CardWay.READ)


def card_typed(
    session: Session, office: Office, actor: Actor, visit_id: int, serial: str, *, seen: int | None = None
) -> Visit:
    """The same by the number typed from the card. Raises Invalid when it is not the one the caisse knows."""
    visit = _held(session, actor, visit_id, seen, *BEFORE_CREATION)
    person = session.get_one(Person, (visit.caisse, visit.person_id))
    if not person.vitale_serie:
        raise Invalid("La caisse ne connaît pas de carte Vitale à cette personne : faites-la mettre à jour d’abord.")
    return _card(session, office, actor, visit, person, serial, CardWay.TYPED)


def give_contacts(
    session: Session, office: Office, actor: Actor, visit_id: int, typed: Mapping[str, str], *, seen: int | None = None
) -> Visit:
    """Where one-time codes will go: e-mail, mobile or both, each typed twice. Raises Invalid with what to correct."""
    visit = _held(session, actor, visit_id, seen, *BEFORE_CREATION)
    if visit.card is None:
        raise WrongState("La carte Vitale n’a pas encore été lue.")
    contacts = typed_twice(typed)
    visit.mail, visit.mobile = contacts.mail, contacts.mobile
    _move(visit, VisitState.CONTACTS, VisitState.CONSENT)
    _write(
        session, office, actor, visit, "coordonnees",
        {"courriel": contacts.mail is not None, "mobile": contacts.mobile is not None},
    )  # fmt: skip
    return visit


def consent(
    session: Session,
    office: Office,
    actor: Actor,
    visit_id: int,
    *,
    informed: bool,
    agreed: bool,
    sought: bool = False,
    seen: int | None = None,
) -> Visit:
    """Keep the proof of consent: what was agreed to, in which words, by whom it was taken. Raises Invalid without it.

    `sought`: the agreement of who is represented was sought too, as far as they can tell it (a minor, an adult in tutelle).
    """
    visit = _held(session, actor, visit_id, seen, VisitState.CONSENT, VisitState.CREATION)
    if visit.status is VisitState.CREATION:
        return visit  # given already: the creation is taken up again
    if not informed:
        raise Invalid("Donnez d’abord l’information à la personne, puis cochez qu’elle l’a reçue.")
    if visit.representative and not sought:
        raise Invalid(
            "Cherchez d’abord l’accord de la personne elle-même, autant qu’elle peut l’exprimer, puis cochez-le."
        )
    if not agreed:
        raise Invalid(
            "Sans le consentement de la personne, le DMP n’est pas créé. Si elle hésite, abandonnez la visite."
        )
    terms, now = current_terms(), office.clock()
    visit.informed_at = visit.consent_at = now
    visit.terms, visit.terms_sha256, visit.wording, visit.consent_by = terms.version, terms.sha256, CONSENT, actor.login
    _move(visit, VisitState.CONSENT, VisitState.CREATION)
    _write(session, office, actor, visit, "consentement", {"cgu": terms.version, "empreinte": terms.sha256.hex()})
    record(
        session, actor, "visite.consentement", f"personne {visit.person_id}", at=now, caisse=visit.caisse,
        detail={"visite": visit.id, "cgu": terms.version},
    )  # fmt: skip
    return visit


def correct(
    session: Session, office: Office, actor: Actor, visit_id: int, step: VisitState, *, seen: int | None = None
) -> Visit:
    """Go back to a step before the consent; what was noted since is asked again."""
    visit = _held(session, actor, visit_id, seen, *BEFORE_CREATION)
    order = list(BEFORE_CREATION)
    if step not in CORRECTABLE or order.index(step) >= order.index(visit.status):
        raise WrongState("Cette étape ne peut pas être reprise.")
    visit.state = step
    if step is VisitState.CARD:
        visit.card = None
    _write(session, office, actor, visit, "correction", {"etape": step.value})
    return visit


def finish(session: Session, office: Office, actor: Actor, visit_id: int, *, seen: int | None = None) -> Visit:
    """The person leaves with their document. Raises WrongState before it was printed."""
    visit = access_visit(session, actor, visit_id, lock=True)
    if visit.status is VisitState.FINISHED:
        return visit
    _require_in_hand(visit, actor, seen)
    require(visit.state, VisitState.DOCUMENT)
    if not visit.prints:
        raise WrongState("Le document n’a pas été imprimé : imprimez-le, ou abandonnez la visite avec un motif.")
    _end(session, office, actor, visit, VisitState.FINISHED, "")
    return visit


def abandon(
    session: Session, office: Office, actor: Actor, visit_id: int, reason: str, *, seen: int | None = None
) -> Visit:
    """The visit ends without its document. Before the creation nothing is left but this line; after it, the DMP is there
    and is closed as any DMP is.

    Raises Invalid without a reason, WrongState while the creation is in doubt.
    """
    visit = access_visit(session, actor, visit_id, lock=True)
    if visit.status is VisitState.ABANDONED:
        return visit
    _require_in_hand(visit, actor, seen)
    if visit.status is VisitState.CREATION and _made(office, visit):
        raise WrongState("Le DMP est déjà créé : reprenez la visite, ou clôturez-le à la demande de la personne.")
    require(visit.state, *BEFORE_CREATION, VisitState.CREATION, VisitState.DOCUMENT)
    known = chosen(current(session).of(ABANDON), reason)
    _end(session, office, actor, visit, VisitState.ABANDONED, known.label)
    return visit


def end_forgotten(office: Office) -> int:
    """End the visits that nobody went on with for `FORGOTTEN` before anything was created; return how many.

    One whose consent is given is left to people: the record may have its DMP.
    """
    now = office.clock()
    actor = system_actor()
    with office.db.unit_of_work() as session:
        last = select(func.max(VisitEntry.at)).where(VisitEntry.visit_id == Visit.id).scalar_subquery()
        left = session.scalars(
            select(Visit)
            .where(Visit.ended_at.is_(None), Visit.state.in_(BEFORE_CREATION), last < now - FORGOTTEN)
            .with_for_update(skip_locked=True)
        ).all()
        for visit in left:
            _end(session, office, actor, visit, VisitState.ABANDONED, "Visite interrompue, jamais reprise")
    return len(left)


def typed_twice(typed: Mapping[str, str]) -> Contacts:
    """The contacts, each typed twice the same; at least one. Raises Invalid."""
    for name, what in (("mail", "adresses électroniques saisies"), ("mobile", "numéros de mobile saisis")):
        if bool(typed.get(name, "").strip()) != bool(typed.get(f"{name}_bis", "").strip()):
            raise Invalid(f"Les deux {what} ne sont pas identiques : faites-la redire, et saisissez-la deux fois.")
    first = read_contacts(typed.get("mail", ""), typed.get("mobile", ""))
    if first.mail is None and first.mobile is None:
        raise Invalid("Saisissez une adresse électronique ou un mobile : un code y est envoyé à chaque connexion.")
    try:
        second = read_contacts(typed.get("mail_bis", ""), typed.get("mobile_bis", ""))
    except Invalid:
        second = Contacts()
    if first.mail != second.mail:
        raise Invalid("Les deux adresses électroniques saisies ne sont pas identiques : faites-la épeler de nouveau.")
    if first.mobile != second.mobile:
        raise Invalid("Les deux numéros de mobile saisis ne sont pas identiques : faites-le redire.")
    return first


def _card(
    session: Session, office: Office, actor: Actor, visit: Visit, person: Person, serial: str, way: CardWay
) -> Visit:
    if visit.document is None:
        raise WrongState("L’identité n’a pas encore été vérifiée.")
    if serial != person.vitale_serie:
        raise Invalid(
            "Ce n’est pas la carte Vitale que la caisse connaît à cette personne : elle a peut-être été remplacée. "
            "Sans la carte en cours, le DMP n’est pas créé."
        )
    visit.card = way
    _move(visit, VisitState.CARD, VisitState.CONTACTS)
    _write(session, office, actor, visit, "carte", {"comment": way.value})
    return visit


def _held(session: Session, actor: Actor, visit_id: int, seen: int | None, *wanted: VisitState) -> Visit:
    visit = access_visit(session, actor, visit_id, lock=True)
    _require_in_hand(visit, actor, seen)
    require(visit.state, *wanted)
    return visit


def _require_in_hand(visit: Visit, actor: Actor, seen: int | None) -> None:
    if visit.owner != actor.login:
        raise WrongState(f"La visite est maintenant suivie par {visit.owner} : reprenez-la pour continuer.")
    if seen is not None and seen != visit.version:
        raise WrongState("La visite a avancé entre-temps : voici où elle en est.")


def _move(visit: Visit, source: VisitState, target: VisitState) -> None:
    """Forward from the step itself; a step taken again later leaves the visit where it had got to."""
    if visit.status is source:
        visit.state = target


def _end(session: Session, office: Office, actor: Actor, visit: Visit, state: VisitState, reason: str) -> None:
    created = visit.created_at is not None
    visit.state, visit.ended_at, visit.reason = state, office.clock(), reason or None
    visit.mail = visit.mobile = None  # the record's own by now, or nobody's
    if visit.ticket_id is not None:
        session.get_one(Ticket, visit.ticket_id).left_at = visit.ended_at
    what = "fin" if state is VisitState.FINISHED else "abandon"
    _write(session, office, actor, visit, what, {"motif": reason, "apres_creation": created} if reason else {})
    record(
        session, actor, f"visite.{'terminer' if what == 'fin' else 'abandonner'}", f"personne {visit.person_id}",
        at=visit.ended_at, caisse=visit.caisse, reason=reason or None, detail={"visite": visit.id, "dmp": created},
    )  # fmt: skip


def _made(office: Office, visit: Visit) -> bool:
    """Whether the record has the DMP of this visit."""
    facts = office.dmp.dossier_states(visit.caisse, [visit.person_id]).get(visit.person_id)
    return facts is not None and facts.request_id == visit.uid


def _write(
    session: Session, office: Office, actor: Actor, visit: Visit, what: str, detail: Mapping[str, Any] | None = None
) -> None:
    visit.version += 1
    session.add(
        VisitEntry(visit_id=visit.id, at=office.clock(), actor=actor.login, what=what, detail=dict(detail or {}))
    )
    session.flush()
