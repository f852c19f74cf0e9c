"""Deposit slips count what leaves; a damaged letter is printed again as it was, while its lot and its code are there."""

import io
from datetime import date

import pytest
from pypdf import PdfReader

from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.models import Lot
from backoffice.campaigns.reprint import MOST, Copy, reprint, reprint_posted
from backoffice.campaigns.slip import slip_file, slip_of
from backoffice.core.errors import Invalid, NotFound, WrongState
from backoffice.letters.reference import format_letter_id
from campaigns.printers import a_printer
from campaigns.world import CODE, LETTER_ID, SYSTEM, World, a_person, manager, pages_of


def ids_of(world: World, reference: str) -> list[str]:
    return [format_letter_id(letter.caisse, letter.number) for letter in world.letters(reference)]


def again(world: World, letter_id: str, reason: str = "tachée par la presse") -> Copy:
    with world.session() as session:
        return reprint(session, world.office, SYSTEM, letter_id, reason)


def test_a_slip_counts_by_departement_and_country_and_weighs(world: World) -> None:
    places = [("63000", ""), ("63100", ""), ("03200", ""), ("97410", ""), ("20090", ""), ("1000", "BELGIQUE")]
    world.load([a_person(code_postal=code, pays=country) for code, country in places])
    a_printer(world, duplex=True)
    reference = world.sealed(criteria=Criteria(foreign=True))
    (lot,) = world.lots(reference)
    with world.session() as session:
        slip = slip_of(session, world.office, world.campaign(reference), lot)
        text = "\n".join(
            page.extract_text()
            for page in PdfReader(
                io.BytesIO(slip_file(session, world.office, SYSTEM, world.campaign(reference), lot))
            ).pages
        )
    assert [(one.label, one.abroad, one.letters) for one in slip.destinations] == [
        ("03", False, 1), ("20", False, 1), ("63", False, 2), ("974", False, 1), ("Belgique", True, 1),
    ]  # fmt: skip
    assert (slip.letters, slip.abroad, slip.sheets) == (6, 1, 6)
    assert slip.kilograms == pytest.approx(0.06)
    for shown in (lot.name or "", "Lettre verte", "Belgique", "20 (Corse)", "0,06"):
        assert shown in text.replace("\u00a0", " ")


def test_no_slip_before_the_lot_is_sealed(world: World) -> None:
    world.load([a_person()])
    reference = world.launched()
    (lot,) = world.lots(reference)
    with world.session() as session, pytest.raises(WrongState):
        slip_of(session, world.office, world.campaign(reference), lot)


@pytest.mark.parametrize("duplex", [False, True])
def test_a_reprint_is_the_very_page_with_the_very_code(world: World, duplex: bool) -> None:
    a_printer(world, duplex=duplex)
    world.load([a_person() for _ in range(4)])
    reference = world.sealed()
    (lot,) = world.lots(reference)
    wanted = ids_of(world, reference)[2]
    sealed = PdfReader(world.folder_of(reference) / f"{lot.name}.pdf").pages[4 if duplex else 2].extract_text()
    copy = again(world, wanted.replace("-", ""))
    pages = PdfReader(io.BytesIO(copy.pages)).pages
    assert (len(pages), pages[0].extract_text(), copy.letter_id, copy.rank) == (2 if duplex else 1, sealed, wanted, 1)
    assert set(LETTER_ID.findall(sealed)) == {wanted}
    (code,) = CODE.findall(sealed)
    assert world.digest("631", code) in world.codes()
    (line,) = world.sql("SELECT object, reason, detail FROM audit_entry WHERE action = 'courrier.reimprimer'")
    assert line == (f"courrier {wanted}", "tachée par la presse", {"lot": lot.name, "fois": 1})
    assert world.verify().clean


def test_reprints_are_counted_and_end_somewhere(world: World) -> None:
    world.load([a_person()])
    (letter_id,) = ids_of(world, world.sealed())
    assert [again(world, letter_id).rank for _ in range(MOST)] == [1, 2, 3]
    with pytest.raises(WrongState, match="déjà été réimprimé"):
        again(world, letter_id)


def test_what_cannot_be_printed_again_says_why(world: World) -> None:
    world.load([a_person()])
    reference = world.sealed()
    (letter_id,) = ids_of(world, reference)
    with pytest.raises(Invalid, match="ce qui est arrivé"):
        again(world, letter_id, " ")
    with pytest.raises(Invalid, match="erreur de frappe"):
        again(world, "631-000000001-00")
    with pytest.raises(NotFound), world.session() as session:
        reprint(session, world.office, manager("x", "941"), letter_id, "essai")
    world.office.dmp.revoke("631", [world.letters(reference)[0].person_id], "essai")
    with pytest.raises(WrongState, match="n’est plus valable"):
        again(world, letter_id)
    assert world.sql("SELECT count(*) FROM letter_reprint") == [(0,)]


def test_a_reprint_posted_later_puts_off_the_end_of_its_own_code_alone(world: World) -> None:
    world.load([a_person() for _ in range(2)])
    reference = world.sealed()
    one, _ = ids_of(world, reference)
    with pytest.raises(WrongState, match="n’a pas été réimprimé"), world.session() as session:
        reprint_posted(session, world.office, SYSTEM, one, date(2016, 11, 20))
    again(world, one)
    world.clock.move(days=30)
    with world.session() as session:
        reprint_posted(session, world.office, SYSTEM, one, date(2016, 11, 25))
        reprint_posted(session, world.office, SYSTEM, one, date(2016, 11, 25))
    persons = [letter.person_id for letter in world.letters(reference)]
    ends = world.office.dmp.code_states("631", persons)
    assert [ends[person].expires_on for person in persons] == [date(2017, 1, 25), date(2017, 1, 14)]


def test_a_tampered_lot_is_not_reprinted_from(world: World) -> None:
    world.load([a_person()])
    reference = world.sealed()
    (lot,) = world.lots(reference)
    path = world.folder_of(reference) / f"{lot.name}.pdf"
    path.chmod(0o600)
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(WrongState, match="modifié"):
        again(world, ids_of(world, reference)[0])
    assert isinstance(lot, Lot)
    assert pages_of(path)
