"""What a step of a campaign will do, in one French sentence with its numbers: read before the button is pressed."""

from collections.abc import Sequence
from datetime import date

from backoffice.campaigns.models import Lot
from backoffice.campaigns.rules import Channel, LotState
from backoffice.campaigns.status import CampaignStatus
from backoffice.core.clock import long_french_date
from backoffice.core.typography import thousands


def counted(number: int, one: str, many: str) -> str:
    """ "1 courrier", "14 212 courriers"."""
    return f"{thousands(number)} {many if number > 1 else one}"


def letters(number: int) -> str:
    """So many letters."""
    return counted(number, "courrier", "courriers")


def emails(number: int) -> str:
    """So many e-mails."""
    return counted(number, "courriel", "courriels")


def persons(number: int) -> str:
    """So many persons."""
    return counted(number, "personne", "personnes")


def lots(number: int) -> str:
    """So many lots."""
    return counted(number, "lot", "lots")


def dated(first: date, last: date, number: int) -> str:
    """ "datés du 2 novembre 2016", or from one day to another."""
    agreement = "daté" if number == 1 else "datés"
    if first == last:
        return f"{agreement} du {long_french_date(first)}"
    return f"{agreement} du {long_french_date(first)} au {long_french_date(last)}"


def both(paper: int, paper_lots: int, mail: int) -> str:
    """ "12 000 courriers en 3 lots et 253 courriels"."""
    parts = []
    if paper or not mail:
        parts.append(f"{letters(paper)} en {lots(paper_lots)}" if paper else letters(0))
    if mail:
        parts.append(emails(mail))
    return " et ".join(parts)


def consequence(step: str, status: CampaignStatus, found: Sequence[Lot]) -> str:
    """What this step does to this campaign, now."""
    return _SENTENCES[step](status, found)


def _submit(_: CampaignStatus, __: Sequence[Lot]) -> str:
    return "La campagne sera proposée à l’approbation d’un autre responsable de campagne. Rien ne part encore."


def _approve(status: CampaignStatus, _: Sequence[Lot]) -> str:
    return (
        "La liste des destinataires et le modèle du courrier seront figés ; les courriers seront datés du "
        f"{long_french_date(status.letter_date)}. Rien ne part avant le lancement."
    )


def _send_back(status: CampaignStatus, _: Sequence[Lot]) -> str:
    return f"La campagne redeviendra un brouillon, et {status.author} lira votre motif."


def _unschedule(status: CampaignStatus, _: Sequence[Lot]) -> str:
    return (
        f"{counted(status.waves, 'vague est retirée', 'vagues sont retirées')} du calendrier : rien ne partira. La campagne "
        "redevient approuvée, avec les mêmes destinataires ; vous pourrez la programmer à nouveau, ou la lancer."
    )


def _launch(status: CampaignStatus, found: Sequence[Lot]) -> str:
    if not status.frozen:
        return (
            f"Les courriers, datés du {long_french_date(status.letter_date)}, seront produits dès que la liste des "
            "destinataires sera figée ; les courriels partiront aussitôt."
        )
    if not status.total:
        return "Cette campagne n’a aucun destinataire : elle sera terminée aussitôt, sans produire de courrier."
    paper, mail = status.letters_planned, status.emails_planned
    sentences = []
    if paper:
        agreed = "sera produit" if paper == 1 else "seront produits"
        sentences.append(f"{letters(paper)} {agreed} en {lots(status.lots)}, {_days(found, Channel.POST, paper)}.")
    if mail:
        left = (
            "partira aussitôt et ne pourra plus être rappelé"
            if mail == 1
            else ("partiront aussitôt et ne pourront plus être rappelés")
        )
        sentences.append(f"{emails(mail)}, {_days(found, Channel.MAIL, mail)}, {left}.")
    return " ".join(sentences)


def _days(found: Sequence[Lot], channel: Channel, number: int) -> str:
    days = [lot.letter_date for lot in found if lot.channel == channel]
    return dated(min(days), max(days), number)


_NOTHING_LEFT = "La campagne reprendra ; il ne lui reste aucun courrier à produire."


def _left(status: CampaignStatus) -> int:
    return status.total - status.done


def _pause(status: CampaignStatus, _: Sequence[Lot]) -> str:
    return (
        f"La production s’arrêtera aussitôt, et aucune vague ne partira : {thousands(_left(status))} envois sur "
        f"{thousands(status.total)} attendront la reprise. Rien n’est perdu, rien ne sera envoyé deux fois."
    )


def _resume(status: CampaignStatus, found: Sequence[Lot]) -> str:
    waves = (
        f"{counted(status.scheduled, 'envoi partira', 'envois partiront')} le jour de leur vague ; une vague dont la date est "
        "passée attendra votre accord."
        if status.scheduled
        else ""
    )
    waiting = [lot for lot in found if lot.status is LotState.PLANNED]
    if not waiting:
        return f"La campagne reprendra. {waves}" if waves else _NOTHING_LEFT
    days = [lot.letter_date for lot in waiting]
    number = _left(status) - status.scheduled
    now = (
        f"{counted(number, 'envoi restant sera produit', 'envois restants seront produits')} en {lots(len(waiting))}, "
        f"{dated(min(days), max(days), number)} comme prévu à l’approbation."
    )
    return f"{now} {waves}".rstrip()


def _cancel(status: CampaignStatus, _: Sequence[Lot]) -> str:
    if not status.total:
        return "La campagne sera close sans qu’aucun courrier ne soit produit. L’annulation est définitive."
    left, done = _left(status), both(status.letters, status.lots_sealed, status.emails)
    kept = (
        f" {done[0].upper()}{done[1:]} déjà prêts ou partis restent valables, avec leurs codes."
        if status.letters or status.emails
        else ""
    )
    return (
        f"{counted(left, 'envoi ne sera jamais produit', 'envois ne seront jamais produits')}."
        f"{kept} L’annulation est définitive."
    )


_SENTENCES = {
    "submit": _submit,
    "approve": _approve,
    "send_back": _send_back,
    "unschedule": _unschedule,
    "launch": _launch,
    "pause": _pause,
    "resume": _resume,
    "cancel": _cancel,
}
