"""The adapter against a real OpenLDAP: its own shape and Active Directory's."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backoffice.adapters import directory as adapter
from backoffice.adapters.directory import NO_ROLE, WRONG_LOGIN, Directory, DirectorySettings, active_directory
from backoffice.core.actor import Role
from backoffice.core.errors import NotAllowed, Unavailable
from backoffice.embedded.certificates import Certificates, ensure_certificates

from .slapd import AD_BASE, AD_SERVICE, BASE, PASSWORD, SERVICE, Slapd, running


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Slapd]:
    with running(tmp_path_factory.mktemp("slapd"), certificates) as found:
        yield found


def openldap(slapd: Slapd, **changes: Any) -> Directory:
    wanted = DirectorySettings(
        (slapd.ldap,), BASE, ca_file=slapd.certificates.authority, service_dn=SERVICE, service_password=PASSWORD
    )
    return Directory(replace(wanted, **changes))


def ad(slapd: Slapd, **changes: Any) -> Directory:
    wanted = active_directory(
        urls=(slapd.ldap,), base_dn=AD_BASE, ca_file=slapd.certificates.authority, service_dn=AD_SERVICE,
        service_password=PASSWORD,
    )  # fmt: skip
    return Directory(replace(wanted, **changes))


@pytest.mark.parametrize(
    ("login", "role"),
    [
        ("direct", Role.AGENT),
        ("unique", Role.CAMPAIGN_MANAGER),
        ("imbrique", Role.AGENT),
        ("profond", Role.SUPERVISOR),
        ("cercle", Role.ADVISOR),
        ("nombreux", Role.ADMINISTRATOR),
    ],
)
def test_a_role_is_given_directly_or_through_groups_within_groups(slapd: Slapd, login: str, role: Role) -> None:
    assert openldap(slapd).sign_in(login, PASSWORD).roles == {role}
    assert openldap(slapd).lookup(login).roles == {role}


def test_without_nesting_only_the_groups_that_name_the_person_count(slapd: Slapd) -> None:
    flat = openldap(slapd, nested=False)
    assert flat.sign_in("direct", PASSWORD).roles == {Role.AGENT}
    with pytest.raises(NotAllowed, match=NO_ROLE[:20]):
        flat.sign_in("imbrique", PASSWORD)


def test_nesting_is_followed_to_its_bound_and_circles_end(slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "_DEEPEST", 2)
    with pytest.raises(NotAllowed):
        openldap(slapd).sign_in("profond", PASSWORD)


def test_answers_longer_than_the_server_gives_at_once_come_page_by_page(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 700 groups, and no more than 500 an answer; the one that counts hangs on the 650th.
    monkeypatch.setattr(adapter, "_PAGE", 100)
    assert openldap(slapd).sign_in("nombreux", PASSWORD).roles == {Role.ADMINISTRATOR}


def test_somebody_without_a_group_is_told_so(slapd: Slapd) -> None:
    with pytest.raises(NotAllowed, match=NO_ROLE[:20]):
        openldap(slapd).sign_in("sans", PASSWORD)


@pytest.mark.parametrize("password", ["", "faux", "\0", PASSWORD + "x"])
def test_an_empty_or_wrong_password_opens_nothing(slapd: Slapd, password: str) -> None:
    for found in (openldap(slapd), ad(slapd)):
        with pytest.raises(NotAllowed, match=WRONG_LOGIN[:20]):
            found.sign_in("direct", password)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(login=st.text(alphabet=st.sampled_from("*()&|!=\\/,;<>+\"' #\0abcd"), min_size=1, max_size=40))
def test_no_text_typed_as_a_login_is_read_as_a_filter_or_a_name(slapd: Slapd, login: str) -> None:
    with pytest.raises(NotAllowed, match=WRONG_LOGIN[:20]):
        openldap(slapd).sign_in(login, PASSWORD)


@pytest.mark.parametrize("login", ["*", "d*", "direct)(uid=*", "direct\\2a", "*)(objectClass=*", "uid=direct", "abc*"])
def test_patterns_and_filters_sign_nobody_in(slapd: Slapd, login: str) -> None:
    for found in (openldap(slapd), ad(slapd)):
        with pytest.raises(NotAllowed):
            found.sign_in(login, PASSWORD)
        with pytest.raises(NotAllowed):
            found.lookup(login)


def test_ldaps_and_starttls_both_check_who_answers(slapd: Slapd, tmp_path: Path) -> None:
    assert openldap(slapd, urls=(slapd.ldaps,)).sign_in("direct", PASSWORD).login == "direct"
    other = ensure_certificates(tmp_path / "autre").authority
    for url in (slapd.ldap, slapd.ldaps):
        with pytest.raises(Unavailable):
            openldap(slapd, urls=(url,), ca_file=other).sign_in("direct", PASSWORD)


def test_an_expired_certificate_is_refused(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=6000)
    expired = ensure_certificates(tmp_path / "tls", lambda: long_ago)
    with running(tmp_path_factory.mktemp("slapd expire"), expired) as old:
        for url in (old.ldap, old.ldaps):
            with pytest.raises(Unavailable):
                openldap(old, urls=(url,)).sign_in("direct", PASSWORD)


def test_the_next_server_answers_for_one_that_is_down(slapd: Slapd) -> None:
    both = openldap(slapd, urls=("ldap://127.0.0.1:1", slapd.ldap), connect_timeout=1)
    assert both.sign_in("direct", PASSWORD).login == "direct"
    assert both.lookup("direct").roles == {Role.AGENT}


def test_in_clear_the_server_takes_no_password(slapd: Slapd) -> None:
    with pytest.raises(Unavailable):
        openldap(slapd, starttls=False).sign_in("direct", PASSWORD)


def test_active_directory_s_shape_signs_in_by_its_own_names(slapd: Slapd) -> None:
    actor = ad(slapd).sign_in("AGENT", PASSWORD)
    assert (actor.login, actor.roles, actor.caisses) == ("agent", {Role.AGENT}, {"631"})


def test_an_account_closed_in_active_directory_opens_nothing(slapd: Slapd) -> None:
    with pytest.raises(NotAllowed, match=WRONG_LOGIN[:20]):
        ad(slapd).sign_in("parti", PASSWORD)
    with pytest.raises(NotAllowed, match=WRONG_LOGIN[:20]):
        ad(slapd).lookup("parti")


def test_where_the_chain_rule_is_unknown_nesting_is_asked_level_by_level(slapd: Slapd) -> None:
    """OpenLDAP does not know 1.2.840.113556.1.4.1941: the fall-back finds the same."""
    assert ad(slapd).sign_in("chef", PASSWORD).roles == {Role.SUPERVISOR}


def test_where_the_directory_knows_the_chain_rule_one_question_is_enough(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    search = adapter._search

    def answering(connection: Any, base: str, condition: str, attributes: Any) -> list[dict[str, Any]]:
        asked.append(condition)
        if "1.2.840.113556.1.4.1941" in condition:
            return [{"dn": f"cn=dmp-superviseur,ou=Groupes,{AD_BASE}"}]
        return search(connection, base, condition, attributes)

    monkeypatch.setattr(adapter, "_search", answering)
    assert ad(slapd).sign_in("chef", PASSWORD).roles == {Role.SUPERVISOR}
    assert len([condition for condition in asked if "member" in condition]) == 1
