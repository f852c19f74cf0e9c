"""A DMP created, reopened, its secrets given again and its closure asked for by a professional: what happens, what is refused,
what is never learnt, and what PostgreSQL refuses besides."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from portal.world import SmallBase
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from dmp_core.access import circle
from dmp_core.access.identifying import FAILURES, REFUSED, NotIdentified, VitaleCard
from dmp_core.access.openers import Given, Opener, opener_of
from dmp_core.access.opening import (
    ALREADY_IN,
    CLOSED,
    ELSEWHERE,
    HAS_DMP,
    INELIGIBLE,
    Next,
    OpeningGate,
    Stopped,
)
from dmp_core.access.rules import Basis
from dmp_core.access.trace import Action, first_fault
from dmp_core.enrolment.conditions import CONSENT, current_terms
from dmp_core.enrolment.credentials import verify_password
from dmp_core.enrolment.dossiers import Contacts, Motive
from dmp_core.enrolment.insured import Insured
from dmp_core.errors import DmpError, Invalid, NotFound, Unavailable, WrongState
from dmp_core.holder.guard import TooMany
from dmp_core.professionals.certificates import CertificateRefused, Establishment, Professional
from dmp_core.professionals.rights import MAY, Act

from .samples import NUMBERS
from .world import Record, RecordWorld, a_professional, member

_numbers = NUMBERS
WHERE = Contacts("nicolas@exemple.fr")


class Cards:
    """The insurance's base as a card asks it, over the base of the world."""

    def __init__(self, base: SmallBase) -> None:
        self.base = base

    def by_card(self, nir: str, serial: str, birth_date: str) -> Insured | None:
        found = self.base.by_nir(nir)
        return found if found and (found.serial, found.birth_date) == (serial, birth_date) else None


def card_of(person: Insured, **changes: str) -> VitaleCard:
    told = VitaleCard.of(person.nir, person.given_name, person.birth_date, person.serial)
    return replace(told, **changes)


def given(**changes: Any) -> Given:
    return replace(Given(True, True, current_terms().version), **changes)


@pytest.fixture
def opening(world: RecordWorld) -> OpeningGate:
    return OpeningGate(world.professionals, Cards(world.base), world.record.hasher(b"tests"), world.clock)


@pytest.fixture
def doctor() -> Professional:
    return a_professional(next(_numbers))


@pytest.fixture
def who(doctor: Professional) -> Opener:
    return opener_of(doctor)


def create(opening: OpeningGate, who: Opener, person: Insured, **more: Any) -> Any:
    request = more.pop("request", None) or uuid4()
    told = {"contacts": WHERE, "given": given(), "authorise": True} | more
    return opening.create(who, request, card_of(person), told.pop("contacts"), told.pop("given"), **told)


def passwords(world: RecordWorld, dossier: UUID) -> list[Any]:
    return world.rows("SELECT * FROM enrolment.password WHERE dossier_id = :d AND ended_at IS NULL", d=dossier)


def test_everything_of_a_creation_is_there_at_once(
    world: RecordWorld, opening: OpeningGate, who: Opener, doctor: Professional
) -> None:
    person = world.person()
    world.code(person)
    assert opening.look(who, card_of(person)).next is Next.CREATE
    made = create(opening, who, person)
    assert (made.entered, made.authorised, made.secrets.ins_c) == (True, True, card_of(person).ins_c)
    assert world.events(person) == [("dossier.opened", {"way": "ps"})]
    (kept,) = world.rows("SELECT * FROM enrolment.consent WHERE dossier_id = :d", d=made.dossier)
    terms = current_terms()
    assert (kept.way, kept.terms, bytes(kept.terms_sha256), kept.wording) == (
        "ps",
        terms.version,
        terms.sha256,
        CONSENT,
    )
    assert (kept.collected_by, kept.on_behalf_by) == (str(doctor.id), None)
    record = Record(world, made.dossier)
    lines = record.chain()
    assert [line.action for line in lines] == [Action.CREATE, Action.CONSENT]
    assert {line.who.id for line in lines} == {str(doctor.id)}
    assert terms.version in lines[0].reason
    assert first_fault(made.dossier, lines) is None
    assert [row.kind for row in world.rows("SELECT kind FROM medical.notice WHERE dossier_id = :d", d=made.dossier)] == [
        "created", "created",
    ]  # fmt: skip
    # A code on its way to the person lets nobody in any more.
    (code,) = world.rows(
        "SELECT state, reason FROM enrolment.creation_code WHERE caisse = :c AND person_id = :p",
        c=person.caisse, p=person.person_id,
    )  # fmt: skip
    assert (code.state, code.reason) == ("revoked", "DMP ouvert par un professionnel")
    assert world.gate().browse(doctor, made.dossier, _any(), 20).documents == []
    fed = world.rows("SELECT dossier_id FROM medical.dossiers_to_feed('2016-11-01', 100000)")
    assert made.dossier in [row.dossier_id for row in fed]
    (password,) = passwords(world, made.dossier)
    assert verify_password(password.hash, made.secrets.password)
    assert made.secrets.password not in repr(made)


def test_the_patient_may_refuse_the_first_authorisation(
    world: RecordWorld, opening: OpeningGate, who: Opener, doctor: Professional
) -> None:
    made = create(opening, who, world.person(), authorise=False)
    assert not made.authorised
    assert [line.action for line in Record(world, made.dossier).chain()] == [Action.CREATE]
    with pytest.raises(DmpError, match="demandez d’abord au patient"):
        world.gate().browse(doctor, made.dossier, _any(), 20)


def test_asked_again_it_is_one_dmp_and_new_secrets_until_its_holder_has_been_in(
    world: RecordWorld, opening: OpeningGate, who: Opener
) -> None:
    person, request = world.person(), uuid4()
    first = create(opening, who, person, request=request)
    again = create(opening, who, person, request=request)
    assert (again.dossier, again.entered, again.secrets.login) == (first.dossier, False, first.secrets.login)
    assert again.secrets.password != first.secrets.password
    (password,) = passwords(world, first.dossier)
    assert verify_password(password.hash, again.secrets.password)
    assert len(world.dossiers(person)) == 1
    assert world.events(person) == [("dossier.opened", {"way": "ps"})]
    # Another's request of the same name is another request.
    with pytest.raises(Stopped, match=HAS_DMP):
        create(opening, opener_of(a_professional(next(_numbers))), person, request=request)
    with pytest.raises(Stopped, match=HAS_DMP):
        create(opening, who, person)
    world.rows(
        "UPDATE enrolment.password SET used_at = :now WHERE dossier_id = :d RETURNING 1",
        now=world.clock(),
        d=first.dossier,
    )
    with pytest.raises(Stopped, match=ALREADY_IN):
        create(opening, who, person, request=request)
    assert len(passwords(world, first.dossier)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"given_name": "Jean"}, {"birth_date": "1952-05-12"}, {"serial": "9999999999"},
        {"nir": "152054800000029"}, {"given_name": "Jean", "serial": "88888888"},
    ],
    ids=["given name", "birth date", "serial", "unknown", "two of them"],
)  # fmt: skip
def test_whatever_is_wrong_the_refusal_is_the_same(
    world: RecordWorld, opening: OpeningGate, who: Opener, wrong: dict[str, str]
) -> None:
    holder, nobody = world.someone().person, world.person()
    ask: list[Callable[[VitaleCard], Any]] = [
        lambda card: opening.look(who, card),
        lambda card: opening.create(who, uuid4(), card, WHERE, given(), authorise=False),
        lambda card: opening.secrets(who, card, asked=True),
        lambda card: opening.reopen(who, uuid4(), card, given(), authorise=False),
    ]
    for person in (holder, nobody):
        for one in ask:
            with pytest.raises(NotIdentified) as refused:
                one(card_of(person, **wrong))
            assert str(refused.value) == REFUSED
    assert world.events(nobody) == []


def test_guessing_ends_after_ten_failures_an_hour_for_who_guesses_alone(
    world: RecordWorld, opening: OpeningGate, who: Opener
) -> None:
    person = world.person()
    wrong = card_of(person, serial="77777777")
    most, window = FAILURES[0]
    for _ in range(3):
        opening.look(who, card_of(person))  # a card that is recognised is given back
    for _ in range(most):
        with pytest.raises(NotIdentified):
            opening.look(who, wrong)
    with pytest.raises(TooMany, match="Trop de cartes n’ont pas été reconnues") as refused:
        opening.look(who, card_of(person))  # the right one too: nothing is told
    assert refused.value.retry_at == world.clock() + window
    assert opening.look(opener_of(a_professional(next(_numbers))), card_of(person)).next is Next.CREATE
    world.clock.forward(minutes=61)
    assert opening.look(who, card_of(person)).next is Next.CREATE
    tries = world.rows("SELECT * FROM enrolment.professional_attempt WHERE professional_id = :p", p=str(who.id))
    assert [row.identified for row in tries].count(False) == most
    assert all(person.nir not in str(row) for row in tries)


def test_an_establishment_is_counted_whole_whomever_it_names_and_creates_alone(
    world: RecordWorld, opening: OpeningGate
) -> None:
    house = Establishment("1750712184", "CLINIQUE", bytes(32))
    within = [
        Opener(a_professional(next(_numbers)).id, "X, CLINIQUE", "Médecin", house, structure=house.id) for _ in range(2)
    ]
    assert {one.counted_as for one in within} == {house.id}
    with pytest.raises(CertificateRefused):
        opening.secrets(within[0], card_of(world.person()), asked=True)
    assert MAY[Establishment] & {Act.REOPEN, Act.SECRETS, Act.CLOSURE, Act.CONSULT} == set()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"informed": False}, "Informez d’abord"),
        ({"agreed": False}, "Sans le consentement"),
        ({"terms": "2015-01-01"}, "ont changé"),
    ],
)
def test_nothing_is_done_without_information_consent_and_the_conditions_in_force(
    world: RecordWorld, opening: OpeningGate, who: Opener, told: dict[str, Any], said: str
) -> None:
    person = world.person()
    with pytest.raises((Invalid, WrongState), match=said):
        create(opening, who, person, given=given(**told))
    with pytest.raises(Invalid, match="Indiquez une adresse électronique ou un numéro"):
        create(opening, who, person, contacts=Contacts())
    assert world.dossiers(person) == []


def test_who_may_not_have_one_is_told_the_seed_s_sentence(
    world: RecordWorld, opening: OpeningGate, who: Opener
) -> None:
    person = world.person(may_open=False)
    with pytest.raises(
        Stopped, match="n’est actuellement disponible que pour les assurés du Régime Général"
    ) as refused:
        opening.look(who, card_of(person))
    assert str(refused.value) == INELIGIBLE
    with pytest.raises(Stopped):
        create(opening, who, person)
    young = world.person(may_open=False, birth_date="2000-03-04")
    with pytest.raises(Stopped, match="autorité parentale"):
        create(opening, who, young)


def test_four_clicks_at_once_are_one_dmp(world: RecordWorld, opening: OpeningGate, who: Opener) -> None:
    person, request = world.person(), uuid4()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: create(opening, who, person, request=request), range(4)))
    assert len({each.dossier for each in made}) == 1
    assert [each.entered for each in made].count(True) == 1
    (password,) = passwords(world, made[0].dossier)
    assert [verify_password(password.hash, each.secrets.password) for each in made].count(True) == 1
    assert world.events(person) == [("dossier.opened", {"way": "ps"})]
    assert first_fault(made[0].dossier, Record(world, made[0].dossier).chain()) is None


def test_a_dmp_closed_at_its_holder_s_wish_is_reopened_once(
    world: RecordWorld, opening: OpeningGate, who: Opener, doctor: Professional
) -> None:
    someone = world.someone()
    record = Record(world, someone.dossier)
    document = record.put("bilan")
    record.state("closed")
    assert opening.look(who, card_of(someone.person)).next is Next.REOPEN
    with pytest.raises(Stopped, match=CLOSED):
        create(opening, who, someone.person)
    request = uuid4()
    for entered in (True, False):
        made = opening.reopen(who, request, card_of(someone.person), given(), authorise=True)
        assert (made.dossier, made.entered, made.authorised) == (someone.dossier, entered, True)
    assert [kind for kind, _ in world.events(someone.person)] == [
        "dossier.opened",
        "dossier.closed",
        "dossier.reopened",
    ]
    assert world.gate().read(doctor, someone.dossier, document.id)[1].startswith(b"bilan")
    granted = [line.action for line in record.chain() if line.granted]
    assert [each for each in granted if each in (Action.REOPEN, Action.CONSENT)] == [Action.REOPEN, Action.CONSENT]
    assert first_fault(record.dossier, record.chain()) is None


@pytest.mark.parametrize("why", ["death", "contested", "suspended", "too late", "blocked closed", "blocked open"])
def test_what_is_not_settled_here_is_one_sentence(
    world: RecordWorld, opening: OpeningGate, who: Opener, doctor: Professional, why: str
) -> None:
    someone = world.someone()
    record, person = Record(world, someone.dossier), someone.person
    if why.startswith("blocked"):
        record.as_owner(circle.block, member(doctor), world.clock())
    if why in ("death", "contested"):
        world.enrolment.dossiers.close(person.caisse, person.person_id, "raison", Motive(why))
    elif why in ("too late", "blocked closed"):
        record.state("closed")
    elif why == "suspended":
        record.state("suspended")
    if why == "too late":
        world.clock.forward(days=3700)
    for ask in (
        lambda: opening.reopen(who, uuid4(), card_of(person), given(), authorise=False),
        lambda: opening.secrets(who, card_of(person), asked=True),
        lambda: opening.ask_closure(who, uuid4(), card_of(person), explained=True, asked=True),
        lambda: opening.look(who, card_of(person)),
    ):
        if why == "too late":
            with pytest.raises(WrongState):
                opening.reopen(who, uuid4(), card_of(person), given(), authorise=False)
            break
        with pytest.raises(Stopped) as refused:
            ask()
        assert str(refused.value) == ELSEWHERE
    assert "dossier.reopened" not in [kind for kind, _ in world.events(person)]


def test_the_document_is_given_again_with_a_new_password_and_its_holder_is_told(
    world: RecordWorld, opening: OpeningGate, who: Opener
) -> None:
    someone = world.someone()
    with pytest.raises(Invalid, match="Le titulaire seul"):
        opening.secrets(who, card_of(someone.person), asked=False)
    first = opening.secrets(who, card_of(someone.person), asked=True)
    assert (first.login, first.ins_c) == (someone.login, card_of(someone.person).ins_c)
    kinds = "SELECT kind FROM medical.notice WHERE dossier_id = :d AND kind = 'secrets'"
    assert world.rows(kinds, d=someone.dossier) == []  # nobody has been in: it is still the first
    world.rows(
        "UPDATE enrolment.password SET used_at = :now WHERE dossier_id = :d AND ended_at IS NULL RETURNING 1",
        now=world.clock(), d=someone.dossier,
    )  # fmt: skip
    again = opening.secrets(who, card_of(someone.person), asked=True)
    (password,) = passwords(world, someone.dossier)
    assert verify_password(password.hash, again.password)
    assert not verify_password(password.hash, first.password)
    assert len(world.rows(kinds, d=someone.dossier)) == 2  # one a channel
    assert [line.action for line in Record(world, someone.dossier).chain()] == [Action.SECRETS, Action.SECRETS]
    with pytest.raises(NotFound, match="n’a pas de DMP"):
        opening.secrets(who, card_of(world.person()), asked=True)


def test_a_closure_is_asked_for_and_the_dmp_stays_open(world: RecordWorld, opening: OpeningGate, who: Opener) -> None:
    someone, request = world.someone(), uuid4()
    with pytest.raises(Invalid, match="Expliquez au patient"):
        opening.ask_closure(who, request, card_of(someone.person), explained=False, asked=True)
    for _ in range(2):
        opening.ask_closure(who, request, card_of(someone.person), explained=True, asked=True)
    assert [kind for kind, _ in world.events(someone.person)] == ["dossier.opened", "closure.requested"]
    assert [row.state for row in world.dossiers(someone.person)] == ["open"]
    assert [line.action for line in Record(world, someone.dossier).chain()] == [Action.ASK_CLOSURE]


def test_without_a_base_or_with_one_that_is_away_nothing_is_opened(world: RecordWorld, who: Opener) -> None:
    person = world.person()
    none = OpeningGate(world.professionals, None, world.record.hasher(b"tests"), world.clock)
    with pytest.raises(Unavailable, match="pas ouverte sur ce site"):
        none.look(who, card_of(person))
    world.base.down = True
    away = OpeningGate(world.professionals, Cards(world.base), world.record.hasher(b"tests"), world.clock)
    with pytest.raises(Unavailable, match="momentanément"):
        away.look(who, card_of(person))


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO enrolment.contact (id, dossier_id, kind, value, since) "
        "VALUES (gen_random_uuid(), :d, 'mobile', '+33639980000', now())",
        "INSERT INTO enrolment.identifier (dossier_id, system, value, valid_from) VALUES (:d, 'x', 'y', now())",
        "UPDATE enrolment.dossier SET state = 'suspended' WHERE id = :d",
        "UPDATE enrolment.dossier SET state = 'closed', closed_by = 'holder', keep_until = '2027-01-01' WHERE id = :d",
        "INSERT INTO enrolment.outbox (event_id, kind, caisse, person_id, at) "
        "VALUES (gen_random_uuid(), 'dossier.closed', '801', 1, now())",
        "INSERT INTO enrolment.outbox (event_id, kind, caisse, person_id, at) "
        "VALUES (gen_random_uuid(), 'closure.requested', '801', 1, now())",
        "INSERT INTO enrolment.consent (id, dossier_id, at, way, terms, terms_sha256, wording, collected_by) "
        "VALUES (gen_random_uuid(), :d, now(), 'ps', 'x', sha256('x'), 'x', '899700000000')",
        "SELECT value FROM enrolment.contact",
        "SELECT hash FROM enrolment.password",
        "SELECT kind FROM enrolment.outbox",
        "SELECT subject FROM enrolment.professional_attempt",
        "DELETE FROM enrolment.professional_attempt",
        "SELECT digest FROM enrolment.creation_code",
    ],
)
def test_postgresql_refuses_what_is_no_opening(world: RecordWorld, doctor: Professional, statement: str) -> None:
    someone = world.someone(mobile=False)
    world.clock.forward(hours=1)
    with (
        pytest.raises(DBAPIError, match=r"permission denied|row-level security|reopens it, and nothing else"),
        world.professionals.transaction(doctor.id, world.clock(), someone.dossier, opening=True) as connection,
    ):
        connection.execute(text(statement), {"d": someone.dossier})


def test_without_an_opening_none_of_its_rows_is_seen_or_written(world: RecordWorld, doctor: Professional) -> None:
    someone = world.someone()
    Record(world, someone.dossier).relate(doctor, Basis.CONSENT)
    with world.professionals.transaction(doctor.id, world.clock(), someone.dossier) as connection:
        for table, column in (("account", "login"), ("contact", "kind"), ("password", "initial"), ("consent", "id")):
            assert connection.execute(text(f"SELECT {column} FROM enrolment.{table}")).all() == []
        assert connection.scalar(text("SELECT count(at) FROM enrolment.professional_attempt")) == 0
        ended = connection.execute(
            text("UPDATE enrolment.password SET ended_at = now() WHERE dossier_id = :d"), {"d": someone.dossier}
        )
        assert ended.rowcount == 0


def test_own_patients_are_found_by_their_traits_and_nobody_else_s(
    world: RecordWorld, doctor: Professional, opening: OpeningGate
) -> None:
    from dmp_core.access.software import SoftwareGate
    from dmp_core.record.sealing import DossierKeys
    from dmp_core.record.shelf import Folder

    gate = SoftwareGate(world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock)
    mine, theirs = (world.someone(birth_name="Dupré-Œuf", given_name="Zoé", birth_date="1961-03-04") for _ in range(2))
    record = Record(world, mine.dossier)
    record.relate(doctor, Basis.CONSENT, days=30)
    ins_c = card_of(mine.person).ins_c
    assert gate.find_by_traits(doctor, "dupre oeuf", "ZOE", "1961-03-04") == [ins_c]
    assert record.chain()[-1].action is Action.FIND
    assert Record(world, theirs.dossier).chain() == []
    for name, first, born in (
        ("Dupond", "Zoé", "1961-03-04"),
        ("Dupré Œuf", "Anne", "1961-03-04"),
        ("Dupré Œuf", "Zoé", "1961-03-05"),
    ):
        assert gate.find_by_traits(doctor, name, first, born) == []
    with pytest.raises(Invalid, match="Indiquez le nom"):
        gate.find_by_traits(doctor, " ", "Zoé", "1961-03-04")
    told = gate.administration(doctor, mine.dossier)
    assert (told.way.value, told.signed_in, told.channels) == ("online", False, ("mail", "mobile"))
    world.clock.forward(days=31)
    assert gate.find_by_traits(doctor, "dupre oeuf", "ZOE", "1961-03-04") == []
    with pytest.raises(DmpError):
        gate.administration(doctor, mine.dossier)
    assert gate.find_by_traits(a_professional(next(_numbers)), "dupre oeuf", "ZOE", "1961-03-04") == []


def _any() -> Any:
    from dmp_core.record.metadata import Wanted

    return Wanted()
