"""Who carries a line to the DMP: a professional by their card (FHIR, ITI-105), or an establishment by its certificate and a
VIHF for each request.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import httpx

from lps.dmp import Dmp, Refused
from lps.manifest import REPLACE, WITHDRAW, Line, urn
from lps.patience import STUBBORN, Patience
from lps.vihf import House

DEPOSITED, REPLACED, THERE, WITHDRAWN, REFUSED = "depose", "remplace", "deja_present", "retire", "refuse"
_PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a line."""

    result: str
    received_at: str = ""
    sentence: str = ""
    receipt: str = ""
    """The house's word for it, signed, where it gives one with its answer."""


class Courier(Protocol):
    """Raises Refused for a line that the DMP does not take, and Away."""

    def send(self, line: Line) -> Outcome:
        """Send it, once more or for the first time."""
        ...


class ByCard:
    """In the name of the bearer of the card."""

    def __init__(self, dmp: Dmp, number: str) -> None:
        self._dmp, self._number = dmp, number
        self._known: dict[str, str] = {}

    def send(self, line: Line) -> Outcome:
        """ITI-105, or the withdrawal."""
        if line.author is not None and line.author.number != self._number:
            raise Refused("Cette carte dépose au nom de son porteur, et de lui seul.")
        dmp = self._of(line.ins_c)
        if line.action == WITHDRAW:
            self._dmp.withdraw_named(dmp, urn(self._number, line.identifier))
            return Outcome(WITHDRAWN)
        made, entered = self._dmp.deposit(
            dmp, line.data(), line.title, line.kind, line.act, name=urn(self._number, line.identifier),
            over=urn(self._number, line.replaces) if line.action == REPLACE else "", hold=line.hold,
        )  # fmt: skip
        done = REPLACED if line.action == REPLACE else DEPOSITED
        return Outcome(done if entered else THERE, made.received_at)

    def _of(self, ins_c: str) -> str:
        if ins_c not in self._known:
            found = self._dmp.state(ins_c)
            if found is None:
                raise Refused("Ce patient n’a pas de DMP.")
            self._known[ins_c] = found.dmp
        return self._known[ins_c]


class ByEstablishment:
    """In the name of the professional of each line."""

    def __init__(
        self, server: str, transport: httpx.BaseTransport, house: House, patience: Patience = STUBBORN
    ) -> None:  # fmt: skip
        self._client = httpx.Client(
            base_url=f"{server.rstrip('/')}/etablissement", transport=transport, timeout=_PATIENCE
        )  # fmt: skip
        self._house, self._patience = house, patience

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def send(self, line: Line) -> Outcome:
        """The document and its VIHF; a new VIHF each time it is tried."""
        if line.author is None:
            raise Refused("Dites au nom de quel professionnel : « auteur », « nom_auteur » et « profession ».")
        name = urn(self._house.structure, line.identifier)
        if line.action == WITHDRAW:
            told = self._asked(line, "/retraits", {"identifiant": name}, None)
            return Outcome(WITHDRAWN, told["recu_le"], receipt=told.get("recu", ""))
        form = {
            "type": line.kind, "titre": line.title, "date": line.act.isoformat(), "identifiant": name,
            "annonce": "oui" if line.hold else "non",
        }  # fmt: skip
        if line.action == REPLACE:
            form["remplace"] = urn(self._house.structure, line.replaces)
        told = self._asked(line, "/documents", form, line.data())
        done = REPLACED if line.action == REPLACE else DEPOSITED
        return Outcome(done if told["nouveau"] else THERE, told["recu_le"], receipt=told.get("recu", ""))

    def _asked(self, line: Line, where: str, form: dict[str, str], data: bytes | None) -> dict[str, str]:
        assert line.author is not None
        author = line.author

        def call() -> httpx.Response:
            files = {"vihf": ("vihf.xml", self._house.vihf(author, line.ins_c))}
            if data is not None:
                files["document"] = ("document", data)
            return self._client.post(where, data=form, files=files)

        answer = self._patience.asked(call)
        try:
            told: dict[str, str] = answer.json()
        except ValueError:
            told = {}
        if answer.status_code >= 400:
            raise Refused(str(told.get("erreur") or f"Le DMP a répondu par une erreur ({answer.status_code})."))
        return told
