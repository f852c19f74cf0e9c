"""Holders are told of what happens to their DMP: once, without a word too many, whatever the mail server does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from portal_account.world import Holder, Someone
from professionals.samples import NUMBERS, rpps
from professionals.world import Record, RecordWorld, a_professional, tried
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from dmp_core.access.rules import Basis
from dmp_core.access.trace import Mode
from dmp_core.enrolment.dossiers import Motive
from dmp_core.errors import Invalid, Unavailable
from dmp_core.notices.sending import Done, Doubtful, Message, NoticeSender, Outlet
from dmp_core.notices.words import Kind, text_of
from dmp_core.record.metadata import Wanted

_numbers = NUMBERS
Make = Callable[[Outlet], NoticeSender]


@dataclass
class Hand:
    """An outlet that remembers, or refuses as told."""

    sent: list[tuple[str, Message]] = field(default_factory=list)
    refusal: Exception | None = None

    def mail(self, message: Message) -> None:
        self._take("mail", message)

    def sms(self, message: Message) -> None:
        self._take("sms", message)

    def _take(self, channel: str, message: Message) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.sent.append((channel, message))

    def told(self) -> list[tuple[str, str, str]]:
        return sorted((channel, message.to, message.subject) for channel, message in self.sent)


@pytest.fixture
def hand() -> Hand:
    return Hand()


def states(world: RecordWorld, dossier: UUID, kind: str) -> dict[str, str]:
    found = world.rows(
        "SELECT channel, state FROM medical.notice WHERE dossier_id = :d AND kind = :k", d=dossier, k=kind
    )
    return {row.channel: row.state for row in found}


def a_holder(world: RecordWorld, **more: Any) -> tuple[Someone, Record]:
    someone = world.someone(**more)
    return someone, Record(world, someone.dossier)


def drained(sender: NoticeSender, hand: Hand) -> None:
    """Of the notice of creation."""
    sender.round()
    hand.sent.clear()


def test_creation_and_closure_are_told_on_each_channel_once(world: RecordWorld, sender: Make, hand: Hand) -> None:
    someone, record = a_holder(world)
    made = sender(hand)
    assert made.round() == Done(sent=2)
    assert made.round() == Done()
    assert hand.told() == [("mail", someone.mail, "Votre DMP est créé"), ("sms", someone.mobile, "Votre DMP est créé")]
    assert "créé le 02/11/2016 à 10 h 00" in hand.sent[0][1].text
    hand.sent.clear()
    record.state("closed")
    assert made.round() == Done(sent=2)
    assert {subject for _, _, subject in hand.told()} == {"Votre DMP est clôturé"}


def test_a_channel_that_the_account_has_not_is_passed_over(world: RecordWorld, sender: Make, hand: Hand) -> None:
    someone, record = a_holder(world, mobile=False)
    assert sender(hand).round() == Done(sent=1)
    assert hand.told() == [("mail", someone.mail, "Votre DMP est créé")]
    assert states(world, record.dossier, "created") == {"mail": "sent", "mobile": "no_contact"}


def test_whoever_died_is_told_nothing(world: RecordWorld, sender: Make, hand: Hand) -> None:
    someone, record = a_holder(world)
    world.enrolment.dossiers.close(someone.person.caisse, someone.person.person_id, "décès", Motive.DEATH)
    assert sender(hand).round() == Done()
    assert states(world, record.dossier, "closed") == {}
    assert hand.sent == []


def test_the_first_access_of_each_professional_is_told_and_no_other(
    world: RecordWorld, sender: Make, hand: Hand
) -> None:
    _, record = a_holder(world)
    made, gate = sender(hand), world.gate()
    drained(made, hand)
    first, second = a_professional(next(_numbers)), a_professional(next(_numbers), "G15_60", "PETIT")
    assert tried(lambda: gate.browse(first, record.dossier, Wanted(), 20)) is not None
    assert made.round() == Done()  # a refusal is no access
    for who in (first, second):
        record.relate(who, Basis.CONSENT)
        for _ in range(3):
            gate.browse(who, record.dossier, Wanted(), 20)
    assert made.round() == Done(sent=4)
    assert {message.subject for _, message in hand.sent} == {"Un professionnel a ouvert votre DMP"}


def test_an_access_that_is_undone_tells_nothing(world: RecordWorld, sender: Make, hand: Hand) -> None:
    _, record = a_holder(world)
    made, who = sender(hand), a_professional(next(_numbers))
    drained(made, hand)
    record.relate(who, Basis.CONSENT)
    document = record.put("bilan")
    for file in world.folder.rglob("*"):
        if file.is_file():
            file.unlink()
    with pytest.raises(Unavailable):
        world.gate().read(who, record.dossier, document.id)
    assert made.round() == Done()


def test_an_emergency_is_told_before_all_else_and_is_no_first_access(
    world: RecordWorld, sender: Make, hand: Hand
) -> None:
    others = [a_holder(world) for _ in range(3)]
    someone, record = a_holder(world)
    world.clock.forward(minutes=1)
    who = a_professional(next(_numbers))
    world.gate().break_glass(who, record.dossier, Mode.EMERGENCY, "Malaise")
    world.gate().browse(who, record.dossier, Wanted(), 20)
    assert sender(hand).round() == Done(sent=2 * len(others) + 4)
    urgent = {message.to for _, message in hand.sent[:2]}
    assert urgent == {someone.mail, someone.mobile}
    assert {message.subject for _, message in hand.sent[:2]} == {"Votre DMP a été ouvert en urgence"}
    assert states(world, record.dossier, "first_access") == {}


def test_no_notice_holds_a_name_a_document_or_a_medical_word(world: RecordWorld, sender: Make, hand: Hand) -> None:
    someone, record = a_holder(world)
    record.put("Sérologie VIH")
    who = a_professional(next(_numbers), name="ONCOLOGUE")
    world.gate().break_glass(who, record.dossier, Mode.EMERGENCY, "Overdose")
    record.relate(who, Basis.CONSENT)
    world.gate().browse(who, record.dossier, Wanted(), 20)
    record.state("closed")
    assert sender(hand).round() == Done(sent=8)
    known = (
        "ONCOLOGUE", "ANNE", "Overdose", "Sérologie", "VIH", "Médecin", "médecin", someone.person.nir, "Dupond",
        someone.login, str(who.id), str(record.dossier),
    )  # fmt: skip
    for _, message in hand.sent:
        assert not [word for word in known if word in message.subject + message.text]
        assert message.to not in repr(message)
    for kind in Kind:  # three parts of an SMS at most (67 characters each, for its accents)
        assert len(text_of(kind, world.clock())) <= 4 * 67, kind


def test_first_accesses_may_be_refused_and_emergencies_never(
    holder: Holder, world: RecordWorld, sender: Make, hand: Hand
) -> None:
    record = Record(world, holder.sign_in().who.dossier)
    made, where = sender(hand), "/mon-dmp/profil/avis"
    drained(made, hand)
    assert "checked" in holder.get(where).text
    assert holder.send(where).location == "/mon-dmp/profil"
    assert "toujours signalés" in holder.get("/mon-dmp/profil").text
    assert "checked" not in holder.get(where).text
    who, later = a_professional(next(_numbers)), a_professional(next(_numbers))
    record.relate(who, Basis.CONSENT)
    record.relate(later, Basis.CONSENT)
    world.gate().browse(who, record.dossier, Wanted(), 20)
    assert made.round() == Done()
    assert holder.send(where, premier_acces="oui").location == "/mon-dmp/profil"
    for each in (who, later):
        world.gate().browse(each, record.dossier, Wanted(), 20)
    assert made.round() == Done(sent=2)  # of the one who came since
    world.gate().break_glass(a_professional(next(_numbers)), record.dossier, Mode.EMERGENCY, "Malaise")
    assert made.round() == Done(sent=2)
    with pytest.raises(Exception, match="check constraint"), world.store.transaction(record.dossier) as connection:
        connection.execute(
            text(
                "INSERT INTO medical.notice_refusal (id, dossier_id, kind, since) "
                "VALUES (gen_random_uuid(), :d, 'emergency', now())"
            ),
            {"d": record.dossier},
        )


def test_what_is_refused_for_now_is_tried_again_and_an_emergency_within_a_minute(
    world: RecordWorld, sender: Make, hand: Hand
) -> None:
    _, record = a_holder(world)
    made = sender(hand)
    drained(made, hand)
    world.gate().break_glass(a_professional(next(_numbers)), record.dossier, Mode.EMERGENCY, "Malaise")
    hand.refusal = Unavailable("plus tard")
    for _ in range(8):
        assert made.round() == Done(later=1)  # a server that is away is not asked for each notice
        assert made.round() == Done(later=1)
        assert made.round() == Done()
        world.clock.forward(minutes=1)
    hand.refusal = None
    assert made.round() == Done(sent=2)
    assert made.round() == Done()


def test_after_three_days_it_is_given_up(world: RecordWorld, sender: Make, hand: Hand) -> None:
    _, record = a_holder(world)
    made = sender(hand)
    hand.refusal = Unavailable("plus tard")
    made.round()
    world.clock.forward(days=3, minutes=1)
    assert made.round() == Done(refused=1)
    assert made.round() == Done(refused=1)
    assert set(states(world, record.dossier, "created").values()) == {"refused"}


@pytest.mark.parametrize(("refusal", "state"), [(Invalid("non"), "refused"), (Doubtful("perdue"), "doubtful")])
def test_a_refusal_for_good_and_a_doubt_are_final(
    world: RecordWorld, sender: Make, hand: Hand, refusal: Exception, state: str
) -> None:
    _, record = a_holder(world)
    made = sender(hand)
    hand.refusal = refusal
    made.round()
    made.round()
    hand.refusal = None
    world.clock.forward(days=1)
    assert made.round() == Done()
    assert set(states(world, record.dossier, "created").values()) == {state}


def test_what_a_dead_sender_had_in_hand_is_told_as_doubtful_and_not_sent_again(
    world: RecordWorld, sender: Make, hand: Hand
) -> None:
    class Killed(BaseException):
        pass

    _, record = a_holder(world)
    made = sender(hand)
    hand.refusal = Killed()  # type: ignore[assignment]
    with pytest.raises(Killed):
        made.round()
    hand.refusal = None
    assert made.round() == Done(sent=1)  # the other channel
    world.clock.forward(minutes=3)
    assert made.round() == Done(doubtful=1)
    assert made.round() == Done()
    assert sorted(states(world, record.dossier, "created").values()) == ["doubtful", "sent"]


def test_many_senders_at_once_send_each_notice_once(world: RecordWorld, sender: Make, hand: Hand) -> None:
    for _ in range(12):
        a_holder(world)
    senders = [sender(hand) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda one: one.round(), senders))
    assert sum(one.sent for one in done) == 24
    assert len({message.id for _, message in hand.sent}) == 24


def test_a_wait_grows_to_an_hour(world: RecordWorld, sender: Make, hand: Hand) -> None:
    _, record = a_holder(world, mobile=False)
    made = sender(hand)
    hand.refusal = Unavailable("plus tard")
    waits = []
    for _ in range(9):
        assert made.round() == Done(later=1)
        (row,) = world.rows(
            "SELECT due_at FROM medical.notice WHERE dossier_id = :d AND channel = 'mail'", d=record.dossier
        )
        waits.append(row.due_at - world.clock())
        world.clock.now = row.due_at
    assert waits[:3] == [timedelta(seconds=30), timedelta(seconds=60), timedelta(seconds=120)]
    assert waits[-1] == timedelta(hours=1)


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM medical.notice", "INSERT INTO medical.notice (about) VALUES ('x')"]
)
def test_neither_holders_nor_professionals_reach_notices(world: RecordWorld, statement: str) -> None:
    _, record = a_holder(world)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        world.store.transaction(record.dossier) as connection,
    ):
        connection.execute(text(statement))
    who = a_professional(next(_numbers))
    assert str(who.id) != rpps(1)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        world.professionals.transaction(who.id, world.clock(), record.dossier) as connection,
    ):
        connection.execute(text(statement))
