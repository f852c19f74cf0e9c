"""A visit: its steps in order, saved one by one, taken up by another, abandoned anywhere; the DMP made once."""

import pickle
import subprocess
import sys
import textwrap
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from campaigns.world import World, a_person, new_nir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from backoffice.adapters.cards import Card
from backoffice.adapters.dmp import CONSENT, Consent, Contacts, DmpGateway, DossierState, current_terms
from backoffice.core.actor import Actor, Role
from backoffice.core.clock import paris_date
from backoffice.core.errors import DomainError, Invalid, NotAllowed, NotFound, Unavailable, WrongState
from backoffice.counter import actions
from backoffice.counter.creation import create, print_document
from backoffice.counter.models import Visit
from backoffice.counter.queries import life_of, own_visit
from backoffice.counter.rules import (
    BEFORE_CREATION,
    DocumentKind,
    Relation,
    Representative,
    VisitState,
    read_representative,
    require_representation,
)
from backoffice.population.insured import insured_of
from backoffice.population.models import Person

SANDRINE = Actor("sandrine.chabrol", "Sandrine", frozenset({Role.AGENT}), frozenset({"631"}))
LUC = Actor("luc.morel", "Luc", frozenset({Role.AGENT}), frozenset({"631"}))
ELSEWHERE = Actor("fatou.diallo", "Fatou", frozenset({Role.AGENT}), frozenset({"941"}))
SERIAL = "1234567890"
TWICE = {"mail": "zoe@example.org", "mail_bis": "zoe@example.org"}


class Desk:
    """A reception, and the person in front of it."""

    def __init__(self, world: World) -> None:
        self.world, self.office = world, world.office
        self.nir = new_nir()
        row = a_person(
            prenom="ZOÉ",
            nom_naissance="VASSEUR",
            nom_usage="",
            nir=self.nir,
            date_naissance="1950-08-12",
            vitale_serie=SERIAL,
        )
        world.load([row])
        self.person_id = int(world.sql("SELECT id FROM person WHERE nir = :n", n=self.nir)[0][0])

    def person(self, session: Any) -> Person:
        return session.get_one(Person, ("631", self.person_id))

    def start(self, actor: Actor = SANDRINE) -> int:
        with self.world.session() as session:
            return actions.start(session, self.office, actor, self.person(session)).id

    def do(self, action: Any, *arguments: Any, actor: Actor = SANDRINE, **more: Any) -> Visit:
        with self.world.session() as session:
            return action(session, self.office, actor, *arguments, **more)

    def visit(self, visit_id: int) -> Visit:
        with self.world.session() as session:
            return session.get_one(Visit, visit_id)

    def to(self, state: VisitState) -> int:
        """A visit brought to this state."""
        visit_id = self.start()
        for reached, step in (
            (VisitState.CARD, lambda: self.do(actions.identify, visit_id, DocumentKind.IDENTITY_CARD)),
            (VisitState.CONTACTS, lambda: self.do(actions.card_read, visit_id, Card(self.nir, SERIAL))),
            (VisitState.CONSENT, lambda: self.do(actions.give_contacts, visit_id, TWICE)),
            (VisitState.CREATION, lambda: self.do(actions.consent, visit_id, informed=True, agreed=True)),
            (VisitState.DOCUMENT, lambda: create(self.office, SANDRINE, visit_id)),
        ):
            if state is VisitState.IDENTITY or self.visit(visit_id).status is state:
                break
            assert step() is not None
            assert self.visit(visit_id).status is reached
        return visit_id

    def dossiers(self) -> int:
        return len(self.world.sql("SELECT 1 FROM enrolment.dossier WHERE person_id = :p", "dmp", p=self.person_id))

    def whats(self, visit_id: int) -> list[str]:
        with self.world.session() as session:
            return [line.what for line in life_of(session, session.get_one(Visit, visit_id))]


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def text_of(document: bytes) -> str:
    return PdfReader(BytesIO(document)).pages[0].extract_text()


def test_the_straight_way_leaves_one_dmp_its_consent_and_an_empty_visit(desk: Desk) -> None:
    visit_id = desk.to(VisitState.DOCUMENT)
    document = text_of(print_document(desk.office, SANDRINE, visit_id))
    assert "ZOÉ VASSEUR" in document
    desk.do(actions.finish, visit_id)
    visit = desk.visit(visit_id)
    assert (visit.status, visit.mail, visit.mobile, visit.document, visit.card) == (
        VisitState.FINISHED, None, None, "cni", "lue",
    )  # fmt: skip
    consent = desk.world.sql("SELECT terms, terms_sha256, wording, collected_by, way FROM enrolment.consent", "dmp")
    terms = current_terms()
    assert [(row[0], bytes(row[1]), row[2], row[3], row[4]) for row in consent] == [
        (terms.version, terms.sha256, CONSENT, SANDRINE.login, "counter")
    ]
    assert desk.whats(visit_id) == [
        "ouverture", "identite", "carte", "coordonnees", "consentement", "creation", "impression", "fin",
    ]  # fmt: skip
    assert desk.dossiers() == 1


def test_no_password_nor_number_is_kept_anywhere(desk: Desk) -> None:
    visit_id = desk.to(VisitState.DOCUMENT)
    document = text_of(print_document(desk.office, SANDRINE, visit_id))
    password = next(word for word in document.split() if len(word) == 8 and any(c.isupper() for c in word) and word.isalnum()
                    and any(c.isdigit() for c in word))  # fmt: skip
    kept = str(desk.world.sql("SELECT * FROM visit")) + str(desk.world.sql("SELECT * FROM visit_entry"))
    kept += str(desk.world.sql("SELECT object, reason, detail::text FROM audit_entry"))
    for secret in (password, desk.nir, SERIAL):
        assert secret not in kept


def test_each_document_has_a_password_of_its_own_and_the_earlier_one_is_dead(desk: Desk) -> None:
    visit_id = desk.to(VisitState.DOCUMENT)
    first, second = (text_of(print_document(desk.office, SANDRINE, visit_id)) for _ in range(2))
    assert first != second
    live = desk.world.sql("SELECT count(*) FROM enrolment.password WHERE ended_at IS NULL", "dmp")
    assert live[0][0] == 1
    assert desk.whats(visit_id)[-2:] == ["impression", "reimpression"]
    actions_noted = [
        row[0] for row in desk.world.sql("SELECT action FROM audit_entry WHERE action LIKE 'document%' ORDER BY id")
    ]
    assert actions_noted == ["document.imprimer", "document.reimprimer"]


def test_once_its_holder_is_in_nothing_is_printed_any_more(desk: Desk) -> None:
    visit_id = desk.to(VisitState.DOCUMENT)
    print_document(desk.office, SANDRINE, visit_id)
    desk.world.sql("UPDATE enrolment.password SET used_at = now() WHERE ended_at IS NULL", "dmp")
    with pytest.raises(WrongState, match="titulaire s’y est connecté"):
        print_document(desk.office, SANDRINE, visit_id)
    assert desk.visit(visit_id).prints == 1


def test_two_desks_that_open_one_visit_meet(desk: Desk) -> None:
    visit_id = desk.start()
    assert desk.start() == visit_id
    with pytest.raises(WrongState, match="déjà ouverte par sandrine"):
        desk.start(LUC)
    with ThreadPoolExecutor(6) as desks:
        assert set(desks.map(lambda _: desk.start(), range(6))) == {visit_id}


@pytest.mark.parametrize("state", [state for state in VisitState if not state.ended])
def test_another_agent_takes_it_up_at_any_step_and_the_first_is_told(desk: Desk, state: VisitState) -> None:
    visit_id = desk.to(state)
    desk.do(actions.take_over, visit_id, actor=LUC)
    assert desk.visit(visit_id).status is state
    assert (desk.visit(visit_id).owner, desk.whats(visit_id)[-1]) == (LUC.login, "reprise")
    with pytest.raises(WrongState, match="suivie par luc"):
        desk.do(actions.abandon, visit_id, "change_avis")
    if state in (VisitState.CREATION, VisitState.DOCUMENT):
        create(desk.office, LUC, visit_id)
        assert desk.dossiers() == 1


@pytest.mark.parametrize("state", [state for state in VisitState if not state.ended])
def test_the_person_may_change_their_mind_at_any_step(desk: Desk, state: VisitState) -> None:
    visit_id = desk.to(state)
    desk.do(actions.abandon, visit_id, "change_avis")
    visit = desk.visit(visit_id)
    assert (visit.status, visit.reason, visit.mail) == (VisitState.ABANDONED, "La personne change d’avis", None)
    assert desk.dossiers() == (1 if state is VisitState.DOCUMENT else 0)
    desk.do(actions.abandon, visit_id, "change_avis")
    assert desk.start() != visit_id


@pytest.mark.parametrize("state", [state for state in VisitState if not state.ended])
def test_a_visit_that_nobody_goes_on_with_keeps_nothing_typed_once_nothing_can_have_been_made(
    desk: Desk, state: VisitState
) -> None:
    visit_id = desk.to(state)
    desk.world.clock.move(days=3)
    assert actions.end_forgotten(desk.office) == 0
    desk.world.clock.move(minutes=1)
    ended = state in BEFORE_CREATION
    assert actions.end_forgotten(desk.office) == int(ended)
    visit = desk.visit(visit_id)
    assert (visit.status is VisitState.ABANDONED) == ended
    assert not ended or (visit.mail, visit.mobile, visit.reason) == (None, None, "Visite interrompue, jamais reprise")


def test_a_dmp_made_by_an_attempt_that_died_is_not_abandoned_unseen(desk: Desk) -> None:
    visit_id = desk.to(VisitState.CREATION)
    visit = desk.visit(visit_id)
    _made_behind(desk, visit.uid)
    with pytest.raises(WrongState, match="déjà créé"):
        desk.do(actions.abandon, visit_id, "change_avis")
    assert create(desk.office, SANDRINE, visit_id).status is VisitState.DOCUMENT
    assert desk.dossiers() == 1


def _made_behind(desk: Desk, request: uuid.UUID) -> None:
    with desk.world.session() as session:
        insured = insured_of(desk.person(session), paris_date(desk.world.clock()))
    terms = current_terms()
    consent = Consent(terms.version, terms.sha256, CONSENT, collected_by=SANDRINE.login)
    desk.office.dmp.open_dossier(request, insured, Contacts("zoe@example.org"), consent)


def test_somebody_who_opened_one_online_meanwhile_gets_no_second(desk: Desk) -> None:
    visit_id = desk.to(VisitState.CREATION)
    _made_behind(desk, uuid.uuid4())
    with pytest.raises(WrongState, match="a déjà un DMP"):
        create(desk.office, SANDRINE, visit_id)
    desk.do(actions.abandon, visit_id, "change_avis")
    assert desk.dossiers() == 1


def test_clicked_many_times_one_dmp(desk: Desk) -> None:
    visit_id = desk.to(VisitState.CREATION)
    with ThreadPoolExecutor(6) as clicks:
        states = list(clicks.map(lambda _: create(desk.office, SANDRINE, visit_id).status, range(6)))
    assert set(states) == {VisitState.DOCUMENT}
    assert desk.dossiers() == 1
    assert desk.whats(visit_id).count("creation") == 1


def test_while_the_record_is_away_the_visit_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    visit_id = desk.to(VisitState.CREATION)

    def away(*_: object) -> None:
        raise Unavailable("La base du DMP ne répond pas.")

    with monkeypatch.context() as patched:
        patched.setattr(DmpGateway, "open_dossier", away)
        with pytest.raises(Unavailable):
            create(desk.office, SANDRINE, visit_id)
    assert desk.visit(visit_id).status is VisitState.CREATION
    assert create(desk.office, SANDRINE, visit_id).status is VisitState.DOCUMENT


@pytest.mark.crash
def test_killed_between_the_two_databases_the_same_dmp_is_found_with_a_new_password(desk: Desk) -> None:
    visit_id = desk.to(VisitState.CREATION)
    program = textwrap.dedent("""
        import os, pickle, signal, sys
        from backoffice.core.actor import Actor, Role
        from backoffice.counter.creation import create
        from backoffice.office import open_office
        office = open_office(pickle.loads(bytes.fromhex(sys.argv[1])), application="essai")
        made = office.dmp.open_dossier
        def then_die(*arguments):
            made(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        type(office.dmp).open_dossier = staticmethod(then_die)
        create(office, Actor("sandrine.chabrol", "Sandrine", frozenset({Role.AGENT}), frozenset({"631"})), int(sys.argv[2]))
    """)
    settings_ = pickle.dumps(desk.world.settings).hex()
    died = subprocess.run([sys.executable, "-c", program, settings_, str(visit_id)], timeout=120, check=False)
    assert died.returncode == -9
    assert (desk.dossiers(), desk.visit(visit_id).status) == (1, VisitState.CREATION)
    desk.do(actions.take_over, visit_id, actor=LUC)
    create(desk.office, LUC, visit_id)
    assert "ZOÉ VASSEUR" in text_of(print_document(desk.office, LUC, visit_id))
    assert desk.dossiers() == 1
    facts = desk.office.dmp.dossier_states("631", [desk.person_id])[desk.person_id]
    assert (facts.state, facts.request_id) == (DossierState.OPEN, desk.visit(visit_id).uid)


def test_a_card_that_is_somebody_elses_or_was_replaced_is_refused(desk: Desk) -> None:
    visit_id = desk.to(VisitState.CARD)
    with pytest.raises(Invalid, match="n’est pas celle de la personne"):
        desk.do(actions.card_read, visit_id, Card(new_nir(), SERIAL))
    with pytest.raises(Invalid, match="remplacée"):
        desk.do(actions.card_read, visit_id, Card(desk.nir, "99999999"))
    with pytest.raises(Invalid, match="remplacée"):
        desk.do(actions.card_typed, visit_id, "99999999")
    assert desk.do(actions.card_typed, visit_id, SERIAL).card == "saisie"


def test_opened_by_the_card_its_step_is_done(desk: Desk) -> None:
    with desk.world.session() as session:
        card = Card(desk.nir, SERIAL)
        visit = actions.start(session, desk.office, SANDRINE, desk.person(session), by_card=card)
    assert desk.do(actions.identify, visit.id, DocumentKind.PASSPORT).status is VisitState.CONTACTS


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({}, "Saisissez une adresse"),
        ({"mail": "zoe@example.org"}, "ne sont pas identiques"),
        ({"mail": "zoe@example.org", "mail_bis": "zoé@example.org"}, "ne sont pas identiques"),
        ({"mail": "zoe", "mail_bis": "zoe"}, "n’est pas valide"),
        (TWICE | {"mobile": "0639981234", "mobile_bis": "0639981235"}, "mobile saisis ne sont pas identiques"),
        ({"mobile": "0473000000", "mobile_bis": "0473000000"}, "n’est pas valide"),
    ],
)
def test_contacts_are_typed_twice_the_same(desk: Desk, typed: dict[str, str], said: str) -> None:
    visit_id = desk.to(VisitState.CONTACTS)
    with pytest.raises(Invalid, match=said):
        desk.do(actions.give_contacts, visit_id, typed)


def test_without_information_or_consent_nothing_is_created(desk: Desk) -> None:
    visit_id = desk.to(VisitState.CONSENT)
    for informed, agreed in ((False, True), (True, False)):
        with pytest.raises(Invalid):
            desk.do(actions.consent, visit_id, informed=informed, agreed=agreed)
    assert desk.dossiers() == 0


def test_a_representative_is_named_in_the_proof_of_consent(desk: Desk) -> None:
    visit_id = desk.start()
    acting = Representative("Anne Tutrice", Relation.GUARDIAN, DocumentKind.PASSPORT, True)
    desk.do(actions.identify, visit_id, DocumentKind.IDENTITY_CARD, acting)
    desk.do(actions.card_read, visit_id, Card(desk.nir, SERIAL))
    desk.do(actions.give_contacts, visit_id, TWICE)
    with pytest.raises(Invalid, match="l’accord de la personne elle-même"):
        desk.do(actions.consent, visit_id, informed=True, agreed=True)
    desk.do(actions.consent, visit_id, informed=True, agreed=True, sought=True)
    create(desk.office, SANDRINE, visit_id)
    assert desk.world.sql("SELECT on_behalf_by, on_behalf_as FROM enrolment.consent", "dmp") == [
        ("Anne Tutrice", "Tuteur ou tutrice")
    ]


@pytest.mark.parametrize(
    ("minor", "relation", "fits"),
    [
        (True, None, False), (True, Relation.PARENT, True), (True, Relation.GUARDIAN, True),
        (True, Relation.CURATOR, False), (True, Relation.MANDATE, False), (False, None, True),
        (False, Relation.PARENT, False), (False, Relation.GUARDIAN, True), (False, Relation.CURATOR, True),
    ],
)  # fmt: skip
def test_a_parent_consents_for_a_minor_and_for_nobody_else(minor: bool, relation: Relation | None, fits: bool) -> None:
    acting = Representative("Anne", relation, DocumentKind.PASSPORT, True) if relation else None
    if fits:
        require_representation(minor, acting)
    else:
        with pytest.raises(Invalid):
            require_representation(minor, acting)


@pytest.mark.parametrize(
    ("name", "relation", "document", "proof"),
    [("", "tuteur", "cni", True), ("A", "ami", "cni", True), ("A", "tuteur", "cni", False), ("A", "tuteur", "", True)],
)
def test_who_acts_for_somebody_proves_it(name: str, relation: str, document: str, proof: bool) -> None:
    with pytest.raises(Invalid):
        read_representative(name, relation, document, proof)


def test_a_page_that_is_behind_is_told_and_changes_nothing(desk: Desk) -> None:
    visit_id = desk.start()
    seen = desk.visit(visit_id).version
    desk.do(actions.identify, visit_id, DocumentKind.IDENTITY_CARD, seen=seen)
    with pytest.raises(WrongState, match="avancé entre-temps"):
        desk.do(actions.identify, visit_id, DocumentKind.PASSPORT, seen=seen)
    assert desk.visit(visit_id).document == "cni"


def test_a_visit_of_another_caisse_does_not_exist_and_advisors_have_none(desk: Desk) -> None:
    visit_id = desk.start()
    with pytest.raises(NotFound):
        desk.do(actions.take_over, visit_id, actor=ELSEWHERE)
    with pytest.raises(NotAllowed):
        desk.do(actions.take_over, visit_id, actor=replace(LUC, roles=frozenset({Role.ADVISOR})))


def test_an_open_visit_is_a_ground_to_look_at_the_person_and_an_ended_one_is_not(desk: Desk) -> None:
    visit_id = desk.start()
    with desk.world.session() as session:
        assert own_visit(session, SANDRINE, desk.person(session)) == f"visite {visit_id} à l’accueil"
        assert own_visit(session, LUC, desk.person(session)) is None
    desk.do(actions.abandon, visit_id, "partie")
    with desk.world.session() as session:
        assert own_visit(session, SANDRINE, desk.person(session)) is None


STEPS = ("identify", "card", "contacts", "consent", "create", "print", "finish", "abandon", "take_over", "correct")


@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=14))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_clicked_in_whatever_order_the_visit_stays_right(world: World, clicked: list[str]) -> None:
    world.empty()
    desk = Desk(world)
    visit_id = desk.start()
    holder = SANDRINE
    for step in clicked:
        try:
            if step == "identify":
                desk.do(actions.identify, visit_id, DocumentKind.IDENTITY_CARD, actor=holder)
            elif step == "card":
                desk.do(actions.card_typed, visit_id, SERIAL, actor=holder)
            elif step == "contacts":
                desk.do(actions.give_contacts, visit_id, TWICE, actor=holder)
            elif step == "consent":
                desk.do(actions.consent, visit_id, informed=True, agreed=True, actor=holder)
            elif step == "create":
                create(desk.office, holder, visit_id)
            elif step == "print":
                print_document(desk.office, holder, visit_id)
            elif step == "finish":
                desk.do(actions.finish, visit_id, actor=holder)
            elif step == "abandon":
                desk.do(actions.abandon, visit_id, "partie", actor=holder)
            elif step == "correct":
                desk.do(actions.correct, visit_id, VisitState.IDENTITY, actor=holder)
            else:
                holder = LUC if holder is SANDRINE else SANDRINE
                desk.do(actions.take_over, visit_id, actor=holder)
        except DomainError:
            if step == "take_over":
                holder = LUC if holder is SANDRINE else SANDRINE
        visit = desk.visit(visit_id)
        made = desk.dossiers()
        assert made <= 1
        assert (visit.created_at is not None) == (made == 1)
        assert not made or (visit.document and visit.card and visit.consent_at)
        assert not visit.status.ended or (visit.mail is None and visit.ended_at is not None)
        assert visit.status is not VisitState.FINISHED or visit.prints
        assert desk.whats(visit_id)[0] == "ouverture"
