"""A real OpenLDAP server for the tests, with a tree of its own and one in the shape of Active Directory."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from backoffice.embedded.certificates import Certificates

BASE = "dc=cpam,dc=example,dc=org"
AD_BASE = "dc=ad,dc=example,dc=org"
SERVICE = f"cn=application-dmp,{BASE}"
AD_SERVICE = f"cn=application-dmp,{AD_BASE}"
PASSWORD = "Essai-dmp-2016"
SCHEMAS = Path("/etc/ldap/schema")
WHY_NOT = "slapd is not installed: « apt-get install slapd » as root gives it; the demonstration directory is tested without it"

_CONFIG = """
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
attributetype ( 1.3.6.1.4.1.99999.1.1 NAME 'sAMAccountName'
  EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.2 NAME 'userAccountControl'
  EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.99999.1.3 NAME 'objectCategory'
  EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.99999.2.1 NAME 'adEntry' SUP top AUXILIARY
  MAY ( sAMAccountName $ userAccountControl $ objectCategory ) )
modulepath /usr/lib/ldap
moduleload back_mdb.la
moduleload memberof.la
pidfile "{folder}/slapd.pid"
argsfile "{folder}/slapd.args"
TLSCACertificateFile "{ca}"
TLSCertificateFile "{certificate}"
TLSCertificateKeyFile "{key}"
security simple_bind=128
sizelimit size.soft=500 size.hard=500 size.prtotal=unlimited
disallow bind_anon
"""
_DATABASE = """
database mdb
suffix "{base}"
rootdn "cn=root,{base}"
directory "{folder}"
maxsize 33554432
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
"""


@dataclass(frozen=True)
class Slapd:
    """Addresses of the running server."""

    ldap: str
    ldaps: str
    certificates: Certificates


def program() -> str:
    """The server's path; the test is skipped, and says why, where there is none."""
    found = shutil.which("slapd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None or not (SCHEMAS / "inetorgperson.schema").exists():
        pytest.skip(WHY_NOT)
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(folder: Path, certificates: Certificates) -> Iterator[Slapd]:
    """The server over the two trees, until the block ends."""
    slapd = program()
    config = _CONFIG.format(
        schemas=SCHEMAS, folder=folder, ca=certificates.authority, certificate=certificates.certificate,
        key=certificates.key,
    )  # fmt: skip
    for name, base in (("openldap", BASE), ("ad", AD_BASE)):
        (folder / name).mkdir()
        config += _DATABASE.format(base=base, folder=folder / name)
        config += "overlay memberof\n" if name == "ad" else ""
    (folder / "slapd.conf").write_text(config)
    for number, (name, tree) in enumerate((("openldap", openldap_tree()), ("ad", ad_tree())), start=1):
        (folder / f"{name}.ldif").write_text(tree, encoding="utf-8")
        add = [
            slapd,
            "-T",
            "add",
            "-f",
            str(folder / "slapd.conf"),
            "-n",
            str(number),
            "-l",
            str(folder / f"{name}.ldif"),
        ]
        done = subprocess.run(add, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    ldap, ldaps = _free_port(), _free_port()
    addresses = f"ldap://127.0.0.1:{ldap}/ ldaps://127.0.0.1:{ldaps}/"
    with (folder / "slapd.log").open("wb") as log:
        process = subprocess.Popen(
            [slapd, "-f", str(folder / "slapd.conf"), "-h", addresses, "-d", "0"], stdout=log, stderr=log
        )
    try:
        _wait_for(ldap, process)
        yield Slapd(f"ldap://127.0.0.1:{ldap}", f"ldaps://127.0.0.1:{ldaps}", certificates)
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError("slapd ended at once: see slapd.log")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("slapd does not listen")


def entry(dn: str, *lines: str) -> str:
    return "\n".join((f"dn: {dn}", *lines)) + "\n\n"


def _person(login: str, *more: str) -> str:
    dn = f"uid={login},ou=personnes,{BASE}"
    kept = ("objectClass: inetOrgPerson", f"uid: {login}", f"cn: {login}", "sn: Essai", "departmentNumber: 631")
    return entry(dn, *kept, f"userPassword: {PASSWORD}", *more)


def _group(name: str, *members: str, kind: str = "groupOfNames", attribute: str = "member") -> str:
    inside = tuple(f"{attribute}: {member}" for member in members)
    return entry(f"cn={name},ou=groupes,{BASE}", f"objectClass: {kind}", f"cn: {name}", *inside)


def openldap_tree() -> str:
    """Direct, unique, nested, circular and numerous groups."""
    person = f"uid={{}},ou=personnes,{BASE}".format
    group = f"cn={{}},ou=groupes,{BASE}".format
    tree = entry(BASE, "objectClass: dcObject", "objectClass: organization", "o: CPAM", "dc: cpam")
    for name in ("personnes", "groupes"):
        tree += entry(f"ou={name},{BASE}", "objectClass: organizationalUnit", f"ou: {name}")
    tree += entry(
        SERVICE, "objectClass: applicationProcess", "objectClass: simpleSecurityObject", "cn: application-dmp",
        f"userPassword: {PASSWORD}",
    )  # fmt: skip
    for login in ("direct", "unique", "imbrique", "profond", "cercle", "sans", "nombreux", "abc*", "par(enthese)"):
        tree += _person(login)
    # Referrals lead elsewhere: nobody follows them, least of all with a password.
    tree += entry(
        f"cn=ailleurs,ou=groupes,{BASE}", "objectClass: referral", "objectClass: extensibleObject", "cn: ailleurs",
        "ref: ldap://127.0.0.1:1/dc=ailleurs",
    )  # fmt: skip
    tree += _group("dmp-accueil", person("direct"), group("equipe-accueil"), person("par(enthese)"))
    tree += _group("equipe-accueil", person("imbrique"))
    tree += _group("dmp-campagne", person("unique"), kind="groupOfUniqueNames", attribute="uniqueMember")
    tree += _group("dmp-superviseur", group("niveau-1"))
    tree += _group("niveau-1", group("niveau-2"))
    tree += _group("niveau-2", group("niveau-3"))
    tree += _group("niveau-3", person("profond"))
    # Two groups that hold each other, one of them within a group with a role.
    tree += _group("rond-a", group("rond-b"), person("cercle"))
    tree += _group("rond-b", group("rond-a"))
    tree += _group("dmp-conseiller", group("rond-b"))
    for number in range(700):
        tree += _group(f"liste-{number:03d}", person("nombreux"))
    return tree + _group("dmp-admin", group("liste-650"))


def _ad_person(login: str, control: int = 512) -> str:
    kept = (
        "objectClass: inetOrgPerson", "objectClass: adEntry", f"cn: {login}", "sn: Essai", "objectCategory: person",
        f"sAMAccountName: {login.title()}", f"userAccountControl: {control}", "departmentNumber: 631",
        f"displayName: {login}", f"userPassword: {PASSWORD}",
    )  # fmt: skip
    return entry(f"cn={login},cn=Users,{AD_BASE}", *kept)


def _ad_group(name: str, *members: str) -> str:
    return entry(
        f"cn={name},ou=Groupes,{AD_BASE}", "objectClass: groupOfNames", "objectClass: adEntry", f"cn: {name}",
        "objectCategory: group", *(f"member: {member}" for member in members),
    )  # fmt: skip


def ad_tree() -> str:
    """As Active Directory writes it: sAMAccountName, userAccountControl, objectCategory, memberOf."""
    tree = entry(AD_BASE, "objectClass: dcObject", "objectClass: organization", "o: AD", "dc: ad")
    tree += entry(f"cn=Users,{AD_BASE}", "objectClass: applicationProcess", "cn: Users")
    tree += entry(f"ou=Groupes,{AD_BASE}", "objectClass: organizationalUnit", "ou: Groupes")
    tree += entry(
        AD_SERVICE, "objectClass: applicationProcess", "objectClass: simpleSecurityObject", "cn: application-dmp",
        f"userPassword: {PASSWORD}",
    )  # fmt: skip
    tree += _ad_person("agent") + _ad_person("parti", 514) + _ad_person("chef")
    tree += _ad_group("dmp-accueil", f"cn=agent,cn=Users,{AD_BASE}", f"cn=parti,cn=Users,{AD_BASE}")
    tree += _ad_group("GRP Encadrement", f"cn=chef,cn=Users,{AD_BASE}")
    return tree + _ad_group("dmp-superviseur", f"cn=GRP Encadrement,ou=Groupes,{AD_BASE}")
