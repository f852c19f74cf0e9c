"""Addresses from which a letter came back."""

from typing import Final

from backoffice.cases.kinds.people import DAY, STAFF, SYSTEM
from backoffice.cases.queueing import Team, Way
from backoffice.cases.workflow import State, Step, Workflow

UNDELIVERABLE: Final = Workflow(
    name="undeliverable",
    label="Adresse à corriger",
    about=(
        "Un courrier est revenu et l’adresse est en cause. Son code est révoqué et la personne ne reçoit plus de courrier "
        "tant que l’adresse n’est pas corrigée dans le fichier de population, ou vérifiée. Si son adresse électronique est "
        "connue, un courriel lui demande de vérifier ; sinon, un courrier la prévient à sa nouvelle adresse."
    ),
    states=(
        State("received", "adresse à vérifier"),
        State("asked", "personne interrogée", waits=True),
        State("corrected", "adresse corrigée", final=True),
        State("confirmed", "adresse vérifiée", final=True),
        State("filed", "classée", final=True),
    ),
    steps=(
        Step(
            "ask", "Personne interrogée", frozenset({"received"}), "asked", STAFF,
            "La personne a été jointe par un autre moyen ; sa réponse est attendue.", needs_reason=True,
        ),
        Step(
            "corrected", "Adresse corrigée", frozenset({"received", "asked"}), "corrected", SYSTEM,
            "Le fichier de population donne une autre adresse : la personne y reçoit un courrier, sauf si un courriel l’a "
            "déjà prévenue.", effect="undeliverable.write",
        ),
        Step(
            "confirm", "Adresse vérifiée", frozenset({"received", "asked"}), "confirmed", STAFF,
            "L’adresse est bonne : le signalement est levé et la personne peut recevoir du courrier. "
            "Le code du courrier revenu reste révoqué.",
            needs_reason=True, effect="undeliverable.confirm",
        ),
        Step(
            "file", "Classer", frozenset({"received", "asked"}), "filed", STAFF,
            "L’adresse ne peut pas être trouvée : le signalement reste, la demande est close.", needs_reason=True,
        ),
    ),
    minutes=10 * DAY,
    readers=STAFF,
    team=Team.COUNTER,
    way=Way.OFFICE,
)  # fmt: skip

WORKFLOWS: Final[tuple[Workflow, ...]] = (UNDELIVERABLE,)
