"""French words for what the database names shortly."""

from typing import Final

from backoffice.campaigns.rules import CampaignState, LetterState
from backoffice.population.models import ImportState

SLUGS: Final = {
    "submit": "soumettre",
    "approve": "approuver",
    "send_back": "renvoyer",
    "unschedule": "deprogrammer",
    "launch": "lancer",
    "pause": "suspendre",
    "resume": "reprendre",
    "cancel": "annuler",
}
"""Steps by the word of their address."""

STEP_DONE: Final = {
    "create": "Créée",
    "submit": "Soumise à l’approbation",
    "approve": "Approuvée",
    "edit": "Brouillon modifié",
    "void": "Approbation annulée",
    "send_back": "Renvoyée en brouillon",
    "schedule": "Programmée",
    "unschedule": "Déprogrammée",
    "launch": "Lancée",
    "start": "Première vague partie",
    "replan": "Plan refait",
    "move_wave": "Vague déplacée",
    "start_wave": "Vague partie",
    "late_wave": "Vague en attente d’un accord",
    "abandon_wave": "Vague abandonnée",
    "pause": "Suspendue",
    "resume": "Reprise",
    "finish": "Terminée",
    "cancel": "Annulée",
    "left_without": "Personnes restées sans code",
}
"""How the history says that a step was taken."""

STEP_FLASH: Final = {
    "submit": "La campagne est soumise à l’approbation.",
    "approve": "La campagne est approuvée. La liste des destinataires se fige ; vous pourrez ensuite la lancer.",
    "send_back": "La campagne est revenue à l’état de brouillon.",
    "unschedule": "La campagne n’est plus programmée.",
    "launch": "La campagne est lancée.",
    "pause": "La campagne est suspendue.",
    "resume": "La campagne a repris.",
    "cancel": "La campagne est annulée.",
}

LIFE: Final = (
    (CampaignState.DRAFT, "Brouillon"),
    (CampaignState.SUBMITTED, "À approuver"),
    (CampaignState.APPROVED, "Approuvée"),
    (CampaignState.SCHEDULED, "Programmée"),
    (CampaignState.RUNNING, "En cours"),
    (CampaignState.FINISHED, "Terminée"),
)
"""The straight way of a campaign, for the line of stages."""

LETTER_STATES: Final = {
    LetterState.PLANNED: "à produire",
    LetterState.SEALED: "scellé",
    LetterState.SENDING: "envoi en cours",
    LetterState.SENT: "envoyé",
    LetterState.EXCEPTION: "exception",
    LetterState.EXCLUDED: "exclu depuis",
    LetterState.CANCELLED: "annulé",
}

ACTIONS: Final = {
    "campagne.creer": "Campagne créée",
    "campagne.submit": "Campagne soumise",
    "campagne.approve": "Campagne approuvée",
    "campagne.send_back": "Campagne renvoyée en brouillon",
    "campagne.schedule": "Campagne programmée",
    "campagne.unschedule": "Campagne déprogrammée",
    "campagne.launch": "Campagne lancée",
    "campagne.start": "Première vague partie",
    "campagne.replan": "Plan refait",
    "campagne.move_wave": "Vague déplacée",
    "campagne.start_wave": "Vague partie",
    "campagne.late_wave": "Vague en attente d’un accord",
    "campagne.abandon_wave": "Vague abandonnée",
    "campagne.pause": "Campagne suspendue",
    "campagne.resume": "Campagne reprise",
    "campagne.finish": "Campagne terminée",
    "campagne.cancel": "Campagne annulée",
    "campagne.apercu": "Aperçu ouvert",
    "campagne.bon_a_tirer": "Bon à tirer ouvert",
    "campagne.edit": "Brouillon modifié",
    "campagne.void": "Approbation annulée",
    "courriers.rassembler": "Courriers mis en lots",
    "envois.exporter": "Suivi des envois exporté",
    "courriels.relayer": "Courriels relayés",
    "courriel.revenir": "Courriel revenu",
    "courriel.trancher": "Courriel douteux tranché",
    "courriel.classer": "Message de la boîte des retours classé",
    "evenement.recevoir": "Événement du DMP reçu",
    "embargo.poser": "Embargo posé",
    "embargo.lever": "Embargo levé",
    "lot.sceller": "Lot scellé",
    "lot.vider": "Lot sans courrier",
    "lot.envoyer": "Lot de courriels envoyé",
    "lot.quarantaine": "Lot mis en quarantaine",
    "lot.liberer": "Lot libéré de quarantaine",
    "lot.telecharger": "Lot téléchargé",
    "lot.exporter": "Lot exporté",
    "lot.remettre": "Lot remis à l’imprimeur",
    "lot.accuser": "Retour de l’imprimeur noté",
    "lot.poster": "Dépôt à La Poste noté",
    "lot.detruire": "Pages du lot détruites",
    "lot.effacer_liens": "Liens des courriers effacés",
    "lot.bordereau": "Bordereau de dépôt ouvert",
    "courrier.reimprimer": "Courrier réimprimé",
    "campagne.imprimeur": "Imprimeur choisi",
}
"""Journal actions; one without a line here shows under its short name."""

IMPORT_STATES: Final = {state.value: state.label for state in ImportState}
IMPORT_BADGES: Final = {
    ImportState.QUEUED.value: "run",
    ImportState.DIRECT.value: "run",
    ImportState.DONE.value: "done",
    ImportState.REFUSED.value: "stop",
}
