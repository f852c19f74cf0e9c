"""Holders of a DMP around the portal's world: their messages, their sign-in, their browsers."""

import re
import secrets
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from portal.world import Visitor, World
from werkzeug.test import TestResponse

from dmp_core.enrolment.dossiers import Consent, Contacts, Way, open_dossier
from dmp_core.enrolment.insured import Insured
from dmp_core.errors import Unavailable
from dmp_core.holder.messages import Messenger, Notice
from dmp_core.portals.mondmp.account import services
from dmp_core.portals.mondmp.parts import Parts

_mobiles = cycle(range(10_000))
"""Nobody has another's number."""
GOOD = "une tasse de thé vert"


@dataclass
class Outside:
    """A messenger that remembers what it was handed, or refuses it."""

    notices: list[Notice] = field(default_factory=list)
    away: bool = False

    def mail(self, notice: Notice) -> None:
        if self.away:
            raise Unavailable("Le serveur de messagerie ne répond pas.")
        self.notices.append(notice)

    sms = mail

    def told(self, to: str) -> list[str]:
        return [notice.text for notice in self.notices if notice.to == to]

    def code(self, to: str) -> str:
        """The latest one-time code sent there."""
        found = [match[0] for text in self.told(to) if (match := re.match(r"[0-9]{6}", text))]
        assert found, "no code was sent there"
        return found[-1]


@dataclass
class Someone:
    """A holder, and what only they know."""

    person: Insured
    dossier: UUID
    login: str
    password: str
    mail: str
    mobile: str


class AccountWorld(World):
    """The portal's world, with messages and holders."""

    messenger: Messenger

    def __init__(self, *engines: Any) -> None:
        super().__init__(*engines)
        self.outside = Outside()
        self.messenger = self.outside

    def parts(self, **settings: Any) -> Parts:
        made = super().parts(**settings)
        return replace(made, messenger=self.messenger)

    def someone(self, *, mail: bool = True, mobile: bool = True, **identity: Any) -> Someone:
        """A holder whose DMP was just opened: the initial password has not been used."""
        person, tag = self.person(**identity), secrets.token_hex(6)
        address, number = f"nicolas.{tag}@exemple.fr", f"+3363998{next(_mobiles):04}"
        consent = Consent("2016-11-02", bytes(32), "J’accepte")
        contacts = Contacts(address if mail else None, number if mobile else None)
        with self.store.transaction() as connection:
            opened = open_dossier(connection, self.clock(), uuid4(), person, contacts, consent, Way.ONLINE)
        return Someone(person, opened.dossier_id, opened.login, opened.password, address, number)


def settle(app: Flask) -> None:
    """Until every message has left."""
    with app.app_context():
        services.access().close()


class Holder(Visitor):
    """A holder in front of one browser."""

    def __init__(self, app: Flask, world: AccountWorld, who: Someone) -> None:
        super().__init__(app)
        self.world, self.who = world, who

    def give_password(self, **changes: str) -> TestResponse:
        typed = {"identifiant": self.who.login, "mot_de_passe": self.who.password} | changes
        return self.send("/connexion", **typed)

    def give_code(self) -> TestResponse:
        return self.send("/connexion/code", code=self.world.outside.code(self.who.mail))

    def sign_in(self) -> "Holder":
        """As far as the home; the first time with a password of one's own."""
        assert self.give_password().location == "/connexion/code"
        if self.give_code().location == "/connexion/mot-de-passe":
            assert self.send("/connexion/mot-de-passe", nouveau=GOOD).location == "/mon-dmp"
            self.who.password = GOOD
        assert self.get("/mon-dmp").status_code == 200
        return self
