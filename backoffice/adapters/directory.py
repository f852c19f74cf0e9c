"""Signing in against the directory of the caisse: a bind, groups into roles, caisses from the entry (DESIGN 6, 7)."""

import contextlib
import logging
import re
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ldap3 import IP_V4_PREFERRED, NONE, SUBTREE, SYNC, Connection, Server, Tls
from ldap3.core.exceptions import (
    LDAPException,
    LDAPInvalidCredentialsResult,
    LDAPOperationResult,
)
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn, parse_dn
from pyasn1.error import PyAsn1Error

from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.core.errors import NotAllowed, Unavailable

WRONG_LOGIN = "Identifiant ou mot de passe incorrect. Vérifiez-les, puis recommencez."
NO_ROLE = (
    "Votre compte n’est habilité à aucune fonction de l’application. "
    "Demandez une habilitation au gestionnaire des accès de votre caisse."
)
NO_CAISSE = (
    "Votre compte n’est rattaché à aucune caisse de la pré-série. "
    "Demandez au gestionnaire des accès de votre caisse de le compléter."
)
DOWN = "L’annuaire ne répond pas : la connexion est impossible pour l’instant. Réessayez dans quelques minutes."

_PLAIN_LOGIN = re.compile(r"[\w.@+'-]{1,128}\Z", re.ASCII)
_LONGEST_PASSWORD = 1024
_T = TypeVar("_T")
_log = logging.getLogger(__name__)


DEFAULT_GROUPS: Mapping[str, Role] = {
    "dmp-accueil": Role.AGENT,
    "dmp-campagne": Role.CAMPAIGN_MANAGER,
    "dmp-conseiller": Role.ADVISOR,
    "dmp-superviseur": Role.SUPERVISOR,
    "dmp-admin": Role.ADMINISTRATOR,
}
"""Groups by the names this application proposes to the caisses; a caisse with its own sets `groups`."""


class SignInRefused(NotAllowed):
    """Wrong login, wrong password, closed account: never told apart, so that nobody learns which logins exist."""


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """Where the directory is, and how its entries say who may do what.

    Two ways to find a person. With `service_dn` the technical account searches the login, then the person binds: the
    usual way, needed for `Directory.lookup`. Without it `bind_template` gives the name to bind with, e.g.
    "uid={login},ou=personnes,dc=caisse,dc=fr" or "{login}@caisse.fr" (Active Directory), and the person's own
    connection reads the entry. Raises ValueError when the two contradict each other or a group would give SYSTEM.
    """

    urls: tuple[str, ...]
    """ldap://host[:389] or ldaps://host[:636], tried in this order."""
    base_dn: str
    groups: Mapping[str, Role] = field(default_factory=lambda: dict(DEFAULT_GROUPS))
    """Role given by each group: its `cn`, or its whole distinguished name; letter case is ignored.
    What `Directory` is given beside the settings goes before."""
    starttls: bool = True
    """Ask for TLS on ldap:// before anything else; False only for a directory on the same machine."""
    ca_file: Path | None = None
    """PEM authorities to trust; None: those of the system."""
    service_dn: str | None = None
    service_password: str = field(default="", repr=False)
    bind_template: str | None = None
    user_filter: str = "(&(objectClass=inetOrgPerson)(uid={login}))"
    """Finds one person. It names no attribute that a directory may not know: OpenLDAP without its password policy
    answers nobody to "(!(pwdAccountLockedTime=*))". Accounts closed for good are told by that attribute's value."""
    group_filter: str | None = (
        "(|(&(objectClass=groupOfNames)(member={dn}))(&(objectClass=groupOfUniqueNames)(uniqueMember={dn})))"
    )
    """Finds the groups that hold a person or another group; None: `memberOf` of the entry alone tells them."""
    nested: bool = True
    """A group within a group counts: asked level by level with `group_filter`."""
    chain_filter: str | None = None
    """Finds all of them at once, where the directory can: "(member:1.2.840.113556.1.4.1941:={dn})" in Active Directory.
    One that answers nothing or refuses is asked level by level instead."""
    login_attribute: str = "uid"
    """What the person is called in journals, in lower case; "sAMAccountName" with Active Directory."""
    name_attribute: str = "displayName"
    caisse_attribute: str = "departmentNumber"
    """Three-digit numbers, one a value; several caisses are several values. Others than the nine are ignored."""
    connect_timeout: int = 3
    """Seconds, for each server."""
    receive_timeout: int = 5
    """Seconds, for each answer."""

    def __post_init__(self) -> None:
        if (self.service_dn is None) == (self.bind_template is None):
            raise ValueError("give either service_dn or bind_template")
        if self.service_dn is not None and not self.service_password:
            raise ValueError("service_dn needs a password: an unauthenticated bind proves nothing")
        if Role.SYSTEM in self.groups.values():
            raise ValueError("no directory group gives the system role")
        if not self.urls:
            raise ValueError("at least one directory address is needed")


def active_directory(**settings: Any) -> DirectorySettings:
    """Settings in the shape of Active Directory: its names, closed accounts, and nested groups in one question."""
    return DirectorySettings(
        **{
            "user_filter": (
                "(&(objectCategory=person)(sAMAccountName={login})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))"
            ),
            "group_filter": "(&(objectCategory=group)(member={dn}))",
            "chain_filter": "(&(objectCategory=group)(member:1.2.840.113556.1.4.1941:={dn}))",
            "login_attribute": "sAMAccountName",
        }
        | settings
    )  # fmt: skip


class Directory:
    """The door to the directory. One conversation a call, closed at its end: threads may share it."""

    def __init__(self, settings: DirectorySettings, groups: Callable[[], Mapping[str, Role]] | None = None) -> None:
        """`groups` says, each time, which group gives which role: an administrator may change it at any moment."""
        self._settings = settings
        self._map = groups or (lambda: settings.groups)
        self.can_lookup = settings.service_dn is not None
        """Whether `lookup` works: only a technical account can read without the person's password."""

    def sign_in(self, login: str, password: str) -> Actor:
        """The person of this login and password.

        Raises SignInRefused (wrong, unknown or closed, never told apart), NotAllowed (no role or no caisse) and
        Unavailable (no server answers in time, or none proves who it is).
        """
        login = login.strip()
        # An empty password would be an "unauthenticated bind", which directories answer with success (RFC 4513 5.1.2).
        if not password or len(password) > _LONGEST_PASSWORD or not _PLAIN_LOGIN.match(login) or "\0" in password:
            raise SignInRefused(WRONG_LOGIN)
        if self._settings.service_dn is None:
            return self._on_any_server(lambda server: self._sign_in_by_template(server, login, password))
        return self._on_any_server(lambda server: self._sign_in_by_search(server, login, password))

    def lookup(self, login: str) -> Actor:
        """The person of this login as the directory has them now, without a password: to check a session again.

        Raises as `sign_in` does, and RuntimeError when there is no technical account.
        """
        if not self.can_lookup:
            raise RuntimeError("lookup needs a service account")
        if not _PLAIN_LOGIN.match(login):
            raise SignInRefused(WRONG_LOGIN)

        def ask(server: Server) -> Actor:
            with self._service(server) as connection:
                return self._actor(connection, self._find(connection, login))

        return self._on_any_server(ask)

    def servers(self) -> list[tuple[str, str]]:
        """Each server's address, and the class of what keeps it from serving: empty when it answers."""
        return [(url, self._fault(url)) for url in self._settings.urls]

    def _fault(self, url: str) -> str:
        server = self._server(url)
        try:
            with self._service(server) if self.can_lookup else self._bound(server, "", ""):
                return ""
        except (SignInRefused, LDAPOperationResult):
            return ""  # it answers; without a technical account nobody is known to it here
        except (LDAPException, PyAsn1Error, OSError, Unavailable) as error:
            return type(error).__name__

    def _sign_in_by_search(self, server: Server, login: str, password: str) -> Actor:
        with self._service(server) as connection:
            try:
                entry = self._find(connection, login)
            except SignInRefused:
                entry = None
            # A login nobody has is tried like any other, so that the time taken tells nothing either.
            dn = entry["dn"] if entry else f"uid={escape_rdn(login)},{self._settings.base_dn}"
            with self._bound(server, dn, password):
                pass
            if entry is None:
                raise SignInRefused(WRONG_LOGIN)
            return self._actor(connection, entry)

    def _sign_in_by_template(self, server: Server, login: str, password: str) -> Actor:
        template = self._settings.bind_template or ""
        name = template.format(login=escape_rdn(login) if "=" in template else login)
        with self._bound(server, name, password) as connection:
            return self._actor(connection, self._find(connection, login))

    def _service(self, server: Server) -> contextlib.AbstractContextManager[Connection]:
        settings = self._settings
        return self._bound(server, settings.service_dn or "", settings.service_password, refused=Unavailable(DOWN))

    @contextlib.contextmanager
    def _bound(
        self, server: Server, name: str, password: str, refused: Exception | None = None
    ) -> Iterator[Connection]:
        connection = Connection(
            server,
            user=name,
            password=password,
            client_strategy=SYNC,
            receive_timeout=self._settings.receive_timeout,
            raise_exceptions=True,
            auto_referrals=False,  # a referral would send the password to a host nobody chose
            read_only=True,
        )
        try:
            connection.open(read_server_info=False)
            if self._settings.starttls and not server.ssl:
                connection.start_tls(read_server_info=False)
            try:
                connection.bind(read_server_info=False)
            except LDAPInvalidCredentialsResult:
                raise refused or SignInRefused(WRONG_LOGIN) from None
            except LDAPOperationResult as error:
                # Closed, expired, to be renewed: Active Directory and others say so by other codes than 49.
                if refused is None and error.description in _REFUSALS:
                    raise SignInRefused(WRONG_LOGIN) from None
                raise
            yield connection
        finally:
            opened = connection.socket
            with contextlib.suppress(LDAPException, OSError):
                connection.unbind()
            if opened is not None:  # ldap3 leaves it open when the conversation broke off
                opened.close()

    def _find(self, connection: Connection, login: str) -> dict[str, Any]:
        settings = self._settings
        wanted = [
            settings.login_attribute,
            settings.name_attribute,
            "cn",
            settings.caisse_attribute,
            "memberOf",
            _LOCKED,
        ]
        condition = settings.user_filter.format(login=escape_filter_chars(login))
        found = _search(connection, settings.base_dn, condition, wanted)
        if len(found) != 1:  # none, or two: a login that means two persons means nobody
            raise SignInRefused(WRONG_LOGIN)
        # A lock that ends by itself, after wrong passwords, is the bind's to refuse: it must not end a session.
        if _LOCKED_FOR_GOOD in _values(found[0], _LOCKED):
            raise SignInRefused(WRONG_LOGIN)
        return found[0]

    def _actor(self, connection: Connection, entry: dict[str, Any]) -> Actor:
        settings = self._settings
        groups = self._groups(connection, entry)
        given = {_group_key(name): role for name, role in self._map().items() if role is not Role.SYSTEM}
        roles = frozenset(given[key] for group in groups for key in _group_keys(group) if key in given)
        if not roles:
            raise NotAllowed(NO_ROLE)
        caisses = frozenset(_values(entry, settings.caisse_attribute)).intersection(CAISSE_CODES)
        if not caisses:
            raise NotAllowed(NO_CAISSE)
        # The login as the directory writes it, not as it was typed: two spellings of it must remain one person,
        # or an author could approve their own campaign.
        login = next(_values(entry, settings.login_attribute), "").casefold()
        if not login:
            raise SignInRefused(WRONG_LOGIN)
        name = next(_values(entry, settings.name_attribute), None) or next(_values(entry, "cn"), login)
        return Actor(login, name, roles, caisses)

    def _groups(self, connection: Connection, entry: dict[str, Any]) -> list[str]:
        """Every group of the person, whatever way round they are nested."""
        settings = self._settings
        if settings.chain_filter is not None:
            condition = settings.chain_filter.format(dn=escape_filter_chars(entry["dn"]))
            with contextlib.suppress(LDAPOperationResult):  # a directory without this rule may also say so
                if found := _search(connection, settings.base_dn, condition, ["cn"]):
                    return [*_values(entry, "memberOf"), *(group["dn"] for group in found)]
        known = {_group_key(dn): dn for dn in _values(entry, "memberOf")}
        if settings.group_filter is None:
            return list(known.values())
        asked, level = {""}, [str(entry["dn"]), *(known.values() if settings.nested else ())]
        for _ in range(_DEEPEST if settings.nested else 1):
            # Groups that hold each other are asked about once: a circle ends like any other level.
            level = [dn for dn in level if _group_key(dn) not in asked]
            if not level or len(known) > _MOST_GROUPS:
                break
            asked.update(map(_group_key, level))
            above = self._holding(connection, settings.group_filter, level)
            known |= {_group_key(dn): dn for dn in above}
            level = above
        return list(known.values())

    def _holding(self, connection: Connection, condition: str, members: Sequence[str]) -> list[str]:
        """The groups that hold one of these entries."""
        found: list[str] = []
        for start in range(0, len(members), _AT_ONCE):
            some = members[start : start + _AT_ONCE]
            either = "".join(condition.format(dn=escape_filter_chars(dn)) for dn in some)
            found += [group["dn"] for group in _search(connection, self._settings.base_dn, f"(|{either})", ["cn"])]
        return found

    def _on_any_server(self, ask: Callable[[Server], _T]) -> _T:
        for url in self._settings.urls:
            try:
                return ask(self._server(url))
            except (LDAPException, PyAsn1Error, OSError) as error:
                # The class alone: messages of a directory repeat names.
                _log.warning("directory %s does not serve: %s", url, type(error).__name__)
        raise Unavailable(DOWN)

    def _server(self, url: str) -> Server:
        settings = self._settings
        tls = _VerifiedTls(settings.ca_file)
        return Server(url, tls=tls, get_info=NONE, mode=IP_V4_PREFERRED, connect_timeout=settings.connect_timeout)


_LOCKED, _LOCKED_FOR_GOOD = "pwdAccountLockedTime", "000001010000Z"
_DEEPEST = 10
"""Levels of nesting followed."""
_MOST_GROUPS = 1000
_AT_ONCE = 50
"""Members asked about in one question."""
_PAGE = 500
"""Entries an answer: Active Directory gives no more than 1000 without being asked page by page."""
_PAGES = 20
_PAGED = "1.2.840.113556.1.4.319"
_REFUSALS = frozenset({"unwillingToPerform", "inappropriateAuthentication", "noSuchObject", "invalidDNSyntax"})


class _VerifiedTls(Tls):
    """TLS 1.2 or later with the standard library's own check of the chain and of the host's name or address.

    ldap3 checks names with a copy of code of Python 3.4, which knows nothing of addresses, and offers no server name.
    """

    def __init__(self, ca_file: Path | None) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._authorities = ca_file

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:
        context = ssl.create_default_context(cafile=str(self._authorities) if self._authorities else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        connection.socket = context.wrap_socket(
            connection.socket, server_hostname=connection.server.host, do_handshake_on_connect=do_handshake
        )


def _search(connection: Connection, base: str, condition: str, attributes: Sequence[str]) -> list[dict[str, Any]]:
    """The entries; references to other servers are not followed."""
    found: list[dict[str, Any]] = []
    cookie: bytes | None = None
    for _ in range(_PAGES):
        connection.search(base, condition, SUBTREE, attributes=list(attributes), paged_size=_PAGE, paged_cookie=cookie)
        found += [entry for entry in connection.response or () if entry.get("type") == "searchResEntry"]
        control = (connection.result.get("controls") or {}).get(_PAGED)
        cookie = control["value"]["cookie"] if control else None
        if not cookie:
            break
    return found


def _values(entry: dict[str, Any], attribute: str) -> Iterator[str]:
    """Every non-empty value of an attribute, whatever the letter case of its name."""
    for name, values in entry["raw_attributes"].items():
        if name.casefold() == attribute.casefold():
            yield from (text for value in values if (text := value.decode("utf-8", "replace").strip()))


def _group_keys(dn: str) -> Iterator[str]:
    """The names a group answers to: its distinguished name and the value of its first component."""
    yield _group_key(dn)
    with contextlib.suppress(LDAPException):
        yield parse_dn(dn, strip=True)[0][1].casefold()


def _group_key(name: str) -> str:
    if "=" not in name:
        return name.casefold()
    with contextlib.suppress(LDAPException):
        return ",".join(f"{part}={value}" for part, value, _ in parse_dn(name, strip=True)).casefold()
    return name.casefold()
