"""Whether a card is believed: chain, dates, revocation, use, bearer; each refusal by its own name."""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from dmp_core.errors import Unavailable
from dmp_core.professionals.authority import Issued, TestAuthority
from dmp_core.professionals.certificates import (
    CARD_POLICY,
    ESTABLISHMENT_POLICY,
    CertificateRefused,
    Establishment,
    Fault,
    Professional,
    Staff,
)
from dmp_core.professionals.identifiers import Kind, is_structure, national_id
from dmp_core.professionals.professions import label_of, profession_named, profession_of
from dmp_core.professionals.rights import MAY, Act
from dmp_core.professionals.trust import Anchors, FolderOfLists, Trust

from .samples import NOW, a_doctor, a_secretary, rpps


@pytest.fixture(scope="module")
def authority() -> TestAuthority:
    return TestAuthority(NOW)


def trusting(authority: TestAuthority, *revoked: Any, now: Any = NOW) -> Trust:
    lists = authority.lists([one.certificate for one in revoked], now)
    return Trust(authority.anchors, lambda: lists)


def fault_of(trust: Trust, presented: bytes, now: Any = NOW) -> Fault:
    with pytest.raises(CertificateRefused) as refusal:
        trust.professional(presented, now)
    assert str(refusal.value)
    return refusal.value.fault


def test_a_card_says_who_its_bearer_is(authority: TestAuthority) -> None:
    card = a_doctor(authority, 7, speciality="G15_10/SM54")
    found = trusting(authority).professional(card.der, NOW)
    assert (str(found.id), found.id.kind, found.name) == (rpps(7), Kind.RPPS, "ANNE MARTIN")
    assert found.profession.code == "G15_10"
    assert found.speciality is not None
    assert found.speciality.label == "Médecin - Médecine Générale (SM)"
    assert found.card == card.certificate.fingerprint(hashes.SHA256())
    assert "MARTIN" not in repr(found)


def test_a_nurse_is_known_by_her_adeli_number_and_no_speciality_is_needed(authority: TestAuthority) -> None:
    card = a_doctor(authority, national_id="0751234567", profession="Infirmier")
    found = trusting(authority).professional(card.der, NOW)
    assert (found.id.kind, found.profession.code, found.speciality) == (Kind.ADELI, "G15_60", None)


def test_every_kind_of_card_does_what_the_table_gives_it_and_nothing_else(authority: TestAuthority) -> None:
    trust = trusting(authority)
    doctor, secretary = a_doctor(authority), a_secretary(authority)
    house = authority.establishment("1750712184", "CLINIQUE DE TEST", NOW)
    for card, kind in ((doctor, Professional), (secretary, Staff), (house, Establishment)):
        for act in Act:
            if act in MAY[kind]:
                assert isinstance(trust.bearer(card.der, NOW, act), kind)
            else:
                with pytest.raises(
                    CertificateRefused, match=r"La consultation demande la carte \(CPS\) du professionnel"
                ):
                    trust.bearer(card.der, NOW, act)
    assert {kind for kind, acts in MAY.items() if Act.CONSULT in acts} == {Professional}
    assert fault_of(trust, secretary.der) is Fault.STAFF
    assert fault_of(trust, house.der) is Fault.ESTABLISHMENT


def test_a_card_of_staff_says_who_works_where(authority: TestAuthority) -> None:
    found = trusting(authority).bearer(a_secretary(authority).der, NOW, Act.FEED)
    assert isinstance(found, Staff)
    assert (str(found.id), found.id.personal, found.name) == ("3750712184/AG-12", False, "LUC AGENT")
    assert (found.structure.id, found.structure.name) == ("1750712184", "CLINIQUE DE TEST")
    assert "AGENT" not in repr(found)
    with pytest.raises(CertificateRefused) as refusal:
        trusting(authority).bearer(authority.establishment("dmp", "CLINIQUE", NOW).der, NOW, Act.FEED)
    assert refusal.value.fault is Fault.STRUCTURE


@pytest.mark.parametrize("kind", ["staff", "establishment", "signature"])
def test_the_refusals_of_the_promise_hold_for_every_other_kind(authority: TestAuthority, kind: str) -> None:
    day, made = timedelta(days=1), {"staff": _staff, "establishment": _house, "signature": _signature}[kind]

    def fault(card: Issued, trust: Trust | None = None, now: Any = NOW) -> Fault:
        believes = trust or trusting(authority)
        ask = believes.signer if kind == "signature" else partial(believes.bearer, act=Act.FEED)
        with pytest.raises(CertificateRefused) as refusal:
            ask(card.der, now)
        return refusal.value.fault

    good, lost = made(authority), made(authority)
    assert fault(made(TestAuthority(NOW))) is Fault.UNTRUSTED
    assert fault(made(authority, now=NOW - 30 * day, life=29 * day)) is Fault.EXPIRED
    assert fault(made(authority, now=NOW + day)) is Fault.NOT_YET
    assert fault(lost, trusting(authority, lost)) is Fault.REVOKED
    assert fault(good, Trust(authority.anchors, lambda: [])) is Fault.LIST
    assert fault(Issued(a_doctor(authority, 2, issuer=good).certificate, good.key)) is Fault.UNTRUSTED
    if kind == "staff":
        assert fault(made(authority, national_id=rpps(1))) is Fault.IDENTIFIER
        assert fault(made(authority, structure="9")) is Fault.STRUCTURE
        assert fault(made(authority, extended=())) is Fault.USE
        assert fault(made(authority, extended=(ExtendedKeyUsageOID.SERVER_AUTH,))) is Fault.USE
        assert fault(made(authority, issuer=authority.establishments)) is Fault.UNTRUSTED
    elif kind == "establishment":
        assert fault(made(authority, structure="9")) is Fault.STRUCTURE
    else:
        assert fault(a_doctor(authority)) is Fault.SIGNATURE
        assert fault(made(authority, commits=False)) is Fault.SIGNATURE
        assert fault(made(authority, policy=CARD_POLICY)) is Fault.SIGNATURE
        assert fault(authority.signature(a_secretary(authority), NOW)) is Fault.IDENTIFIER


def test_a_certificate_of_signature_opens_no_connection(authority: TestAuthority) -> None:
    assert fault_of(trusting(authority), authority.signature(a_doctor(authority), NOW).der) is Fault.USE


def test_every_refusal_of_the_promise_has_its_name(authority: TestAuthority) -> None:
    """RECORD 4, row 26; the spoofed header is the application's own test."""
    trust, day = trusting(authority), timedelta(days=1)
    assert fault_of(trust, a_doctor(TestAuthority(NOW)).der) is Fault.UNTRUSTED
    assert fault_of(trust, a_doctor(authority, now=NOW - 30 * day, life=29 * day).der) is Fault.EXPIRED
    assert fault_of(trust, a_doctor(authority, now=NOW + day).der) is Fault.NOT_YET
    lost = a_doctor(authority)
    assert fault_of(trusting(authority, lost), lost.der) is Fault.REVOKED
    assert fault_of(trust, a_doctor(authority, national_id="ANNE").der) is Fault.IDENTIFIER
    assert fault_of(trust, a_doctor(authority, extended=()).der) is Fault.USE
    server_only = (ExtendedKeyUsageOID.SERVER_AUTH,)
    assert fault_of(trust, a_doctor(authority, extended=server_only).der) is Fault.USE
    assert fault_of(trust, a_doctor(authority, profession="Astrologue").der) is Fault.PROFESSION


@pytest.mark.parametrize(
    "identifier", ["810000000000", "3750712184/12", "8", "", "899999999999", "9123456789", "0751234567x"]
)
def test_a_card_without_a_number_of_its_bearer_is_refused(authority: TestAuthority, identifier: str) -> None:
    card = a_doctor(authority, national_id=identifier or " ")
    assert fault_of(trusting(authority), card.der) is Fault.IDENTIFIER


def test_a_speciality_of_another_profession_or_of_another_time_is_refused(authority: TestAuthority) -> None:
    trust = trusting(authority)
    assert fault_of(trust, a_doctor(authority, speciality="G15_21/A").der) is Fault.PROFESSION
    assert fault_of(trust, a_doctor(authority, speciality="G15_10/XX").der) is Fault.PROFESSION
    assert fault_of(trust, a_doctor(authority, profession="Aide-soignant").der) is Fault.PROFESSION  # from 2018 only


def test_a_certificate_made_for_something_else_is_refused(authority: TestAuthority) -> None:
    assert fault_of(trusting(authority), a_doctor(authority, policy=ESTABLISHMENT_POLICY).der) is Fault.POLICY


def test_an_authority_of_another_kind_issues_no_card(authority: TestAuthority) -> None:
    trust = trusting(authority)
    assert fault_of(trust, a_doctor(authority, issuer=authority.establishments).der) is Fault.UNTRUSTED
    assert fault_of(trust, a_doctor(authority, issuer=authority.root).der) is Fault.UNTRUSTED
    card = a_doctor(authority)
    assert fault_of(trust, a_doctor(authority, 2, issuer=card).der) is Fault.UNTRUSTED


def test_what_was_changed_after_signing_or_is_no_certificate_is_refused(authority: TestAuthority) -> None:
    trust, der = trusting(authority), bytearray(a_doctor(authority).der)
    place = der.find(b"MARTIN")
    der[place : place + 6] = b"DUPOND"
    assert fault_of(trust, bytes(der)) is Fault.UNTRUSTED
    assert fault_of(trust, b"carte") is Fault.UNREADABLE
    assert fault_of(trust, b"") is Fault.UNREADABLE


@pytest.mark.filterwarnings("ignore:Parsed a serial number")  # a damaged one, which no authority of ours signed
@given(st.data())
def test_no_damage_opens_nor_breaks_anything(data: st.DataObject) -> None:
    authority, der = _SHARED
    place = data.draw(st.integers(0, len(der) - 1))
    damaged = bytearray(der)
    damaged[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CertificateRefused):
        trusting(authority).professional(bytes(damaged), NOW)


def test_without_a_fresh_signed_list_of_its_issuer_no_card_is_believed(authority: TestAuthority) -> None:
    card, week = a_doctor(authority), timedelta(days=7)
    root, cards, _ = authority.lists([], NOW)
    forged = authority.revocations(authority.cards, [], NOW, signed_by=authority.establishments)
    stale = authority.revocations(authority.cards, [], NOW - 2 * week, life=week)
    future = authority.revocations(authority.cards, [], NOW + week)
    for lists in ([], [root], [cards], [root, forged], [root, stale], [root, future]):
        assert fault_of(Trust(authority.anchors, lambda found=lists: found), card.der) is Fault.LIST
    trusted = Trust(authority.anchors, lambda: [root, cards])
    assert trusted.professional(card.der, NOW + week - timedelta(seconds=1)).name
    assert fault_of(trusted, card.der, NOW + week) is Fault.LIST


def test_a_card_once_revoked_stays_so_whatever_an_older_or_later_list_forgets(authority: TestAuthority) -> None:
    card, day = a_doctor(authority), timedelta(days=1)
    root, cards, _ = authority.lists([], NOW)
    told = authority.revocations(authority.cards, [card.certificate], NOW - 30 * day)
    assert fault_of(Trust(authority.anchors, lambda: [root, cards, told]), card.der) is Fault.REVOKED


def test_a_revoked_authority_takes_its_cards_with_it(authority: TestAuthority) -> None:
    assert fault_of(trusting(authority, authority.cards), a_doctor(authority).der) is Fault.REVOKED


def test_a_partial_list_does_not_prove_that_a_card_was_not_revoked(authority: TestAuthority) -> None:
    root, _, _ = authority.lists([], NOW)
    partial = (
        x509.CertificateRevocationListBuilder().issuer_name(authority.cards.certificate.subject)
        .last_update(NOW).next_update(NOW + timedelta(days=1))
        .add_extension(x509.DeltaCRLIndicator(1), critical=True)
        .sign(authority.cards.key, hashes.SHA256())
    )  # fmt: skip
    assert fault_of(Trust(authority.anchors, lambda: [root, partial]), a_doctor(authority).der) is Fault.LIST


def test_a_long_list_is_read_once(authority: TestAuthority) -> None:
    card, lost = a_doctor(authority), a_doctor(authority)
    root, _, _ = authority.lists([], NOW)
    built = (
        x509.CertificateRevocationListBuilder().issuer_name(authority.cards.certificate.subject)
        .last_update(NOW).next_update(NOW + timedelta(days=1))
    )  # fmt: skip
    for number in (*range(1, 20_000), lost.certificate.serial_number):
        entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(NOW).build()
        built = built.add_revoked_certificate(entry)
    lists, asked = [root, built.sign(authority.cards.key, hashes.SHA256())], 0

    class Counted(list[x509.CertificateRevocationList]):
        def __iter__(self) -> Any:
            nonlocal asked
            asked += 1
            return super().__iter__()

    counted = Counted(lists)
    trust = Trust(authority.anchors, lambda: counted)
    for _ in range(50):
        assert trust.professional(card.der, NOW).name
    assert fault_of(trust, lost.der) is Fault.REVOKED
    assert asked == 2  # once for each issuer


def test_anchors_and_lists_are_read_from_a_folder_and_a_new_list_holds_at_once(
    authority: TestAuthority, tmp_path: Path
) -> None:
    card = a_doctor(authority)
    authority.publish(tmp_path, NOW)
    trust = Trust(Anchors.load(tmp_path), FolderOfLists(tmp_path))
    assert trust.professional(card.der, NOW).name == "ANNE MARTIN"
    (tmp_path / "x.crl").write_bytes(b"no list at all")
    assert trust.professional(card.der, NOW)
    authority.publish(tmp_path, NOW, [card.certificate])
    assert fault_of(trust, card.der) is Fault.REVOKED
    with pytest.raises(Unavailable, match="racines"):
        Anchors.load(tmp_path / "ailleurs")


def test_a_software_card_opens_with_its_password_alone(authority: TestAuthority) -> None:
    card = a_doctor(authority)
    file = card.pkcs12("1234", [authority.cards.certificate])
    key, certificate, others = pkcs12.load_key_and_certificates(file, b"1234")
    assert certificate == card.certificate
    assert key is not None
    assert [one.subject for one in others] == [authority.cards.certificate.subject]
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_key_and_certificates(file, b"4321")
    assert card.key_pem not in file
    assert card.pem == card.certificate.public_bytes(serialization.Encoding.PEM)


@given(st.integers(0, 10**8 - 1), st.integers(0, 10), st.integers(1, 9))
def test_one_wrong_figure_of_a_rpps_number_is_noticed(number: int, place: int, by: int) -> None:
    good = rpps(number)[1:]
    found = national_id(f"8{good}")
    assert found is not None
    assert (str(found), found.personal) == (f"8{good}", True)
    wrong = f"{good[:place]}{(int(good[place]) + by) % 10}{good[place + 1 :]}"
    assert national_id(f"8{wrong}") is None


@given(st.text(max_size=20))
def test_any_text_is_an_identifier_or_none(written: str) -> None:
    found = national_id(written)
    assert found is None or str(found) == written
    is_structure(written)


def test_identifiers_of_staff_are_known_as_such() -> None:
    staff = national_id("3750712184/AG-12")
    assert staff is not None
    assert (staff.kind, staff.personal) == (Kind.FINESS, False)
    assert [is_structure(one) for one in ("1750712184", "12A0712184", "318003502400041", "1", "9750712184")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_professions_hold_for_their_period() -> None:
    on = NOW.date()
    assert profession_named("masseur-kinésithérapeute", on).code == "G15_70"  # type: ignore[union-attr]
    assert profession_of("G15_21/DH", on) is not None
    assert profession_of("G15_21/DH", on.replace(year=2018)) is None
    assert (label_of("G15_21/DH"), label_of("X")) == ("Pharmacien d’établissement de santé", "X")


def _staff(authority: TestAuthority, **more: Any) -> Issued:
    return a_secretary(authority, more.pop("now", NOW), **more)


def _house(authority: TestAuthority, **more: Any) -> Issued:
    return authority.establishment(
        more.pop("structure", "1750712184"), "CLINIQUE DE TEST", more.pop("now", NOW), **more
    )


def _signature(authority: TestAuthority, **more: Any) -> Issued:
    return authority.signature(a_doctor(authority), more.pop("now", NOW), **more)


_SHARED = (lambda made: (made, a_doctor(made).der))(TestAuthority(NOW))
