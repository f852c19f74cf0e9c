"""Signing in, in a real LDAP conversation under StartTLS."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.adapters.directory import (
    NO_CAISSE,
    NO_ROLE,
    WRONG_LOGIN,
    Directory,
    DirectorySettings,
    SignInRefused,
)
from backoffice.core.actor import Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import NotAllowed
from backoffice.embedded.directory import BASE_DN, GROUPS_DN
from backoffice.embedded.staff import ACCOUNTS, DEMONSTRATION_PASSWORD, Group, demonstration_accounts

from .conftest import TEMPLATE

PASSWORD = DEMONSTRATION_PASSWORD


def test_a_campaign_manager_signs_in_with_role_and_caisse(either: Directory) -> None:
    actor = either.sign_in("damien.faure", PASSWORD)
    assert (actor.login, actor.name) == ("damien.faure", "Damien Faure")
    assert actor.roles == {Role.CAMPAIGN_MANAGER}
    assert actor.caisses == {"631"}


def test_an_advisor_sees_the_nine_caisses(either: Directory) -> None:
    actor = either.sign_in("emilie.rousseau", PASSWORD)
    assert actor.name == "Émilie Rousseau"
    assert actor.roles == {Role.ADVISOR}
    assert actor.caisses == set(CAISSE_CODES)


def test_every_demonstration_account_signs_in_with_its_role(directory: Callable[..., Directory]) -> None:
    roles = dict(
        zip(Group, (Role.AGENT, Role.CAMPAIGN_MANAGER, Role.ADVISOR, Role.SUPERVISOR, Role.ADMINISTRATOR), strict=True)
    )
    adapter = directory()
    for account in demonstration_accounts():
        actor = adapter.lookup(account.login)
        assert account.group is not None
        assert (actor.name, actor.roles) == (account.name, {roles[account.group]})
        assert actor.caisses == set(account.caisses)


def test_every_caisse_has_a_desk_agent_a_campaign_manager_and_a_supervisor() -> None:
    for code in CAISSE_CODES:
        groups = {account.group for account in demonstration_accounts() if account.caisses == (code,)}
        assert groups == {Group.RECEPTION, Group.CAMPAIGN, Group.SUPERVISOR}
    assert len({account.login for account in ACCOUNTS}) == len(ACCOUNTS)


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("damien.faure", "Demo-dmp-2017"),
        ("damien.faure", "x" * 5000),
        ("damien.faure", f"{PASSWORD}\0"),
        ("inconnu", PASSWORD),
        ("jean-noel.prudhomme", PASSWORD),  # has left
        ("damien.faure", ""),  # an unauthenticated bind, which a directory may answer with success
        ("", PASSWORD),
        ("*", PASSWORD),
        ("damien*", PASSWORD),
        ("*)(uid=*", PASSWORD),
        ("damien.faure)(|(uid=*", PASSWORD),
        (f"damien.faure,ou=personnes,{BASE_DN}", PASSWORD),
        ("damien.faure,ou=x", PASSWORD),
        ("ｄamien.faure", PASSWORD),
        ("damien.faure\0", PASSWORD),
        ("damien.faure\n", "faux"),
    ],
)
def test_whatever_is_wrong_the_sentence_is_the_same(either: Directory, login: str, password: str) -> None:
    with pytest.raises(SignInRefused) as refusal:
        either.sign_in(login, password)
    assert str(refusal.value) == WRONG_LOGIN


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(login=st.text(alphabet="*()\\|&=!,+;<>#\"' \0\x7fdamien.faure\u00e9", min_size=1, max_size=24))
def test_no_typed_text_finds_somebody_by_pattern(directory: Callable[..., Directory], login: str) -> None:
    if login.strip().casefold() == "damien.faure":
        return
    with pytest.raises(SignInRefused):
        directory(receive_timeout=5).sign_in(login, PASSWORD)


def test_two_spellings_of_a_login_are_one_person(either: Directory) -> None:
    assert either.sign_in("  Damien.FAURE ", PASSWORD) == either.sign_in("damien.faure", PASSWORD)


def test_someone_without_a_role_is_told_so(either: Directory) -> None:
    with pytest.raises(NotAllowed) as refusal:
        either.sign_in("bruno.tessier", PASSWORD)
    assert str(refusal.value) == NO_ROLE
    assert not isinstance(refusal.value, SignInRefused)


def test_someone_without_one_of_the_nine_caisses_is_told_so(directory: Callable[..., Directory]) -> None:
    with pytest.raises(NotAllowed) as refusal:
        directory(caisse_attribute="title").sign_in("damien.faure", PASSWORD)
    assert str(refusal.value) == NO_CAISSE


@pytest.mark.parametrize("only", ["member", "memberOf"])
def test_groups_are_found_by_member_or_by_member_of(directory: Callable[..., Directory], only: str) -> None:
    changes = {"group_filter": None} if only == "memberOf" else {}
    assert directory(**changes).sign_in("nadia.benali", PASSWORD).roles == {Role.AGENT}


def test_a_group_may_be_named_by_its_whole_name_in_any_case(directory: Callable[..., Directory]) -> None:
    named = directory(groups={f"CN=DMP-Accueil, {GROUPS_DN.upper()}": Role.SUPERVISOR})
    assert named.sign_in("nadia.benali", PASSWORD).roles == {Role.SUPERVISOR}


def test_a_session_is_checked_again_without_a_password(directory: Callable[..., Directory]) -> None:
    adapter = directory()
    assert adapter.lookup("damien.faure") == adapter.sign_in("damien.faure", PASSWORD)
    for gone in ("jean-noel.prudhomme", "inconnu", "*"):
        with pytest.raises(SignInRefused):
            adapter.lookup(gone)


def test_without_a_technical_account_no_session_can_be_checked_again(directory: Callable[..., Directory]) -> None:
    adapter = directory(**TEMPLATE)
    assert not adapter.can_lookup
    with pytest.raises(RuntimeError):
        adapter.lookup("damien.faure")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"bind_template": "{login}@caisse.fr", "service_dn": "cn=x", "service_password": "y"},
        {"service_dn": "cn=x"},
        {"bind_template": "{login}@caisse.fr", "groups": {"dmp-tout": Role.SYSTEM}},
        {"bind_template": "{login}@caisse.fr", "urls": ()},
    ],
)
def test_settings_that_contradict_themselves_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        DirectorySettings(**({"urls": ("ldap://127.0.0.1",), "base_dn": BASE_DN} | changes))  # type: ignore[arg-type]


def test_settings_do_not_show_their_password() -> None:
    shown = repr(DirectorySettings(("ldap://h",), BASE_DN, service_dn="cn=x", service_password="s3cret"))
    assert "s3cret" not in shown
