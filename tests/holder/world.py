"""The time, the people and the messages of these tests."""

import random
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

from dmp_core.enrolment.api import Enrolment
from dmp_core.enrolment.dossiers import Consent, Contacts, Way, open_dossier
from dmp_core.enrolment.insured import Insured
from dmp_core.errors import Unavailable
from dmp_core.holder.access import Access
from dmp_core.holder.afterwards import Afterwards
from dmp_core.holder.messages import Notice
from dmp_core.holder.sessions import Client, Session, Stage
from dmp_core.holder.signing_in import Step
from dmp_core.holder.store import HolderStore
from dmp_core.identity.nir import key_of
from dmp_core.storage.keyring import Keyring

AGENT = "Mozilla/5.0 (Windows NT 10.0; rv:49.0) Gecko/20100101 Firefox/49.0"
HERE = Client("192.0.2.17", AGENT)
GOOD = "une tasse de thé vert"
_ANY = random.SystemRandom()


class SetClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2017, 1, 10, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@dataclass
class Outside:
    """A messenger that remembers what it was handed, or refuses it."""

    mails: list[Notice] = field(default_factory=list)
    texts: list[Notice] = field(default_factory=list)
    away: bool = False

    def mail(self, notice: Notice) -> None:
        self._take(self.mails, notice)

    def sms(self, notice: Notice) -> None:
        self._take(self.texts, notice)

    def code_for(self, to: str) -> str:
        """The latest one-time code sent to this contact."""
        for notice in reversed(self.mails + self.texts if "@" in to else self.texts):
            if notice.to == to and (found := re.match(r"[0-9]{6}", notice.text)):
                return found[0]
        raise AssertionError("no code was sent there")

    def _take(self, kept: list[Notice], notice: Notice) -> None:
        if self.away:
            raise Unavailable("le serveur de messagerie de quelqu’un@exemple.fr ne répond pas")
        kept.append(notice)


class Base:
    """The insurance's base: persons by NIR, and how often it was asked."""

    def __init__(self) -> None:
        self.persons: dict[str, Insured] = {}
        self.asked = 0

    def by_nir(self, nir: str) -> Insured | None:
        self.asked += 1
        return self.persons.get(nir)


@dataclass
class Someone:
    """A holder, and what only they know."""

    person: Insured
    dossier: UUID
    login: str
    password: str
    mail: str
    mobile: str
    cookie: str = ""


class World:
    """One portal's access, with people."""

    def __init__(self, store: HolderStore, secrets: Keyring, codes: Keyring, enrolment: Enrolment, clock: SetClock):
        self.store, self.clock, self.enrolment = store, clock, enrolment
        self.outside, self.base = Outside(), Base()
        self.access = Access(store, secrets, codes, clock, self.base, self.outside, afterwards=Afterwards(0))

    def settle(self) -> None:
        """Until every message has left."""
        self.access.close()

    def insured(self) -> Insured:
        """Somebody the insurance knows."""
        nir13 = (
            f"2{_ANY.randrange(30, 99)}04{_ANY.randrange(10, 19)}{_ANY.randrange(100, 999)}{_ANY.randrange(1, 999):03}"
        )
        person = Insured(
            "941", _ANY.randrange(10**9, 10**15), nir13 + key_of(nir13), "MME", "LEGRAND", "DUPONT-MARTIN", "JEANNE",
            "1985-04-07", str(_ANY.randrange(10**9, 10**10)), "photo", True,
        )  # fmt: skip
        self.base.persons[person.nir] = person
        return person

    def someone(self, *, mail: bool = True, mobile: bool = True, ready: bool = True) -> Someone:
        """A holder; `ready` when they have a password of their own and have signed in from one browser."""
        person, tag = self.insured(), uuid4().hex[:12]
        address, number = f"jeanne.{tag}@exemple.fr", f"+3363998{_ANY.randrange(10**4):04}"
        consent = Consent("2016-11-02", bytes(32), "J’accepte")
        contacts = Contacts(address if mail else None, number if mobile else None)
        with self.store.transaction() as connection:
            opened = open_dossier(connection, self.clock(), uuid4(), person, contacts, consent, Way.ONLINE)
        who = Someone(person, opened.dossier_id, opened.login, opened.password, address, number)
        if ready:
            step = self.with_code(who, HERE)
            step = self.access.signing_in.choose_password(self.session(step.token), GOOD, GOOD, HERE)
            who.password, who.cookie = GOOD, step.device_cookie or ""
            self.access.sessions.end(self.session(step.token))
            self.settle()
            self.clock.forward(minutes=20)
        return who

    def with_code(self, who: Someone, client: Client = HERE, cookie: str = "") -> Step:
        """Password, then the one-time code."""
        step = self.access.signing_in.give_password(who.login, who.password, client, cookie)
        code = self.outside.code_for(who.mail if step.sent and step.sent.channel == "mail" else who.mobile)
        return self.access.signing_in.give_code(self.session(step.token), code, client, cookie)

    def signed_in(self, who: Someone, client: Client = HERE) -> Session:
        """An open session of the holder, from their own browser."""
        step = self.with_code(who, client, who.cookie)
        assert step.stage is Stage.OPEN
        return self.session(step.token)

    def session(self, token: str) -> Session:
        """The live session of this token."""
        found = self.access.sessions.find(token)
        assert found is not None
        return found

    def code_by_post(self, person: Insured) -> str:
        """A code for this person, issued now."""
        day = date(self.clock.now.year, self.clock.now.month, self.clock.now.day)
        return self.enrolment.issue_codes(uuid4(), person.caisse, [person.person_id], day).codes[person.person_id]
