"""A directory that is down, slow, or not who it says: one sentence, in bounded time, and no password given away."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from backoffice.adapters.directory import DOWN, Directory
from backoffice.core.errors import Unavailable
from backoffice.embedded.certificates import ensure_certificates
from backoffice.embedded.staff import DEMONSTRATION_PASSWORD

from .conftest import Running

STARTTLS_DONE = bytes.fromhex("300c02010178070a010004000400")
BOUND = 4.0
"""Seconds: connecting and answering may take one each here, with room for a busy machine."""


class Impostor:
    """A server that accepts connections and plays a part; keeps what it was told."""

    def __init__(self, part: Callable[[socket.socket, bytes], None]) -> None:
        self.heard = b""
        self._part = part
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"ldap://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            try:
                client.settimeout(3)
                while data := client.recv(4096):
                    self.heard += data
                    self._part(client, data)
            except OSError:
                continue

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._open:
            client.close()
        self._thread.join()


def silent(client: socket.socket, data: bytes) -> None:
    """Never answers."""


def stalls_in_handshake(client: socket.socket, data: bytes) -> None:
    if data.startswith(b"0"):
        client.sendall(STARTTLS_DONE)


def speaks_nonsense(client: socket.socket, data: bytes) -> None:
    client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 4)


def hangs_up(client: socket.socket, data: bytes) -> None:
    client.close()


def refuses_tls(client: socket.socket, data: bytes) -> None:
    client.sendall(bytes.fromhex("300c02010178070a013504000400"))


@pytest.fixture(params=[silent, stalls_in_handshake, speaks_nonsense, hangs_up, refuses_tls])
def impostor(request: pytest.FixtureRequest) -> Iterator[Impostor]:
    impostor = Impostor(request.param)
    yield impostor
    impostor.close()


def refused(adapter: Directory) -> float:
    began = time.monotonic()
    with pytest.raises(Unavailable) as refusal:
        adapter.sign_in("damien.faure", DEMONSTRATION_PASSWORD)
    assert str(refusal.value) == DOWN
    return time.monotonic() - began


def test_a_server_that_misbehaves_is_unavailable_within_bounds_and_learns_no_password(
    directory: Callable[..., Directory], impostor: Impostor
) -> None:
    assert refused(directory(urls=(impostor.url,))) < BOUND
    assert DEMONSTRATION_PASSWORD.encode() not in impostor.heard


def test_the_next_server_answers_for_one_that_is_down(
    directory: Callable[..., Directory], running: Running, impostor: Impostor
) -> None:
    adapter = directory(urls=("ldap://127.0.0.1:1", impostor.url, running.ldap))
    assert adapter.sign_in("damien.faure", DEMONSTRATION_PASSWORD).name == "Damien Faure"


def test_a_directory_that_is_down_is_unavailable(directory: Callable[..., Directory]) -> None:
    assert refused(directory(urls=("ldap://127.0.0.1:1", "ldap://annuaire.invalid"))) < BOUND


def test_a_certificate_of_another_authority_is_refused_before_any_password(
    directory: Callable[..., Directory], tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = ensure_certificates(tmp_path_factory.mktemp("other"))
    refused(directory(ca_file=other.authority))


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_a_certificate_for_another_name_is_refused(
    directory: Callable[..., Directory], running: Running, scheme: str
) -> None:
    address = (running.ldap if scheme == "ldap" else running.ldaps).rsplit(":", 1)[1]
    refused(directory(urls=(f"{scheme}://127.0.0.2:{address}",)))


def test_ldaps_works_as_starttls_does(directory: Callable[..., Directory], running: Running) -> None:
    actor = directory(urls=(running.ldaps,)).sign_in("damien.faure", DEMONSTRATION_PASSWORD)
    assert actor.name == "Damien Faure"


def test_without_tls_the_directory_takes_no_password(directory: Callable[..., Directory]) -> None:
    refused(directory(starttls=False))


def test_a_wrong_password_of_the_technical_account_is_not_blamed_on_the_person(
    directory: Callable[..., Directory],
) -> None:
    refused(directory(service_password="faux"))


def test_a_wrong_base_is_unavailable_rather_than_a_wrong_password(directory: Callable[..., Directory]) -> None:
    refused(directory(base_dn="dc=ailleurs,dc=org"))
