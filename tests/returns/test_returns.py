"""Letters that come back: noted once, undone while nothing followed; then code, address and case follow, whatever dies."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from campaigns.world import LETTER_DAY, SYSTEM, World, a_person, new_nir

from backoffice.adapters.dmp import CodeStatus, DmpGateway
from backoffice.campaigns.control import add_address
from backoffice.campaigns.criteria import Criteria, Earlier, Fate
from backoffice.campaigns.kinds import Exclusion
from backoffice.cases.actions import advance
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotAllowed, NotFound, Unavailable, WrongState
from backoffice.letters.reference import format_letter_id
from backoffice.population.notices import NoticeKind, notices_of
from backoffice.returns.applying import apply_returns
from backoffice.returns.noting import HEADER, FileNotes, end_batch, note_return, read_file, recent_notes, undo_last
from backoffice.returns.rates import ABROAD, return_rates
from backoffice.returns.reasons import ReturnReason, reason_of

R = ReturnReason
MANAGER = Actor("damien.faure", "D", frozenset({Role.CAMPAIGN_MANAGER}), frozenset({"631"}))
CLERK = Actor("sandrine.chabrol", "S", frozenset({Role.AGENT}), frozenset({"631"}))


@pytest.fixture
def letters(world: World) -> list[str]:
    world.load([a_person(code_postal="63000"), a_person(code_postal="63000"), a_person(code_postal="63100")])
    reference = world.sealed()
    world.clock.now = world.clock.now.replace(month=12)
    return [format_letter_id(letter.caisse, letter.number) for letter in world.letters(reference)]


def note(world: World, letter_id: str, reason: ReturnReason = R.UNKNOWN, actor: Actor = CLERK) -> None:
    with world.session() as session:
        note_return(session, world.office, actor, letter_id, reason)


def later(world: World) -> int:
    world.clock.move(minutes=3)
    return apply_returns(world.office)


def person_of(world: World, letter_id: str) -> int:
    return int(world.sql("SELECT person_id FROM letter WHERE number = :n", n=int(letter_id[4:13]))[0][0])


def code_of(world: World, letter_id: str) -> CodeStatus:
    person = person_of(world, letter_id)
    return world.office.dmp.code_states("631", [person])[person].status


def flagged(world: World, letter_id: str) -> bool:
    person = person_of(world, letter_id)
    with world.session() as session:
        return any(n.kind == NoticeKind.UNDELIVERABLE for n in notices_of(session, "631", [person]).get(person, []))


@pytest.mark.parametrize("reason", list(R))
def test_each_reason_revokes_the_code_and_flags_the_address_it_blames(
    world: World, letters: list[str], reason: ReturnReason
) -> None:
    note(world, letters[0], reason)
    assert (code_of(world, letters[0]), apply_returns(world.office)) == (CodeStatus.LIVE, 0)  # not before two minutes
    assert later(world) == 1
    assert (code_of(world, letters[0]), code_of(world, letters[1])) == (CodeStatus.REVOKED, CodeStatus.LIVE)
    assert flagged(world, letters[0]) is reason.bad_address
    assert world.sql("SELECT count(*) FROM case_file") == [(int(reason.bad_address),)]
    assert later(world) == 0
    assert world.verify().clean


def test_a_flagged_address_is_left_out_until_a_file_gives_another(world: World) -> None:
    nir = new_nir()
    world.load([a_person(nir=nir)])
    first = world.sealed()
    (letter,) = world.letters(first)
    world.clock.now = world.clock.now.replace(month=12)
    note(world, format_letter_id("631", letter.number))
    later(world)
    again = {"letter_date": date(2016, 12, 20)}
    assert world.status(world.frozen(**again)).excluded == {Exclusion.UNDELIVERABLE: 1}
    world.load([a_person(nir=nir)])  # the same address in a new file is the same address
    assert world.status(world.frozen(**again)).excluded == {Exclusion.UNDELIVERABLE: 1}
    world.load([a_person(nir=nir, adresse_4="7 RUE NEUVE", ville="AUBIERE", code_postal="63170")])
    assert world.status(world.frozen(**again)).eligible == 1
    later(world)
    assert world.sql("SELECT state FROM case_file") == [("corrected",)]
    # A resend to the old address, years of mailing systems' classic: an old file brings it back, and it is left out.
    world.load([a_person(nir=nir)])
    assert world.status(world.frozen(**again)).excluded == {Exclusion.UNDELIVERABLE: 1}


def test_whose_letter_came_back_may_be_targeted_whatever_the_reason_and_not_for_another_letter(
    world: World, letters: list[str]
) -> None:
    first = world.sql("SELECT reference FROM campaign")[0][0]
    remake = {"kind": "remake", "letter_date": date(2016, 12, 20)}

    def returned(reference: str) -> int:
        return world.status(
            world.frozen(criteria=Criteria(earlier=Earlier(reference, Fate.RETURNED)), **remake)
        ).targeted

    for letter_id, reason in zip(letters, (R.REFUSED, R.UNCLAIMED, R.UNKNOWN), strict=True):
        note(world, letter_id, reason)
    with world.session() as session:
        undo_last(session, world.office, CLERK)
    assert returned(first) == 2  # before their effects as after
    later(world)
    assert returned(first) == 2
    second = world.sealed(kind="remake", letter_date=date(2016, 12, 19), criteria=Criteria(
        earlier=Earlier(first, Fate.WRITTEN)
    ))  # fmt: skip
    (again, *_) = [one for one in world.letters(second) if one.person_id == person_of(world, letters[2])]
    world.clock.move(days=20)
    note(world, format_letter_id("631", again.number), R.UNKNOWN)
    later(world)
    remake["letter_date"] = date(2017, 1, 20)
    assert flagged(world, letters[2])
    assert (returned(first), returned(second)) == (2, 1)


def test_an_address_that_was_right_is_written_to_again(world: World, letters: list[str]) -> None:
    note(world, letters[0], R.ACCESS)
    later(world)
    (number,) = world.sql("SELECT number FROM case_file")[0]
    with world.session() as session, pytest.raises(Invalid):
        advance(session, world.office, CLERK, number, "confirm")
    with world.session() as session:
        advance(session, world.office, CLERK, number, "confirm", "vue avec la personne")
    assert not flagged(world, letters[0])


def test_what_is_wrong_is_told_in_one_sentence(world: World, letters: list[str]) -> None:
    for typed, kind, sentence in (
        ("631-000000001", Invalid, "14 chiffres"), ("631-000000001-00", Invalid, "erreur de frappe"),
        (format_letter_id("631", 999), NotFound, "introuvable"), (format_letter_id("941", 1), NotFound, "introuvable"),
    ):  # fmt: skip
        with pytest.raises(kind, match=sentence):
            note(world, typed)
    note(world, letters[0], R.REFUSED)
    with pytest.raises(WrongState, match="déjà noté"):
        note(world, letters[0])
    with world.session() as session, pytest.raises(Invalid, match="ne peut pas être le jour"):
        note_return(session, world.office, CLERK, letters[1], R.REFUSED, returned_on=LETTER_DAY + timedelta(days=90))
    stranger = Actor("x", "x", frozenset({Role.AGENT}), frozenset({"941"}))
    with pytest.raises(NotFound):
        note(world, letters[1], actor=stranger)
    with pytest.raises(NotAllowed):
        note(world, letters[1], actor=Actor("y", "y", frozenset({Role.ADMINISTRATOR}), frozenset({"631"})))


def test_the_last_note_is_taken_back_until_it_had_effects(world: World, letters: list[str]) -> None:
    note(world, letters[0])
    note(world, letters[1], R.REFUSED)
    with world.session() as session:
        assert undo_last(session, world.office, CLERK).letter_id == letters[1]
        assert undo_last(session, world.office, CLERK).letter_id == letters[0]
        with pytest.raises(WrongState, match="rien noté"):
            undo_last(session, world.office, CLERK)
    assert later(world) == 0
    note(world, letters[0])
    noted = world.sql("SELECT noted_at FROM letter_return WHERE undone_at IS NULL")
    world.clock.move(seconds=30)
    with world.session() as session:
        assert end_batch(session, world.office, CLERK) == 1
    assert world.sql("SELECT noted_at FROM letter_return WHERE undone_at IS NULL") == noted
    assert apply_returns(world.office) == 1
    with world.session() as session:
        with pytest.raises(WrongState, match="déjà eu ses effets"):
            undo_last(session, world.office, CLERK)
        assert [one.letter_id for one in recent_notes(session, CLERK)] == [letters[0]]


def test_killed_between_the_two_databases_it_is_applied_again(
    world: World, letters: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    note(world, letters[0])
    world.clock.move(minutes=3)
    real = DmpGateway.revoke

    def revoke_and_die(self: DmpGateway, *arguments: object, **options: object) -> int:
        real(self, *arguments, **options)  # type: ignore[arg-type]
        raise Unavailable("coupure")

    monkeypatch.setattr(DmpGateway, "revoke", revoke_and_die)
    with pytest.raises(Unavailable):
        apply_returns(world.office)
    monkeypatch.undo()
    assert apply_returns(world.office) == 1
    assert flagged(world, letters[0])
    assert world.sql("SELECT revoked FROM letter_return") == [(True,)]
    assert world.sql("SELECT count(*) FROM case_file") == [(1,)]


def test_a_person_with_two_returns_has_one_case(world: World) -> None:
    world.load([a_person()])
    first = world.sealed()
    world.office.dmp.revoke("631", [world.letters(first)[0].person_id], "essai")
    second = world.sealed()
    world.clock.now = world.clock.now.replace(month=12)
    for reference in (first, second):
        note(world, format_letter_id("631", world.letters(reference)[0].number))
    assert later(world) == 2
    assert world.sql("SELECT count(*) FROM case_file") == [(1,)]


def test_a_code_of_a_later_letter_outlives_the_return_of_an_earlier_one(world: World) -> None:
    world.load([a_person()])
    first = world.sealed()
    (letter,) = world.letters(first)
    import uuid

    world.office.dmp.issue_codes(uuid.uuid4(), "631", [letter.person_id], LETTER_DAY, replacing="demandé")
    world.clock.now = world.clock.now.replace(month=12)
    note(world, format_letter_id("631", letter.number))
    later(world)
    assert code_of(world, format_letter_id("631", letter.number)) is CodeStatus.LIVE
    assert world.sql("SELECT revoked FROM letter_return") == [(False,)]


def test_an_address_changed_since_the_letter_is_not_blamed(world: World) -> None:
    nir = new_nir()
    world.load([a_person(nir=nir, code_postal="63000")])
    (letter,) = world.letters(world.sealed())
    world.clock.now = world.clock.now.replace(month=12)
    note(world, format_letter_id("631", letter.number))
    world.load([a_person(nir=nir, code_postal="63170", ville="AUBIERE")])
    later(world)
    assert not flagged(world, format_letter_id("631", letter.number))


def read(world: World, *lines: str, head: str = ";".join(HEADER)) -> FileNotes:
    with world.session() as session:
        return read_file(session, world.office, CLERK, "\n".join((head, *lines)).encode(), "retours.csv")


def test_a_file_notes_its_lines_and_tells_the_others(world: World, letters: list[str], tmp_path: Path) -> None:
    found = read(
        world, f"{letters[0]};inconnu;2016-12-01", f"{letters[1]};4;", f"{letters[0]};refuse;", f"{letters[2]};perdu;",
        f"{letters[2]};1;hier", "631-000000001-00;1;",
    )  # fmt: skip
    assert (found.lines, found.noted, found.known) == (6, 2, 1)
    assert [number for number, _ in found.refused] == [5, 6, 7]
    again = read(world, f"{letters[0]};inconnu;2016-12-01")
    assert (again.noted, again.known) == (0, 1)
    for content, sentence in (("a;b", "La première ligne"), (f"{';'.join(HEADER)}\nx;1", "2 colonnes")):
        with world.session() as session, pytest.raises(Invalid, match=sentence):
            read_file(session, world.office, CLERK, content.encode(), "x.csv")
    assert later(world) == 2


def test_rates_are_what_a_count_of_the_tables_says(world: World, letters: list[str]) -> None:
    note(world, letters[0])
    note(world, letters[2], R.REFUSED)
    with world.session() as session:
        found = return_rates(session, CLERK, date(2016, 1, 1), date(2016, 12, 31))
        assert [(one.place, one.letters, one.returned) for one in found.places] == [("63100", 1, 1), ("63000", 2, 1)]
        assert (found.total.letters, found.total.returned) == (3, 2)
        whole = return_rates(session, CLERK, date(2016, 1, 1), date(2016, 12, 31), by_departement=True)
        assert [(one.place, one.share) for one in whole.places] == [("63", 2 / 3)]
        assert return_rates(session, CLERK, date(2017, 1, 1), date(2017, 2, 1)).total.letters == 0
        elsewhere = Actor("z", "z", frozenset({Role.AGENT}), frozenset({"941"}))
        assert return_rates(session, elsewhere, date(2016, 1, 1), date(2016, 12, 31)).places == []
    assert ABROAD == "Étranger"


def test_reasons_are_named_as_people_write_them() -> None:
    assert [reason_of(text) for text in ("NPAI", " 1 ", "refusé", "Non réclamé")] == [
        R.UNKNOWN,
        R.ACCESS,
        R.REFUSED,
        R.UNCLAIMED,
    ]
    with pytest.raises(Invalid, match="motifs connus"):
        reason_of("brûlé")


def test_a_letter_that_did_not_leave_cannot_come_back(world: World) -> None:
    world.load([a_person(), a_person(canal="mail", email="a@exemple.fr")])
    reference = world.launched()
    for letter in world.letters(reference):
        with pytest.raises(WrongState, match="n’est pas parti"):
            note(world, format_letter_id("631", letter.number), actor=SYSTEM)


def test_a_control_letter_is_known_as_one_and_nothing_follows(world: World) -> None:
    with world.session() as session:
        add_address(
            session, world.office, MANAGER, "631", label="siège", civilite="MME", nom="Chabrol", prenom="Sandrine",
            adresse_4="RUE PELISSIER", code_postal="63031", ville="CLERMONT FERRAND CEDEX 9",
        )  # fmt: skip
    world.load([a_person()])
    world.sealed()
    world.clock.now = world.clock.now.replace(month=12)
    ((number,),) = world.sql("SELECT number FROM control_letter")
    printed = format_letter_id("631", number)
    with pytest.raises(WrongState, match=r"courrier témoin .« siège ».*rien à révoquer"):
        note(world, printed)
    found = read(world, f"{printed};inconnu;")
    assert (found.noted, found.known, [sentence[:38] for _, sentence in found.refused]) == (
        0, 0, [f"Le courrier {printed} est un courr"[:38]],
    )  # fmt: skip
    stranger = Actor("x", "x", frozenset({Role.AGENT}), frozenset({"941"}))
    with pytest.raises(NotFound):
        note(world, printed, actor=stranger)
    assert later(world) == 0
