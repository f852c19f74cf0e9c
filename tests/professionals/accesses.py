"""A process that comes to dossiers in every way, and says in a file what it begins and what came of it, until it is killed."""

import os
import random
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from dmp_core.access.application import Deposit
from dmp_core.access.gate import HolderGate
from dmp_core.access.professional import NotIn
from dmp_core.access.software import SoftwareGate
from dmp_core.access.trace import Action, Filter
from dmp_core.errors import NotFound
from dmp_core.holder.store import HolderStore
from dmp_core.professionals.certificates import Professional
from dmp_core.professionals.store import ProfessionalStore
from dmp_core.record.metadata import Wanted
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder
from dmp_core.storage.keyring import Keyring


@dataclass(frozen=True)
class Place:
    """A dossier, and documents of it by what a professional finds of them."""

    dossier: UUID
    shown: UUID
    masked: UUID


@dataclass(frozen=True)
class Scene:
    """What the process is given."""

    urls: tuple[str, str]
    """Of the roles `ps` and `titulaire`."""
    folder: Path
    ring: Keyring
    now: datetime
    inside: Professional
    outside: Professional
    places: tuple[Place, ...]


def come(scene: Scene, seed: int, many: int, log: Path) -> None:
    """Make so many accesses; each has a line in the log before it is asked for, and one when its answer is there."""
    chance = random.Random(seed)
    shelf, keys = Folder(scene.folder), DossierKeys(scene.ring)
    clock = lambda: scene.now  # noqa: E731
    ps, holders = ProfessionalStore(scene.urls[0], pool_size=1), HolderStore(scene.urls[1], pool_size=1)
    software = SoftwareGate(ps, shelf, keys, clock)
    own = HolderGate(holders, shelf, keys, clock)
    told = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def say(*words: Any) -> None:
        os.write(told, (" ".join(map(str, words)) + "\n").encode())

    for _ in range(many):
        place = chance.choice(scene.places)
        name, who, action, ask, granted = chance.choice(_ways(scene, place, software, own))
        say("begins", place.dossier, who, action, name)
        try:
            ask()
            assert granted, name
        except (NotFound, NotIn):
            assert not granted, name
        say("ends", place.dossier, who, action, name)
    ps.close()
    holders.close()


def _ways(scene: Scene, at: Place, software: SoftwareGate, own: HolderGate) -> list[tuple[Any, ...]]:
    inside, outside = scene.inside, scene.outside
    here, there, holder = str(inside.id), str(outside.id), "titulaire"
    text = f"Observation {uuid4()}".encode()
    deposit = Deposit("11488-4", "Consultation", text)
    return [
        ("list", here, Action.LIST, lambda: software.browse(inside, at.dossier, Wanted(), 20), True),
        ("read", here, Action.READ, lambda: software.read(inside, at.dossier, at.shown), True),
        ("read", here, Action.READ, lambda: software.read(inside, at.dossier, at.shown), True),
        ("masked", here, Action.LOOK, lambda: software.look(inside, at.dossier, at.masked), False),
        ("stranger", there, Action.READ, lambda: software.read(outside, at.dossier, at.shown), False),
        ("deposit", here, Action.ADD, lambda: software.deposit(inside, at.dossier, deposit), True),
        ("list", holder, Action.LIST, lambda: own.browse(at.dossier, Wanted(), 20), True),
        ("read", holder, Action.READ, lambda: own.read(at.dossier, at.masked), True),
        ("absent", holder, Action.LOOK, lambda: own.look(at.dossier, uuid4()), False),
        ("add", holder, Action.ADD, lambda: own.add(at.dossier, "EXPPAT_2", "Note", [text], "NICOLAS DUPOND"), True),
        ("trace", holder, Action.READ_TRACE, lambda: own.lines(at.dossier, Filter(), 5), True),
    ]
