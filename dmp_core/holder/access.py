"""The holder's access, put together once for a process: the portal's pages speak to these parts."""

from dmp_core.clock import Clock
from dmp_core.enrolment.insured import InsuredBase
from dmp_core.holder.afterwards import Afterwards
from dmp_core.holder.application import Application
from dmp_core.holder.authenticator import Authenticator
from dmp_core.holder.connections import Connections
from dmp_core.holder.contact_change import ContactChange
from dmp_core.holder.devices import Devices
from dmp_core.holder.guard import Guard
from dmp_core.holder.limits import Limits
from dmp_core.holder.messages import Messenger
from dmp_core.holder.mobile import Mobile
from dmp_core.holder.notices import Notices
from dmp_core.holder.one_time import OneTime
from dmp_core.holder.recovery import Recovery
from dmp_core.holder.sessions import Sessions
from dmp_core.holder.signing_in import SigningIn
from dmp_core.holder.store import HolderStore
from dmp_core.storage.keyring import Keyring


class Access:
    """Every part, under one set of limits."""

    def __init__(
        self, store: HolderStore, secrets: Keyring, codes: Keyring, clock: Clock, insured: InsuredBase,
        messenger: Messenger, limits: Limits | None = None, afterwards: Afterwards | None = None,
    ) -> None:  # fmt: skip
        self.limits = limits = limits or Limits()
        self.afterwards = afterwards = afterwards or Afterwards()
        self.guard = Guard(store, secrets, clock, limits)
        self.sessions = Sessions(store, clock, limits)
        self.devices = Devices(store, clock, limits)
        self.connections = Connections(store, clock, limits)
        self.authenticator = Authenticator(store, secrets, clock)
        self.notices = Notices(store, messenger, afterwards, clock)
        self.one_time = OneTime(store, secrets, clock, messenger, self.guard, self.authenticator, limits)
        self.signing_in = SigningIn(
            store, clock, self.guard, self.sessions, self.devices, self.one_time, self.connections, self.notices, limits
        )
        self.recovery = Recovery(
            store, codes, insured, clock, messenger, self.guard, self.sessions, self.devices, self.one_time,
            self.authenticator, self.signing_in, self.notices, afterwards, limits,
        )  # fmt: skip
        self.contact_change = ContactChange(store, clock, self.one_time, self.signing_in, self.notices)
        self.mobile = Mobile(store, clock, self.notices, limits)
        self.application = Application(store, self.authenticator, self.one_time, self.signing_in, self.notices)

    def close(self) -> None:
        """Send what waits, then stop."""
        self.afterwards.close()
