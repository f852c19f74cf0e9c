"""What mon-dmp is made of: its settings, and the parts its host gives it."""

from dataclasses import dataclass, field
from pathlib import Path

from dmp_core.clock import Clock
from dmp_core.enrolment.insured import InsuredBase
from dmp_core.holder.messages import Messenger
from dmp_core.holder.mobile import Application
from dmp_core.holder.store import HolderStore
from dmp_core.record.shelf import Shelf
from dmp_core.storage.keyring import Keyring
from dmp_core.storage.seal import Seal


@dataclass(frozen=True, slots=True)
class PortalSettings:
    """Where the parts are, and how the site is reached. Its own secrets: no other application has them."""

    dmp_url: str = field(repr=False)
    """Database `dmp`, role `titulaire`."""
    secret_key: str = field(repr=False)
    """Signs the CSRF tokens of visitors who have no session yet."""
    code_keyring: Path
    """Keys of the creation codes' digests (read only)."""
    holder_keyring: Path
    """Keys of one-time codes, attempt counters and sealed secrets; the back office is never given it."""
    record_keyring: Path = Path()
    """Keys that wrap the dossiers' own keys; the back office is never given it."""
    documents: Path = Path()
    """Folder of the sealed contents of documents."""
    https: bool = False
    """Whether browsers reach the site over https: cookies are then `Secure` and bear the prefix `__Host-`."""
    proxy_hops: int = 0
    """Trusted reverse proxies in front; 0 means that forwarded headers are ignored."""
    trusted_hosts: tuple[str, ...] = ()
    applications: tuple[Application, ...] = ()
    """Mobile applications that a holder may let in."""
    note: str = ""
    """A sentence over every page (demonstration)."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one process; `app.extensions["mondmp"]`."""

    settings: PortalSettings
    clock: Clock
    store: HolderStore
    codes: Keyring
    secrets: Keyring
    insured: InsuredBase
    messenger: Messenger
    record: Keyring
    """Keys that wrap those of the dossiers; the back office is never given them."""
    shelf: Shelf
    """Where the sealed contents of documents lie."""
    seal: Seal
    """Signs the statements of accesses."""
