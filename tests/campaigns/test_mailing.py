"""Lots of e-mails over real SMTP: each message at most once, whatever dies in between."""

import smtplib
from typing import Any

import pytest
from pypdf import PdfReader

from backoffice.adapters.mailer import Mailer
from backoffice.campaigns import actions, cancelling, mailing
from backoffice.campaigns.kinds import Exclusion
from backoffice.campaigns.production import Outcome
from backoffice.campaigns.rules import CampaignState, Channel, LetterState, LotState
from backoffice.core.errors import Unavailable, WrongState
from backoffice.office import Office
from campaigns.world import CODE, Post, World, a_person


@pytest.fixture
def office(world: World, post: Post) -> Office:
    return world.with_settings(smtp_url=f"smtp://127.0.0.1:{post.door.port}")


def by_mail(name: str, domain: str = "exemple.fr", **changes: str) -> list[str]:
    return a_person(canal="mail", email=f"{name}@{domain}", adresse_4=f"{name} RUE", **changes)


def mail_lot(world: World, reference: str) -> Any:
    (lot,) = world.lots(reference, Channel.MAIL)
    return lot


def states(world: World, reference: str) -> list[str]:
    return [letter.state for letter in world.letters(reference)]


def test_each_person_gets_one_message_with_their_live_code(world: World, office: Office, post: Post) -> None:
    world.load([by_mail("a"), by_mail("b"), by_mail("c")])
    reference = world.launched()
    assert world.make(mail_lot(world, reference), office) is Outcome.SEALED
    assert post.recipients() == ["a@exemple.fr", "b@exemple.fr", "c@exemple.fr"]
    printed = {}
    for message in post.messages():
        body = message.get_body(("plain",))
        assert body is not None
        (code,) = CODE.findall(body.get_content())
        (pdf,) = message.iter_attachments()
        content = pdf.get_content()
        page = world.folder / "courrier.pdf"
        page.write_bytes(content)
        assert CODE.findall(PdfReader(page).pages[0].extract_text()) == [code]
        printed[world.digest("631", code)] = 1
    assert set(printed) == set(world.codes())
    assert len({message["Message-ID"] for message in post.messages()}) == 3
    assert mail_lot(world, reference).status is LotState.SENT
    assert world.campaign(reference).status is CampaignState.FINISHED
    found = world.verify()
    assert (found.clean, found.emails) == (True, 3)
    assert world.make(mail_lot(world, reference), office) is Outcome.NOTHING
    assert len(post.messages()) == 3


@pytest.mark.parametrize("domain", ["introuvable.example.org", "filtree.example.org"])
def test_a_refused_message_is_an_exception_whose_code_is_revoked(
    world: World, office: Office, post: Post, domain: str
) -> None:
    world.load([by_mail("a"), by_mail("b", domain), by_mail("c")])
    reference = world.launched()
    assert world.make(mail_lot(world, reference), office) is Outcome.SEALED
    assert post.recipients() == ["a@exemple.fr", "c@exemple.fr"]
    assert states(world, reference) == ["envoyee", "exception", "envoyee"]
    refused = world.letters(reference)[1]
    assert refused.reason
    assert "@" not in refused.reason
    assert refused.person_id not in world.codes().values()
    status = world.status(reference)
    assert (status.emails, status.exceptions, status.eligible) == (2, 1, 3)
    assert status.eligible == status.letters + status.emails_planned + status.exceptions
    assert world.verify().clean


def test_a_mail_server_that_is_down_sends_nothing_and_loses_nothing(world: World, office: Office, post: Post) -> None:
    world.load([by_mail("a"), a_person()])
    reference = world.launched()
    down = world.with_settings(smtp_url="smtp://127.0.0.1:1")
    with pytest.raises(Unavailable, match="courriels ne répond pas"):
        world.make(mail_lot(world, reference), down)
    assert world.codes() == {}
    assert set(states(world, reference)) == {"prevue"}
    assert world.make_all(reference) == [Outcome.SEALED]  # paper goes on meanwhile
    assert world.make(mail_lot(world, reference), office) is Outcome.SEALED
    assert len(post.messages()) == 1
    assert world.verify().clean


def test_in_a_worker_a_mail_server_that_is_down_delays_the_lot_and_says_why(
    world: World, office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    from backoffice import worker

    world.load([by_mail("a")])
    reference = world.launched()
    monkeypatch.setattr(worker, "_office", lambda: world.office)
    worker.produce_lot(str(mail_lot(world, reference).id))
    assert world.campaign(reference).status is CampaignState.RUNNING
    assert "reprendra plus tard" in (mail_lot(world, reference).reason or "")
    monkeypatch.setattr(worker, "_office", lambda: office)
    worker.produce_lot(str(mail_lot(world, reference).id))
    assert mail_lot(world, reference).reason is None
    assert mail_lot(world, reference).status is LotState.SENT
    assert len(post.messages()) == 1


def test_killed_between_the_mark_and_the_sending_the_letter_is_doubtful_and_never_sent_again(
    world: World, office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load([by_mail("a"), by_mail("b"), by_mail("c")])
    reference = world.launched()
    real, sent = Mailer.send, []

    def killed(self: Mailer, mail: Any, at: Any) -> None:
        sent.append(mail.to)
        if len(sent) == 2:
            raise KeyboardInterrupt
        real(self, mail, at)

    with monkeypatch.context() as patched:
        patched.setattr(Mailer, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            world.make(mail_lot(world, reference), office)
    assert states(world, reference) == ["envoyee", "envoi", "prevue"]
    assert world.make(mail_lot(world, reference), office) is Outcome.SEALED
    assert post.recipients() == ["a@exemple.fr", "c@exemple.fr"]
    assert states(world, reference) == ["envoyee", "envoi", "envoyee"]
    assert len(world.codes()) == 3
    (fault,) = world.verify().faults
    assert "peut-être partis" in fault
    assert world.status(reference).doubtful == 1


def test_killed_after_the_sending_and_before_its_note_nothing_is_sent_twice(
    world: World, office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load([by_mail("a"), by_mail("b")])
    reference = world.launched()
    real = Mailer.send

    def killed(self: Mailer, mail: Any, at: Any) -> None:
        real(self, mail, at)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Mailer, "send", killed)
        with pytest.raises(KeyboardInterrupt):
            world.make(mail_lot(world, reference), office)
    world.make(mail_lot(world, reference), office)
    assert post.recipients() == ["a@exemple.fr", "b@exemple.fr"]


def test_a_connection_lost_on_the_way_stops_the_lot_and_the_rest_goes_later(
    world: World, office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load([by_mail("a"), by_mail("b")])
    reference = world.launched()

    def lost(*_: Any) -> None:
        raise smtplib.SMTPServerDisconnected

    with monkeypatch.context() as patched:
        patched.setattr(smtplib.SMTP, "data", lost)
        with pytest.raises(Unavailable):
            world.make(mail_lot(world, reference), office)
    assert states(world, reference) == ["envoi", "prevue"]
    world.make(mail_lot(world, reference), office)
    assert post.recipients() == ["b@exemple.fr"]


def paused_on_the_way(world: World, office: Office, monkeypatch: pytest.MonkeyPatch, after: int) -> str:
    reference = world.launched()
    real, sent = Mailer.send, []

    def send(self: Mailer, mail: Any, at: Any) -> None:
        real(self, mail, at)
        sent.append(mail.to)
        if len(sent) == after:
            world.do(actions.pause, reference, "imprévu")

    with monkeypatch.context() as patched:
        patched.setattr(mailing, "LOOK_UP", 1)
        patched.setattr(Mailer, "send", send)
        assert world.make(mail_lot(world, reference), office) is Outcome.NOTHING
    return reference


def test_a_pause_stops_between_two_messages_and_the_rest_leaves_after_it(
    world: World, office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load([by_mail("a"), by_mail("b"), by_mail("c")])
    reference = paused_on_the_way(world, office, monkeypatch, after=1)
    assert post.recipients() == ["a@exemple.fr"]
    assert world.make(mail_lot(world, reference), office) is Outcome.NOTHING
    assert world.status(reference).emails == 1
    world.do(actions.resume, reference)
    assert world.make(mail_lot(world, reference), office) is Outcome.SEALED
    assert post.recipients() == ["a@exemple.fr", "b@exemple.fr", "c@exemple.fr"]
    assert len(world.codes()) == 3
    assert world.verify().clean


def test_a_campaign_cancelled_on_the_way_leaves_a_code_to_those_written_to_alone(
    world: World, office: Office, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.load([by_mail("a"), by_mail("b"), by_mail("c")])
    reference = paused_on_the_way(world, office, monkeypatch, after=1)
    written_to = [one.person_id for one in world.letters(reference) if one.state == LetterState.SENT]
    world.do(cancelling.cancel, reference, "abandon")
    assert list(world.codes().values()) == written_to
    assert states(world, reference) == ["envoyee", "annulee", "annulee"]
    assert world.status(world.frozen(name="Suivante")).eligible == 2
    assert world.verify().clean


def test_who_may_not_be_written_to_any_more_is_left_out(world: World, office: Office, post: Post) -> None:
    row = by_mail("a")
    world.load([row, by_mail("b")])
    reference = world.launched()
    world.load([[*row[:23], "O", *row[24:]]])
    world.make(mail_lot(world, reference), office)
    assert post.recipients() == ["b@exemple.fr"]
    assert world.status(reference).excluded == {Exclusion.OPPOSITION: 1}
    assert len(world.codes()) == 1


def test_another_environment_sends_no_message(world: World, office: Office, post: Post) -> None:
    world.load([by_mail("a")])
    reference = world.launched()
    world.sql("UPDATE environment SET id = gen_random_uuid()")
    with pytest.raises(WrongState, match="copiée ou restaurée"):
        world.make(mail_lot(world, reference), office)
    assert post.messages() == []
    assert world.codes() == {}
