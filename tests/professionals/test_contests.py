"""A holder contests an emergency access: the professional answers before anything else, the holder reads it; all traced."""

import html
import re
from uuid import UUID, uuid4

import pytest
from portal_account.world import Holder
from sqlalchemy import text

from dmp_core.access import circle
from dmp_core.access.contesting import HolderContests, ProfessionalContests
from dmp_core.access.trace import Action, ActorKind, Mode, first_fault
from dmp_core.errors import Invalid, NotFound, WrongState
from dmp_core.professionals.certificates import Professional

from .samples import NUMBERS
from .served import Served, a_patient
from .world import Record, RecordWorld, a_professional

_numbers = NUMBERS
PAGE = "/mon-dmp/urgences"


@pytest.fixture
def holders(world: RecordWorld) -> HolderContests:
    return HolderContests(world.store, world.clock)


@pytest.fixture
def professionals(world: RecordWorld) -> ProfessionalContests:
    return ProfessionalContests(world.professionals, world.clock)


def an_emergency(world: RecordWorld, dossier: UUID, name: str = "GARDE") -> Professional:
    who = a_professional(next(_numbers), name=name)
    world.gate().break_glass(who, dossier, Mode.EMERGENCY, "Malaise au marché")
    return who


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " ").split())


def test_contested_answered_and_read(
    world: RecordWorld, holders: HolderContests, professionals: ProfessionalContests
) -> None:
    record = world.a_record()
    who = an_emergency(world, record.dossier)
    (found,) = holders.emergencies(record.dossier)
    assert (found.name, found.profession, found.reason, found.contest) == (
        "ANNE GARDE", "Médecin", "Malaise au marché", None
    )  # fmt: skip
    assert professionals.waiting(who) == []
    holders.contest(record.dossier, found.id, "  J’étais   chez moi. ")
    with pytest.raises(WrongState, match="déjà contesté"):
        holders.contest(record.dossier, found.id, "Encore")
    (asked,) = professionals.waiting(who)
    assert (asked.dossier, asked.patient, asked.words, asked.reason) == (
        record.dossier, "Nicolas Dupond", "J’étais chez moi.", "Malaise au marché"
    )  # fmt: skip
    world.clock.forward(minutes=10)
    professionals.answer(who, asked.id, "Appel des pompiers, personne inconsciente.")
    assert professionals.waiting(who) == []
    with pytest.raises(NotFound):
        professionals.answer(who, asked.id, "Autre chose")
    (found,) = holders.emergencies(record.dossier)
    assert found.contest is not None
    assert (found.contest.answer, found.contest.answered_at) == (
        "Appel des pompiers, personne inconsciente.", world.clock()
    )  # fmt: skip
    chain = record.chain()
    assert first_fault(record.dossier, chain) is None
    told = [(line.who.kind, line.reason) for line in chain if line.action in (Action.CONTEST, Action.ANSWER)]
    assert told == [
        (ActorKind.HOLDER, f"ANNE GARDE ({who.id}) : J’étais chez moi."),
        (ActorKind.PROFESSIONAL, "Appel des pompiers, personne inconsciente."),
    ]
    notices = world.rows("SELECT kind FROM medical.notice WHERE dossier_id = :d AND kind = 'answer'", d=record.dossier)
    assert len(notices) == 2  # one a channel


def test_only_the_professional_of_the_emergency_answers_blocked_or_not_and_gains_nothing_by_it(
    world: RecordWorld, holders: HolderContests, professionals: ProfessionalContests
) -> None:
    record = world.a_record()
    who, other = an_emergency(world, record.dossier), a_professional(next(_numbers))
    (found,) = holders.emergencies(record.dossier)
    holders.contest(record.dossier, found.id, "Pourquoi ?")
    (asked,) = professionals.waiting(who)
    assert professionals.waiting(other) == []
    with pytest.raises(NotFound):
        professionals.answer(other, asked.id, "Moi")
    record.as_owner(circle.block, circle.Member(str(who.id), who.name, "G15_10"), world.clock())
    professionals.answer(who, asked.id, "Une erreur de ma part.")
    with pytest.raises(NotFound):
        world.gate().look(who, record.dossier, uuid4())


@pytest.mark.parametrize("typed", ["", "   ", "x" * 501, "a\x00b", "a\u202eb"])
def test_what_is_no_sentence_is_refused(world: RecordWorld, holders: HolderContests, typed: str) -> None:
    record = world.a_record()
    an_emergency(world, record.dossier)
    (found,) = holders.emergencies(record.dossier)
    with pytest.raises(Invalid, match="Dites en une phrase"):
        holders.contest(record.dossier, found.id, typed)


def test_nobody_contests_or_reads_another_s(world: RecordWorld, holders: HolderContests) -> None:
    mine, other = world.a_record(), world.a_record()
    an_emergency(world, other.dossier)
    (theirs,) = holders.emergencies(other.dossier)
    assert holders.emergencies(mine.dossier) == []
    for ask in (
        lambda: holders.contest(mine.dossier, theirs.id, "Non"), lambda: holders.emergency(mine.dossier, theirs.id)
    ):  # fmt: skip
        with pytest.raises(NotFound):
            ask()


def test_a_closed_dossier_asks_nothing_and_reopened_asks_again(
    world: RecordWorld, holders: HolderContests, professionals: ProfessionalContests
) -> None:
    someone = world.someone()
    record = Record(world, someone.dossier)
    who = an_emergency(world, record.dossier)
    (found,) = holders.emergencies(record.dossier)
    holders.contest(record.dossier, found.id, "Pourquoi ?")
    (asked,) = professionals.waiting(who)
    record.state("closed")
    assert professionals.waiting(who) == []
    with pytest.raises(NotFound):
        professionals.answer(who, asked.id, "Trop tard")
    with pytest.raises(NotFound):
        holders.emergencies(record.dossier)
    world.enrolment.dossiers.reopen(someone.person.caisse, someone.person.person_id, "à sa demande")
    assert professionals.waiting(who) == [asked]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE medical.contest SET words = 'autre'", "DELETE FROM medical.contest",
        "INSERT INTO medical.contest (id, dossier_id, emergency_id, professional_id, words, at) "
        "SELECT gen_random_uuid(), dossier_id, emergency_id, professional_id, 'x', at FROM medical.contest",
    ],
)  # fmt: skip
def test_postgresql_lets_a_professional_answer_and_nothing_else(
    world: RecordWorld, holders: HolderContests, statement: str
) -> None:
    record = world.a_record()
    who = an_emergency(world, record.dossier)
    (found,) = holders.emergencies(record.dossier)
    holders.contest(record.dossier, found.id, "Pourquoi ?")
    with (
        pytest.raises(Exception, match="permission denied"),
        world.professionals.transaction(who.id, world.clock(), record.dossier) as connection,
    ):
        connection.execute(text(statement))
    with world.professionals.transaction(who.id, world.clock(), record.dossier) as connection:
        changed = text("UPDATE medical.contest SET answer = :a, answered_at = now()")
        assert connection.execute(changed, {"a": "Voici"}).rowcount == 1
    with world.professionals.transaction(who.id, world.clock(), record.dossier) as connection:
        assert connection.execute(changed, {"a": "Autre"}).rowcount == 0
    for answered in ("'x', now()", "NULL, NULL"):
        with (
            pytest.raises(Exception, match="permission denied"),
            world.store.transaction(record.dossier) as connection,
        ):
            connection.execute(text(f"UPDATE medical.contest SET (answer, answered_at) = ({answered})"))


def test_a_contest_names_its_own_emergency(world: RecordWorld) -> None:
    record, other = world.a_record(), world.a_record()
    who = an_emergency(world, other.dossier)
    (row,) = world.rows("SELECT id FROM medical.emergency WHERE dossier_id = :d", d=other.dossier)
    with pytest.raises(Exception, match="row-level security"), world.store.transaction(record.dossier) as connection:
        connection.execute(
            text(
                "INSERT INTO medical.contest (id, dossier_id, emergency_id, professional_id, words, at) "
                "VALUES (gen_random_uuid(), :d, :e, :p, 'x', now())"
            ),
            {"d": record.dossier, "e": row.id, "p": str(who.id)},
        )


def test_the_holder_s_pages(holder: Holder, world: RecordWorld, professionals: ProfessionalContests) -> None:
    holder.sign_in()
    assert "Aucun accès en urgence n’a eu lieu" in words(holder.get(PAGE).text)
    who = an_emergency(world, holder.who.dossier)
    for where in ("/mon-dmp", "/mon-dmp/acces?voir=urgence", "/mon-dmp/professionnels"):
        assert f'href="{PAGE}"' in holder.get(where).text, where
    (form,) = re.findall(rf'href="({PAGE}/[0-9a-f-]+/contester)"', holder.get(PAGE).text)
    wrong = holder.send(form, phrase=" ")
    assert (wrong.status_code, "Dites en une phrase" in wrong.text) == (422, True)
    long = holder.send(form, phrase="é" * 501)
    assert (long.status_code, "é" * 501 in long.text) == (422, True)  # what was typed is kept
    assert holder.send(form, phrase="<b>J’étais</b> chez moi").location == PAGE
    page = holder.get(PAGE).text
    assert "&lt;b&gt;J’étais&lt;/b&gt; chez moi" in page
    assert "Pas encore de réponse" in words(page)
    assert holder.get(form).location == PAGE
    (asked,) = professionals.waiting(who)
    professionals.answer(who, asked.id, "Appel des pompiers")
    assert "Appel des pompiers" in words(holder.get(PAGE).text)
    assert holder.get(f"{PAGE}/{uuid4()}/contester").status_code == 404


def test_at_the_next_connection_nothing_comes_before_the_answer(served: Served) -> None:
    person, record = a_patient(served.world)
    holders = HolderContests(served.world.store, served.world.clock)
    card = served.doctor(next(_numbers))
    first = served.browser(card)
    where = first.find(person)
    assert first.send(f"{where}/urgence", where, motif="Malaise", mode="urgence").status_code == 303
    (found,) = holders.emergencies(record.dossier)
    holders.contest(record.dossier, found.id, "J’étais chez moi")
    assert first.get(where).status_code == 200  # nobody is interrupted in the middle of a care
    again = served.browser(card)
    for asked in ("/", where, f"{where}/documents/{uuid4()}/contenu"):
        answer = again.get(asked)
        assert (answer.status_code, answer.headers["location"]) == (303, "/contestations"), asked
    told = again.get(f"/api/v1/dmp/{record.dossier}/synthese")
    assert (told.status_code, "ouvrez le site" in told.text) == (409, True)
    page = again.get("/contestations").text
    assert "J’étais chez moi" in words(page)
    assert "Malaise" in words(page)
    (form,) = re.findall(r'action="(/contestations/[0-9a-f-]+)"', page)
    empty = again.send(form, "/contestations", reponse=" ")
    assert (empty.status_code, "Répondez en quelques mots" in empty.text) == (422, True)
    assert again.get("/").status_code == 303
    assert again.send(form, "/contestations", reponse="Appel des pompiers").headers["location"] == "/contestations"
    assert again.get("/contestations").headers["location"] == "/"
    assert again.get("/").status_code == 200
    (found,) = holders.emergencies(record.dossier)
    assert found.contest is not None
    assert found.contest.answer == "Appel des pompiers"
    other = served.browser(served.doctor(next(_numbers)))
    assert other.get("/").status_code == 200
    assert other.get("/contestations").headers["location"] == "/"
