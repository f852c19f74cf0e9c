"""Kinds of campaigns: whom each reaches and leaves out, and what becomes of a code in force."""

import uuid
from collections import Counter
from datetime import timedelta
from hashlib import sha256

import pytest

from backoffice.adapters.dmp import CodeStatus, Consent, Contacts, Insured
from backoffice.campaigns import actions
from backoffice.campaigns.criteria import Criteria, Draw, Earlier, Fate
from backoffice.campaigns.forecast import count_draft
from backoffice.campaigns.kinds import PREPARED, REPLACED_BY_REMINDER, Exclusion
from backoffice.campaigns.rules import Channel, ChannelRule, LetterState
from backoffice.core.errors import Invalid
from backoffice.population.notices import NoticeKind, give_notice
from campaigns.world import LETTER_DAY, SYSTEM, World, a_person, manager, pages_of

CONTACTS = Contacts(mail="jeanne.essai@courriel.example", mobile="06 39 98 12 34")
CONSENT = Consent("2016-07", sha256(b"conditions").digest(), "J'accepte les conditions.", collected_by="agent.essai")
REMINDER_DAY = LETTER_DAY + timedelta(days=28)


def persons(world: World) -> list[int]:
    return [number for (number,) in world.sql("SELECT id FROM person ORDER BY id")]


def opens_dmp(world: World, person: int) -> None:
    """The person opens a DMP at the counter."""
    nir, birth_name, given, birth = world.sql(
        "SELECT nir, nom_naissance, prenom, date_naissance FROM person WHERE id = :id", id=person
    )[0]
    insured = Insured("631", person, nir, "MME", birth_name, "", given, birth, "12345678", "photo", True)
    world.office.dmp.open_dossier(uuid.uuid4(), insured, CONTACTS, CONSENT)


def after(reference: str, fate: Fate = Fate.WRITTEN) -> Criteria:
    return Criteria(earlier=Earlier(reference, fate))


def states(world: World, reference: str) -> Counter[tuple[str, str | None]]:
    return Counter((letter.state, letter.reason) for letter in world.letters(reference))


def text_of(world: World, reference: str) -> str:
    (lot,) = world.lots(reference)
    return " ".join(" ".join(page.text for page in pages_of(world.folder_of(reference) / f"{lot.name}.pdf")).split())


def test_a_reminder_reaches_who_still_holds_the_code_and_replaces_it_in_one_step(world: World) -> None:
    world.load([a_person() for _ in range(6)])
    recruited = persons(world)
    first = world.sealed(channel_rule=ChannelRule.POST)
    old = world.codes()
    opened, asked, revoked, late, *kept = recruited
    opens_dmp(world, opened)
    world.office.dmp.issue_codes(uuid.uuid4(), "631", [asked], LETTER_DAY, replacing="à la demande de la personne")
    world.office.dmp.revoke("631", [revoked], "courrier perdu")
    world.clock.move(days=21)
    reference = world.frozen(
        kind="reminder", letter_date=REMINDER_DAY, criteria=after(first), channel_rule=ChannelRule.POST
    )
    assert world.status(reference).excluded == {
        Exclusion.HOLDER: 1, Exclusion.NEWER_CODE: 1, Exclusion.NO_CODE: 1,
    }  # fmt: skip
    opens_dmp(world, late)  # between approval and launch
    world.clock.move(minutes=5)
    world.do(actions.launch, reference)
    world.make_all(reference)
    assert states(world, reference) == {
        (LetterState.SEALED, None): 2, (LetterState.EXCLUDED, Exclusion.HOLDER): 1,
    }  # fmt: skip
    assert "il remplace celui de ce courrier, qui ne peut plus servir" in text_of(world, reference)
    live = world.codes()
    assert set(live.values()) == {asked, *kept}
    assert not set(old) & set(live)
    reasons = world.sql(
        "SELECT person_id, reason FROM enrolment.creation_code WHERE state = 'revoked' AND person_id = ANY(:p)", "dmp",
        p=kept,
    )  # fmt: skip
    assert sorted(tuple(row) for row in reasons) == [(person, REPLACED_BY_REMINDER) for person in sorted(kept)]
    assert world.verify(reference).faults == []


def test_a_code_given_since_the_approval_is_not_taken_away_by_the_reminder(world: World) -> None:
    world.load([a_person(), a_person()])
    first = world.sealed(channel_rule=ChannelRule.POST)
    world.clock.move(days=21)
    reference = world.frozen(
        kind="reminder", letter_date=REMINDER_DAY, criteria=after(first), channel_rule=ChannelRule.POST
    )
    world.clock.move(minutes=5)
    by_phone = persons(world)[0]
    world.office.dmp.issue_codes(uuid.uuid4(), "631", [by_phone], REMINDER_DAY, replacing="à la demande de la personne")
    kept = next(digest for digest, person in world.codes().items() if person == by_phone)
    world.do(actions.launch, reference)
    world.make_all(reference)
    assert states(world, reference) == {
        (LetterState.SEALED, None): 1, (LetterState.EXCLUDED, Exclusion.NEWER_CODE): 1,
    }  # fmt: skip
    assert world.codes()[kept] == by_phone
    assert world.verify().faults == []


def test_the_manager_is_told_how_many_codes_a_reminder_ends(world: World) -> None:
    world.load([a_person() for _ in range(4)])
    first = world.sealed(channel_rule=ChannelRule.POST)
    with world.session() as session:
        found = count_draft(
            session, world.office, SYSTEM, world.draft(kind="reminder", letter_date=REMINDER_DAY, criteria=after(first))
        )
    assert (found.eligible, found.replaced) == (4, 4)
    with world.session() as session:
        found = count_draft(session, world.office, SYSTEM, world.draft(letter_date=REMINDER_DAY))
    assert (found.eligible, found.replaced, found.excluded) == (0, 0, {Exclusion.LIVE_CODE: 4})


def test_who_created_or_closed_since_the_approval_is_not_recruited(world: World) -> None:
    world.load([a_person() for _ in range(3)])
    opened, closed, _ = persons(world)
    reference = world.frozen(channel_rule=ChannelRule.POST)
    opens_dmp(world, opened)
    opens_dmp(world, closed)
    world.office.dmp.close_dossier("631", closed, "à sa demande")
    world.do(actions.launch, reference)
    world.make_all(reference)
    assert states(world, reference) == {
        (LetterState.SEALED, None): 1, (LetterState.EXCLUDED, Exclusion.HOLDER): 1,
        (LetterState.EXCLUDED, Exclusion.CLOSED): 1,
    }  # fmt: skip
    second = world.frozen(letter_date=REMINDER_DAY, channel_rule=ChannelRule.POST)
    assert world.status(second).excluded == {Exclusion.HOLDER: 1, Exclusion.CLOSED: 1, Exclusion.LIVE_CODE: 1}


def test_an_information_reaches_holders_alone_and_carries_no_code(world: World) -> None:
    world.load(
        [
            a_person(dmp="O"),
            a_person(),
            a_person(),
            a_person(),
            a_person(dmp="O", pnd="O"),
            a_person(dmp="O", pnd="O", canal="mail", email="a@example.org"),
            a_person(dmp="O", opposition="O"),
        ]
    )
    _, opened, closed, *_ = persons(world)
    opens_dmp(world, opened)
    opens_dmp(world, closed)
    world.office.dmp.close_dossier("631", closed, "à sa demande")
    reference = world.launched(kind="information")
    status = world.status(reference)
    assert status.excluded == {
        Exclusion.CLOSED: 1, Exclusion.NO_DMP: 1, Exclusion.OPPOSITION: 1, Exclusion.UNDELIVERABLE: 1,
    }  # fmt: skip
    # The address that came back keeps back paper alone: who chose e-mail is written to.
    assert (status.letters_planned, status.emails_planned) == (2, 1)
    world.office.dmp.close_dossier("631", opened, "à sa demande")
    (lot,) = world.lots(reference)
    world.make(lot)
    assert states(world, reference)[LetterState.EXCLUDED, Exclusion.CLOSED] == 1
    assert world.codes() == {}
    assert "données de remboursement" in " ".join(_plain_pages(world, reference))
    assert world.verify().faults == []


def _plain_pages(world: World, reference: str) -> list[str]:
    from pypdf import PdfReader

    (lot,) = world.lots(reference, Channel.POST)
    found = PdfReader(world.folder_of(reference) / f"{lot.name}.pdf")
    return [" ".join(page.extract_text().split()) for page in found.pages]


def test_letters_to_be_made_anew_replace_their_code(world: World) -> None:
    world.load([a_person() for _ in range(3)])
    first = world.sealed(channel_rule=ChannelRule.POST)
    came_back = persons(world)[0]
    world.clock.move(days=10)
    with world.session() as session:
        give_notice(session, SYSTEM, "631", came_back, NoticeKind.UNDELIVERABLE, source="essai", at=world.clock())
    remake = {"kind": "remake", "letter_date": REMINDER_DAY, "channel_rule": ChannelRule.POST}
    still_wrong = world.frozen(criteria=after(first, Fate.RETURNED), **remake)
    assert world.status(still_wrong).excluded == {Exclusion.UNDELIVERABLE: 1}
    nir = world.sql("SELECT nir FROM person WHERE id = :id", id=came_back)[0][0]
    world.load([a_person(nir=nir, adresse_4="7 RUE NEUVE")])
    reference = world.launched(criteria=after(first, Fate.RETURNED), **remake)
    world.make_all(reference)
    assert "7 RUE NEUVE" in text_of(world, reference)
    assert world.office.dmp.code_states("631", [came_back])[came_back].status is CodeStatus.LIVE
    assert len(world.codes()) == 3
    assert world.verify().faults == []


@pytest.mark.parametrize("kind", [kind.name for kind in PREPARED if kind.needs_earlier])
def test_a_kind_that_follows_another_asks_which(world: World, kind: str) -> None:
    with pytest.raises(Invalid, match="campagne précédente ou d’une liste"):
        world.create(kind=kind)


def test_an_earlier_campaign_of_another_caisse_does_not_exist(world: World) -> None:
    reference = world.create(caisses=("641",))
    with world.session() as session, pytest.raises(Invalid, match="introuvable dans votre périmètre"):
        actions.create(session, world.office, manager("a", "631"), world.draft(criteria=after(reference)))


def test_every_outcome_of_an_earlier_campaign_finds_its_persons(world: World) -> None:
    world.load([*(a_person() for _ in range(4)), a_person(ville="V" * 60)])
    first = world.sealed(channel_rule=ChannelRule.POST)
    opened, came_back, gone, *_ = persons(world)
    world.load([a_person()])
    world.clock.move(days=1)
    opens_dmp(world, opened)
    world.office.dmp.revoke("631", [gone], "essai")
    with world.session() as session:
        give_notice(session, SYSTEM, "631", came_back, NoticeKind.UNDELIVERABLE, source="essai", at=world.clock())
    expected = {
        Fate.WRITTEN: 4, Fate.NOT_CREATED: 3, Fate.CREATED: 1, Fate.LIVE: 2, Fate.RETURNED: 1, Fate.FAILED: 1,
        Fate.NOT_IN: 1,
    }  # fmt: skip
    for fate, number in expected.items():
        with world.session() as session:
            found = count_draft(
                session, world.office, SYSTEM, world.draft(letter_date=REMINDER_DAY, criteria=after(first, fate))
            )
        assert found.targeted == number, fate
        assert dict(found.steps) == {"caisses": 6, "campagne_precedente": number}


def test_a_draw_is_what_was_counted_and_the_same_seed_draws_the_same(world: World) -> None:
    world.load(
        [a_person() for _ in range(30)] + [a_person(caisse="941") for _ in range(10)] + [a_person(opposition="O")]
    )
    both = ("631", "941")

    def drawn(draw: Draw) -> set[int]:
        criteria = Criteria(draw=draw)
        with world.session() as session:
            counted = count_draft(session, world.office, SYSTEM, world.draft(caisses=both, criteria=criteria))
        reference = world.frozen(caisses=both, criteria=criteria)
        status = world.status(reference)
        assert (counted.targeted, counted.eligible) == (status.targeted, status.eligible)
        assert status.excluded == {reason.value: number for reason, number in counted.excluded.items()}
        assert status.targeted == 41
        return {letter.person_id for letter in world.letters(reference)}

    first = drawn(Draw("a1b2", count=7))
    assert len(first) == 7
    assert drawn(Draw("a1b2", count=7)) == first
    assert drawn(Draw("autre", count=7)) != first
    assert drawn(Draw("a1b2", count=12)) > first
    share = drawn(Draw("a1b2", percent=20))
    places = dict(world.sql("SELECT id, caisse FROM person"))
    assert Counter(places[person] for person in share) == {"631": 6, "941": 2}
    assert len(drawn(Draw("a1b2", count=500))) == 40


def test_sex_channel_and_e_mail_restrict(world: World) -> None:
    world.load(
        [
            a_person(civilite="M"),
            a_person(civilite="MME"),
            a_person(civilite="MME", canal="mail", email="a@example.org"),
            a_person(civilite="MME", email="b@example.org"),
        ]
    )
    for criteria, number in {
        Criteria(sex="M"): 1, Criteria(sex="MME"): 3, Criteria(channel="mail"): 1, Criteria(channel="courrier"): 3,
        Criteria(email=True): 2, Criteria(email=False): 2, Criteria(sex="MME", channel="courrier", email=True): 1,
    }.items():  # fmt: skip
        with world.session() as session:
            assert count_draft(session, world.office, SYSTEM, world.draft(criteria=criteria)).targeted == number, (
                criteria
            )
        assert Criteria.from_json(criteria.as_json()) == criteria
