"""One campaign for the nine caisses at once: every wave has its share of each, every lot its control letters."""

from collections import Counter
from datetime import UTC, date, datetime

from campaigns.world import SYSTEM, World, a_person, manager, manifest_of, pages_of
from web.pages.conftest import NATIONAL_MANAGER

from backoffice.campaigns import actions, control, waves
from backoffice.campaigns.rules import CampaignState, ChannelRule
from backoffice.campaigns.scheduling import Terms
from backoffice.campaigns.wave_clock import start_due_waves
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.clock import PARIS

CLAIRE = manager(NATIONAL_MANAGER)
ADDRESSES = Counter({"631": 2, "671": 1})
"""Control addresses by caisse: the others have none."""


def address(world: World, caisse: str, label: str) -> None:
    with world.session() as session:
        control.add_address(
            session, world.office, CLAIRE, caisse, label=label, civilite="M", nom="Témoin", prenom="Paul",
            adresse_4="1 RUE DU TEMOIN", code_postal=f"{caisse[:2]}000", ville="TEMOINVILLE",
        )  # fmt: skip


def test_each_wave_has_its_share_of_each_caisse_and_each_lot_its_control_letters(world: World) -> None:
    world.load([
        a_person(caisse=caisse, code_postal=f"{caisse[:2]}000", adresse_4=f"{rank} RUE HAUTE")
        for caisse in CAISSE_CODES for rank in range(6)
    ])  # fmt: skip
    for caisse, number in ADDRESSES.items():
        for rank in range(number):
            address(world, caisse, f"adresse {rank}")
    with world.session() as session:
        draft = world.draft(caisses=CAISSE_CODES, channel_rule=ChannelRule.POST, letter_date=date(2016, 11, 14))
        # Lots of four, waves that cut each of them otherwise.
        office = world.with_settings(lot_size=4)
        reference = actions.create(session, office, CLAIRE, draft).reference
    world.do(actions.submit, reference, actor=CLAIRE)
    world.do(actions.approve, reference)
    with world.session() as session:
        assert actions.freeze_now(session, world.office, world.campaign(reference).id)
    with world.session() as session:
        waves.schedule(session, world.office, CLAIRE, reference, Terms(date(2016, 11, 14), 18))

    for rank, day in enumerate((14, 15, 16), 1):
        world.clock.now = datetime(2016, 11, day, 9, tzinfo=PARIS).astimezone(UTC)
        assert start_due_waves(world.office) == 1
        world.make_all(reference)
        shares = world.sql(
            "SELECT o.caisse, sum(o.letters) AS letters FROM lot o JOIN wave w ON w.id = o.wave_id "
            "WHERE w.number = :n AND o.state = 'scelle' GROUP BY 1", n=rank,
        )  # fmt: skip
        assert {row.caisse: row.letters for row in shares} == dict.fromkeys(CAISSE_CODES, 2)
    assert world.campaign(reference).status is CampaignState.FINISHED

    folder = world.folder_of(reference)
    for lot in world.lots(reference):
        rows = manifest_of(folder, lot.name or "")
        assert (lot.controls, lot.pages) == (ADDRESSES[lot.caisse], lot.letters + ADDRESSES[lot.caisse])
        assert [row["statut"] for row in rows] == ["scellee"] * lot.letters + ["controle"] * lot.controls
        pages = pages_of(folder / f"{lot.name}.pdf")
        assert [page.code for page in pages[lot.letters :]] == [control.CODE] * lot.controls
        assert all("TEMOINVILLE" in page.text for page in pages[lot.letters :])
    persons = [letter.person_id for letter in world.letters(reference)]
    assert sorted(persons) == sorted(world.codes().values())
    assert len(set(persons)) == 54
    status = world.status(reference)
    assert (status.letters, status.pages, status.waves_started) == (54, 54 + _expected(world), 3)
    found = world.verify()
    assert (found.faults, found.letters, found.controls) == ([], 54, _expected(world))
    actors = {actor for (actor,) in world.sql("SELECT actor FROM campaign_step")}
    assert actors == {NATIONAL_MANAGER, SYSTEM.login}


def _expected(world: World) -> int:
    """One a lot and address."""
    lots = Counter(caisse for (caisse,) in world.sql("SELECT caisse FROM lot WHERE state = 'scelle'"))
    return sum(ADDRESSES[caisse] * number for caisse, number in lots.items())
