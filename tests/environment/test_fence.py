"""A restored or copied database never sends by itself."""

import shutil
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from campaigns.world import LETTER_DAY, World, a_person, manager
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from backoffice.adapters import environment
from backoffice.campaigns import cancelling
from backoffice.campaigns.handing import LotFile, hand_over
from backoffice.campaigns.models import access_lot
from backoffice.campaigns.production import Outcome
from backoffice.campaigns.rules import Channel, LotState
from backoffice.core.errors import DomainError, WrongState

REFUSAL = "copiée ou restaurée"


def test_a_data_folder_keeps_its_identity_and_a_copy_has_another(tmp_path: Path) -> None:
    data = tmp_path / "var"
    data.mkdir()
    own = environment.identity("", data)
    assert environment.identity("", data) == own
    shutil.copytree(data, tmp_path / "copie")
    assert environment.identity("", tmp_path / "copie") != own
    data.rename(tmp_path / "ailleurs")
    assert environment.identity("", tmp_path / "ailleurs") != own
    shutil.copytree(tmp_path / "copie", data)
    assert environment.identity("", data) != own  # a copy put where the original was


def test_another_machine_has_another_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = environment.identity("", tmp_path)
    monkeypatch.setattr(environment, "_machine", lambda: "une autre machine")
    assert environment.identity("", tmp_path) != own


def test_an_operator_may_name_the_environment(tmp_path: Path) -> None:
    name = uuid.uuid4()
    assert environment.identity(str(name), tmp_path) == name
    with pytest.raises(DomainError, match="CAISSE_ENVIRONMENT_ID"):
        environment.identity("production", tmp_path)


def test_a_copied_folder_makes_no_lot_sends_nothing_and_hands_nothing_over(world: World, tmp_path: Path) -> None:
    world.load([a_person(adresse_4=f"{n} RUE") for n in range(2)] + [a_person(canal="mail", email="a@exemple.fr")])
    reference = world.launched(lot_size=1)
    first, second = world.lots(reference)
    (mails,) = world.lots(reference, Channel.MAIL)
    world.make(first)
    copy = replace(world.office, settings=replace(world.settings, data=tmp_path))
    before = world.codes()
    for lot in (second, mails):
        with pytest.raises(WrongState, match=REFUSAL):
            world.make(lot, copy)
    name = world.lots(reference)[0].name or ""
    with world.session() as session:
        lot, campaign = access_lot(session, manager(), name)
        with pytest.raises(WrongState, match=REFUSAL):
            hand_over(session, copy, manager(), campaign, lot, LotFile.PAGES)
    assert world.codes() == before
    assert world.lots(reference)[1].status is LotState.PLANNED
    environment.adopt(world.settings.caisse_owner_url, copy.environment, world.clock())
    assert world.make(second, copy) is Outcome.SEALED
    with world.session() as session:
        lot, campaign = access_lot(session, manager(), name)
        assert hand_over(session, copy, manager(), campaign, lot, LotFile.MANIFEST).exists()


def test_a_database_without_identity_sends_nothing(world: World) -> None:
    world.load([a_person()])
    reference = world.launched()
    world.sql("DELETE FROM environment")
    with pytest.raises(WrongState, match=REFUSAL):
        world.make_all(reference)


def test_adopting_is_the_owners_alone(world: World) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), world.session() as session:
        session.execute(text("UPDATE environment SET id = gen_random_uuid()"))


def test_a_start_gives_a_new_database_its_identity_and_never_takes_over_another(world: World) -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    url = world.settings.caisse_owner_url
    world.sql("DELETE FROM environment")
    assert environment.adopt(url, one, world.clock(), only_if_none=True)
    assert not environment.adopt(url, other, world.clock(), only_if_none=True)
    with world.session() as session:
        assert environment.recorded(session) == one
    assert environment.adopt(url, other, world.clock())
    assert not environment.adopt(url, other, world.clock())


def test_planning_a_campaign_needs_no_leave_to_send(world: World) -> None:
    world.sql("DELETE FROM environment")
    world.load([a_person()])
    assert world.frozen(letter_date=LETTER_DAY)
    reference = world.create()
    world.do(cancelling.cancel, reference, "essai")
