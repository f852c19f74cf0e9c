"""Closures of a DMP."""

from typing import Final

from backoffice.cases.kinds.people import DAY, STAFF, SUPERVISORS, SYSTEM
from backoffice.cases.queueing import Team, Way
from backoffice.cases.workflow import State, Step, Workflow
from backoffice.core.actor import Role

CLOSURE_ONLINE: Final = Workflow(
    name="closure_online",
    label="Clôture en ligne",
    about="La personne a clôturé son DMP sur mon-dmp. La clôture a déjà pris effet ; la caisse lui doit sa confirmation.",
    states=(
        State("received", "confirmation à envoyer"),
        State("confirmed", "confirmation partie", final=True),
        State("reopened", "DMP rouvert", final=True),
        State("filed", "classée sans courrier", final=True),
    ),
    steps=(
        Step(
            "confirm", "Confirmation partie", frozenset({"received"}), "confirmed", SYSTEM,
            "Le courrier ou le courriel de confirmation est parti.", when_sent="closure_receipt",
        ),
        Step(
            "reopen", "Rouvrir le DMP", frozenset({"received", "confirmed"}), "reopened", SUPERVISORS,
            "Le DMP est rouvert, à la demande de la personne : elle et les professionnels y ont de nouveau accès.",
            needs_reason=True, effect="closure.reopen",
        ),
        Step(
            "file", "Classer sans courrier", frozenset({"received"}), "filed", SUPERVISORS,
            "La demande est close sans confirmation : la personne ne peut pas être jointe.",
            needs_reason=True,
        ),
    ),
    minutes=3 * DAY,
    readers=STAFF,
    team=Team.COUNTER,
    way=Way.ONLINE,
)  # fmt: skip

CLOSURE: Final = Workflow(
    name="closure",
    label="Clôture demandée à la caisse",
    about="La personne demande à sa caisse de clôturer son DMP, au guichet, par téléphone ou par lettre. Les envois "
    "s’arrêtent aussitôt ; la clôture prend effet après un délai de réflexion, une fois la demande confirmée.",
    states=(
        State("received", "à faire confirmer"),
        State("cooling", "délai de réflexion", waits=True),
        State("closed", "DMP clôturé", final=True),
        State("withdrawn", "abandonnée par la personne", final=True),
        State("refused", "refusée", final=True),
        State("reopened", "DMP rouvert", final=True),
    ),
    steps=(
        Step(
            "confirm", "Enregistrer la confirmation", frozenset({"received"}), "cooling", STAFF,
            "Le titulaire confirme en connaissance de cause : le délai de réflexion commence, un courrier le lui rappelle.",
            sends=("closure_request",), effect="closure.stop_mailings", form="closure.confirm",
        ),
        Step(
            "withdraw", "La personne renonce", frozenset({"received", "cooling"}), "withdrawn", STAFF,
            "Le DMP reste ouvert, les envois reprennent, un courrier le confirme.",
            needs_reason=True, sends=("closure_withdrawn",), effect="closure.let_mail_again",
        ),
        Step(
            "refuse", "Refuser", frozenset({"received"}), "refused", STAFF,
            "L’identité n’est pas établie, ou la demande ne vient pas du titulaire : rien n’est clôturé, les envois reprennent.",
            needs_reason=True, effect="closure.let_mail_again",
        ),
        Step(
            "close", "Clôturer", frozenset({"cooling"}), "closed", SYSTEM,
            "Le délai de réflexion est écoulé : le DMP est clôturé et conservé dix ans, la confirmation part.",
            effect="closure.close",
        ),
        Step(
            "reopen", "Rouvrir le DMP", frozenset({"closed"}), "reopened", SUPERVISORS,
            "Le DMP est rouvert, à la demande de la personne : elle et les professionnels y ont de nouveau accès.",
            needs_reason=True, effect="closure.reopen",
        ),
    ),
    minutes=3 * DAY,
    readers=STAFF,
    team=Team.COUNTER,
    way=Way.COUNTER,
    letter_facts=("effet",),
)  # fmt: skip

REOPENING: Final = Workflow(
    name="reopening",
    label="Réouverture demandée",
    about="La personne demande la réouverture de son DMP clôturé, dans les dix ans de sa conservation.",
    states=(
        State("requested", "à décider"),
        State("reopened", "DMP rouvert", final=True),
        State("refused", "refusée", final=True),
    ),
    steps=(
        Step(
            "reopen", "Rouvrir le DMP", frozenset({"requested"}), "reopened", SUPERVISORS,
            "Le DMP est rouvert tel qu’il était, la confirmation part.", needs_reason=True, effect="closure.reopen",
        ),
        Step(
            "refuse", "Refuser", frozenset({"requested"}), "refused", SUPERVISORS,
            "L’identité n’est pas établie : le DMP reste clôturé.", needs_reason=True,
        ),
    ),
    minutes=3 * DAY,
    readers=STAFF,
    team=Team.SUPERVISION,
    way=Way.COUNTER,
)  # fmt: skip

DEATH: Final = Workflow(
    name="death",
    label="Décès signalé",
    about="Quelqu’un signale le décès d’une personne. Les envois sont arrêtés aussitôt ; le DMP n’est clôturé qu’au vu d’un "
    "acte de décès, sans délai. Personne n’est averti par courrier, sauf la famille si elle le demande.",
    states=(
        State("reported", "justificatif attendu"),
        State("closed", "décès établi", final=True),
        State("unfounded", "signalement erroné", final=True),
    ),
    steps=(
        Step(
            "close", "Décès établi", frozenset({"reported"}), "closed", STAFF - {Role.ADVISOR},
            "Le DMP, s’il y en a un, est clôturé et conservé dix ans. Citez l’acte : commune, date, numéro.",
            needs_reason=True, effect="closure.close_for_death", evidence="l’acte de décès",
        ),
        Step(
            "unfounded", "Signalement erroné", frozenset({"reported"}), "unfounded", STAFF - {Role.ADVISOR},
            "La personne est en vie : le signalement est levé, les envois reprennent.",
            needs_reason=True, effect="closure.lift_death",
        ),
    ),
    minutes=10 * DAY,
    readers=STAFF,
    team=Team.COUNTER,
    way=Way.PHONE,
)  # fmt: skip

WORKFLOWS: Final[tuple[Workflow, ...]] = (CLOSURE_ONLINE, CLOSURE, REOPENING, DEATH)
