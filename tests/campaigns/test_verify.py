"""What `caisse verify` says of lots, proofs and codes that no longer agree, and of those that do."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from backoffice.campaigns import sealing
from campaigns.world import World

Break = Callable[[World, str], None]


def the_lot(world: World, reference: str) -> Any:
    return world.lots(reference)[0]


def change_a_byte(world: World, reference: str) -> None:
    path = world.out / f"{the_lot(world, reference).name}.pdf"
    path.chmod(0o600)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lose_a_file(world: World, reference: str) -> None:
    (world.out / f"{the_lot(world, reference).name}.csv").unlink()


def lose_the_proof(world: World, reference: str) -> None:
    (world.out / f"{the_lot(world, reference).name}.json").unlink()


def add_a_proof(world: World, reference: str) -> None:
    (world.out / f"{reference}-631-0009-abcdef0123.json").write_text("{}")


def add_pages(world: World, reference: str) -> None:
    (world.out / f"{reference}-631-0009-abcdef0123.pdf").write_text("%PDF")


def remove_a_line(world: World, reference: str) -> None:
    path = world.out / f"{the_lot(world, reference).name}.csv"
    path.chmod(0o600)
    path.write_text("".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")


def forge_the_proof(world: World, reference: str) -> None:
    """Remove a line, and mend the proof after it: the database still knows."""
    remove_a_line(world, reference)
    path = world.out / f"{the_lot(world, reference).name}.json"
    path.chmod(0o600)
    proof = json.loads(path.read_text(encoding="utf-8"))
    proof["sha256"]["csv"] = sealing.sha256_of(path.with_suffix(".csv"))
    path.write_text(json.dumps(proof), encoding="utf-8")


def revoke_a_code(world: World, reference: str) -> None:
    world.office.dmp.revoke("631", [world.letters(reference)[0].person_id], "essai")


def replace_the_codes(world: World, reference: str) -> None:
    lot = the_lot(world, reference)
    persons = [letter.person_id for letter in world.letters(reference) if letter.lot_sequence == 1]
    world.office.dmp.issue_codes(lot.uid, "631", persons, lot.letter_date)


def remove_a_code(world: World, reference: str) -> None:
    world.sql(
        "DELETE FROM enrolment.creation_code WHERE person_id = :p", "dmp", p=world.letters(reference)[0].person_id
    )


def give_a_code_more(world: World, reference: str) -> None:
    lot = the_lot(world, reference)
    world.sql(
        "INSERT INTO enrolment.creation_code SELECT caisse, 999999, sha256(digest), key_id, request_id, issue_id, "
        "letter_date, expires_at, issued_at FROM enrolment.creation_code WHERE request_id = :r LIMIT 1",
        "dmp",
        r=lot.uid,
    )


def by_hand(statement: str) -> Break:
    return lambda world, reference: [
        world.sql(statement + " AND number = :n", n=world.letters(reference)[0].number),
        None,
    ][1]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (change_a_byte, "modifié après le scellement"),
        (lose_a_file, ".csv manque"),
        (lose_the_proof, "preuve de scellement (.json) manque"),
        (add_a_proof, "inconnus de la base"),
        (add_pages, "inconnus de la base"),
        (remove_a_line, "modifié après le scellement"),
        (forge_the_proof, "ne sont pas celles enregistrées"),
        (revoke_a_code, "révoqué"),
        (replace_the_codes, "ne portent pas les codes en vigueur"),
        (remove_a_code, "sans code correspondant"),
        (give_a_code_more, "codes valides sans page"),
        (by_hand("UPDATE letter SET state = 'exception' WHERE true"), "1 différences"),
        (by_hand("UPDATE letter SET person_id = person_id + 1000000 WHERE true"), "différences"),
        (by_hand("UPDATE letter SET page_first = 2 WHERE true"), "différences"),
        (by_hand("DELETE FROM letter WHERE true"), "courriers prévus"),
        (by_hand("UPDATE letter SET state = 'prevue' WHERE true"), "attendent sans lot"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_verify_says_what_does_not_match(world: World, reference: str, damage: Break, sentence: str) -> None:
    world.make_all(reference)
    assert world.verify().clean
    damage(world, reference)
    faults = world.verify().faults
    assert any(sentence in fault for fault in faults), faults
    assert world.verify("REC-2016-9999").clean


def test_verify_counts_the_other_lots_all_the_same(world: World, reference: str) -> None:
    world.make_all(reference)
    change_a_byte(world, reference)
    found = world.verify(reference)
    assert (found.lots, found.letters) == (1, 2)


def test_codes_that_ended_their_life_are_no_anomaly(world: World, reference: str) -> None:
    world.make_all(reference)
    world.sql(
        "UPDATE enrolment.creation_code SET state = 'used', state_changed_at = now() WHERE person_id = :p",
        "dmp",
        p=world.letters(reference)[0].person_id,
    )
    found = world.verify()
    assert (found.clean, found.live_codes, found.ended_codes) == (True, 3, 1)
    world.clock.move(days=90)
    found = world.verify()
    assert (found.clean, found.live_codes, found.ended_codes) == (True, 0, 4)


def test_verify_names_a_key_that_live_codes_need_and_the_ring_lacks(
    world: World, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.make_all(reference)
    monkeypatch.setattr(type(world.office.dmp), "missing_keys", lambda _: frozenset({"k0123456789"}))
    assert any("k0123456789" in fault for fault in world.verify().faults)
