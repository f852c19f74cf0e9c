"""What an establishment says of who acts: believed whole or not at all; and documents that it puts in, never reads."""

import copy
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from dmp_core.access import circle
from dmp_core.access.feeding import FeedingGate, Sent
from dmp_core.access.trace import Action, Mode
from dmp_core.errors import Invalid, NotFound
from dmp_core.identity import insc
from dmp_core.professionals.authority import Issued, TestAuthority
from dmp_core.professionals.certificates import Establishment, Professional, Staff
from dmp_core.professionals.rights import Act
from dmp_core.professionals.trust import Trust
from dmp_core.professionals.vihf import Acting, AssertionRefused, acting
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder

from .assertions import PATIENT, PURPOSE, ROLE, SUBJECT_ID, assertion, signed, vihf
from .samples import NOW, a_secretary, rpps
from .world import Record, RecordWorld, a_professional, listed, member, rows_seen, tried

CONFIDENTIALITY = "urn:oasis:names:tc:xspa:1.0:resource:patient:hl7:confidentiality-code"
INS_C = "1234567890123456789012"
DSIG = "{http://www.w3.org/2000/09/xmldsig#}"


@pytest.fixture(scope="module")
def authority() -> TestAuthority:
    return TestAuthority(NOW)


@pytest.fixture(scope="module")
def house(authority: TestAuthority) -> Issued:
    return authority.establishment("1750712184", "CLINIQUE DE TEST", NOW)


def said(authority: TestAuthority, house: Issued, given: bytes, now: Any = NOW) -> Acting:
    lists = authority.lists([], NOW)
    return acting(given, house.der, feeding(Trust(authority.anchors, lambda: lists), house, now), now)


def feeding(trust: Trust, house: Issued, now: Any = NOW) -> Establishment | Staff:
    found = trust.bearer(house.der, now, Act.FEED)
    assert not isinstance(found, Professional)
    return found


def refused(authority: TestAuthority, house: Issued, given: bytes, now: Any = NOW) -> str:
    with pytest.raises(AssertionRefused) as refusal:
        said(authority, house, given, now)
    return str(refusal.value)


def test_who_acts_and_about_whom_is_read(authority: TestAuthority, house: Issued) -> None:
    found = said(authority, house, vihf(house, rpps(3), INS_C, NOW))
    assert (str(found.id), found.name, found.profession.code) == (rpps(3), "ANNE MARTIN", "G15_10")
    assert (found.ins_c, found.establishment.id, found.software) == (INS_C, "1750712184", "Essai 1")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fields": {"Identifiant_Structure": "1750712192"}}, "structure"),
        ({"fields": {"Identifiant_Structure": None}}, "absent"),
        ({"fields": {"Authentification_Mode": "DIRECTE"}}, "INDIRECTE"),
        ({"fields": {"Ressource_URN": "urn:autre"}}, "urn:dmp"),
        ({"fields": {PURPOSE: ("urgence",)}}, "normal"),
        ({"fields": {CONFIDENTIALITY: "INVISIBLE_PATIENT"}}, "confidentialité"),
        ({"fields": {ROLE: ("G15_99",)}}, "profession"),
        ({"fields": {ROLE: None}}, "profession"),
        ({"fields": {PATIENT: None}}, "absent"),
        ({"fields": {PATIENT: "123^^^&1.2.250.1.213.1.4.2&ISO^NH"}}, "INS-C"),
        ({"fields": {PATIENT: f"{INS_C}^^^&1.2.3&ISO^NH"}}, "INS-C"),
        ({"fields": {SUBJECT_ID: ["ANNE", "LUC"]}}, "double"),
        ({"fields": {"LPS_Nom": "  "}}, "vide"),
        ({"fields": {"Secteur_Activite": "X"}}, "secteur"),
        ({"issuer": "CN=autre"}, "émetteur"),
        ({"issued": NOW - timedelta(minutes=6)}, "maintenant"),
        ({"issued": NOW + timedelta(minutes=6)}, "maintenant"),
        ({"life": timedelta(seconds=0)}, "maintenant"),
        ({"ID": "_1"}, "signature"),
    ],
)
def test_what_is_missing_wrong_or_out_of_time_is_refused(
    authority: TestAuthority, house: Issued, changes: dict[str, Any], told: str
) -> None:
    assert told in refused(authority, house, vihf(house, rpps(3), INS_C, NOW, **changes))


def test_a_secretary_acts_for_a_professional_within_the_structure_of_her_card(authority: TestAuthority) -> None:
    card = a_secretary(authority)
    found = said(authority, card, vihf(card, rpps(3), INS_C, NOW))
    assert (str(found.id), found.establishment.id, found.establishment.name) == (
        rpps(3),
        "1750712184",
        "CLINIQUE DE TEST",
    )
    assert found.staff is not None
    assert (str(found.staff.id), found.staff.name) == ("3750712184/AG-12", "LUC AGENT")
    elsewhere = vihf(card, rpps(3), INS_C, NOW, fields={"Identifiant_Structure": "1750712192"})
    assert "structure" in refused(authority, card, elsewhere)


@pytest.mark.parametrize("who", ["", "9123", "810000000000", "Anne"])
def test_nobody_acts_without_a_number(authority: TestAuthority, house: Issued, who: str) -> None:
    assert "identifiant national" in refused(authority, house, vihf(house, who, INS_C, NOW))


def test_another_s_signature_none_at_all_or_a_weak_one_is_refused(authority: TestAuthority, house: Issued) -> None:
    other = authority.establishment("1750712184", "CLINIQUE DE TEST", NOW)
    unsigned = assertion(house, rpps(3), INS_C, NOW)
    for damaged in (
        etree.tostring(signed(copy.deepcopy(unsigned), other)), etree.tostring(unsigned), b"", b"<a/>", b"\x00",
        b"<!DOCTYPE a [<!ENTITY x 'y'>]>" + vihf(house, rpps(3), INS_C, NOW), b" " * 70_000,
    ):  # fmt: skip
        assert "signature" in refused(authority, house, damaged)


def wrapped(given: bytes, how: str, house: Issued) -> bytes:
    """The attacks of signature wrapping: the signed assertion is kept somewhere, another one is put before the reader."""
    genuine = etree.fromstring(given)
    forged = assertion(house, rpps(4), INS_C, NOW)
    signature = genuine.find(f"{DSIG}Signature")
    match how:
        case "signed one inside its signature":
            forged.insert(1, copy.deepcopy(signature))
            held = copy.deepcopy(genuine)
            held.remove(held.find(f"{DSIG}Signature"))
            etree.SubElement(forged.find(f"{DSIG}Signature"), f"{DSIG}Object").append(held)
        case "signed one beside":
            forged.insert(1, copy.deepcopy(signature))
            forged.append(copy.deepcopy(genuine))
        case "same name twice":
            forged.set("ID", genuine.get("ID"))
            forged.append(copy.deepcopy(genuine))
        case "same name, lower case":
            forged.insert(1, copy.deepcopy(signature))
            held = etree.SubElement(forged, "{urn:x}held", id=genuine.get("ID"))
            held.append(copy.deepcopy(genuine))
        case "within an envelope":
            envelope = etree.Element("{urn:x}Envelope")
            envelope.append(forged)
            envelope.append(genuine)
            return bytes(etree.tostring(envelope))
        case "signature taken over":
            forged.set("ID", genuine.get("ID"))
            forged.insert(1, copy.deepcopy(signature))
        case "reference to nothing":
            genuine.find(f".//{DSIG}Reference").set("URI", "")
            return bytes(etree.tostring(genuine))
        case "transform added":
            transforms = genuine.find(f".//{DSIG}Transforms")
            found = etree.SubElement(
                transforms, f"{DSIG}Transform", Algorithm="http://www.w3.org/TR/1999/REC-xslt-19991116"
            )
            assert found is not None
            return bytes(etree.tostring(genuine))
        case "comment in the number":
            return given.replace(rpps(3).encode(), rpps(3)[:6].encode() + b"<!---->" + rpps(3)[6:].encode())
    return bytes(etree.tostring(forged))


@pytest.mark.parametrize(
    "how",
    [
        "signed one inside its signature", "signed one beside", "same name twice", "same name, lower case",
        "within an envelope", "signature taken over", "reference to nothing", "transform added",
    ],
)  # fmt: skip
def test_a_signature_wrapped_around_something_else_is_refused(
    authority: TestAuthority, house: Issued, how: str
) -> None:
    given = vihf(house, rpps(3), INS_C, NOW)
    assert "signature" in refused(authority, house, wrapped(given, how, house))


def test_a_comment_does_not_cut_a_number_short(authority: TestAuthority, house: Issued) -> None:
    given = wrapped(vihf(house, rpps(3), INS_C, NOW), "comment in the number", house)
    with suppress(AssertionRefused):
        assert str(said(authority, house, given).id) == rpps(3)


@given(st.data())
@settings(max_examples=150)
def test_no_damage_is_believed_nor_breaks_anything(data: st.DataObject) -> None:
    authority, house, given_ = _SHARED
    damaged = bytearray(given_)
    place = data.draw(st.integers(0, len(damaged) - 1))
    damaged[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    lists = authority.lists([], NOW)
    establishment = feeding(Trust(authority.anchors, lambda: lists), house)
    try:
        found = acting(bytes(damaged), house.der, establishment, NOW)
    except AssertionRefused:
        return
    assert found == acting(given_, house.der, establishment, NOW)


class House:
    """An establishment in front of the gate, over one dossier with an INS-C."""

    def __init__(self, world: RecordWorld) -> None:
        self.world = world
        self.someone = world.someone()
        self.record = Record(world, self.someone.dossier)
        person = self.someone.person
        self.ins_c = insc.compute(person.given_name, insc.birth_date_of(person.birth_date), person.nir)
        self.authority = TestAuthority(world.clock())
        self.certificate = self.authority.establishment("1750712184", "CLINIQUE DE TEST", world.clock())
        lists = self.authority.lists([], world.clock())
        self.trust = Trust(self.authority.anchors, lambda: lists)
        self.gate = FeedingGate(world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock)

    def acting(self, number: int, **changes: Any) -> Acting:
        now = self.world.clock()
        given_ = vihf(self.certificate, rpps(number), changes.pop("ins_c", self.ins_c), now, **changes)
        return acting(given_, self.certificate.der, feeding(self.trust, self.certificate, now), now)

    def sent(self, words: str = "Lettre de sortie", code: str = "11490-0") -> Sent:
        return Sent(code, words, self.world.clock() - timedelta(days=1), words.encode())


@pytest.fixture
def clinic(world: RecordWorld) -> House:
    return House(world)


def test_a_document_put_in_by_an_establishment_is_read_by_who_may(clinic: House, world: RecordWorld) -> None:
    receipt = clinic.gate.deposit(clinic.acting(70_001), clinic.sent())
    reader = a_professional(70_002)
    world.gate().consent(reader, clinic.record.dossier, informed=True)
    (found,) = listed(world.gate(), reader, clinic.record.dossier)
    document, data = world.gate().read(reader, clinic.record.dossier, found)
    assert data == b"Lettre de sortie"
    assert (document.author.id, document.author.name) == (rpps(70_001), "ANNE MARTIN, CLINIQUE DE TEST")
    assert document.sha256.hex() == receipt.sha256
    line = next(line for line in clinic.record.chain() if line.action is Action.ADD)
    assert (line.who.id, line.who.name, line.document) == (rpps(70_001), "ANNE MARTIN, CLINIQUE DE TEST", found)


def test_a_secret_connection_is_told_to_the_person_alone(clinic: House, world: RecordWorld) -> None:
    who = clinic.acting(70_015, fields={CONFIDENTIALITY: "INVISIBLE_REPRESENTANTS_LEGAUX^^^1.2.250.1.213.1.1.4.13"})
    clinic.gate.deposit(who, clinic.sent("Consultation de planification"))
    (line,) = clinic.record.chain()
    assert line.who.mode is Mode.SECRET
    rows = world.rows("SELECT hidden_from_representatives AS h FROM medical.document WHERE dossier_id = :d",
                      d=clinic.record.dossier)  # fmt: skip
    assert [row.h for row in rows] == [True]
    clinic.gate.deposit(clinic.acting(70_015), clinic.sent("Autre lettre"))
    assert clinic.record.chain()[-1].who.mode is Mode.NORMAL


def test_an_assertion_serves_once(clinic: House) -> None:
    who = clinic.acting(70_010)
    clinic.gate.deposit(who, clinic.sent())
    with pytest.raises(AssertionRefused, match="déjà servi"):
        clinic.gate.deposit(who, clinic.sent("Autre lettre"))
    assert len([line for line in clinic.record.chain() if line.action is Action.ADD]) == 1


def test_the_same_content_again_has_the_same_receipt_and_is_there_once(clinic: House, world: RecordWorld) -> None:
    first = clinic.gate.deposit(clinic.acting(70_020), clinic.sent())
    world.rows("UPDATE medical.document SET masked = true WHERE dossier_id = :d RETURNING id", d=clinic.record.dossier)
    again = clinic.gate.deposit(clinic.acting(70_020), clinic.sent())
    assert (again.sha256, first.entered, again.entered) == (first.sha256, True, False)
    rows = world.rows("SELECT content FROM medical.document WHERE dossier_id = :d", d=clinic.record.dossier)
    assert len(rows) == 1
    assert len([path for path in world.folder.rglob("*") if path.is_file()]) == 1


def test_a_blocked_professional_puts_nothing_in_and_a_closed_dossier_takes_nothing(
    clinic: House, world: RecordWorld
) -> None:
    who = a_professional(70_030)
    clinic.record.as_owner(circle.block, member(who), world.clock())
    told = tried(lambda: clinic.gate.deposit(clinic.acting(70_030), clinic.sent()))
    absent = tried(lambda: clinic.gate.deposit(clinic.acting(70_031, ins_c=INS_C), clinic.sent()))
    clinic.record.state("closed")
    closed = tried(lambda: clinic.gate.deposit(clinic.acting(70_031), clinic.sent()))
    assert told is not None
    assert told == absent == closed
    lines = [(line.action, line.granted) for line in clinic.record.chain()]
    assert lines == [(Action.ADD, False), (Action.ADD, False)]


def test_what_cannot_enter_is_refused_before_anything_is_written(clinic: House, world: RecordWorld) -> None:
    for sent in (
        clinic.sent(code="EXPPAT_3"), clinic.sent(" "), Sent("11490-0", "x", world.clock(), b"PK\x03\x04"),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            clinic.gate.deposit(clinic.acting(70_040), sent)
    assert clinic.record.chain() == []
    assert not any(path.is_file() for path in world.folder.rglob("*"))


def test_putting_in_gives_no_sight_of_anything(clinic: House, world: RecordWorld) -> None:
    clinic.record.put("autre")
    clinic.gate.deposit(clinic.acting(70_050), clinic.sent())
    who = a_professional(70_050)
    assert rows_seen(world, who, clinic.record.dossier) == set()
    with pytest.raises(Exception, match="consentement"):
        listed(world.gate(), who, clinic.record.dossier)
    with pytest.raises(NotFound):
        clinic.gate.deposit(clinic.acting(70_051, ins_c=INS_C), clinic.sent())


_SHARED = (lambda made: (made, *(lambda one: (one, vihf(one, rpps(3), INS_C, NOW)))(
    made.establishment("1750712184", "CLINIQUE DE TEST", NOW)
)))(TestAuthority(NOW))  # fmt: skip
