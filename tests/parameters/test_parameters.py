"""What an administrator sets: bounded, versioned, journalled, in force for whoever reads next."""

import threading
from datetime import date, time
from typing import Any

import pytest
from campaigns.world import World

from backoffice.audit.journal import check_chain
from backoffice.core.actor import Actor, Role, system_actor
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import DomainError, Invalid, NotAllowed, NotFound, WrongState
from backoffice.core.opening_hours import STANDARD_WEEK
from backoffice.parameters.actions import change, history_of, restore
from backoffice.parameters.declared import PARAMETERS
from backoffice.parameters.hours import CLOSED_DAYS, CLOSED_EVERYWHERE, WEEK, ClosedDay, hours_of
from backoffice.parameters.limits import EMAILS_PER_MINUTE, LIMITS, RESENDS_IN_30_DAYS, RESENDS_PER_DAY
from backoffice.parameters.reading import current
from backoffice.parameters.reasons import ABANDON, CLOSURE, Reason, chosen, label_of, offered
from backoffice.parameters.rights import GROUPS
from backoffice.parameters.scripts import Block, Script, blocks_of
from dmp_core.enrolment import code_requests as code_request

ADMIN = Actor("vincent.lemaire", "Vincent Lemaire", frozenset({Role.ADMINISTRATOR}), frozenset(CAISSE_CODES))
LOCAL_ADMIN = Actor("admin.631", "Admin", frozenset({Role.ADMINISTRATOR}), frozenset({"631"}))
SCRIPT = Script(name="texte.essai", label="Essai", meaning="Un essai.", default="Bonjour.")


def set_to(world: World, parameter: Any, value: Any, *, seen: int = 0, actor: Actor = ADMIN, **options: Any) -> int:
    with world.session() as session:
        return change(
            session, world.office, actor, parameter, value, reason="Pour l’essai", seen=seen, **options
        ).version  # fmt: skip


def now(world: World, parameter: Any, caisse: str | None = None) -> Any:
    with world.session() as session:
        return current(session).of(parameter, caisse)


def test_without_a_word_of_anybody_the_declared_default_is_in_force(world: World) -> None:
    for parameter in PARAMETERS:
        for caisse in CAISSE_CODES if parameter.per_caisse else (None,):
            assert now(world, parameter, caisse) == parameter.default


def test_every_declaration_holds_its_own_default_and_says_what_it_is() -> None:
    names = [parameter.name for parameter in PARAMETERS]
    assert len(set(names)) == len(names)
    for parameter in PARAMETERS:
        assert parameter.checked(parameter.default) == parameter.default
        assert parameter.from_json(parameter.to_json(parameter.default)) == parameter.default
        assert parameter.label
        assert parameter.meaning.endswith(".")
        assert parameter.in_words(parameter.default)


def test_a_change_holds_at_the_next_reading_with_who_when_and_why(world: World) -> None:
    assert set_to(world, EMAILS_PER_MINUTE, 120) == 1
    assert now(world, EMAILS_PER_MINUTE) == 120
    world.clock.move(hours=1)
    assert set_to(world, EMAILS_PER_MINUTE, 60, seen=1) == 2
    with world.session() as session:
        latest, first = history_of(session, EMAILS_PER_MINUTE)
        assert (latest.version, latest.value, latest.set_by, latest.reason) == (2, 60, ADMIN.login, "Pour l’essai")
        assert first.set_at < latest.set_at == world.clock.now
        assert check_chain(session).fault is None
    [(who, reason, detail)] = world.sql(
        "SELECT actor, reason, detail FROM audit_entry WHERE action = 'parametre.modifier' ORDER BY id DESC LIMIT 1"
    )
    assert (who, reason) == (ADMIN.login, "Pour l’essai")
    assert detail == {"version": 2, "avant": "120 courriels", "apres": "60 courriels"}


def test_one_unit_of_work_keeps_one_picture_and_the_next_one_sees_the_change(world: World) -> None:
    with world.session() as session:
        assert current(session).of(EMAILS_PER_MINUTE) == 600
        set_to(world, EMAILS_PER_MINUTE, 120)
        assert current(session).of(EMAILS_PER_MINUTE) == 600
    assert now(world, EMAILS_PER_MINUTE) == 120


def test_back_to_the_declared_value_is_a_version_like_any_other(world: World) -> None:
    set_to(world, EMAILS_PER_MINUTE, 120)
    with world.session() as session:
        restore(session, world.office, ADMIN, EMAILS_PER_MINUTE, reason="Fin de l’essai", seen=1)
        assert current(session).of(EMAILS_PER_MINUTE) == 600
    assert now(world, EMAILS_PER_MINUTE) == 600
    with world.session() as session, pytest.raises(Invalid, match="valeur d’origine"):
        restore(session, world.office, ADMIN, EMAILS_PER_MINUTE, reason="Encore", seen=2)


def test_two_administrators_who_meet_on_one_parameter_are_told(world: World) -> None:
    set_to(world, EMAILS_PER_MINUTE, 120)
    with pytest.raises(WrongState, match=r"modifié par vincent.lemaire le .* : relisez-le"):
        set_to(world, EMAILS_PER_MINUTE, 90)
    assert now(world, EMAILS_PER_MINUTE) == 120


def test_of_two_at_the_same_instant_one_writes_and_the_other_is_told(world: World) -> None:
    met, gate = [], threading.Barrier(2)

    def write(value: int) -> None:
        gate.wait()
        try:
            set_to(world, EMAILS_PER_MINUTE, value)
        except WrongState as refusal:
            met.append(str(refusal))

    threads = [threading.Thread(target=write, args=(value,)) for value in (90, 91)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(met) == 1
    assert now(world, EMAILS_PER_MINUTE) in (90, 91)


@pytest.mark.parametrize(
    ("parameter", "value", "said"),
    [
        (RESENDS_PER_DAY, 2, "0 à 1"),
        (RESENDS_IN_30_DAYS, 5, "jamais plus que ce que mon-dmp accorde"),
        (EMAILS_PER_MINUTE, 0, "1 à"),
        (EMAILS_PER_MINUTE, 600, "Rien n’a changé"),
        (CLOSED_EVERYWHERE, (ClosedDay(date(2016, 12, 26), " "),), "Dites pourquoi"),
        (CLOSED_EVERYWHERE, (ClosedDay(date(2016, 12, 26), "Pont"),) * 2, "écrit deux fois"),
        (GROUPS, {"dmp-accueil": Role.AGENT}, "rôle Administrateur"),
        (GROUPS, {"a": Role.ADMINISTRATOR, "A": Role.AGENT}, "deux fois"),
        (GROUPS, {"a": Role.ADMINISTRATOR, "b": Role.SYSTEM}, "traitement automatique"),
        (CLOSURE, CLOSURE.default[1:], "ne peut être retiré"),
        (CLOSURE, (*CLOSURE.default, Reason("Pas bon", "Autre")), "minuscules"),
        (CLOSURE, (*CLOSURE.default, Reason("autre", "Décès du titulaire")), "deux fois"),
        (ABANDON, tuple(Reason(one.code, one.label, False) for one in ABANDON.default), "au moins un motif"),
        (SCRIPT, " \n ", "vide"),
        (SCRIPT, "a" * 6001, "6000"),
        (SCRIPT, "a\x07b", "invisibles"),
    ],
)
def test_what_may_not_be_is_refused_in_one_sentence(world: World, parameter: Any, value: Any, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        set_to(world, parameter, value)
    assert world.sql("SELECT count(*) FROM parameter_version")[0][0] == 0


HALF_DAY = ((time(8, 30), time(12)), (time(13, 30), time(17)))


@pytest.mark.parametrize(
    ("week", "said"),
    [
        (STANDARD_WEEK[:5], "sept jours"),
        (((),) * 7, "Aucun jour"),
        ((((time(12), time(8)),), *STANDARD_WEEK[1:]), "lundi ne se suivent pas"),
        ((((time(8), time(12)), (time(11), time(17))), *STANDARD_WEEK[1:]), "ne se suivent pas"),
        ((((time(8), time(8)),), *STANDARD_WEEK[1:]), "ne se suivent pas"),
        (((*HALF_DAY, (time(18), time(19))), *STANDARD_WEEK[1:]), "plus de deux plages"),
        ((((time(8, 0, 1), time(9)),), *STANDARD_WEEK[1:]), "heures et minutes"),
    ],
)
def test_hours_that_make_no_week_are_refused(world: World, week: Any, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        set_to(world, WEEK, week, caisse="631")


def test_each_caisse_has_its_own_hours_and_the_others_keep_theirs(world: World) -> None:
    week = (HALF_DAY, *STANDARD_WEEK[1:5], ((time(9), time(12)),), ())
    set_to(world, WEEK, week, caisse="631")
    set_to(world, CLOSED_DAYS, (ClosedDay(date(2016, 11, 15), "Inventaire"),), caisse="631")
    set_to(world, CLOSED_EVERYWHERE, (ClosedDay(date(2016, 11, 16), "Séminaire"),))
    with world.session() as session:
        mine, other = hours_of(session, "631"), hours_of(session, "941")
    assert mine.spans_of(date(2016, 11, 14)) == HALF_DAY
    assert mine.spans_of(date(2016, 11, 19)) == ((time(9), time(12)),)
    assert mine.spans_of(date(2016, 11, 15)) == mine.spans_of(date(2016, 11, 16)) == ()
    assert other.week == STANDARD_WEEK
    assert other.spans_of(date(2016, 11, 15)) == STANDARD_WEEK[0]
    assert other.spans_of(date(2016, 11, 16)) == ()
    with world.session() as session:
        assert "8 h 30 – 12 h et 13 h 30 – 17 h" in WEEK.in_words(mine.week).replace("\u00a0", " ")
        assert hours_of(session, "671").spans_of(date(2017, 4, 14)) == ()  # Good Friday, in Alsace alone
        assert hours_of(session, "941").spans_of(date(2017, 4, 14)) == STANDARD_WEEK[4]


def test_asking_without_the_caisse_or_with_one_too_many_is_a_mistake(world: World) -> None:
    with world.session() as session:
        with pytest.raises(ValueError, match="which caisse"):
            current(session).of(WEEK)
        with pytest.raises(ValueError, match="for all caisses"):
            current(session).of(EMAILS_PER_MINUTE, "631")


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.ADMINISTRATOR, Role.SYSTEM)])
def test_nobody_but_an_administrator_changes_anything(world: World, role: Role) -> None:
    actor = Actor("x", "x", frozenset({role}), frozenset(CAISSE_CODES))
    with pytest.raises(NotAllowed):
        set_to(world, EMAILS_PER_MINUTE, 120, actor=actor)


def test_an_administrator_of_one_caisse_changes_that_caisse_alone(world: World) -> None:
    set_to(world, CLOSED_DAYS, (ClosedDay(date(2016, 12, 26), "Pont"),), caisse="631", actor=LOCAL_ADMIN)
    for parameter, value, caisse in (
        (CLOSED_DAYS, (ClosedDay(date(2016, 12, 26), "Pont"),), "941"),
        (EMAILS_PER_MINUTE, 120, None),
    ):
        with pytest.raises(NotFound):
            set_to(world, parameter, value, caisse=caisse, actor=LOCAL_ADMIN)


def test_a_change_says_why(world: World) -> None:
    for reason in ("  ", "x" * 301):
        with world.session() as session, pytest.raises(Invalid, match=r"pourquoi|dépasse"):
            change(session, world.office, ADMIN, EMAILS_PER_MINUTE, 120, reason=reason, seen=0)


def test_the_database_itself_keeps_every_version(world: World) -> None:
    set_to(world, EMAILS_PER_MINUTE, 120)
    for statement in ("UPDATE parameter_version SET value = '1'", "DELETE FROM parameter_version"):
        with pytest.raises(Exception, match="permission denied"), world.session() as session:
            session.connection().exec_driver_sql(statement)


def test_limits_of_resending_are_never_looser_than_the_portals() -> None:
    assert RESENDS_PER_DAY.default == RESENDS_PER_DAY.most == code_request.A_DAY
    assert RESENDS_IN_30_DAYS.default == RESENDS_IN_30_DAYS.most == code_request.IN_THIRTY_DAYS


def test_a_bound_tightened_since_holds_for_what_was_kept_before(world: World) -> None:
    world.sql(
        "INSERT INTO parameter_version (name, version, value, set_at, set_by, reason) "
        "VALUES (:name, 1, '99', now(), 'x', 'x')",
        name=RESENDS_PER_DAY.name,
    )
    assert now(world, RESENDS_PER_DAY) == RESENDS_PER_DAY.most


def test_what_another_version_of_the_application_wrote_does_not_stop_this_one(world: World) -> None:
    for parameter in PARAMETERS:
        world.sql(
            "INSERT INTO parameter_version (name, caisse, version, value, set_at, set_by, reason) "
            "VALUES (:name, :caisse, 1, '[{\"x\": 7}]', now(), 'x', 'x')",
            name=parameter.name, caisse="631" if parameter.per_caisse else None,
        )  # fmt: skip
        caisse = "631" if parameter.per_caisse else None
        assert now(world, parameter, caisse) == parameter.default


def test_a_retired_reason_is_no_longer_offered_but_still_has_its_name(world: World) -> None:
    retired = tuple(Reason(one.code, one.label, one.code != "reviendra") for one in ABANDON.default)
    set_to(world, ABANDON, (*retired, Reason("evacuation", "L’accueil a été évacué")))
    reasons = now(world, ABANDON)
    assert "reviendra" not in [one.code for one in offered(reasons)]
    assert chosen(reasons, "evacuation").label == "L’accueil a été évacué"
    assert label_of(reasons, "reviendra") == "Elle reviendra"
    with pytest.raises(Invalid, match="Choisissez"):
        chosen(reasons, "reviendra")


def test_a_text_is_rewritten_and_shown_as_paragraphs_and_lists(world: World) -> None:
    set_to(world, SCRIPT, "Qu’est-ce que c’est ?\r\n\r\n- un\r\n- deux  \r\nSuite")
    text = now(world, SCRIPT)
    assert blocks_of(text) == (
        Block(("Qu’est-ce que c’est ?",), False), Block(("un", "deux"), True), Block(("Suite",), False),
    )  # fmt: skip


def test_the_command_line_may_set_what_an_administrator_may(world: World) -> None:
    assert set_to(world, EMAILS_PER_MINUTE, 5, actor=system_actor()) == 1


def test_every_limit_refuses_one_beyond_its_bounds() -> None:
    for limit in LIMITS:
        for value in (limit.least - 1, limit.most + 1):
            with pytest.raises(DomainError):
                limit.checked(value)
