"""What closing means, as it is told before anybody confirms (DOMAIN 4.1, CNIL 2016-258); which words were told is kept."""

import hashlib
from typing import Final

from sqlalchemy.orm import Session

from backoffice.parameters.reading import current
from backoffice.parameters.scripts import Block, Script, blocks_of

EXPLANATION: Final = Script(
    name="texte.cloture", label="Ce que clôturer veut dire",
    meaning="Lu ou montré à la personne avant qu’elle confirme la clôture de son DMP.",
    default="\n\n".join(
        (
            "Une fois le DMP clôturé, plus personne ne peut lire ce qu’il contient : ni vous, ni vos médecins, même en "
            "urgence. Aucun document ne peut y être ajouté.",
            "Vos documents ne sont pas effacés : le dossier est conservé dix ans, puis détruit. Pendant ces dix ans, votre "
            "caisse peut le rouvrir à votre demande.",
            "Si vous y avez déposé vos directives anticipées, ou désigné une personne de confiance, elles ne seront plus "
            "consultables : remettez-les à votre médecin traitant, à votre personne de confiance ou à un proche.",
            "Si vous voulez garder vos documents, enregistrez-les avant sur www.mon-dmp.fr.",
            "Rien ne change pour vos remboursements ni pour vos soins. La clôture prend effet après un délai de réflexion : "
            "jusque-là, un appel suffit pour y renoncer. Les courriers d’information s’arrêtent dès aujourd’hui.",
        )
    ),
)  # fmt: skip


def explanation(session: Session) -> tuple[Block, ...]:
    """The text to be told now."""
    return blocks_of(current(session).of(EXPLANATION))


def told(session: Session) -> str:
    """Which text it is: the beginning of its digest, kept with the case."""
    return hashlib.sha256(current(session).of(EXPLANATION).encode()).hexdigest()[:12]
