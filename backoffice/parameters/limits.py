"""Limits: whole numbers. One line each, read as `current(session).of(RESENDS_PER_DAY)`."""

from typing import Final

from backoffice.parameters.declaration import Whole

_ONLINE: Final = "jamais plus que ce que mon-dmp accorde en ligne"

RESENDS_PER_DAY: Final = Whole(
    name="limite.renvois_par_jour", label="Codes renvoyés à une même personne par jour", unit="renvoi",
    meaning="Au-delà, ni l’accueil ni le 0 810 ne renvoient de code avant le lendemain ; 0 suspend les renvois.",
    default=1, least=0, most=1, because=_ONLINE,
)  # fmt: skip
RESENDS_IN_30_DAYS: Final = Whole(
    name="limite.renvois_en_30_jours", label="Codes renvoyés à une même personne en 30 jours", unit="renvoi",
    meaning="Au-delà, la personne est invitée à se présenter à l’accueil.",
    default=4, least=1, most=4, because=_ONLINE,
)  # fmt: skip
EMAILS_PER_MINUTE: Final = Whole(
    name="limite.courriels_par_minute", label="Courriels envoyés par minute", unit="courriel",
    meaning="Le débit que le serveur de messagerie accepte sans retarder ni refuser les envois.",
    default=600, least=1, most=60_000,
)  # fmt: skip
IDENTITY_TRIES: Final = Whole(
    name="limite.essais_identite", label="Erreurs aux questions d’identité, par téléphone", unit="erreur",
    meaning="À ce nombre la vérification échoue : pour cette personne, plus d’essai pendant 24 heures, quel que soit l’appel.",
    default=2, least=1, most=3,
)  # fmt: skip
COOLING_OFF_DAYS: Final = Whole(
    name="limite.retractation", label="Délai de rétractation d’une clôture", unit="jour",
    meaning="Entre la demande de clôture et son effet : la personne peut encore y renoncer.",
    default=7, least=1, most=30,
)  # fmt: skip
LOT_FILES_DAYS: Final = Whole(
    name="limite.conservation_lots", label="Conservation des pages d’un lot après l’accusé de l’imprimeur", unit="jour",
    meaning="Les pages, avec leurs codes, sont ensuite détruites ; le manifeste, les empreintes et les décomptes restent.",
    default=90, least=30, most=400,
)  # fmt: skip

LETTER_LINK_MONTHS: Final = Whole(
    name="limite.conservation_liens", label="Conservation du lien entre un courrier et une personne sans DMP", unit="mois",
    meaning="Après la fin du code : le courrier n’est ensuite plus que compté, et le code est oublié ; les listes de personnes "
    "qui ne servent plus s’effacent en même temps.",
    default=6, least=1, most=36,
)  # fmt: skip

LIMITS: Final[tuple[Whole, ...]] = (
    RESENDS_PER_DAY, RESENDS_IN_30_DAYS, EMAILS_PER_MINUTE, IDENTITY_TRIES, COOLING_OFF_DAYS, LOT_FILES_DAYS,
    LETTER_LINK_MONTHS,
)  # fmt: skip
"""In the order of the screen."""
