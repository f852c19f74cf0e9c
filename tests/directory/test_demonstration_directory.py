"""What the demonstration directory lets one do, and its certificates."""

import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ldap3
import pytest
from cryptography import x509

from backoffice.embedded.certificates import SERVER_LIFE, Certificates, ensure_certificates
from backoffice.embedded.directory import BASE_DN, PEOPLE_DN
from backoffice.embedded.staff import DEMONSTRATION_PASSWORD

from .conftest import Running, start

DAMIEN = f"uid=damien.faure,{PEOPLE_DN}"
NOW = datetime(2016, 11, 2, 8, 30, tzinfo=UTC)


@pytest.fixture
def connection(running: Running) -> Iterator[ldap3.Connection]:
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=str(running.certificates.authority))
    server = ldap3.Server(running.ldap, tls=tls, get_info=ldap3.NONE)
    connection = ldap3.Connection(server, DAMIEN, DEMONSTRATION_PASSWORD, receive_timeout=5)
    connection.open()
    yield connection
    connection.unbind()


def test_nobody_binds_in_clear(connection: ldap3.Connection) -> None:
    assert not connection.bind()
    assert connection.result["description"] == "confidentialityRequired"


def test_nobody_reads_without_a_bind(connection: ldap3.Connection) -> None:
    connection.start_tls()
    assert not connection.search(BASE_DN, "(uid=*)")
    assert connection.result["description"] == "insufficientAccessRights"


def test_a_second_starttls_is_refused(connection: ldap3.Connection) -> None:
    connection.start_tls()
    connection.extended("1.3.6.1.4.1.1466.20037")
    assert connection.result["description"] == "operationsError"


@pytest.mark.parametrize("condition", ["(userPassword=*)", "(|(uid=x)(!(USERPASSWORD={SSHA}*)))", "(userPassword>=a)"])
def test_passwords_are_neither_given_nor_searched(connection: ldap3.Connection, condition: str) -> None:
    connection.start_tls()
    connection.bind()
    assert connection.search(BASE_DN, "(uid=damien.faure)", attributes=["*", "userPassword"])
    assert not connection.response[0]["raw_attributes"].get("userPassword")
    assert not connection.search(BASE_DN, condition)
    assert connection.result["description"] == "insufficientAccessRights"


def test_nothing_can_be_written(connection: ldap3.Connection) -> None:
    connection.start_tls()
    connection.bind()
    assert not connection.modify(DAMIEN, {"departmentNumber": [(ldap3.MODIFY_ADD, ["941"])]})
    assert not connection.add(f"uid=intrus,{PEOPLE_DN}", "inetOrgPerson", {"sn": "x", "cn": "x"})
    assert not connection.delete(DAMIEN)
    assert not connection.modify_dn(DAMIEN, "uid=autre")
    assert not connection.extend.standard.modify_password(new_password="autre")
    assert connection.search(BASE_DN, "(uid=damien.faure)", attributes=["departmentNumber"])
    assert connection.response[0]["attributes"]["departmentNumber"] == ["631"]


def test_the_directory_ends_cleanly_when_asked(certificates: Certificates) -> None:
    running = start(certificates)
    running.process.terminate()
    output, _ = running.process.communicate(timeout=10)
    assert (running.process.returncode, output) == (0, "")


def test_a_taken_port_is_one_clear_sentence(running: Running) -> None:
    port = running.ldap.rsplit(":", 1)[1]
    certificates = running.certificates
    ended = subprocess.run(
        [
            sys.executable, "-m", "backoffice.embedded.directory", "--port", port,
            "--cert", str(certificates.certificate), "--key", str(certificates.key),
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr == f"L’annuaire de démonstration ne peut pas écouter sur le port {port} : il est pris.\n"


def test_certificates_are_kept_while_valid_and_made_anew_before_their_end(empty_folder: Path) -> None:
    first = ensure_certificates(empty_folder, lambda: NOW)
    before = first.certificate.read_bytes()
    assert ensure_certificates(empty_folder, lambda: NOW + timedelta(days=300)) == first
    assert first.certificate.read_bytes() == before
    ensure_certificates(empty_folder, lambda: NOW + SERVER_LIFE - timedelta(days=10))
    assert first.certificate.read_bytes() != before


def test_damaged_certificates_are_made_anew(empty_folder: Path) -> None:
    made = ensure_certificates(empty_folder, lambda: NOW)
    for path in (made.authority, made.certificate, made.key):
        path.write_text("abîmé")
        ensure_certificates(empty_folder, lambda: NOW)
        x509.load_pem_x509_certificate(made.certificate.read_bytes())
        ssl.create_default_context(cafile=str(made.authority))
    made.key.unlink()
    ensure_certificates(empty_folder, lambda: NOW)
    assert made.key.exists()


def test_only_the_owner_reads_the_key(empty_folder: Path) -> None:
    made = ensure_certificates(empty_folder, lambda: NOW)
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(empty_folder.stat().st_mode) == 0o700
    assert {path.name for path in empty_folder.iterdir()} == {"ca.pem", "server.pem", "server.key", ".lock"}


def test_the_authority_vouches_for_this_machine_alone(empty_folder: Path) -> None:
    made = ensure_certificates(empty_folder, lambda: NOW)
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    permitted = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    assert [str(name.value) for name in permitted or ()] == ["localhost", "127.0.0.0/8", "::1/128"]
