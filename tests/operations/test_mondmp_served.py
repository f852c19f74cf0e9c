"""mon-dmp put together by its host: its own logins, secret and key file, and none of the back office's."""

import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from campaigns.world import World, world, world_settings

from backoffice.core.errors import Unavailable
from backoffice.embedded.processes import free_port
from backoffice.mondmp import create_app
from backoffice.office import open_office
from backoffice.settings import Settings
from dmp_core.storage.keyring import Keyring

__all__ = ["world", "world_settings"]

SECRET = "un secret de mon-dmp, assez long pour signer"


@pytest.fixture
def environ(world: World, tmp_path: Path) -> dict[str, str]:
    """All that a host of mon-dmp is given."""
    return {
        "CAISSE_DATA": str(tmp_path), "DMP_TITULAIRE_URL": world.databases.url("titulaire", "dmp"),
        "CAISSE_TITULAIRE_URL": world.databases.url("titulaire", "caisse"), "MONDMP_SECRET_KEY": SECRET,
        "CREATION_CODE_KEYRING": str(world.settings.code_keyring), "HOLDER_KEYRING": str(tmp_path / "titulaire.json"),
        "SMTP_URL": "smtp://127.0.0.1:1", "SMS_URL": "http://127.0.0.1:1/sms",
    }  # fmt: skip


def test_mon_dmp_is_served_without_any_login_of_the_back_office(environ: dict[str, str]) -> None:
    settings = Settings.from_env(environ)
    assert {settings.caisse_url, settings.caisse_owner_url, settings.dmp_caisse_url, settings.dmp_owner_url} == {""}
    app = create_app(settings)
    assert app.test_client().get("/").status_code == 200
    assert Path(environ["HOLDER_KEYRING"]).stat().st_mode & 0o777 == 0o600
    with pytest.raises(Unavailable, match="DATABASE_URL"):
        open_office(settings)


@pytest.mark.parametrize("missing", ["CAISSE_TITULAIRE_URL", "MONDMP_SECRET_KEY"])
def test_what_is_missing_is_named(environ: dict[str, str], missing: str) -> None:
    with pytest.raises(Unavailable, match=missing):
        create_app(Settings.from_env({**environ, missing: ""}))


def test_a_lost_key_file_of_the_codes_is_never_made_anew(environ: dict[str, str], tmp_path: Path) -> None:
    environ["CREATION_CODE_KEYRING"] = str(tmp_path / "perdu.json")
    with pytest.raises(Unavailable, match="introuvable"):
        create_app(Settings.from_env(environ))
    assert not (tmp_path / "perdu.json").exists()


def test_the_two_applications_share_neither_secret_nor_key(world: World, environ: dict[str, str]) -> None:
    own = world.settings
    assert own.secret_key != own.mondmp.secret_key
    create_app(Settings.from_env(environ))
    codes, holder = Keyring.load(own.code_keyring), Keyring.load(Path(environ["HOLDER_KEYRING"]))
    assert not set(codes.keys) & set(holder.keys)


def test_over_https_its_cookies_are_bound_to_its_host(environ: dict[str, str]) -> None:
    settings = Settings.from_env({**environ, "MONDMP_HTTPS": "1"})
    shown = create_app(settings).test_client().get("/creer", base_url="https://localhost")
    for cookie in shown.headers.getlist("Set-Cookie"):
        assert cookie.startswith("__Host-")
        assert "Secure" in cookie
        assert "HttpOnly" in cookie


def test_the_command_serves_it_until_it_is_told_to_stop(environ: dict[str, str]) -> None:
    port = free_port(28101, lambda _: None, "mon-dmp")
    process = subprocess.Popen(
        [sys.executable, "-c", "from backoffice.cli import main; main()", "serve", "mondmp", "--port", str(port)],
        env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    page = None
    while page is None and process.poll() is None:
        try:
            page = httpx.get(f"http://127.0.0.1:{port}/", trust_env=False)
        except httpx.TransportError:
            continue
    process.terminate()
    said = process.communicate(timeout=60)[1]
    assert page is not None, said
    assert page.status_code == 200
    assert re.search(r"<html lang=.fr", page.text)
    assert SECRET not in page.text
