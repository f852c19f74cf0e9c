"""A demonstration directory: a real LDAP conversation with StartTLS, over an in-memory tree, on the loopback only.

It behaves as the directory of a caisse should: no bind before TLS, nothing readable without a bind, passwords never
given out, nothing writable. ldaptor has no StartTLS of its own: a small subclass adds it.

Runs in its own process: `python -m backoffice.embedded.directory --port 3890 --cert C --key K`; it prints one line
once it answers and ends on SIGTERM.
"""

import base64
import hashlib
import secrets
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import click
from ldaptor import interfaces
from ldaptor.inmemory import ReadOnlyInMemoryLDAPEntry
from ldaptor.protocols import pureldap
from ldaptor.protocols.ldap import ldaperrors
from ldaptor.protocols.ldap.distinguishedname import escape
from ldaptor.protocols.ldap.ldapserver import LDAPServer
from twisted.internet.protocol import ServerFactory
from twisted.internet.ssl import PrivateCertificate
from zope.interface import implementer

from backoffice.embedded.staff import ACCOUNTS, BASE_DN, DEMONSTRATION_PASSWORD, SERVICE_DN, Account, Group

PEOPLE_DN: Final = f"ou=personnes,{BASE_DN}"
GROUPS_DN: Final = f"ou=groupes,{BASE_DN}"

STARTTLS_OID: Final = b"1.3.6.1.4.1.1466.20037"
_LOCKED_FOREVER: Final = "000001010000Z"  # what OpenLDAP's password policy writes for an account closed by hand
_SECRET: Final = b"userpassword"
_UNREADABLE: Final = (pureldap.LDAPFilter_greaterOrEqual, pureldap.LDAPFilter_lessOrEqual)


def person_dn(account: Account) -> str:
    """The entry of a demonstration account."""
    return f"uid={escape(account.login)},{PEOPLE_DN}"


def _ssha(password: str) -> str:
    # {SSHA} is what directories of the time hold; the accounts are public, so its strength does not matter.
    salt = secrets.token_bytes(8)
    digest = hashlib.sha1(password.encode() + salt).digest()  # noqa: S324
    return "{SSHA}" + base64.b64encode(digest + salt).decode("ascii")


def build_tree(accounts: Iterable[Account] = ACCOUNTS) -> ReadOnlyInMemoryLDAPEntry:
    """The whole tree: personnes (inetOrgPerson), groupes (groupOfNames), applications.

    The caisses of a person are the values of `departmentNumber`; groups are told both ways, by `member` in the group
    and by `memberOf` in the person, as OpenLDAP's memberof overlay and Active Directory do.
    """
    accounts = tuple(accounts)
    top = _wire(objectClass=["dcObject", "organization"], dc=["caisse"], o=["Caisses de démonstration"])
    root = ReadOnlyInMemoryLDAPEntry(BASE_DN, top)
    people, groups, applications = (
        root.addChild(f"ou={name}".encode(), _wire(objectClass=["organizationalUnit"], ou=[name]))
        for name in ("personnes", "groupes", "applications")
    )
    for account in accounts:
        people.addChild(f"uid={escape(account.login)}".encode(), _person(account))
    for group in Group:
        members = [person_dn(account) for account in accounts if account.group is group]
        groups.addChild(
            f"cn={group}".encode(), _wire(objectClass=["groupOfNames"], cn=[group], member=members or [SERVICE_DN])
        )
    applications.addChild(
        b"cn=application-dmp",
        _wire(
            objectClass=["applicationProcess", "simpleSecurityObject"],
            cn=["application-dmp"],
            userPassword=[_ssha(DEMONSTRATION_PASSWORD)],
        ),
    )
    return root


def _person(account: Account) -> dict[bytes, list[bytes]]:
    values = {
        "objectClass": ["top", "person", "organizationalPerson", "inetOrgPerson"],
        "uid": [account.login],
        "cn": [account.name],
        "displayName": [account.name],
        "givenName": [account.given_name],
        "sn": [account.family_name],
        "title": [account.title],
        "mail": [f"{account.login}@caisse.example"],
        "departmentNumber": list(account.caisses),
        "userPassword": [_ssha(DEMONSTRATION_PASSWORD)],
    }
    if account.group:
        values["memberOf"] = [f"cn={account.group},{GROUPS_DN}"]
    if not account.active:
        values["pwdAccountLockedTime"] = [_LOCKED_FOREVER]
    return _wire(**values)


def _wire(**attributes: Iterable[str]) -> dict[bytes, list[bytes]]:
    return {name.encode(): [value.encode() for value in values] for name, values in attributes.items()}


@implementer(interfaces.IConnectedLDAPEntry)
class _Root:
    """What ldaptor asks a factory for: the tree."""

    def __init__(self, tree: ReadOnlyInMemoryLDAPEntry) -> None:
        self.lookup: Callable[[Any], Any] = tree.lookup
        self.dn = tree.dn


class DirectoryProtocol(LDAPServer):  # type: ignore[misc]  # ldaptor is untyped
    """One connection. Method names are ldaptor's."""

    boundUser: Any  # noqa: N815
    buffer: bytes
    transport: Any
    factory: "DirectoryFactory"
    secure: bool = False

    def extendedRequest_StartTLS(self, data: bytes | None, reply: Callable[[Any], None]) -> None:  # noqa: ARG002, N802
        """Answer in clear, then begin TLS."""
        if self.secure:
            raise ldaperrors.LDAPOperationsError(b"TLS already started")
        reply(pureldap.LDAPExtendedResponse(resultCode=ldaperrors.Success.resultCode, responseName=STARTTLS_OID))
        self.transport.startTLS(self.factory.tls)
        self.buffer = b""  # what came in clear behind the request is not to be taken for something said under TLS
        self.boundUser = None
        self.secure = True

    extendedRequest_StartTLS.oid = STARTTLS_OID  # type: ignore[attr-defined]

    def getRootDSE(self, request: Any, reply: Callable[[Any], None]) -> Any:  # noqa: ARG002, N802
        """What anybody may know of a directory before signing in."""
        facts = [("supportedLDAPVersion", ["3"]), ("namingContexts", [BASE_DN]), ("supportedExtension", [STARTTLS_OID])]
        reply(pureldap.LDAPSearchResultEntry(objectName="", attributes=facts))
        return pureldap.LDAPSearchResultDone(resultCode=ldaperrors.Success.resultCode)

    def handle_LDAPBindRequest(self, request: Any, controls: Any, reply: Callable[[Any], None]) -> Any:  # noqa: N802
        """Simple bind, under TLS only; an account that is closed is answered as a wrong password is."""
        self.boundUser = None
        if request.dn and not self.secure:
            raise ldaperrors.LDAPConfidentialityRequired(b"StartTLS first")
        if request.dn and not request.auth:
            raise ldaperrors.LDAPUnwillingToPerform(b"unauthenticated bind")
        answer = super().handle_LDAPBindRequest(request, controls, reply)
        return answer.addCallback(self._refuse_closed) if request.dn else answer

    def _refuse_closed(self, answer: Any) -> Any:
        if self.boundUser is not None and b"pwdAccountLockedTime" in self.boundUser:
            self.boundUser = None
            raise ldaperrors.LDAPInvalidCredentials
        return answer

    def handle_LDAPSearchRequest(self, request: Any, controls: Any, reply: Callable[[Any], None]) -> Any:  # noqa: N802
        """Search, once bound; passwords are neither given nor searched."""
        root_dse = request.baseObject == b"" and request.scope == pureldap.LDAP_SCOPE_baseObject
        if self.boundUser is None and not root_dse:
            raise ldaperrors.LDAPInsufficientAccessRights
        if _names_a_secret(request.filter):
            raise ldaperrors.LDAPInsufficientAccessRights

        def without_secrets(entry: Any) -> None:
            entry.attributes = [(name, values) for name, values in entry.attributes if name.lower() != _SECRET]
            reply(entry)

        return super().handle_LDAPSearchRequest(request, controls, without_secrets)

    def _read_only(self, *_: Any) -> Any:
        raise ldaperrors.LDAPUnwillingToPerform(b"read-only directory")

    handle_LDAPAddRequest = handle_LDAPDelRequest = handle_LDAPModifyRequest = _read_only  # noqa: N815
    handle_LDAPModifyDNRequest = handle_LDAPCompareRequest = _read_only  # noqa: N815
    extendedRequest_LDAPPasswordModifyRequest = None  # noqa: N815


def _names_a_secret(condition: Any) -> bool:
    if isinstance(condition, pureldap.LDAPFilter_and | pureldap.LDAPFilter_or):
        return any(_names_a_secret(part) for part in condition)
    if isinstance(condition, pureldap.LDAPFilter_not):
        return _names_a_secret(condition.value)
    if isinstance(condition, pureldap.LDAPFilter_present):
        name = condition.value
    elif isinstance(condition, pureldap.LDAPFilter_substrings):
        name = condition.type
    elif isinstance(condition, pureldap.LDAPFilter_extensibleMatch):
        name = condition.type.value if condition.type else _SECRET
    else:
        name = condition.attributeDesc.value
    return bool(name.lower() == _SECRET)


class DirectoryFactory(ServerFactory):
    """Makes a DirectoryProtocol a connection. `tls` is what StartTLS begins; `secure` is True behind ldaps."""

    def __init__(self, tree: ReadOnlyInMemoryLDAPEntry, tls: Any, *, secure: bool = False) -> None:
        self.root = _Root(tree)
        self.tls = tls
        self.secure = secure

    def __conform__(self, interface: Any) -> Any:
        return self.root if interface is interfaces.IConnectedLDAPEntry else None

    def buildProtocol(self, addr: Any) -> DirectoryProtocol:  # noqa: ARG002, N802
        """One protocol for one connection."""
        protocol = DirectoryProtocol()
        protocol.factory = self
        protocol.secure = self.secure
        return protocol


@click.command(context_settings={"help_option_names": ["--help"]})
@click.option("--port", type=int, default=0, help="LDAP avec StartTLS ; 0 : un port libre.")
@click.option("--ldaps-port", type=int, default=None, help="LDAPS, en plus ; 0 : un port libre.")
@click.option("--cert", "certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
def main(port: int, ldaps_port: int | None, certificate: Path, key: Path) -> None:
    """Annuaire de démonstration, sur 127.0.0.1 seulement."""
    # Importing the reactor installs it: not before this process is known to be the directory's.
    from twisted.internet import reactor
    from twisted.internet.error import CannotListenError

    serving: Any = reactor
    load_pem: Any = PrivateCertificate.loadPEM
    tls = load_pem(certificate.read_bytes() + b"\n" + key.read_bytes()).options()
    tree = build_tree()
    try:
        opened = [serving.listenTCP(port, DirectoryFactory(tree, tls), interface="127.0.0.1")]
        if ldaps_port is not None:
            secure = DirectoryFactory(tree, tls, secure=True)
            opened.append(serving.listenSSL(ldaps_port, secure, tls, interface="127.0.0.1"))
    except CannotListenError as error:
        click.echo(f"L’annuaire de démonstration ne peut pas écouter sur le port {error.port} : il est pris.", err=True)
        sys.exit(1)
    ports = " ".join(str(listener.getHost().port) for listener in opened)
    serving.callWhenRunning(lambda: print(f"annuaire {ports}", flush=True))  # from then on SIGTERM is heard
    serving.run()


if __name__ == "__main__":
    main()
