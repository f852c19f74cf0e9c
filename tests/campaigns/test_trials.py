"""Two versions of a letter in one campaign: drawn once and for all, one version a lot, known by everything that follows."""

from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader
from sqlalchemy import text

from backoffice.campaigns import actions, sealing
from backoffice.campaigns.forecast import forecast
from backoffice.campaigns.proof import bon_a_tirer
from backoffice.campaigns.rules import CampaignState, Channel, LotState
from backoffice.campaigns.template_versions import VersionState, decide, propose
from backoffice.campaigns.trials import DRAWN, adopted_versions, drawn, try_versions
from backoffice.campaigns.work import make_lot
from backoffice.core.errors import Invalid, WrongState
from backoffice.correspondence.bounces import read_bounces
from backoffice.correspondence.relaying import relay
from backoffice.following.counting import recount
from campaigns.world import SYSTEM, Post, World, a_person, manager

WORDS = "Une autre formule de politesse"


def adopt(world: World, tmp_path: Path) -> str:
    """Another wording made the current version; the delivered one may then be tried beside it."""
    document = Document(str(world.settings.templates / "recruitment.docx"))
    next(one for one in document.paragraphs if "toute notre attention" in one.text).runs[0].text = WORDS
    path = tmp_path / "autre.docx"
    document.save(str(path))
    with world.session() as session:
        made = propose(session, world.office, manager("a"), "recruitment", "autre.docx", path.read_bytes(), "Politesse")
        return decide(session, world.office, manager("b"), made.id, VersionState.CURRENT).version


def trial(world: World, share: int = 50, **changes: Any) -> str:
    reference = world.create(**changes)
    with world.session() as session:
        (second,) = adopted_versions(session, world.office, "recruitment")
        try_versions(session, world.office, SYSTEM, reference, 1, second.version, share)
    return reference


def freeze(world: World, reference: str) -> str:
    world.do(actions.submit, reference)
    world.do(actions.approve, reference)
    with world.session() as session:
        actions.freeze_now(session, world.office, world.campaign(reference).id)
    return reference


def of_persons(world: World, reference: str) -> dict[int, str]:
    rows = world.sql(
        "SELECT l.person_id, lot.variant FROM letter l JOIN campaign c ON c.id = l.campaign_id JOIN lot ON "
        "lot.campaign_id = c.id AND lot.caisse = l.caisse AND lot.channel = l.channel AND lot.sequence = l.lot_sequence "
        "WHERE c.reference = :r", r=reference,
    )  # fmt: skip
    return {person: variant for person, variant in rows}  # noqa: C416


def crowd(world: World, count: int) -> None:
    world.load([a_person(adresse_4=f"{n} RUE HAUTE", canal="mail" if n % 4 == 0 else "courrier", email=f"p{n}@exemple.fr")
                for n in range(count)])  # fmt: skip


@given(st.integers(1, 2**40), st.integers(0, 100))
def test_the_draw_is_stable_and_grows_with_the_share(person: int, share: int) -> None:
    assert drawn("REC-2016-0001", person, share) == drawn("REC-2016-0001", person, share)
    assert not (
        drawn("REC-2016-0001", person, share) == "B" and drawn("REC-2016-0001", person, min(share + 5, 100)) == "A"
    )
    assert drawn("REC-2016-0001", person, 0) == "A"
    assert drawn("REC-2016-0001", person, 100) == "B"


def test_the_database_draws_as_the_rule_does(world: World) -> None:
    with world.session() as session:
        rows = session.execute(
            text(f"SELECT p.id, {DRAWN} FROM generate_series(1, 500) AS p(id)"),
            {"trial_share": 30, "trial_key": "REC-2016-0007"},
        ).all()
    assert all(variant == drawn("REC-2016-0007", person, 30) for person, variant in rows)
    assert 110 < sum(variant == "B" for _, variant in rows) < 190


def test_a_lot_holds_one_version_and_its_pages_are_of_it(world: World, tmp_path: Path) -> None:
    current = adopt(world, tmp_path)
    crowd(world, 40)
    reference = freeze(world, trial(world, lot_size=8))
    variants = of_persons(world, reference)
    assert variants == {person: drawn(reference, person, 50) for person in variants}
    assert set(variants.values()) == {"A", "B"}
    world.do(actions.launch, reference)
    world.make_all(reference)
    campaign, folder = world.campaign(reference), world.folder_of(reference)
    for lot in world.lots(reference):
        assert lot.status is LotState.SEALED
        assert lot.planned <= 8
        seal = sealing.find_seal(folder, lot.name or "")
        assert seal is not None
        assert seal.content["modele"] == (campaign.variant_version if lot.variant == "B" else current)
        for page in PdfReader(folder / f"{lot.name}.pdf").pages:
            assert (WORDS in page.extract_text()) == (lot.variant == "A")
    days = [lot.variant for lot in world.lots(reference)]
    assert days
    assert world.verify().clean
    world.sql("UPDATE lot SET variant = CASE variant WHEN 'A' THEN 'B' ELSE 'A' END WHERE channel = 'courrier'")
    assert any("version" in fault for fault in world.verify().faults)


@pytest.mark.parametrize("share", [20, 50])
def test_every_day_has_its_share_of_both(world: World, tmp_path: Path, share: int) -> None:
    adopt(world, tmp_path)
    world.load([a_person(adresse_4=f"{n} RUE HAUTE") for n in range(60)])
    reference = freeze(world, trial(world, share, per_day=10))
    by_day: dict[Any, Counter[str]] = {}
    for lot in world.lots(reference):
        by_day.setdefault(lot.letter_date, Counter())[lot.variant] += lot.planned
    assert max(day.total() for day in by_day.values()) <= 10
    # The draw need not fall as expected: once a version has run out, the other is alone.
    drawn = sum(by_day.values(), Counter[str]())
    possible = min(drawn["A"] // (10 - share // 10), drawn["B"] // (share // 10))
    together = [day for day in by_day.values() if min(day["A"], day["B"]) > 0]
    assert len(together) >= possible
    world.do(actions.launch, reference)
    world.make_all(reference)
    assert world.verify().clean


def test_an_e_mail_that_came_back_is_relayed_in_the_version_its_reader_was_to_get(
    world: World, tmp_path: Path, post: Post
) -> None:
    adopt(world, tmp_path)
    world.load([a_person(adresse_4=f"{n} RUE", canal="mail", email=f"p{n}@inconnue.example.org") for n in range(12)])
    office = world.with_settings(**post.settings())
    reference = freeze(world, trial(world))
    world.do(actions.launch, reference)
    for lot in world.lots(reference, Channel.MAIL):
        make_lot(office, lot.id)
    read_bounces(office)
    relay(office, SYSTEM, post_now=True)
    for (lot_id,) in world.sql("SELECT id FROM lot WHERE state = 'prevu'"):
        make_lot(office, lot_id)
    ((relayed,),) = world.sql("SELECT reference FROM campaign WHERE relay_of IS NOT NULL")
    assert of_persons(world, relayed) == of_persons(world, reference)
    assert set(of_persons(world, relayed).values()) == {"A", "B"}
    assert world.verify().clean
    recount(office, "631")
    found = dict(world.sql("SELECT variant, sum(letters)::int FROM campaign_day WHERE fact = 'envoi' GROUP BY 1"))
    counts = Counter(of_persons(world, reference).values())
    assert found == {variant: 2 * number for variant, number in counts.items()}


def test_what_cannot_be_tried_is_refused_in_one_sentence(world: World, tmp_path: Path) -> None:
    reference = world.create()
    with world.session() as session:
        assert adopted_versions(session, world.office, "recruitment") == []  # the delivered one is the current one
    current = adopt(world, tmp_path)
    with world.session() as session:
        (second,) = adopted_versions(session, world.office, "recruitment")
    for version, share, said in (
        (second.version, None, "nombre entier"), (second.version, 4, "de 5 à 95"), (second.version, 96, "de 5 à 95"),
        (current, 50, "n’est pas proposée"), ("0" * 64, 50, "n’est pas proposée"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match=said), world.session() as session:
            try_versions(session, world.office, SYSTEM, reference, 1, version, share)
    with pytest.raises(WrongState, match="rechargez"), world.session() as session:
        try_versions(session, world.office, SYSTEM, reference, 7, second.version, 50)
    with world.session() as session:
        try_versions(session, world.office, SYSTEM, reference, 1, second.version, 50)
    world.do(actions.submit, reference)
    with pytest.raises(WrongState, match="brouillon"), world.session() as session:
        try_versions(session, world.office, SYSTEM, reference, 2, None, None)


def test_what_was_approved_is_void_once_the_second_version_is_the_current_one(world: World, tmp_path: Path) -> None:
    adopt(world, tmp_path)
    world.load([a_person()])
    delivered = (world.settings.templates / "recruitment.docx").read_bytes()
    reference = freeze(world, trial(world))
    (other,) = world.sql("SELECT variant_version FROM campaign WHERE reference = :r", r=reference)[0]
    with pytest.raises(WrongState, match="brouillon"), world.session() as session:
        try_versions(session, world.office, SYSTEM, reference, 2, None, None)
    with world.session() as session:  # the second one is adopted again, by two others
        made = propose(session, world.office, manager("a"), "recruitment", "retour.docx", delivered, "Retour")
        assert decide(session, world.office, manager("b"), made.id, VersionState.CURRENT).version == other
    world.do(actions.launch, reference)
    campaign = world.campaign(reference)
    assert (campaign.status, campaign.launched_at, world.letters(reference)) == (CampaignState.DRAFT, None, [])
    with pytest.raises(Invalid, match="devenues la même"):
        world.do(actions.submit, reference)
    with world.session() as session:
        (second,) = adopted_versions(session, world.office, "recruitment")
        try_versions(session, world.office, SYSTEM, reference, campaign.version, second.version, 50)
    assert world.campaign(freeze(world, reference)).template_version == other


def test_the_bon_a_tirer_shows_both_on_one_cover(world: World, tmp_path: Path) -> None:
    adopt(world, tmp_path)
    crowd(world, 20)
    reference = trial(world, 20)
    with world.session() as session:
        content = bon_a_tirer(session, world.office, SYSTEM, world.campaign(reference))
    cover, *letters = [page.extract_text() for page in PdfReader(BytesIO(content)).pages]
    half = len(letters) // 2
    assert [WORDS in letter for letter in letters] == [True] * half + [False] * half
    said = " ".join(cover.split())
    assert f"Nom le plus long version A, page 2 ; version B, page {2 + half}" in said
    assert "aucun destinataire dans ce cas" in said
    assert "Signatures" in said
    assert "pour 20 % des personnes" in said


def test_the_count_before_approval_foresees_lots_of_each_version(world: World, tmp_path: Path) -> None:
    adopt(world, tmp_path)
    world.load([a_person(adresse_4=f"{n} RUE HAUTE") for n in range(40)])
    reference = trial(world, 25, lot_size=10)
    with world.session() as session:
        assert forecast(session, world.office, world.campaign(reference)).lots == 4  # 30 letters and 10
    assert abs(len(world.lots(freeze(world, reference))) - 4) <= 2  # the draw need not fall as expected


def test_whoever_chose_the_versions_does_not_approve_them(world: World, tmp_path: Path) -> None:
    from backoffice.core.errors import NotAllowed

    adopt(world, tmp_path)
    world.load([a_person()])
    reference = world.create()
    with world.session() as session:
        (second,) = adopted_versions(session, world.office, "recruitment")
        try_versions(session, world.office, manager("damien.faure"), reference, 1, second.version, 20)
    world.do(actions.submit, reference)
    with pytest.raises(NotAllowed):
        world.do(actions.approve, reference, actor=manager("damien.faure"))
