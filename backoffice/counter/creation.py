"""The creation of a DMP with the person, across the two databases, and its document, printed once.

```
 consent    visit: proof of consent, state "creation"           (caisse)
 create     dossier, account, event, under the visit's uid       (dmp)      a kill here: the DMP is there, the visit says
 note       visit: created_at, state "document"                  (caisse)   "creation"; taken up again, it is found by the uid
 print      a new initial password, then the page                (dmp)      a kill here: nobody has read it; print again
```

No password is kept between these steps: the creation's own is thrown away, and each document is made of a new one, in
memory, for the answer that streams it. The record gives the login id until the holder first gets in.
"""

from sqlalchemy.orm import Session

from backoffice.adapters.dmp import Consent, Contacts, Insured, Secrets, secrets_pdf
from backoffice.audit.journal import record
from backoffice.core.actor import Actor
from backoffice.core.clock import paris_date
from backoffice.core.errors import WrongState
from backoffice.counter.models import Visit, VisitEntry, access_visit
from backoffice.counter.rules import Relation, VisitState, require
from backoffice.office import Office
from backoffice.persons.file import why_not_eligible
from backoffice.population.insured import insured_of
from backoffice.population.models import Person
from backoffice.population.notices import notices_of


def create(office: Office, actor: Actor, visit_id: int) -> Visit:
    """Open the DMP of a visit whose consent is kept, once, however often it is asked; two databases, two transactions.

    Raises WrongState when the person may no longer have one, or a colleague has the visit; Unavailable when the record
    is away: the visit waits and is taken up again.
    """
    with office.db.unit_of_work() as session:
        visit = access_visit(session, actor, visit_id, lock=True)
        if visit.owner != actor.login:
            raise WrongState(f"La visite est maintenant suivie par {visit.owner} : reprenez-la pour continuer.")
        if visit.status in (VisitState.DOCUMENT, VisitState.FINISHED):
            return visit
        require(visit.state, VisitState.CREATION)
        insured = _insured(session, office, visit)
        contacts, consent = Contacts(visit.mail, visit.mobile), _consent(visit)
    facts = office.dmp.dossier_states(visit.caisse, [visit.person_id]).get(visit.person_id)
    if facts is None or facts.request_id != visit.uid:
        _require_eligible(office, visit)
        opened_at = office.dmp.open_dossier(visit.uid, insured, contacts, consent).opened_at
    else:
        opened_at = facts.opened_at
    with office.db.unit_of_work() as session:
        visit = access_visit(session, actor, visit_id, lock=True)
        if visit.status is VisitState.CREATION:
            visit.created_at, visit.state = opened_at, VisitState.DOCUMENT
            _write(session, office, actor, visit, "creation")
            record(
                session, actor, "dmp.creer", f"personne {visit.person_id}", at=office.clock(), caisse=visit.caisse,
                detail={"visite": visit.id},
            )  # fmt: skip
    return visit


def print_document(office: Office, actor: Actor, visit_id: int) -> bytes:
    """The document des secrets with a new initial password; the ones printed before open nothing any more.

    Raises WrongState when the holder has signed in since: the password is theirs, and a lost one is asked for online.
    """
    with office.db.unit_of_work() as session:
        visit = access_visit(session, actor, visit_id, lock=True)
        if visit.owner != actor.login:
            raise WrongState(f"La visite est maintenant suivie par {visit.owner} : reprenez-la pour continuer.")
        require(visit.state, VisitState.DOCUMENT)
        insured = _insured(session, office, visit)
        opened = office.dmp.open_dossier(visit.uid, insured, Contacts(visit.mail, visit.mobile), _consent(visit))
        again = visit.prints > 0
        visit.prints += 1
        _write(session, office, actor, visit, "reimpression" if again else "impression", {"rang": visit.prints})
        record(
            session, actor, "document.reimprimer" if again else "document.imprimer", f"personne {visit.person_id}",
            at=office.clock(), caisse=visit.caisse, detail={"visite": visit.id, "rang": visit.prints},
        )  # fmt: skip
    name = f"{insured.given_name} {insured.name}"
    return secrets_pdf(Secrets(name, opened.opened_at, opened.ins_c, opened.login, opened.password))


def _require_eligible(office: Office, visit: Visit) -> None:
    """Looked at again at the last moment: the person may have opened one online while they queued."""
    with office.db.unit_of_work() as session:
        person = session.get_one(Person, (visit.caisse, visit.person_id))
        notices = notices_of(session, visit.caisse, [visit.person_id]).get(visit.person_id, [])
    facts = office.dmp.dossier_states(visit.caisse, [visit.person_id]).get(visit.person_id)
    why = why_not_eligible(person, notices, facts, paris_date(office.clock()))
    if why:
        raise WrongState(f"Le DMP ne peut pas être créé : {why[0].lower()}{why[1:]} Abandonnez la visite.")


def _insured(session: Session, office: Office, visit: Visit) -> Insured:
    return insured_of(session.get_one(Person, (visit.caisse, visit.person_id)), paris_date(office.clock()))


def _consent(visit: Visit) -> Consent:
    assert visit.terms is not None
    assert visit.terms_sha256 is not None
    assert visit.wording is not None
    representative = visit.representative or {}
    return Consent(
        visit.terms, visit.terms_sha256, visit.wording, collected_by=visit.consent_by,
        on_behalf_by=representative.get("nom"),
        on_behalf_as=Relation(representative["qualite"]).label if representative else None,
    )  # fmt: skip


def _write(
    session: Session, office: Office, actor: Actor, visit: Visit, what: str, detail: dict[str, int] | None = None
) -> None:
    visit.version += 1
    session.add(VisitEntry(visit_id=visit.id, at=office.clock(), actor=actor.login, what=what, detail=detail or {}))
    session.flush()
