"""A lot in its printer's hands: encrypted, handed over once, acknowledged, printed, posted; codes live from the posting."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from backoffice.campaigns import envelopes, sealing
from backoffice.campaigns.actions import approve, submit
from backoffice.campaigns.differences import open_differences, settle
from backoffice.campaigns.envelopes import Envelope
from backoffice.campaigns.models import Lot
from backoffice.campaigns.posting import HEADER, Reading, read_return, returns_of
from backoffice.campaigns.printers import change, choose_printer, printers_of, retire
from backoffice.campaigns.printing import (
    Handover,
    Report,
    acknowledge,
    envelope_file,
    hand_to_printer,
    handover_of,
    note_report,
)
from backoffice.core.actor import Actor, Role
from backoffice.core.errors import Invalid, NotAllowed, NotFound, WrongState
from backoffice.office import Office
from campaigns.printers import a_printer, keys, opened
from campaigns.world import LETTER_DAY, SYSTEM, World, a_person, manager, manifest_of


def hand(
    world: World, reference: str, code: str = "imprimeur-63", reason: str = "", office: Office | None = None
) -> Envelope:
    (lot,) = world.lots(reference)
    with world.session() as session:
        return hand_to_printer(
            session, office or world.office, SYSTEM, world.campaign(reference), session.get_one(Lot, lot.id), code, reason
        )[1]  # fmt: skip


def note(world: World, reference: str, reason: str = "", seen: int | None = None, **said: Any) -> Handover:
    (lot,) = world.lots(reference)
    with world.session() as session:
        return note_report(
            session, world.office, SYSTEM, session.get_one(Lot, lot.id), Report(**said), reason=reason, seen=seen
        )


def in_force(world: World, reference: str) -> Handover:
    (lot,) = world.lots(reference)
    with world.session() as session:
        found = handover_of(session, lot)
    assert found is not None
    return found


@pytest.fixture
def sealed(world: World) -> str:
    world.load([a_person() for _ in range(3)])
    reference = world.sealed()
    a_printer(world)
    return reference


def files(world: World) -> dict[str, bytes]:
    folder = world.settings.files / "imprimeurs"
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_printer_alone_opens_the_lot_and_finds_it_whole(world: World, sealed: str, tmp_path: Path) -> None:
    envelope = hand(world, sealed)
    (lot,) = world.lots(sealed)
    found = opened(envelope.path, tmp_path)
    folder = world.folder_of(sealed)
    assert found == {
        f"{lot.name}{suffix}": (folder / f"{lot.name}{suffix}").read_bytes() for suffix in (".pdf", ".csv", ".json")
    }
    receipt = json.loads(envelope.path.with_name(f"{envelope.name}.json").read_text())
    assert (receipt["lettres"], receipt["pages"], receipt["fichier_sha256"]) == (3, 3, envelope.file_sha256.hex())
    assert b"%PDF" not in envelope.path.read_bytes()
    assert oct(envelope.path.stat().st_mode & 0o777) == "0o440"


def test_handed_over_again_it_is_the_same_hand_over_and_one_copy(world: World, sealed: str) -> None:
    first = hand(world, sealed)
    before = files(world)
    assert hand(world, sealed) == first
    assert files(world) == before
    assert world.sql("SELECT count(*) FROM handover") == [(1,)]
    assert world.sql("SELECT count(*) FROM audit_entry WHERE action = 'lot.remettre'") == [(1,)]


def test_what_was_acknowledged_is_handed_over_again_with_a_reason_alone(world: World, sealed: str) -> None:
    first = hand(world, sealed)
    (lot,) = world.lots(sealed)
    with world.session() as session:
        acknowledge(session, world.office, SYSTEM, session.get_one(Lot, lot.id))
    with pytest.raises(Invalid, match="accusé réception"):
        hand(world, sealed)
    again = hand(world, sealed, reason="fichier perdu chez l’imprimeur")
    assert (again.name, again.content_sha256) == (first.name, first.content_sha256)
    assert len(files(world)) == 2
    assert in_force(world, sealed).reason == "fichier perdu chez l’imprimeur"


def test_another_printer_needs_a_reason_and_the_first_one_s_file_is_taken_back(world: World, sealed: str) -> None:
    hand(world, sealed)
    a_printer(world, "imprimeur-2", certificate=keys(serial=2).certificate)
    with pytest.raises(Invalid, match="l’a déjà reçu"):
        hand(world, sealed, "imprimeur-2")
    hand(world, sealed, "imprimeur-2", "panne de la presse")
    assert {name.split("/")[0] for name in files(world)} == {"imprimeur-2"}


@pytest.mark.parametrize("step", range(7))
def test_killed_at_any_step_one_copy_of_the_same_content_is_left(
    world: World, sealed: str, monkeypatch: pytest.MonkeyPatch, step: int, tmp_path: Path
) -> None:
    steps = 0

    class Killed(BaseException):
        pass

    def counting(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal steps
            if steps == step:
                raise Killed
            steps += 1
            return real(*arguments, **options)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(envelopes, "_write", counting(envelopes._write))
        patched.setattr(sealing, "sync_folder", counting(sealing.sync_folder))
        patched.setattr("backoffice.campaigns.printing.record", counting(lambda *_, **__: None))
        patched.setattr(Path, "replace", counting(Path.replace))
        with contextlib.suppress(Killed):
            hand(world, sealed)
    left = files(world)
    envelope = hand(world, sealed)
    (lot,) = world.lots(sealed)
    assert set(files(world)) == {f"imprimeur-63/{envelope.name}{suffix}" for suffix in (".zip.p7m", ".json")}
    assert in_force(world, sealed).file_sha256 == hashlib.sha256(envelope.path.read_bytes()).digest()
    assert (
        opened(envelope.path, tmp_path)[f"{lot.name}.pdf"] == (world.folder_of(sealed) / f"{lot.name}.pdf").read_bytes()
    )
    if len(left) == 2:
        assert files(world) == left  # what was whole already is what the printer may have fetched


def test_a_changed_or_unsealed_lot_does_not_leave(world: World, sealed: str) -> None:
    (lot,) = world.lots(sealed)
    pdf = world.folder_of(sealed) / f"{lot.name}.pdf"
    pdf.chmod(0o600)
    pdf.write_bytes(pdf.read_bytes() + b" ")
    with pytest.raises(WrongState, match="modifié"):
        hand(world, sealed)
    world.load([a_person()])
    with pytest.raises(WrongState, match="pas scellé"):
        hand(world, world.launched())
    assert files(world) == {}


def test_a_printer_out_of_place_is_refused_in_a_sentence(world: World, sealed: str) -> None:
    a_printer(world, "ailleurs", caisses=["941"])
    a_printer(world, "recto-verso", duplex=True)
    a_printer(world, "court", certificate=keys(days=20).certificate)
    with pytest.raises(WrongState, match="ne sert pas cette caisse"):
        hand(world, sealed, "ailleurs")
    with pytest.raises(WrongState, match="n’a pas de versos"):
        hand(world, sealed, "recto-verso")
    with pytest.raises(NotFound):
        hand(world, sealed, "inconnu")
    world.clock.move(days=21)
    with pytest.raises(WrongState, match="n’est plus valable"):
        hand(world, sealed, "court")
    with world.session() as session:
        retire(session, world.office, SYSTEM, "imprimeur-63", "marché terminé")
    with pytest.raises(WrongState, match="ne reçoit plus"):
        hand(world, sealed)


def test_a_certificate_that_cannot_serve_is_refused(world: World) -> None:
    for bad, sentence in (
        ("n’importe quoi", "n’est pas un certificat"), (keys(bits=1024).certificate, "2048 bits"),
        (keys(curve=True).certificate, "RSA"), (keys(start=-9, days=-1).certificate, "vaut du"),
        (keys(start=2).certificate, "vaut du"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match=sentence):
            a_printer(world, certificate=bad)
    a_printer(world)
    with pytest.raises(Invalid, match="porte déjà"):
        a_printer(world)
    for change_of, sentence in (({"caisses": []}, "caisse"), ({"name": " "}, "nom"), ({"postal_class": "x"}, "classe")):
        with pytest.raises(Invalid, match=sentence):
            a_printer(world, "autre", **change_of)


def test_a_printer_is_declared_by_an_administrator_and_seen_within_their_caisses(world: World) -> None:
    printer = a_printer(world)
    clerk = Actor("a", "a", frozenset({Role.ADMINISTRATOR}), frozenset({"941"}))
    values: dict[str, Any] = {
        "name": "X", "caisses": ["631"], "certificate": printer.certificate, "duplex": True,
        "marks": True, "postal_class": "ecopli",
    }  # fmt: skip
    with world.session() as session:
        assert printers_of(session, clerk) == []
        with pytest.raises(NotFound):
            change(session, world.office, clerk, "imprimeur-63", **values)
        with pytest.raises(NotAllowed):
            change(session, world.office, manager(), "imprimeur-63", **values)
        with pytest.raises(WrongState, match="modifié pendant"):
            change(session, world.office, SYSTEM, "imprimeur-63", seen=7, **values)
        changed = change(session, world.office, SYSTEM, "imprimeur-63", seen=1, **values)
        assert (changed.name, changed.duplex, changed.version) == ("X", True, 2)


def test_lots_are_made_as_their_printer_prints_and_recounted_as_such(world: World) -> None:
    a_printer(world, duplex=True, marks=True)
    world.load([a_person() for _ in range(3)])
    reference = world.sealed()
    (lot,) = world.lots(reference)
    assert (lot.duplex, lot.marks, lot.letters, lot.pages) == (True, True, 3, 6)
    rows = manifest_of(world.folder_of(reference), lot.name or "")
    assert [(row["page_debut"], row["page_fin"]) for row in rows] == [("1", "2"), ("3", "4"), ("5", "6")]
    assert world.verify().clean
    assert hand(world, reference).size
    plain = a_printer(world, "recto")
    assert not plain.duplex
    with pytest.raises(WrongState, match="recto verso"):
        hand(world, reference, "recto", "essai")


def test_the_printer_is_chosen_before_the_approval(world: World) -> None:
    world.load([a_person()])
    a_printer(world)
    a_printer(world, "recto-verso", duplex=True)
    a_printer(world, "ailleurs", caisses=["941"])
    reference = world.create()
    assert world.campaign(reference).printer_id is None  # two could: somebody chooses
    with world.session() as session:
        choose_printer(session, world.office, SYSTEM, reference, "recto-verso")
        with pytest.raises(Invalid, match="ne sert pas toutes"):
            choose_printer(session, world.office, SYSTEM, reference, "ailleurs")
    world.do(submit, reference)
    world.do(approve, reference)
    with world.session() as session, pytest.raises(WrongState, match="avant l’approbation"):
        choose_printer(session, world.office, SYSTEM, reference, "imprimeur-63")


def test_posted_late_everyone_keeps_two_months_and_nobody_less(world: World, sealed: str) -> None:
    hand(world, sealed)
    persons = [letter.person_id for letter in world.letters(sealed)]
    world.clock.move(days=30)  # 2 December
    note(world, sealed, posted_on=date(2016, 12, 1))
    ends = {state.expires_on for state in world.office.dmp.code_states("631", persons).values()}
    assert ends == {date(2017, 2, 1)}
    (line,) = world.sql("SELECT detail FROM audit_entry WHERE action = 'lot.poster'")
    assert (line[0]["prolonges"], line[0]["valables_jusqu_au"]) == (3, "2017-02-01")
    assert in_force(world, sealed).acknowledged_by == "systeme"
    # A correction to an earlier day leaves the end where it was.
    with pytest.raises(Invalid, match="motif de la correction"):
        note(world, sealed, posted_on=date(2016, 11, 20))
    note(world, sealed, posted_on=date(2016, 11, 20), reason="erreur de saisie")
    assert {s.expires_on for s in world.office.dmp.code_states("631", persons).values()} == {date(2017, 2, 1)}
    assert world.verify().clean


def test_posted_on_its_day_changes_no_end(world: World, sealed: str) -> None:
    hand(world, sealed)
    world.clock.move(days=20)
    note(
        world,
        sealed,
        received_on=date(2016, 11, 3),
        printed_on=date(2016, 11, 10),
        posted_on=LETTER_DAY,
        letters=3,
        pages=3,
    )
    persons = [letter.person_id for letter in world.letters(sealed)]
    assert {s.expires_on for s in world.office.dmp.code_states("631", persons).values()} == {date(2017, 1, 14)}
    with world.session() as session:
        assert open_differences(session, SYSTEM) == []


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"printed_on": date(2016, 11, 1)}, "précède la remise"),
        ({"printed_on": date(2016, 11, 20), "posted_on": date(2016, 11, 19)}, "précède l’impression"),
        ({"posted_on": date(2016, 12, 25)}, "à venir"),
        ({}, "au moins une"),
    ],
)
def test_days_out_of_order_are_refused(world: World, sealed: str, said: dict[str, Any], sentence: str) -> None:
    hand(world, sealed)
    world.clock.move(days=30)
    with pytest.raises(Invalid, match=sentence):
        note(world, sealed, **said)


def test_two_agents_on_one_lot_are_told(world: World, sealed: str) -> None:
    with pytest.raises(WrongState, match="remettez-le d’abord"):
        note(world, sealed, letters=3)
    hand(world, sealed)
    note(world, sealed, seen=1, letters=3)
    with pytest.raises(WrongState, match="modifié pendant"):
        note(world, sealed, seen=1, pages=3)


def returned(world: World, *lines: str, actor: Actor = SYSTEM) -> Reading:
    content = "\r\n".join((";".join(HEADER), *lines)).encode()
    with world.session() as session:
        return read_return(session, world.office, actor, "imprimeur-63", content, "retour.csv")


def test_a_return_file_notes_what_agrees_and_shows_the_rest(world: World, sealed: str) -> None:
    (lot,) = world.lots(sealed)
    name = lot.name or ""
    world.load([a_person()])
    other = world.sealed()
    unknown, unhanded = f"{name}x", world.lots(other)[0].name
    hand(world, sealed)
    world.clock.move(days=30)
    found = returned(world, f"{name};2;3;2016-11-03;10/11/2016;2016-12-01", f"{unknown};1;1;;;", f"{unhanded};1;1;;;")
    assert (found.lines, found.noted, found.differences) == (3, [name], 3)
    with world.session() as session:
        assert [(d.kind, d.ours, d.theirs) for d in open_differences(session, SYSTEM)] == [
            ("courriers", "3", "2"), ("lot_inconnu", "", unknown), ("non_remis", "non remis", "Imprimerie d’essai"),
        ]  # fmt: skip
    handover = in_force(world, sealed)
    assert (handover.received_on, handover.printed_on, handover.posted_on) == (
        date(2016, 11, 3), date(2016, 11, 10), date(2016, 12, 1),
    )  # fmt: skip
    # The same file again does nothing; another word about the same day is a difference.
    again = returned(world, f"{name};2;3;2016-11-03;10/11/2016;2016-12-01", f"{unknown};1;1;;;", f"{unhanded};1;1;;;")
    assert again.known_since is not None
    assert returned(world, f"{name};;;;;2016-11-30").differences == 1
    assert returned(world, f"{name};2;3;;;").unchanged == 1
    with world.session() as session:
        first = open_differences(session, SYSTEM)[0].id
        with pytest.raises(Invalid, match="quelques mots"):
            settle(session, world.office, SYSTEM, first, " ")
        settle(session, world.office, SYSTEM, first, "lettre tachée, réimprimée")
        with pytest.raises(WrongState):
            settle(session, world.office, SYSTEM, first, "encore")
        assert len(open_differences(session, SYSTEM)) == 3
        assert len(returns_of(session, SYSTEM)) == 3


def test_days_out_of_order_in_a_file_are_a_difference_and_are_not_noted(world: World, sealed: str) -> None:
    (lot,) = world.lots(sealed)
    hand(world, sealed)
    world.clock.move(days=200)
    assert returned(world, f"{lot.name};3;3;;2016-12-02;2016-12-01").differences == 1
    assert in_force(world, sealed).posted_on is None
    assert returned(world, f"{lot.name};3;3;;;2017-05-01").differences == 1  # more than three months late
    with world.session() as session:
        assert [d.kind for d in open_differences(session, SYSTEM)] == ["ordre_des_dates", "depot_tardif"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "La première ligne"),
        (b"a;b\n", "La première ligne"),
        (";".join(HEADER).encode(), "d’aucun lot"),
        (";".join(HEADER).encode() + b"\nL1;1;1;;\n", "Ligne 2 : 5 colonnes"),
        (";".join(HEADER).encode() + b"\nL1;un;1;;;\n", "n’est pas un nombre"),
        (";".join(HEADER).encode() + b"\nL1;1;1;2016-13-01;;\n", "n’est pas une date"),
        (";".join(HEADER).encode() + b"\n;1;1;;;\n", "le nom du lot manque"),
        (";".join(HEADER).encode() + b"\nL1;1;1;;;\nL1;1;1;;;\n", "Ligne 3 : le lot"),
        (";".join(HEADER).encode() + b'\n"L1;1;1;;;\n', "mal fermés"),
        (b"\xff\xfe", "UTF-8"),
        (b"x" * (2 * 1024**2 + 1), "2 Mo"),
    ],
)
def test_a_file_that_is_no_return_is_refused_whole(world: World, sealed: str, content: bytes, sentence: str) -> None:
    with world.session() as session, pytest.raises(Invalid, match=sentence):
        read_return(session, world.office, SYSTEM, "imprimeur-63", content, "x.csv")
    assert world.sql("SELECT count(*) FROM printer_return") == [(0,)]


def test_a_lot_of_another_caisse_is_as_good_as_unknown(world: World, sealed: str) -> None:
    (lot,) = world.lots(sealed)
    hand(world, sealed)
    with world.session() as session:
        change(
            session, world.office, SYSTEM, "imprimeur-63", name="I", caisses=["631", "941"], certificate=keys().certificate,
            duplex=False, marks=False, postal_class="verte",
        )  # fmt: skip
    stranger = manager("autre", "941")
    assert returned(world, f"{lot.name};9;9;;;", actor=stranger).differences == 1
    with world.session() as session:
        assert [d.kind for d in open_differences(session, stranger)] == ["lot_inconnu"]
        assert open_differences(session, manager("damien.faure", "631")) == []


def test_the_encrypted_file_is_given_to_a_person_as_it_was_handed_over(world: World, sealed: str) -> None:
    (lot,) = world.lots(sealed)
    with world.session() as session, pytest.raises(NotFound, match="pas encore été remis"):
        envelope_file(session, world.office, SYSTEM, lot)
    envelope = hand(world, sealed)
    with world.session() as session:
        assert envelope_file(session, world.office, SYSTEM, lot).path == envelope.path
    envelope.path.chmod(0o600)
    envelope.path.write_bytes(b"autre")
    with world.session() as session, pytest.raises(WrongState, match="n’est plus celui"):
        envelope_file(session, world.office, SYSTEM, lot)
    assert hand(world, sealed).path.read_bytes() != b"autre"  # handed over again: made anew
