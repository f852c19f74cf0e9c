"""What an advisor says, by subject: declared data, from the handbook's facts, which an administrator may rewrite."""

from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy.orm import Session

from backoffice.core.errors import Invalid
from backoffice.parameters.reading import current
from backoffice.parameters.scripts import Script, blocks_of


@dataclass(frozen=True, slots=True)
class Subject:
    """One reason for which people ring, with what to say and what may be done."""

    name: str
    label: str
    say: tuple[str, ...]
    """Sentences to be said as they are."""
    by_phone: tuple[str, ...]
    """What may be done during the call."""
    at_counter: tuple[str, ...] = ()
    """What needs the counter, and what to bring."""


_NEVER = "Je ne vous demanderai jamais votre code de création, votre mot de passe ni un code reçu par téléphone."
_LATER = "Passez à l’accueil de votre caisse avec une pièce d’identité et votre carte Vitale."

SUBJECTS: Final[tuple[Subject, ...]] = (
    Subject(
        "decouvrir", "Qu’est-ce que le DMP ?",
        (
            "Le dossier médical partagé est un carnet de santé numérique, gratuit et confidentiel : traitements, résultats "
            "d’examens, antécédents médicaux.",
            "Vous le partagez avec votre médecin traitant et les professionnels que vous autorisez, même à l’hôpital. "
            "Personne d’autre n’y accède : ni l’Assurance Maladie, ni votre employeur, ni votre assureur.",
            "Il se crée sur www.mon-dmp.fr avec votre carte Vitale et le code reçu, chez un professionnel de santé ou à "
            "l’accueil de votre caisse. Vous pouvez le clôturer à tout moment.",
        ),
        ("Répondre, sans vérifier l’identité : rien de personnel n’est dit.",),
    ),
    Subject(
        "code_perdu", "Code perdu ou jamais reçu",
        (
            "Un nouveau code peut vous être envoyé : par courriel ou par La Poste, selon ce que vous avez choisi auprès de "
            "l’Assurance Maladie. Il remplace le précédent.",
            "Par courriel il arrive dans les minutes qui suivent, par La Poste en une dizaine de jours.",
            _NEVER,
        ),
        ("Identité vérifiée : état du code, renvoi d’un code.", "Vérifier que l’adresse est toujours la bonne."),
        ("Un code ne se dicte pas : qui ne peut attendre peut créer son DMP à l’accueil.",),
    ),
    Subject(
        "code_expire", "Code périmé ou refusé",
        (
            "Un code sert une seule fois et vaut deux mois à partir de la date du courrier, jusqu’au dernier jour inclus. Si "
            "le courrier a été déposé plus tard que prévu, il vaut plus longtemps : la date affichée ici fait foi.",
            "Ses lettres et ses chiffres ne se confondent pas : il n’a ni 0, ni 1, ni O, ni I. Espaces et minuscules ne "
            "comptent pas.",
        ),
        ("Identité vérifiée : état du code, renvoi d’un code.",),
    ),
    Subject(
        "courrier_erreur", "Courrier reçu par erreur",
        (
            "Merci de nous prévenir. Ce courrier ne permet rien sans la carte Vitale de la personne : remettez-le dans une "
            "boîte jaune avec la mention « n’habite pas à l’adresse indiquée ».",
            "Je ne peux rien vous dire de la personne à qui il était adressé.",
        ),
        ("Ne rien révéler du destinataire. Noter le motif : le retour du courrier annule le code.",),
    ),
    Subject(
        "nom_faux", "Nom ou prénom erroné",
        (
            "Le nom du courrier est celui de l’état civil que tient votre caisse. Il se corrige avec une pièce d’identité ou "
            "un acte d’état civil.",
            "Votre DMP se crée avec l’identité de votre carte Vitale : faites corriger avant de créer.",
        ),
        ("Expliquer ; aucune identité ne se corrige par téléphone.",),
        ("Pièce d’identité ou acte d’état civil, par courrier, sur ameli ou à l’accueil.",),
    ),
    Subject(
        "demenage", "A déménagé",
        (
            "Signalez votre nouvelle adresse sur votre compte ameli ou à votre caisse : le courrier suivant ira au bon "
            "endroit.",
            "Si vous avez changé de département, votre nouvelle caisse prendra la suite.",
        ),
        ("Identité vérifiée : dire où partira un code, le renvoyer une fois l’adresse corrigée.",),
        ("Changement d’adresse sans compte ameli : à l’accueil, pièce d’identité.",),
    ),
    Subject(
        "deces", "Personne décédée",
        (
            "Je vous présente nos condoléances. Je fais cesser dès maintenant les courriers au sujet du DMP.",
            "Pour que le dossier soit clôturé, votre caisse a besoin d’une copie de l’acte de décès. Rien d’autre ne vous "
            "est demandé.",
        ),
        ("Signaler le décès : envois arrêtés aussitôt, demande ouverte pour la caisse. Rien n’est dit du dossier.",),
        ("Acte de décès, par courrier ou à l’accueil.",),
    ),
    Subject(
        "refus", "Ne veut pas de DMP, ou plus de courriers",
        (
            "Le DMP n’est jamais obligatoire : sans votre accord, il n’est pas créé. Vous n’avez rien à faire.",
            "Je peux noter que vous ne voulez plus recevoir d’invitation. Vos remboursements n’en sont pas changés, et vous "
            "pourrez changer d’avis.",
        ),
        ("Identité vérifiée : opposition aux envois, ou son retrait. Elle prend effet aussitôt.",),
    ),
    Subject(
        "contestation", "« Je ne suis pas à l’origine de cette création »",
        (
            "Je comprends votre inquiétude. Je peux suspendre tout de suite l’accès à ce dossier : plus personne n’y entrera, "
            "ni vous, ni un professionnel.",
            "Votre caisse recherche comment il a été créé et vous écrit sa décision : accès rétabli, ou dossier clôturé.",
            "Avez-vous perdu votre carte Vitale, ou confié votre courrier ? Avez-vous accepté une création chez un "
            "professionnel, à la pharmacie, à l’accueil ?",
        ),
        ("Identité vérifiée : suspendre l’accès. L’effet est immédiat, un superviseur décide.",),
        ("Identité non vérifiée : à l’accueil, le jour même si possible.",),
    ),
    Subject(
        "connexion", "N’arrive pas à se connecter",
        (
            "Votre identifiant, quatre lettres et quatre chiffres, est sur le document remis à la création. Il ne change pas.",
            "Sur www.mon-dmp.fr, la page « Je n’arrive pas à me connecter » rend le mot de passe ou l’identifiant.",
            "Si vous avez perdu votre adresse et votre mobile : « Recevoir un code » vous envoie un code par La Poste.",
            _NEVER,
        ),
        ("Guider, sans rien se faire dicter.",),
        ("Nouveau mot de passe initial, remis en main propre : pièce d’identité et carte Vitale.",),
    ),
    Subject(
        "cloture", "Veut clôturer son DMP",
        (
            "Vous pouvez le clôturer vous-même sur www.mon-dmp.fr, « Clôturer mon DMP ».",
            "Une fois clôturé, plus personne ne lit vos documents, ni vous ni un professionnel, même en urgence. Pensez à "
            "enregistrer ce que vous voulez garder, et à remettre vos directives anticipées à votre médecin ou à votre "
            "personne de confiance.",
            "Le dossier est conservé dix ans, puis détruit. Pendant ces dix ans votre caisse peut le rouvrir.",
        ),
        ("Identité vérifiée : enregistrer la demande. Elle se confirme, puis prend effet après un délai de réflexion.",),
        ("Représentant d’un mineur ou d’un majeur protégé : à l’accueil, avec le justificatif.",),
    ),
    Subject(
        "autre", "Autre sujet",
        ("Je note votre question. Pour vos remboursements, le numéro de votre caisse est le 36 46.", _LATER),
        ("Répondre si c’est général, sinon prévoir un rappel.",),
    ),
)  # fmt: skip


SCRIPTS: Final[tuple[Script, ...]] = tuple(
    Script(
        name=f"texte.appel.{subject.name}", label=f"Appel : {subject.label}",
        meaning="Ce que le conseiller du 0 810 dit à l’appelant sur ce sujet.", default="\n\n".join(subject.say),
    )
    for subject in SUBJECTS
)  # fmt: skip
"""What is said, as an administrator may rewrite it."""


def subjects_of(session: Session) -> tuple[Subject, ...]:
    """The subjects, each with its sentences as they are to be said now."""
    now = current(session)
    said = (blocks_of(now.of(script)) for script in SCRIPTS)
    return tuple(
        replace(subject, say=tuple(line for block in blocks for line in block.lines))
        for subject, blocks in zip(SUBJECTS, said, strict=True)
    )


def subject_named(name: str) -> Subject:
    """The declared subject of this name. Raises Invalid when there is none."""
    for subject in SUBJECTS:
        if subject.name == name:
            return subject
    raise Invalid("Choisissez le sujet de l’appel.")
