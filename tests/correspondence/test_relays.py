"""E-mails that came back: read from the mailbox, and relayed by post or by one more e-mail, each letter once."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from campaigns.world import CODE, SYSTEM, Post, World, a_person, manager, pages_of
from pypdf import PdfReader

from backoffice.adapters.dmp import Kind
from backoffice.campaigns import actions, cancelling
from backoffice.campaigns.incidents import SECOND_TRY
from backoffice.campaigns.rules import CampaignState, Channel
from backoffice.campaigns.work import make_lot
from backoffice.core.clock import PARIS
from backoffice.core.errors import NotAllowed, NotFound, WrongState
from backoffice.correspondence.bounces import read_bounces, settle_doubt, settle_unknown
from backoffice.correspondence.gathering import gather
from backoffice.correspondence.receiving import receive
from backoffice.correspondence.relaying import relay
from backoffice.office import Office

from .test_answers import events, happen, load


@pytest.fixture
def office(world: World, post: Post) -> Office:
    return world.with_settings(**post.settings())


def by_mail(name: str, domain: str = "exemple.fr", **changes: str) -> list[str]:
    return a_person(canal="mail", email=f"{name}@{domain}", adresse_4=f"{name} RUE", **changes)


def mailed(world: World, office: Office, *rows: list[str]) -> str:
    """A campaign by e-mail whose messages have left."""
    world.load(rows)
    reference = world.launched()
    make_everything(world, office)
    return reference


def make_everything(world: World, office: Office) -> None:
    for (lot,) in world.sql("SELECT id FROM lot WHERE state = 'prevu' ORDER BY id"):
        make_lot(office, lot)


def incidents(world: World) -> list[Any]:
    return world.sql("SELECT cause, reason, state, channel, note FROM mail_incident ORDER BY letter_number")


def relays(world: World) -> list[Any]:
    return world.sql(
        "SELECT c.reference, l.channel, l.state, o.reference FROM campaign c JOIN campaign o ON o.id = c.relay_of "
        "JOIN letter l ON l.campaign_id = c.id ORDER BY l.number"
    )


def notices(world: World) -> list[Any]:
    return world.sql("SELECT kind, source FROM person_notice WHERE ended_at IS NULL")


def test_an_unknown_address_is_written_to_by_post_with_another_code(world: World, office: Office, post: Post) -> None:
    reference = mailed(world, office, by_mail("a"), by_mail("b", "inconnue.example.org"))
    assert world.campaign(reference).status is CampaignState.FINISHED
    (old,) = (digest for digest, person in world.codes().items() if person == world.letters(reference)[1].person_id)
    found = read_bounces(office)
    assert (found.returned, found.aside) == (1, 0)
    assert incidents(world) == [("retour", "adresse", "a_relayer", "courrier", None)]
    assert old in world.codes()  # in force until another takes its place
    world.clock.now = datetime(2016, 11, 2, 16, 0, tzinfo=PARIS)
    assert relay(office, SYSTEM).letters == 1
    make_everything(world, office)
    ((relayed, channel, state, origin),) = relays(world)
    assert (channel, state, origin) == ("courrier", "scellee", reference)
    assert relayed.startswith("RLA-2016-")
    (path,) = world.folder_of(relayed).glob(f"{relayed}*.pdf")
    (page,) = pages_of(path)
    live = world.codes()
    assert old not in live
    assert world.digest("631", page.code) in live
    assert "2 novembre 2016" in page.text.replace("\u00a0", " ")
    assert notices(world) == [("courriel_refuse", f"courriel {_id(world, reference, 1)}")]
    assert world.verify().clean
    assert world.campaign(relayed).template_version == world.campaign(reference).template_version
    world.clock.move(days=1)
    assert (relay(office, SYSTEM).letters, read_bounces(office).returned) == (0, 0)


def _id(world: World, reference: str, rank: int) -> str:
    from backoffice.letters.reference import format_letter_id

    return format_letter_id("631", world.letters(reference)[rank].number)


def test_the_next_mailing_goes_by_post_to_whoever_an_e_mail_did_not_reach(
    world: World, office: Office, post: Post
) -> None:
    row = by_mail("b", "inconnue.example.org")
    mailed(world, office, row)
    read_bounces(office)
    world.load([row])  # the next population file has the same address
    world.clock.move(days=90)
    reference = world.launched(letter_date=date(2017, 3, 6))
    assert [letter.channel for letter in world.letters(reference)] == ["courrier"]


def test_a_refusal_on_the_way_is_relayed_too_and_a_full_mailbox_first_by_a_second_e_mail(
    world: World, office: Office, post: Post
) -> None:
    reference = mailed(world, office, by_mail("a", "introuvable.example.org"), by_mail("b", "pleine.example.org"))
    read_bounces(office)
    assert incidents(world) == [
        ("refus", "adresse", "a_relayer", "courrier", None), ("retour", "attente", "a_relayer", "mail", None),
    ]  # fmt: skip
    assert [kind for kind, _ in notices(world)] == ["courriel_refuse"]
    world.clock.now += SECOND_TRY - timedelta(seconds=1)
    found = relay(office, SYSTEM)
    assert (found.letters, found.emails) == (1, 0)  # the post of the day before; the mailbox is given its day
    world.clock.move(seconds=1)
    assert relay(office, SYSTEM).emails == 1
    world.sql("UPDATE person SET email = 'b@exemple.fr' WHERE email LIKE '%pleine%'")
    make_everything(world, office)
    assert sorted((channel, state) for _, channel, state, _ in relays(world)) == [
        ("courrier", "scellee"), ("mail", "envoyee"),
    ]  # fmt: skip
    assert post.recipients() == ["b@exemple.fr"]
    (message,) = post.messages()
    body = message.get_body(("plain",))
    assert body is not None
    (code,) = CODE.findall(body.get_content())
    assert world.digest("631", code) in world.codes()
    assert len(world.codes()) == 2
    assert world.verify().clean
    assert reference


def test_a_mailbox_that_is_full_twice_gets_a_letter(world: World, office: Office, post: Post) -> None:
    mailed(world, office, by_mail("b", "pleine.example.org"))
    read_bounces(office)
    world.clock.now += SECOND_TRY
    assert relay(office, SYSTEM).emails == 1
    make_everything(world, office)
    assert read_bounces(office).returned == 1
    assert [state for _, _, state, _, _ in incidents(world)] == ["relaye", "a_relayer"]
    world.clock.move(days=1)
    assert relay(office, SYSTEM, post_now=True).letters == 1
    make_everything(world, office)
    assert [(channel, state) for _, channel, state, _ in relays(world)] == [
        ("mail", "envoyee"),
        ("courrier", "scellee"),
    ]
    assert len({origin for *_, origin in relays(world)}) == 1  # both are relays of the mailing itself
    assert len(world.codes()) == 1
    assert notices(world) == []
    assert world.verify().clean


def test_nobody_is_written_to_who_may_not_be_any_more_and_the_codes_end(
    world: World, office: Office, post: Post
) -> None:
    row = by_mail("b", "inconnue.example.org")
    mailed(world, office, row)
    read_bounces(office)
    world.load([[*row[:23], "O", *row[24:]]])
    found = relay(office, SYSTEM, post_now=True)
    assert (found.letters, found.closed) == (0, 1)
    assert [(state, note) for _, _, state, _, note in incidents(world)] == [("sans_suite", "opposition aux envois")]
    assert world.codes() == {}


def test_whoever_got_another_code_meanwhile_keeps_it(world: World, office: Office, post: Post) -> None:
    reference = mailed(world, office, by_mail("b", "inconnue.example.org"))
    read_bounces(office)
    world.clock.move(hours=1)
    person = world.letters(reference)[0].person_id
    happen(world, Kind.CODE_REQUESTED, person, '{"purpose": "creation"}')
    receive(office)
    gather(office, SYSTEM, post_now=True)
    make_everything(world, office)
    (newer,) = world.codes()
    assert relay(office, SYSTEM, post_now=True).closed == 1
    assert set(world.codes()) == {newer}


def test_a_paused_mailing_holds_its_relays_back_and_a_cancelled_one_has_none(
    world: World, office: Office, post: Post
) -> None:
    world.load([by_mail("b", "inconnue.example.org"), a_person()])
    reference = world.launched()
    (lot,) = world.lots(reference, Channel.MAIL)
    world.make(lot, office)
    read_bounces(office)
    world.do(actions.pause, reference, "texte à vérifier")
    assert (relay(office, SYSTEM, post_now=True).letters, incidents(world)[0].state) == (0, "a_relayer")
    world.do(cancelling.cancel, reference, "texte faux")
    assert relay(office, SYSTEM, post_now=True).closed == 1
    assert world.codes() == {}


def test_an_answer_that_came_back_goes_by_post(world: World, office: Office, post: Post) -> None:
    person = load(world, canal="mail", email="x@inconnue.example.org")
    happen(world, Kind.CODE_REQUESTED, person, '{"purpose": "creation"}')
    receive(office)
    gather(office, SYSTEM)
    make_everything(world, office)
    read_bounces(office)
    world.clock.move(days=1)
    assert gather(office, SYSTEM, post_now=True).letters == 1
    make_everything(world, office)
    (path,) = world.settings.files.rglob("*.pdf")
    (code,) = CODE.findall(PdfReader(path).pages[0].extract_text())
    assert set(world.codes()) == {world.digest("631", code)}
    assert events(world)[0].channel == "courrier"
    assert [(state, note) for _, _, state, _, note in incidents(world)] == [("sans_suite", "Redemandé par La Poste.")]
    assert relays(world) == []
    assert world.verify().clean


def test_a_report_is_acted_on_once_whatever_dies_between_the_database_and_the_mailbox(
    world: World, office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailed(world, office, by_mail("b", "inconnue.example.org"))

    class Killed(BaseException):
        pass

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("backoffice.adapters.bouncebox._Maildir.done", killed)
        with pytest.raises(Killed):
            read_bounces(office)
    assert incidents(world)[0].state == "a_relayer"
    relay(office, SYSTEM, post_now=True)
    found = read_bounces(office)
    assert (found.returned, found.ignored) == (0, 1)
    assert incidents(world)[0].state == "relaye"
    assert list(post.returns.glob("new/*")) == []


def test_what_is_not_understood_is_set_aside_and_a_forged_report_changes_nothing(
    world: World, office: Office, post: Post
) -> None:
    reference = mailed(world, office, by_mail("b"))
    letter = _id(world, reference, 0)
    from mailbox import Maildir

    from backoffice.embedded.mailcatcher import delivery_report

    box = Maildir(post.returns, factory=None)
    sent = f"Message-ID: <{letter}.aaaaaaaaaaaaa@mon-dmp.example.org>\n\n".encode()
    box.add(delivery_report(sent, "retours@mon-dmp.example.org", "b@exemple.fr", "5.1.1").as_bytes())
    box.add(b"Subject: bonjour\n\nQui etes-vous ?\n")
    found = read_bounces(office)
    assert (found.returned, found.aside) == (0, 2)
    assert incidents(world) == []
    assert len(list((post.returns / ".A-examiner" / "new").iterdir())) == 2
    first = world.sql("SELECT min(id) FROM mail_return")[0][0]
    with world.session() as session:
        settle_unknown(session, office, manager(), first)
    with pytest.raises(WrongState, match="déjà été classé"), world.session() as session:
        settle_unknown(session, office, manager("claire"), first)


def doubtful(world: World, office: Office, monkeypatch: pytest.MonkeyPatch) -> str:
    from backoffice.adapters.mailer import Mailer

    world.load([by_mail("b")])
    reference = world.launched()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Mailer, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            make_everything(world, office)
    make_everything(world, office)
    return reference


@pytest.mark.parametrize("left", [True, False])
def test_a_person_settles_what_is_doubtful(
    world: World, office: Office, post: Post, monkeypatch: pytest.MonkeyPatch, left: bool
) -> None:
    reference = doubtful(world, office, monkeypatch)
    (lot,) = world.lots(reference, Channel.MAIL)
    number = world.letters(reference)[0].number
    assert not world.verify().clean
    with pytest.raises(NotFound), world.session() as session:
        settle_doubt(session, office, manager("x", "751"), lot.id, number, left=left)
    with world.session() as session:
        settle_doubt(session, office, manager(), lot.id, number, left=left)
    with pytest.raises(WrongState, match="plus douteux"), world.session() as session:
        settle_doubt(session, office, manager(), lot.id, number, left=left)
    assert world.status(reference).doubtful == 0
    relay(office, SYSTEM, post_now=True)
    make_everything(world, office)
    assert [row[1:3] for row in relays(world)] == ([] if left else [("courrier", "scellee")])
    assert len(world.codes()) == 1
    assert world.verify().clean


def test_a_return_settles_what_is_doubtful(
    world: World, office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message had left after all, and came back."""
    from mailbox import Maildir

    from backoffice.campaigns.tracing import Tracer
    from backoffice.embedded.mailcatcher import delivery_report

    reference = doubtful(world, office, monkeypatch)
    address = Tracer(office.settings.secret_key).return_address(_id(world, reference, 0), "retours@mon-dmp.example.org")
    box = Maildir(post.returns, factory=None)
    box.add(delivery_report(b"To: b@exemple.fr\n\n", address, "b@exemple.fr", "5.1.1").as_bytes())
    assert read_bounces(office).returned == 1
    assert world.status(reference).doubtful == 0
    assert world.verify().clean


def test_an_agent_settles_nothing(world: World, office: Office) -> None:
    from backoffice.core.actor import Actor, Role

    agent = Actor("a", "a", frozenset({Role.AGENT}), frozenset({"631"}))
    with pytest.raises(NotAllowed), world.session() as session:
        settle_unknown(session, office, agent, 1)
