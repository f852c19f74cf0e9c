"""What every number of the following means, as its page, its exports and the guide say it."""

from typing import Final

from backoffice.following.counting import WINDOW

DEFINITIONS: Final = (
    (
        "Envoyés",
        "Courriers scellés dans un lot, comptés le jour de leur dépôt à La Poste (à défaut, à la date du courrier), et "
        "courriels pris en charge par le serveur, comptés ce jour-là. Un courrier qui relaie un courriel non remis compte "
        "avec sa campagne : la personne a alors deux envois.",
    ),
    (
        "Revenus",
        "Envois revenus : courriels que leur serveur a renvoyés, plis non distribués. Comptés le jour du retour.",
    ),
    ("Distribués", "Envoyés moins revenus : rien ne prouve qu’ils ont été lus."),
    (
        "Appels",
        "Envois dont le destinataire a appelé le 0 810 au moins une fois, l’appelant étant reconnu, dans les "
        f"{WINDOW} jours. Comptés le jour du premier appel.",
    ),
    ("Codes utilisés", "Envois dont le code a servi à créer un DMP en ligne. Comptés le jour de la création."),
    (
        "DMP créés",
        f"Envois dont le destinataire a créé son DMP dans les {WINDOW} jours, en ligne ou à l’accueil, avec ou sans ce code. "
        "Comptés le jour de la création.",
    ),
    (
        "Rattachement",
        "Un appel ou une création est rattaché au dernier envoi de campagne parti à cette personne ce jour-là ou avant. "
        "Un envoi compte au plus une fois dans chaque nombre. Cela ne prouve pas que l’envoi en soit la cause.",
    ),
    (
        "Versions",
        "Quand une campagne essaie deux versions du courrier, chaque personne en reçoit une, tirée au hasard à l’approbation ; "
        "le relais d’un courriel non remis garde la sienne.",
    ),
    ("Âge", "À la date d’envoi ; une date de naissance incomplète compte au plus jeune."),
    (
        "Courbe",
        "Part des envois suivis d’une création, selon les jours écoulés (Kaplan-Meier) : un envoi parti il y a dix jours ne "
        "dit rien du onzième. Un envoi revenu cesse d’être suivi le jour de son retour. Les âges où il reste moins d’un "
        "dixième des envois ne sont pas dessinés.",
    ),
    (
        "Intervalles",
        "À 95 % : parts par le score de Wilson, différence de deux parts par la méthode de Newcombe, courbe par la variance "
        "de Greenwood sur l’échelle log-log.",
    ),
)
