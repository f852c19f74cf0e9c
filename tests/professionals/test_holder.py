"""What the holder settles about professionals on mon-dmp, and that it holds for them at once."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from portal.world import token_of
from portal_account.world import Holder
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from dmp_core.access import circle
from dmp_core.access.professional import ProfessionalGate
from dmp_core.access.rules import Basis
from dmp_core.access.trace import Action, Mode
from dmp_core.professionals.certificates import Professional

from .samples import NUMBERS
from .world import Record, RecordWorld, a_professional, listed, member, tried

_numbers = NUMBERS
PAGE = "/mon-dmp/professionnels"


@pytest.fixture
def record(world: RecordWorld, holder: Holder) -> Record:
    return Record(world, holder.who.dossier)


@pytest.fixture
def signed_in(holder: Holder) -> Holder:
    return holder.sign_in()


def a_doctor(name: str = "MARTIN", profession: str = "G15_10") -> Professional:
    return a_professional(next(_numbers), profession, name)


def settle(holder: Holder, gesture: str, who: Professional | None = None, **typed: str) -> str:
    token = token_of(holder.get(PAGE).text)
    more = {"qui": str(who.id)} if who else {}
    answer = holder.client.post(
        f"{PAGE}/{gesture}", data={"csrf_token": token, **more, **typed}, environ_base={"REMOTE_ADDR": holder.address}
    )
    assert answer.status_code in (303, 404, 409), answer.text
    return words(holder.get(PAGE).text) if answer.status_code == 303 else words(answer.text)


def words(page: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).replace("\u00a0", " ").split())


def section(page: str, title: str) -> str:
    """What stands under a heading of the second level."""
    found = re.search(rf"<h2[^>]*>{title}</h2>(.*?)</section>", page, re.DOTALL)
    return words(found[1]) if found else ""


def test_who_accesses_is_listed_blocked_and_unblocked_at_once(
    signed_in: Holder, record: Record, gate: ProfessionalGate
) -> None:
    who = a_doctor()
    document = record.put("bilan")
    assert "Personne pour l’instant" in words(signed_in.get(PAGE).text)
    gate.consent(who, record.dossier, informed=True)
    assert "ANNE MARTIN" in section(signed_in.get(PAGE).text, "Ceux qui accèdent à votre DMP")
    settle(signed_in, "bloquer", who)
    assert "ANNE MARTIN" in section(signed_in.get(PAGE).text, "Ceux que vous avez bloqués")
    assert "Personne pour l’instant" in section(signed_in.get(PAGE).text, "Ceux qui accèdent à votre DMP")
    assert tried(lambda: gate.read(who, record.dossier, document.id)) is not None
    assert tried(lambda: gate.break_glass(who, record.dossier, Mode.EMERGENCY, "Vite")) is not None
    settle(signed_in, "debloquer", who)
    assert tried(lambda: gate.read(who, record.dossier, document.id)) is None
    made = [line for line in record.chain() if line.action in (Action.BLOCK, Action.UNBLOCK)]
    assert [line.reason for line in made] == [f"ANNE MARTIN ({who.id})"] * 2


def test_who_only_asked_is_listed_too_and_can_be_blocked(
    signed_in: Holder, record: Record, gate: ProfessionalGate
) -> None:
    who = a_doctor("CURIEUX")
    assert tried(lambda: listed(gate, who, record.dossier)) is not None
    page = signed_in.get(PAGE).text
    assert "ANNE CURIEUX" in section(page, "Ceux qui n’y accèdent pas")
    assert "Médecin" in section(page, "Ceux qui n’y accèdent pas")
    settle(signed_in, "bloquer", who)
    assert tried(lambda: gate.consent(who, record.dossier, informed=True)) is not None


def test_the_medecin_traitant_sees_what_is_masked_and_takes_the_place_of_the_one_before(
    signed_in: Holder, record: Record, gate: ProfessionalGate
) -> None:
    first, second, nurse = a_doctor("PREMIER"), a_doctor("SECOND"), a_doctor("PETIT", "G15_60")
    document = record.put("secret", masked=True)
    for who in (first, second, nurse):
        gate.consent(who, record.dossier, informed=True)
        assert tried(lambda one=who: gate.read(one, record.dossier, document.id)) is not None
    settle(signed_in, "medecin-traitant", first)
    assert gate.read(first, record.dossier, document.id)
    told = settle(signed_in, "medecin-traitant", second)
    assert "Votre médecin traitant : voit tout" in told
    assert gate.read(second, record.dossier, document.id)
    assert tried(lambda: listed(gate, first, record.dossier)) is not None
    assert "Seul un médecin que vous avez autorisé" in settle(signed_in, "medecin-traitant", nurse)
    assert "C’est mon médecin traitant : ANNE PETIT" not in words(signed_in.get(PAGE).text)
    settle(signed_in, "retirer", second)
    assert tried(lambda: listed(gate, second, record.dossier)) is not None


def test_the_same_rights_are_given_and_taken_back(signed_in: Holder, record: Record, gate: ProfessionalGate) -> None:
    who = a_doctor()
    document = record.put("secret", masked=True)
    gate.consent(who, record.dossier, informed=True)
    assert "documents masqués compris" in settle(signed_in, "tout-montrer", who)
    assert gate.read(who, record.dossier, document.id)
    settle(signed_in, "moins-montrer", who)
    assert tried(lambda: gate.read(who, record.dossier, document.id)) is not None
    settle(signed_in, "retirer", who)
    assert "n’est pas autorisé" in settle(signed_in, "tout-montrer", who)


def test_emergencies_are_refused_beforehand_with_a_tick_and_end_those_under_way(
    signed_in: Holder, record: Record, gate: ProfessionalGate
) -> None:
    who = a_doctor("URGENTISTE")
    document = record.put("bilan")
    gate.break_glass(who, record.dossier, Mode.EMERGENCY, "Malaise au marché")
    page = words(signed_in.get(PAGE).text)
    assert "Accès en urgence, en cours" in page
    assert "Motif : Malaise au marché" in page
    assert "cochez la case" in settle(signed_in, "refuser-urgence")
    assert gate.read(who, record.dossier, document.id)
    assert "refusé d’avance" in settle(signed_in, "refuser-urgence", confirmation="oui")
    assert tried(lambda: gate.read(who, record.dossier, document.id)) is not None
    assert tried(lambda: gate.break_glass(who, record.dossier, Mode.EMERGENCY, "Encore")) is not None
    settle(signed_in, "permettre-urgence")
    assert gate.read(who, record.dossier, document.id)


def test_the_medecin_traitant_is_told_of_an_emergency_on_their_home_page(world: RecordWorld) -> None:
    gate, attending, other = world.gate(), a_doctor("TRAITANT"), a_doctor("AUTRE")
    quiet, urgent, blocked, closed, over = (world.a_record() for _ in range(5))
    for record in (quiet, urgent, blocked, closed):
        record.relate(attending, Basis.ATTENDING)
        gate.consent(other, record.dossier, informed=True)
    over.relate(attending, Basis.CONSENT, days=1)
    gate.break_glass(a_doctor("GARDE"), urgent.dossier, Mode.EMERGENCY, "Malaise")
    blocked.as_owner(circle.block, member(attending), world.clock())
    closed.state("closed")
    world.clock.forward(days=2)
    found = gate.patients(attending, 10)
    assert [one.dossier for one in found] == [urgent.dossier, quiet.dossier]
    assert found[0].emergency_at == world.clock() - timedelta(days=2)
    assert {one.dossier: one.emergency_at for one in gate.patients(other, 10)} == {
        urgent.dossier: None, quiet.dossier: None, blocked.dossier: None,
    }  # fmt: skip
    assert len(gate.patients(other, 2)) == 2
    assert gate.patients(a_doctor("INCONNU"), 10) == []
    world.clock.forward(days=30)
    assert [one.emergency_at for one in gate.patients(attending, 10)] == [None, None]


def test_the_home_tells_of_the_emergency(signed_in: Holder, record: Record, gate: ProfessionalGate) -> None:
    who = a_doctor("URGENTISTE")
    gate.break_glass(who, record.dossier, Mode.EMERGENCY, "Malaise")
    assert "ANNE URGENTISTE" in words(signed_in.get("/mon-dmp").text)


def test_a_document_says_who_can_see_it_and_why(signed_in: Holder, record: Record, gate: ProfessionalGate) -> None:
    author, friend, nurse, blocked = a_doctor("AUTEUR"), a_doctor("AMI"), a_doctor("PETIT", "G15_60"), a_doctor("NON")
    for who in (author, friend, nurse, blocked):
        gate.consent(who, record.dossier, informed=True)
    settle(signed_in, "bloquer", blocked)
    document = record.put("repaid", "REMB", by=author)
    where = f"/mon-dmp/documents/{document.id}"
    page = section(signed_in.get(where).text, "Qui peut le voir")
    assert "ANNE AUTEUR , Médecin : c’est l’auteur du document." in page
    assert "ANNE AMI , Médecin : vous l’avez autorisé." in page
    assert "ANNE PETIT, Infirmier : sa profession ne lit pas ce type de document." in page
    assert "ANNE NON, Médecin : vous l’avez bloqué." in page
    assert "médecin" in page.partition("en disant pourquoi")[2]
    assert "infirmier" not in page.partition("en disant pourquoi")[2]
    signed_in.send(f"{where}/masquer", where)
    page = section(signed_in.get(where).text, "Qui peut le voir")
    assert "ANNE AMI, Médecin : vous avez masqué ce document." in page
    assert "En urgence, personne d’autre ne le voit." in page
    for who, there in ((author, True), (friend, False), (nurse, False), (blocked, False)):
        assert (tried(lambda one=who: gate.look(one, record.dossier, document.id)) is None) is there


def test_nobody_settles_another_s_circle(signed_in: Holder, record: Record, world: RecordWorld) -> None:
    other, who = world.a_record(), a_doctor()
    world.gate().consent(who, other.dossier, informed=True)
    assert "n’est pas dans votre liste" in settle(signed_in, "bloquer", who)
    assert "n’est pas dans votre liste" in settle(signed_in, "retirer", who)
    assert tried(lambda: listed(world.gate(), who, other.dossier)) is None
    assert "n’existe pas" in settle(signed_in, "autre")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO medical.relation (id, dossier_id, professional_id, name, profession, basis, sees_all, given_by, since) "
        "VALUES (gen_random_uuid(), :d, :p, 'X', 'G15_10', 'attending', true, :p, now())",
        "INSERT INTO medical.relation (id, dossier_id, professional_id, name, profession, basis, sees_all, given_by, since) "
        "VALUES (gen_random_uuid(), :d, :p, 'X', 'G15_10', 'attending', true, 'titulaire', now())",
        "UPDATE medical.relation SET sees_all = true", "UPDATE medical.block SET until = now()",
        "DELETE FROM medical.block", "UPDATE medical.emergency SET ends_at = ends_at + interval '1 day'",
        "INSERT INTO medical.emergency (id, dossier_id, professional_id, name, profession, mode, reason, began_at, ends_at) "
        "VALUES (gen_random_uuid(), :d, '8', 'X', 'G15_10', 'urgence', 'x', now(), now() + interval '1 hour')",
        "INSERT INTO medical.emergency (id, dossier_id, professional_id, name, profession, mode, reason, began_at, ends_at) "
        "VALUES (gen_random_uuid(), :d, :p, 'X', 'G15_10', 'urgence', 'x', now(), now() + interval '2 hours')",
        "UPDATE medical.document SET masked = false", "SELECT reason FROM medical.trace", "DELETE FROM medical.trace",
        "SELECT hash FROM enrolment.password", "SELECT value FROM enrolment.contact",
    ],
)  # fmt: skip
def test_postgresql_itself_keeps_a_professional_from_giving_themselves_rights(
    world: RecordWorld, statement: str
) -> None:
    record, who = world.a_record(), a_doctor()
    world.gate().consent(who, record.dossier, informed=True)
    values: dict[str, Any] = {"d": record.dossier, "p": str(who.id)}
    with (
        pytest.raises(Exception, match=r"permission denied|row-level security|check constraint") as refusal,
        world.professionals.transaction(who.id, world.clock(), record.dossier) as connection,
    ):
        connection.execute(text(statement), {name: values[name] for name in values if f":{name}" in statement})
    assert isinstance(refusal.value, ProgrammingError) or "check" in str(refusal.value)


def test_destroying_a_dossier_leaves_nothing_of_its_circle(world: RecordWorld) -> None:
    """A relation, a block, an emergency, a refusal and a person of trust go with it: none keeps the dossier from going."""
    record, who = world.a_record(), a_doctor()
    gate = world.gate()
    gate.consent(who, record.dossier, informed=True)
    gate.break_glass(a_doctor(), record.dossier, Mode.EMERGENCY, "Vite")
    with world.owner.begin() as connection:
        for statement in (
            "INSERT INTO medical.block VALUES (gen_random_uuid(), :d, '8', 'X', 'G15_10', now())",
            "INSERT INTO medical.emergency_refusal VALUES (gen_random_uuid(), :d, now())",
            "INSERT INTO medical.trusted_person (id, dossier_id, name, phone, relation, since) "
            "VALUES (gen_random_uuid(), :d, 'X Y', '+33142345678', '', now())",
            "SELECT medical.erase(:d)",
        ):  # fmt: skip
            connection.execute(text(statement), {"d": record.dossier})
    for table in ("relation", "block", "emergency", "emergency_refusal", "trusted_person", "document", "trace"):
        assert world.rows(f"SELECT 1 FROM medical.{table} WHERE dossier_id = :d", d=record.dossier) == []
