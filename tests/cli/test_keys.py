"""Rotating the key of creation codes, and working without the owners' passwords."""

import json
from pathlib import Path

import pytest
from campaigns.world import World

from backoffice.core.errors import Unavailable
from backoffice.settings import Settings
from cli.test_commands import Cli, cli, environ, refused
from dmp_core.storage.keyring import Keyring

__all__ = ["cli"]


def test_a_new_key_is_added_and_the_old_one_kept(world: World, cli: Cli) -> None:
    before = json.loads(world.settings.code_keyring.read_text())
    status, out, err = cli("keys", "rotate")
    after = json.loads(world.settings.code_keyring.read_text())
    assert (status, err) == (0, "")
    assert after["current"] not in before["keys"]
    assert after["current"] in out
    assert before["keys"].items() <= after["keys"].items()


def test_the_portals_key_ring_is_rotated_by_itself(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "holder.json"
    monkeypatch.setenv("HOLDER_KEYRING", str(path))
    refused(cli("keys", "rotate", "holder"), 1, "introuvable")
    first = Keyring.create_if_missing(path).current
    status, out, _ = cli("keys", "rotate", "holder")
    ring = Keyring.load(path)
    assert status == 0
    assert ring.current in out
    assert first in ring.keys
    assert ring.current != first


def test_a_key_ring_open_to_others_is_refused_in_one_sentence(world: World, cli: Cli) -> None:
    world.settings.code_keyring.chmod(0o644)
    try:
        refused(cli("keys", "rotate"), 1, "")
    finally:
        world.settings.code_keyring.chmod(0o600)


def test_the_web_and_the_workers_need_no_owners_password(world: World, tmp_path: Path) -> None:
    known = {
        name: value for name, value in environ(world).items() if not name.endswith("OWNER_URL") and "OWNER" not in name
    }
    settings = Settings.from_env({**known, "CAISSE_DATA": str(tmp_path)})
    assert (settings.caisse_owner_url, settings.dmp_owner_url) == ("", "")
    with pytest.raises(Unavailable, match="DATABASE_OWNER_URL"):
        settings.require_owners()
