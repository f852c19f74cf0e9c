"""Control addresses: one letter of every lot, that opens nothing and is counted apart."""

from datetime import datetime

import pytest

from backoffice.adapters.dmp import Slip, check
from backoffice.adapters.mailer import Mail, MailDelayed, Mailer, MailRefused, Reason
from backoffice.campaigns import control, mailing
from backoffice.campaigns.production import Outcome, produce_lot
from backoffice.campaigns.rules import Channel, ChannelRule
from backoffice.core.errors import Invalid, NotFound
from campaigns.world import SYSTEM, Post, World, a_person, manager, manifest_of, pages_of

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


MAIL = {"email": "temoin@caisse-631.example.org"}


def by_mail(name: str) -> list[str]:
    return a_person(canal="mail", email=f"{name}@exemple.fr")


def test_each_lot_of_emails_sends_one_message_to_each_control_address_before_the_others(
    world: World, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailing, "LOOK_UP", 2)  # several attempts a lot
    world.load([by_mail(name) for name in "abc"] + [a_person()])
    add(world, **MAIL)
    add(world, label="imprimerie")  # paper alone
    reference = world.launched()
    office = world.with_settings(**post.settings())
    (lot,) = world.lots(reference, Channel.MAIL)
    world.make(lot, office)
    world.make(lot, office)
    assert post.recipients() == sorted(["a@exemple.fr", "b@exemple.fr", "c@exemple.fr", MAIL["email"]])
    first = post.messages()[0]
    assert first["To"] == MAIL["email"]
    assert control.CODE in first.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    (lot,) = world.lots(reference, Channel.MAIL)
    assert (lot.letters, lot.controls) == (3, 1)
    world.make_all(reference)
    assert world.status(reference).emails == 3
    assert len(world.codes()) == 4
    assert world.sql("SELECT outcome FROM control_mail") == [("envoye",)]
    assert world.verify().clean


def test_a_control_message_is_sent_at_most_once_over_a_crash_and_holds_back_no_lot(
    world: World, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load([by_mail("a")])
    add(world, **MAIL)
    reference = world.launched()
    office = world.with_settings(**post.settings())
    (lot,) = world.lots(reference, Channel.MAIL)
    real = Mailer.send

    def killed(self: Mailer, mail: Mail, at: datetime) -> None:
        real(self, mail, at)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Mailer, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            world.make(lot, office)
    world.make(lot, office)
    assert post.recipients() == sorted(["a@exemple.fr", MAIL["email"]])
    assert world.sql("SELECT outcome FROM control_mail") == [("envoi",)]


@pytest.mark.parametrize(("fault", "outcome", "sent"), [
    (MailRefused("refusé", Reason.ADDRESS), "echec", 0), (MailDelayed("plus tard", Reason.ADDRESS), "envoye", 1),
])  # fmt: skip
def test_one_that_is_refused_is_left_and_one_put_off_goes_with_the_next_messages(
    world: World, post: Post, monkeypatch: pytest.MonkeyPatch, fault: Exception, outcome: str, sent: int
) -> None:
    monkeypatch.setattr(mailing, "LOOK_UP", 1)
    world.load([by_mail("a"), by_mail("b")])
    add(world, **MAIL)
    reference = world.launched()
    real, faults = Mailer.send, [fault]

    def send(self: Mailer, mail: Mail, at: datetime) -> None:
        if mail.to == MAIL["email"] and faults:
            raise faults.pop()
        real(self, mail, at)

    monkeypatch.setattr(Mailer, "send", send)
    (lot,) = world.lots(reference, Channel.MAIL)
    world.make(lot, world.with_settings(**post.settings()))
    assert post.recipients().count(MAIL["email"]) == sent
    assert len(post.recipients()) == 2 + sent
    assert world.sql("SELECT outcome FROM control_mail") == [(outcome,)]


def test_an_address_that_is_none_is_refused(world: World) -> None:
    with pytest.raises(Invalid, match="électronique"):
        add(world, email="pas une adresse")
