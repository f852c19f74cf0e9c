"""What the access of professionals is made of: its settings, and the parts its host gives it."""

from dataclasses import dataclass, field

from dmp_core.clock import Clock
from dmp_core.enrolment.insured import CardBase
from dmp_core.professionals.store import ProfessionalStore
from dmp_core.professionals.trust import Trust
from dmp_core.record.shelf import Shelf
from dmp_core.storage.keyring import Keyring
from dmp_core.storage.seal import Seal


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one process; `app.extensions["professionals"]`."""

    clock: Clock
    store: ProfessionalStore
    trust: Trust
    record: Keyring
    """Keys that wrap those of the dossiers; the back office is never given them."""
    shelf: Shelf
    secret_key: str = field(repr=False)
    """Signs the session's cookie, which names a card and holds no right, and seals the reasons given to sign."""
    insured: CardBase | None = None
    """The insurance's base, asked by a whole card; without one, no DMP is opened here."""
    regulators: frozenset[str] = frozenset()
    """PS_IdNat of the regulating physicians of a centre 15."""
    note: str = ""
    """A sentence over every page (demonstration)."""
    hosts: tuple[str, ...] = ()
    """Host names it answers to; empty: any."""
    calls_per_minute: int = 0
    """Of one card or establishment, in each process; 0: no bound."""
    embedders: tuple[str, ...] = ()
    """Origins of practice software whose pages may frame the button; none: it stands alone."""
    seal: Seal | None = field(default=None, repr=False)
    """Signs receipts of deposits; without one they are not signed."""
