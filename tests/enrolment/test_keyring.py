"""The key file: secret to its owner, never half-written, old keys keep verifying."""

import base64
import hashlib
import hmac
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dmp_core.enrolment.digests import digests, is_digest_of
from dmp_core.errors import Unavailable
from dmp_core.storage.keyring import Keyring, key_id

KEY = bytes(range(32))
RING = Keyring(key_id(KEY), {key_id(KEY): KEY})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dossier des clés" / "codes.json"


def test_the_first_start_makes_a_file_that_its_owner_alone_may_read(path: Path) -> None:
    ring = Keyring.create_if_missing(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [len(key) for key in ring.keys.values()] == [32]
    assert Keyring.create_if_missing(path) == Keyring.load(path) == ring


def test_the_file_has_the_documented_form(path: Path) -> None:
    ring = Keyring.create_if_missing(path, lambda count: KEY[:count])
    assert json.loads(path.read_text()) == {
        "current": key_id(KEY),
        "keys": {key_id(KEY): base64.b64encode(KEY).decode()},
    }
    assert ring == RING


def test_programs_that_start_at_once_make_one_key(path: Path) -> None:
    with ThreadPoolExecutor(8) as starts:
        rings = list(starts.map(lambda _: Keyring.create_if_missing(path), range(16)))
    assert len({ring.current for ring in rings}) == 1


def test_a_rotation_makes_a_new_current_key_and_keeps_the_old_ones(path: Path) -> None:
    first = Keyring.create_if_missing(path)
    second = Keyring.rotate(path)
    assert second.current != first.current
    assert second.keys == {**first.keys, second.current: second.keys[second.current]}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (old,) = digests(first, "631", ["234"])
    (new,) = digests(second, "631", ["234"])
    assert old != new
    assert is_digest_of(second, first.current, "631", "234", old)
    assert not is_digest_of(second, second.current, "631", "234", old)


def test_keys_do_not_show_in_the_printed_form() -> None:
    assert repr(RING) == f"Keyring(current={key_id(KEY)!r})"


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_the_hash_is_plain_hmac_sha_256(prefix: bytes, message: bytes) -> None:
    digest = RING.hasher(prefix)(message)
    assert digest == hmac.new(KEY, prefix + message, hashlib.sha256).digest()
    assert RING.matches(RING.current, prefix + message, digest)


def test_the_same_code_in_two_caisses_has_two_hashes() -> None:
    assert list(digests(RING, "631", ["234", "235"])) != list(digests(RING, "671", ["234", "235"]))


def test_a_hash_under_an_unknown_key_is_neither_right_nor_wrong() -> None:
    with pytest.raises(Unavailable, match="k000"):
        RING.matches("k000", b"", bytes(32))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o601])
def test_a_file_open_to_others_is_refused(path: Path, mode: int) -> None:
    Keyring.create_if_missing(path)
    path.chmod(mode)
    with pytest.raises(Unavailable, match="chmod 600"):
        Keyring.load(path)
    with pytest.raises(Unavailable, match="chmod 600"):
        Keyring.rotate(path)


def test_a_missing_file_is_refused_by_name(path: Path) -> None:
    with pytest.raises(Unavailable, match=r"codes\.json est introuvable"):
        Keyring.load(path)


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(Unavailable, match="c’est un dossier"):
        Keyring.create_if_missing(path)


ENCODED = base64.b64encode(KEY).decode()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        json.dumps({"current": "k1", "keys": {}}),
        json.dumps({"current": key_id(KEY), "keys": {key_id(KEY): "not base64!"}}),
        json.dumps({"current": key_id(KEY), "keys": {key_id(KEY): ENCODED[:20]}}),
        json.dumps({"current": key_id(KEY), "keys": {key_id(KEY): 12}}),
        json.dumps({"current": "kother", "keys": {"kother": ENCODED}}),
        json.dumps({"current": "kother", "keys": {key_id(KEY): ENCODED}}),
        json.dumps({"current": [1], "keys": {key_id(KEY): ENCODED}}),
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_a_damaged_file_is_refused_without_showing_a_key(path: Path, content: str) -> None:
    Keyring.create_if_missing(path)
    path.write_text(content, encoding="latin-1")
    with pytest.raises(Unavailable, match="abîmé") as refusal:
        Keyring.load(path)
    assert ENCODED[:20] not in str(refusal.value)


def test_a_disk_that_refuses_leaves_the_old_file_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = Keyring.create_if_missing(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(Unavailable, match="disque plein"):
            Keyring.rotate(path)
    assert Keyring.load(path) == ring
    assert len(Keyring.rotate(path).keys) == 2
