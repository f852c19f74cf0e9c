"""Somebody who acts for the holder: who they are by law, and what they showed of it. Pure."""

from enum import StrEnum

from backoffice.core.errors import Invalid


class Title(StrEnum):
    """By what right somebody asks for another."""

    PARENT = "parent"
    GUARDIAN = "tuteur"
    FAMILY = "habilitation"
    MANDATE = "mandat"

    @property
    def label(self) -> str:
        """What a French reader sees."""
        return _TITLES[self][0]

    @property
    def proof(self) -> str:
        """What they show, as the file keeps it."""
        return _TITLES[self][1]


_TITLES = {
    Title.PARENT: ("Titulaire de l’autorité parentale", "livret de famille ou jugement vu"),
    Title.GUARDIAN: ("Tuteur ou tutrice", "jugement de tutelle vu"),
    Title.FAMILY: ("Habilitation familiale", "jugement d’habilitation vu"),
    Title.MANDATE: ("Mandat de protection future", "mandat visé par le greffe vu"),
}


def represented(title: str, proof_seen: bool) -> str:
    """Who asks for the holder, in the words kept with the request; empty when it is the holder.

    No name is kept: the identity check is theirs, and the file says by what right they acted.
    Raises Invalid for an unknown right, and while its proof was not seen.
    """
    if not title:
        return ""
    try:
        found = Title(title)
    except ValueError:
        raise Invalid("Choisissez à quel titre cette personne représente le titulaire.") from None
    if not proof_seen:
        raise Invalid(
            "Sans jugement, mandat ou livret de famille présenté, personne ne peut demander la clôture pour le titulaire."
        )
    return f"{found.label}, {found.proof}"
