"""Control addresses: one letter of every lot, that opens nothing and is counted apart."""

import pytest

from backoffice.adapters.dmp import Slip, check
from backoffice.campaigns import control
from backoffice.campaigns.production import Outcome, produce_lot
from backoffice.campaigns.rules import ChannelRule
from backoffice.core.errors import Invalid, NotFound
from campaigns.world import SYSTEM, World, a_person, manager, manifest_of, pages_of

DAMIEN, PEIO = manager("damien", "631"), manager("peio", "641")
ADDRESS = {
    "label": "siège", "civilite": "MME", "nom": "Chabrol", "prenom": "Sandrine", "adresse_4": "RUE PELISSIER",
    "code_postal": "63031", "ville": "CLERMONT FERRAND CEDEX 9",
}  # fmt: skip


def add(world: World, **changes: str) -> int:
    with world.session() as session:
        return control.add_address(session, world.office, DAMIEN, "631", **ADDRESS | changes).id


def test_each_lot_holds_one_letter_for_each_address_counted_apart(world: World) -> None:
    world.load([a_person() for _ in range(5)] + [a_person(caisse="641")])
    add(world)
    add(world, label="imprimerie", nom="Faure")
    reference = world.sealed(lot_size=3, caisses=("631", "641"), channel_rule=ChannelRule.POST)
    first, second, other = world.lots(reference)
    assert [(lot.letters, lot.controls, lot.pages) for lot in (first, second, other)] == [
        (3, 2, 5),
        (2, 2, 4),
        (1, 0, 1),
    ]
    folder = world.folder_of(reference)
    pages = pages_of(folder / f"{first.name}.pdf")
    assert "RUE PELISSIER" in pages[-1].text
    assert [page.code for page in pages[-2:]] == [control.CODE] * 2
    assert isinstance(check(control.CODE), Slip)
    rows = manifest_of(folder, first.name or "")
    assert [row["statut"] for row in rows] == ["scellee"] * 3 + ["controle"] * 2
    assert [row["personne"] for row in rows[-2:]] == ["", ""]
    assert len({row["lettre"] for row in rows}) == 5
    assert len(world.codes()) == 6
    found = world.verify()
    assert (found.faults, found.letters, found.controls, found.pages) == ([], 6, 4, 10)
    assert world.status(reference).letters == 6


def test_a_lot_adopted_after_a_crash_keeps_its_control_letters(world: World) -> None:
    world.load([a_person()])
    add(world)
    reference = world.launched(channel_rule=ChannelRule.POST)
    (lot,) = world.lots(reference)

    def killed_between_the_seal_and_the_commit() -> None:
        with world.session() as session:
            produce_lot(session, world.office, SYSTEM, lot.id)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        killed_between_the_seal_and_the_commit()
    assert world.make(lot) is Outcome.ADOPTED
    (lot,) = world.lots(reference)
    assert (lot.letters, lot.controls) == (1, 1)
    assert world.verify().faults == []


def test_a_control_letter_that_is_not_the_one_noted_is_said(world: World) -> None:
    world.load([a_person()])
    add(world)
    world.sealed(channel_rule=ChannelRule.POST)
    world.sql("UPDATE control_letter SET page_first = 9")
    assert any("courriers témoins" in fault for fault in world.verify().faults)


def test_an_address_no_envelope_carries_is_refused_and_one_taken_out_receives_nothing(world: World) -> None:
    for changes, sentence in (
        ({"nom": ""}, "Indiquez le nom"), ({"adresse_4": ""}, "compléter l’adresse"),
        ({"code_postal": "6300"}, "cinq chiffres"),
    ):  # fmt: skip
        with pytest.raises(Invalid, match=sentence):
            add(world, **changes)
    first = add(world)
    with world.session() as session, pytest.raises(NotFound):
        control.end_address(session, world.office, PEIO, first)
    with world.session() as session:
        assert control.list_addresses(session, PEIO) == []
        control.end_address(session, world.office, DAMIEN, first)
    for rank in range(control.MOST):
        add(world, label=f"adresse {rank}")
    with pytest.raises(Invalid, match="au plus"):
        add(world)
