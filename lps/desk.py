"""What every command stands before: the card in the reader, the DMP it is proved to, and the patient's carte Vitale."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from lps.card import Bearer, Patient
from lps.dmp import Dmp, Refused, State
from lps.signing import Signer

VITALE = click.option(
    "--vitale", type=click.Path(path_type=Path), required=True,
    help="Carte Vitale lue : JSON nir, prenom, naissance, serie.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Desk:
    """The card in the reader, and the DMP it is proved to."""

    card: Bearer
    dmp: Dmp
    signer: Callable[[], Signer]
    """Its certificate of signature, when something is to be signed. Raises CardFault."""
    prover: Signer
    """The key of authentication, which signs for a structure who acts in its name."""
    server: str
    authority: Path

    def state(self, vitale: Path) -> State:
        """TD0.2, before anything is asked of a DMP. Raises Refused when there is none."""
        found = self.dmp.state(Patient.read(vitale).ins_c)
        if found is None:
            raise Refused("Ce patient n’a pas de DMP.")
        return found


def day(written: str) -> str:
    """A date of the DMP as it is read in French."""
    year, month, number = written[:10].split("-")
    return f"{number}/{month}/{year}"
