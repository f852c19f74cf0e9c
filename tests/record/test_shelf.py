"""Where sealed contents lie: the same promises in a folder and in a store that speaks S3, over TLS."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from portal_account.world import AccountWorld

from dmp_core.access.gate import HolderGate
from dmp_core.errors import Unavailable
from dmp_core.record import object_store
from dmp_core.record.object_store import ObjectStore, place_of
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder, Shelf, shelf_at

from .samples import a_pdf
from .store import KEY, SECRET, Served, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("s3")) as found:
        yield found


@pytest.fixture(params=["folder", "store"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    if request.param == "folder":
        return shelf_at(tmp_path / "documents")
    served: Served = request.getfixturevalue("served")
    return shelf_at(tmp_path, served.url(prefix=f"dmp/{uuid4().hex[:6]}"), served.credentials(), served.ca_file)


def test_what_is_put_is_got_and_what_is_dropped_is_gone(shelf: Shelf) -> None:
    shelf.require_ready()
    contents = {uuid4(): data for data in (b"x", b"\0" * 10, bytes(range(256)) * 4096, b"z" * (10 * 1024 * 1024 + 28))}
    for name, data in contents.items():
        shelf.put(name, data)
    assert {name: shelf.get(name) for name in contents} == contents
    gone = next(iter(contents))
    shelf.drop(gone)
    shelf.drop(gone)
    with pytest.raises(Unavailable, match="momentanément indisponible"):
        shelf.get(gone)
    with pytest.raises(Unavailable):
        shelf.get(uuid4())


def test_nothing_is_put_in_the_place_of_another(shelf: Shelf) -> None:
    name = uuid4()
    shelf.put(name, b"le premier")
    with pytest.raises(Unavailable, match="Rien n’est enregistré"):
        shelf.put(name, b"le second")
    assert shelf.get(name) == b"le premier"


def test_a_holder_reads_what_they_added_and_it_is_sealed_there(shelf: Shelf, world: AccountWorld) -> None:
    dossier = world.someone().dossier
    gate = HolderGate(world.store, shelf, DossierKeys(world.record), world.clock)
    made = gate.add(dossier, "EXPPAT_2", "Ordonnance", [a_pdf()], "Essai")
    assert gate.read(dossier, made.id)[1] == a_pdf()
    assert a_pdf()[:40] not in shelf.get(made.content)
    new = gate.replace(dossier, made.id, "Ordonnance", [a_pdf("autre")], "Essai")
    assert gate.read(dossier, made.id)[1] == a_pdf()
    with gate.export(dossier, lambda named: str(len(named)), lambda *_: None) as whole:
        assert whole.read(2) == b"PK"
    shelf.drop(new.content)
    with pytest.raises(Unavailable):
        gate.read(dossier, new.id)


class Away:
    """What stands where the store should."""

    def __init__(self, port: int) -> None:
        self.url = f"s3://documents/dmp?endpoint=https://localhost:{port}"


def test_a_document_without_its_content_is_not_written(world: AccountWorld, tmp_path: Path) -> None:
    dossier = world.someone().dossier
    store = ObjectStore(place_of(Away(1).url, _keys(tmp_path), None))
    gate = HolderGate(world.store, store, DossierKeys(world.record), world.clock)
    with pytest.raises(Unavailable, match="Rien n’est enregistré"):
        gate.add(dossier, "EXPPAT_2", "Ordonnance", [a_pdf()], "Essai")
    assert world.rows("SELECT id FROM medical.document WHERE dossier_id = :d", d=dossier) == []


def test_a_store_that_is_away_or_silent_is_one_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "READ_S", 0.2)
    monkeypatch.setattr(object_store, "CONNECT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for port in (1, silent.getsockname()[1]):
            store = ObjectStore(place_of(Away(port).url, _keys(tmp_path), None))
            for ask in (lambda s=store: s.put(uuid4(), b"x"), lambda s=store: s.get(uuid4()), store.require_ready):
                with pytest.raises(Unavailable) as refusal:
                    ask()
                assert str(refusal.value).endswith(".")
            store.drop(uuid4())


def test_a_store_that_cannot_prove_itself_or_does_not_know_us_is_not_spoken_to(served: Served) -> None:
    for store in (
        served.store(ca_file=None),
        served.store(credentials=served.credentials("un autre secret")),
        served.store(url=served.url(bucket="ailleurs")),
    ):
        for ask in (lambda s=store: s.put(uuid4(), b"x"), lambda s=store: s.get(uuid4()), store.require_ready):
            with pytest.raises(Unavailable) as refusal:
                ask()
            assert not any(secret in str(refusal.value) for secret in (KEY, SECRET))


def test_a_store_that_knows_the_condition_is_asked_to_hold_it(served: Served) -> None:
    asked: list[Any] = []
    store = served.store()
    store._client.meta.events.register("before-send.s3.PutObject", lambda request, **_: asked.append(request))
    store.put(uuid4(), b"x")
    (request,) = asked
    assert request.headers["If-None-Match"] == b"*"
    assert request.url.startswith("https://")


@pytest.mark.parametrize(
    "url",
    [
        "https://store.exemple/documents", "s3://", "s3://A", "s3://documents?endpoint=http://store.exemple",
        "s3://documents?endpoint=https://cle:secret@store.exemple", "s3://documents?endpoint=ftp://store.exemple",
        "s3://documents?secret=abc", "s3://documents#x",
    ],
)  # fmt: skip
def test_an_address_that_cannot_serve_is_said(url: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="DMP_SHELF_URL"):
        place_of(url, _keys(tmp_path), None)


def test_keys_come_from_a_file_of_ours_alone_and_are_never_told(tmp_path: Path) -> None:
    file = _keys(tmp_path)
    place = place_of("s3://documents/un/prefixe?region=fr", file, None)
    assert (place.bucket, place.prefix, place.endpoint, place.region) == ("documents", "un/prefixe", None, "fr")
    assert SECRET not in repr(place)
    file.chmod(0o640)
    with pytest.raises(Unavailable, match="600"):
        place_of("s3://documents", file, None)
    file.chmod(0o600)
    for words in ("", "[default]\naws_access_key_id = x\n", SECRET, "\xff"):
        file.write_text(words)
        with pytest.raises(Unavailable) as refusal:
            place_of("s3://documents", file, None)
        assert SECRET not in str(refusal.value)
    for missing in (None, tmp_path / "absent"):
        with pytest.raises(Unavailable):
            place_of("s3://documents", missing, None)


def test_without_an_address_it_is_the_folder(tmp_path: Path) -> None:
    assert isinstance(shelf_at(tmp_path), Folder)
    (tmp_path / "fichier").touch()
    with pytest.raises(Unavailable, match="droits"):
        shelf_at(tmp_path / "fichier").require_ready()


def _keys(folder: Path) -> Path:
    file = folder / "cles"
    file.touch(mode=0o600)
    file.write_text(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
    return file
