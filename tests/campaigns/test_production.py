"""Making lots: what is on the pages, in the manifest, in the proof, and nowhere else."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from backoffice.campaigns import actions, cancelling
from backoffice.campaigns.kinds import Exclusion
from backoffice.campaigns.production import Outcome
from backoffice.campaigns.rules import CampaignState, ChannelRule, LetterState, LotState
from backoffice.core.errors import WrongState
from campaigns.world import LETTER_DAY, World, a_person, manifest_of, pages_of


def test_a_lot_has_one_page_a_letter_with_a_live_code_of_its_person(world: World) -> None:
    world.load([a_person(adresse_4=f"{n} RUE DES LILAS") for n in range(7)])
    reference = world.sealed(lot_size=5)
    folder, live = world.folder_of(reference), world.codes()
    printed = {}
    for lot in world.lots(reference):
        assert lot.name is not None
        pages, manifest = pages_of(folder / f"{lot.name}.pdf"), manifest_of(folder, lot.name)
        assert [page.letter_id for page in pages] == [row["lettre"] for row in manifest]
        assert [int(row["page_debut"]) for row in manifest] == list(range(1, len(pages) + 1))
        for page, row in zip(pages, manifest, strict=True):
            printed[world.digest("631", page.code)] = int(row["personne"])
    assert printed == live
    assert len(printed) == 7
    assert world.campaign(reference).status is CampaignState.FINISHED
    found = world.verify()
    assert (found.clean, found.letters, found.pages, found.live_codes) == (True, 7, 7, 7)


def test_the_manifest_and_the_proof_say_what_was_sealed(world: World) -> None:
    world.load([a_person(code_postal="63100", ville="CLERMONT-FERRAND"), a_person(code_postal="63000", ville="ÉVRY")])
    reference = world.sealed()
    (lot,) = world.lots(reference)
    folder = world.folder_of(reference)
    lines = (folder / f"{lot.name}.csv").read_text(encoding="utf-8").split("\n")
    assert lines[0] == "lettre;page_debut;page_fin;personne;caisse;code_postal;ville;canal;statut"
    assert lines[3:] == [""]
    first = lines[1].split(";")
    assert first[1:3] == ["1", "1"]
    assert first[4:] == ["631", "63000", "ÉVRY", "courrier", "scellee"]
    proof = json.loads((folder / f"{lot.name}.json").read_text(encoding="utf-8"))
    for suffix in ("pdf", "csv"):
        assert proof["sha256"][suffix] == hashlib.sha256((folder / f"{lot.name}.{suffix}").read_bytes()).hexdigest()
    campaign = world.campaign(reference)
    assert (proof["lot"], proof["campagne"], proof["caisse"]) == (lot.name, reference, "631")
    assert (proof["lettres"], proof["pages"], proof["exceptions"]) == (2, 2, [])
    assert (proof["date_courrier"], proof["valable_jusqu_au"]) == ("2016-11-14", "2017-01-14")
    assert proof["modele"] == campaign.template_version
    assert proof["octets"] == (folder / f"{lot.name}.pdf").stat().st_size


def test_sealed_files_are_read_only_and_nothing_else_stays_beside_them(world: World) -> None:
    world.load([a_person()])
    reference = world.sealed()
    folder = world.folder_of(reference)
    assert sorted(path.suffix for path in folder.iterdir()) == [".csv", ".json", ".pdf"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o440}


def test_no_code_nor_nir_is_anywhere_but_on_the_pages(world: World, capfd: Any) -> None:
    rows = [a_person(canal="courrier", email="") for _ in range(4)]
    world.load(rows)
    reference = world.sealed()
    (lot,) = world.lots(reference)
    folder = world.folder_of(reference)
    codes = [page.code for page in pages_of(folder / f"{lot.name}.pdf")]
    nirs = [row[0] for row in rows]
    spelled = [*codes, *(code.replace(" ", "") for code in codes)]
    said = capfd.readouterr()
    places = {
        "manifest": (folder / f"{lot.name}.csv").read_text(encoding="utf-8"),
        "proof": (folder / f"{lot.name}.json").read_text(encoding="utf-8"),
        "log": said.out + said.err,
        "queue": _queue_dump(world),
        "record": _dump(world, "dmp", "enrolment"),
    }
    for place, content in places.items():
        assert content, place
        for secret in (*spelled, *nirs):
            assert secret not in content, place
    database = _dump(world, "caisse", "public")
    for code in spelled:
        assert code not in database
    beside = _dump(world, "caisse", "public", without=("person",))
    for nir in nirs:
        assert nir not in beside
    for nir in nirs:
        assert not any(nir in page.text for page in pages_of(folder / f"{lot.name}.pdf"))


def _dump(world: World, database: str, schema: str, without: tuple[str, ...] = ()) -> str:
    tables = world.sql(
        "SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = :s AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
        database,
        s=schema,
    )
    kept = [name for (name,) in tables if name not in without]
    return "\n".join(
        str(row[0]) for name in kept for row in world.sql(f"SELECT t::text FROM {schema}.{name} t", database)
    )


def _queue_dump(world: World) -> str:
    redis: Any = world.office.redis
    found = []
    for key in redis.keys("*"):
        kind = redis.type(key).decode()
        if kind == "hash":
            found.append(repr(redis.hgetall(key)))
        elif kind == "string":
            found.append(repr(redis.get(key)))
        found.append(repr(key))
    return "\n".join(found)


def test_what_changed_since_the_freezing_is_left_out_and_counted_under_its_reason(world: World) -> None:
    row = a_person(adresse_4="1 RUE DU CHANGEMENT")
    world.load([row, a_person()])
    reference = world.launched()
    world.load([[*row[:23], "O", *row[24:]]])
    assert world.make_all(reference) == [Outcome.SEALED]
    status = world.status(reference)
    assert (status.letters, status.eligible, status.targeted) == (1, 1, 2)
    assert status.excluded == {Exclusion.OPPOSITION: 1}
    assert len(world.codes()) == 1
    assert world.verify().clean


def test_a_lot_with_nobody_left_seals_nothing_and_ends_the_campaign(world: World) -> None:
    row = a_person()
    world.load([row])
    reference = world.launched()
    world.load([[*row[:24], "O", *row[25:]]])
    assert world.make_all(reference) == [Outcome.EMPTY]
    assert not world.out.exists() or not list(world.out.iterdir())
    assert world.codes() == {}
    assert world.campaign(reference).status is CampaignState.FINISHED
    assert world.status(reference).eligible == 0
    assert world.verify().clean


def test_a_letter_that_does_not_fit_is_an_exception_without_a_code(world: World) -> None:
    world.load([a_person(ville="X" * 60), a_person()])
    reference = world.sealed()
    status = world.status(reference)
    assert (status.letters, status.exceptions, status.eligible) == (1, 1, 2)
    (odd,) = [letter for letter in world.letters(reference) if letter.state == LetterState.EXCEPTION]
    assert odd.reason
    assert odd.page_first is None
    assert odd.person_id not in world.codes().values()
    (lot,) = world.lots(reference)
    proof = json.loads((world.out / f"{lot.name}.json").read_text(encoding="utf-8"))
    assert [entry["personne"] for entry in proof["exceptions"]] == [odd.person_id]
    assert world.verify().clean


def test_a_code_of_another_campaign_keeps_a_person_out_of_this_one(world: World) -> None:
    world.load([a_person(adresse_4=f"{n} RUE") for n in range(3)])
    one, two = world.launched(), world.launched(name="Seconde")
    world.make_all(one)
    before = world.codes()
    assert world.make_all(two) == [Outcome.EMPTY]
    assert world.codes() == before
    assert world.status(two).excluded == {Exclusion.LIVE_CODE: 3}
    assert world.frozen(name="Troisième")
    assert world.verify().clean


def test_a_paused_campaign_makes_nothing_until_it_is_resumed(world: World) -> None:
    world.load([a_person(adresse_4=f"{n} RUE") for n in range(4)])
    reference = world.launched(lot_size=2)
    first, second = world.lots(reference)
    world.make(first)
    world.do(actions.pause, reference, "imprimeur fermé")
    assert world.make(second) is Outcome.NOTHING
    assert len(world.codes()) == 2
    assert world.status(reference).reason == "imprimeur fermé"
    world.do(actions.resume, reference)
    assert world.make(second) is Outcome.SEALED
    assert world.campaign(reference).status is CampaignState.FINISHED
    assert world.verify().clean


def test_a_cancelled_campaign_keeps_sealed_lots_and_no_other_code(world: World) -> None:
    world.load([a_person(adresse_4=f"{n} RUE") for n in range(4)])
    reference = world.launched(lot_size=2)
    first, second = world.lots(reference)
    world.make(first)
    world.office.dmp.issue_codes(second.uid, "631", _persons(world, reference, 2), LETTER_DAY)  # died before sealing
    world.do(cancelling.cancel, reference, "erreur de cible")
    assert sorted(world.codes().values()) == sorted(_persons(world, reference, 1))
    assert [lot.status for lot in world.lots(reference)] == [LotState.SEALED, LotState.CANCELLED]
    assert world.make(second) is Outcome.NOTHING
    assert world.verify().clean
    with pytest.raises(WrongState):
        world.do(actions.resume, reference)


def _persons(world: World, reference: str, sequence: int) -> list[int]:
    return [letter.person_id for letter in world.letters(reference) if letter.lot_sequence == sequence]


def test_a_lot_being_made_is_not_cancelled_under_the_hand(world: World) -> None:
    world.load([a_person()])
    reference = world.launched()
    (lot,) = world.lots(reference)
    with world.session() as busy:
        busy.get(type(lot), lot.id, with_for_update=True)
        with pytest.raises(WrongState, match="en cours de fabrication"):
            world.do(cancelling.cancel, reference, "erreur")
        assert world.make(lot) is Outcome.NOTHING
    assert world.make(lot) is Outcome.SEALED


def test_a_lot_is_made_once(world: World) -> None:
    world.load([a_person()])
    reference = world.launched()
    (lot,) = world.lots(reference)
    assert world.make(lot) is Outcome.SEALED
    kept = {path.name: path.read_bytes() for path in world.out.iterdir()}
    assert world.make(lot) is Outcome.NOTHING
    assert {path.name: path.read_bytes() for path in world.out.iterdir()} == kept


def test_everybody_gets_a_page_when_the_campaign_says_so(world: World) -> None:
    world.load([a_person(canal="mail", email="a@exemple.fr"), a_person()])
    reference = world.sealed(channel_rule=ChannelRule.POST)
    assert world.status(reference).letters == 2
    assert world.status(reference).mail_lots == 0


def test_the_template_approved_is_the_one_the_lots_are_made_with(world: World, tmp_path: Path) -> None:
    world.load([a_person()])
    reference = world.launched()
    version = world.campaign(reference).template_version
    assert version is not None
    kept = world.settings.files / "modeles" / f"recruitment-{version[:16]}.docx"
    content = kept.read_bytes()
    (lot,) = world.lots(reference)
    try:
        kept.unlink()
        with pytest.raises(Exception, match="introuvable ou a été modifié"):
            world.make(lot)
    finally:
        kept.write_bytes(content)
    assert world.make(lot) is Outcome.SEALED


def test_letters_carry_the_day_they_are_meant_to_leave(world: World) -> None:
    world.load([a_person(adresse_4=f"{n} RUE") for n in range(5)])
    # Thursday 10 November, the 11th is a public holiday, then a week-end.
    reference = world.sealed(per_day=2, letter_date=date(2016, 11, 10))
    days = [(lot.letter_date, lot.letters) for lot in world.lots(reference)]
    assert days == [(date(2016, 11, 10), 2), (date(2016, 11, 14), 2), (date(2016, 11, 15), 1)]
    texts = [pages_of(world.out / f"{lot.name}.pdf")[0].text for lot in world.lots(reference)]
    assert ["10 novembre 2016" in texts[0], "14 novembre 2016" in texts[1], "15 janvier 2017" in texts[2]] == [True] * 3
