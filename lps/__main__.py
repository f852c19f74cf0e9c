"""`lps`: a practice software in the command line. Exit status 0 done, 1 refused (one sentence on stderr), 2 wrong usage."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from lps.batch import REPORT, run
from lps.card import Bearer, Card, CardFault
from lps.couriers import DEPOSITED, REFUSED, REPLACED, THERE, WITHDRAWN, ByCard, ByEstablishment, Courier
from lps.desk import VITALE as _VITALE
from lps.desk import Desk
from lps.desk import day as _day
from lps.dmp import Dmp, Refused
from lps.opening import COMMANDS
from lps.patience import IMPATIENT, STUBBORN, Away
from lps.signing import EMERGENCY, Signer, SoftwareSigner, reason_in, signed
from lps.stream import Stream
from lps.token import Token
from lps.vihf import House

_STATES: Final = {"approved": "en vigueur", "archived": "archivé", "deprecated": "remplacé", "deleted": "retiré"}
_RESULTS: Final = {
    DEPOSITED: "déposés", REPLACED: "remplacés", THERE: "déjà présents", WITHDRAWN: "retirés", REFUSED: "refusés",
}  # fmt: skip


@click.group()
@click.option("--server", envvar="LPS_SERVER", required=True, help="Adresse du DMP.")
@click.option("--card", "file", envvar="LPS_CARD", type=click.Path(path_type=Path), help="Carte logicielle (PKCS#12).")
@click.option(
    "--pkcs11", "module", envvar="LPS_PKCS11", type=click.Path(path_type=Path), help="Module du lecteur de carte."
)
@click.option("--token", envvar="LPS_TOKEN", default="", help="Quelle carte, s’il y en a plusieurs dans les lecteurs.")
@click.option(
    "--authority", envvar="LPS_AUTHORITY", type=click.Path(path_type=Path), required=True, help="Autorité (PEM)."
)
@click.option(
    "--signature", envvar="LPS_SIGNATURE", type=click.Path(path_type=Path), help="Signature de la carte (PKCS#12)."
)
@click.option("--code", envvar="LPS_CODE", prompt="Code de la carte", hide_input=True, help="Plutôt dans LPS_CODE.")
@click.pass_context
def lps(
    context: click.Context, server: str, file: Path | None, module: Path | None, token: str, authority: Path,
    signature: Path | None, code: str,
) -> None:  # fmt: skip
    """Logiciel de cabinet de référence : le DMP par la carte du professionnel."""
    if (file is None) == (module is None):
        raise click.UsageError("Indiquez une carte : --card (logicielle) ou --pkcs11 (dans un lecteur).")
    held: Bearer
    if module is not None:
        inserted = held = Token.open(module, token, code)
        prover: Signer = inserted.prover
        signer: Callable[[], Signer] = inserted.signer
    else:
        assert file is not None
        held = software = Card.open(file, code)
        prover, signer = SoftwareSigner(software), lambda: SoftwareSigner.open(signature, code)
    stubborn = STUBBORN if context.invoked_subcommand in ("batch", "stream") else IMPATIENT
    context.obj = Desk(
        held, context.with_resource(Dmp(server, held.transport(authority), stubborn)), signer, prover, server, authority
    )


@lps.command()
@click.pass_obj
def card(desk: Desk) -> None:
    """Qui porte la carte."""
    found = desk.card
    print(f"{found.name}, {found.profession}, {found.number} : carte valable jusqu’au {found.until:%d/%m/%Y}.")


@lps.command()
@_VITALE
@click.pass_obj
def test(desk: Desk, vitale: Path) -> None:
    """Le patient a-t-il un DMP, et puis-je le consulter ?"""
    found = desk.state(vitale)
    if not found.open and not found.authorisation:
        told = f" le {_day(found.closed_on)} : {found.closing_motive.lower()}" if found.closed_on else ""
        print(f"Le DMP n’est pas ouvert{'' if not told else ' ; fermé'}{told}.")
        return
    ends = f" jusqu’au {_day(found.until)}" if found.until else ""
    print(f"{found.authorisation}{ends} : {found.motive}")
    if found.attending:
        print("Vous êtes le médecin traitant de ce DMP.")


@lps.command()
@_VITALE
@click.option("--informed", is_flag=True, help="Le patient, informé, consent.")
@click.pass_obj
def consent(desk: Desk, vitale: Path, informed: bool) -> None:
    """Enregistre le consentement du patient."""
    if not informed:
        raise Refused("Informez d’abord le patient, puis ajoutez --informed.")
    desk.dmp.consent(desk.state(vitale).dmp)
    print("Le consentement du patient est enregistré pour un an.")


@lps.command()
@_VITALE
@click.pass_obj
def leave(desk: Desk, vitale: Path) -> None:
    """Met fin à mon autorisation."""
    desk.dmp.leave(desk.state(vitale).dmp)
    print("Votre autorisation pour ce DMP est terminée.")


@lps.command()
@_VITALE
@click.option("--reason", required=True, help="Pourquoi l’accès ne peut pas attendre ; le patient le lira.")
@click.option("--centre-15", "centre_15", is_flag=True, help="Régulation médicale.")
@click.pass_obj
def emergency(desk: Desk, vitale: Path, reason: str, centre_15: bool) -> None:
    """Ouvre un DMP en urgence : la raison est signée par la carte."""
    dmp, mode = desk.state(vitale).dmp, "centre15" if centre_15 else "urgence"
    words = desk.dmp.reason_to_sign(dmp, reason, mode)
    expected = {"dossier": dmp, "professionnel": desk.card.number, "mode": mode, "motif": " ".join(reason.split())}
    told = reason_in(words, expected)
    until = datetime.fromisoformat(desk.dmp.break_glass(dmp, signed(words, EMERGENCY, desk.signer())))
    print(f"« {told} » est signé par votre carte : le DMP est ouvert en lecture jusqu’à {until.astimezone():%H:%M}.")


@lps.command()
@click.argument("words", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Fichier signé à écrire (.jws).")
@click.option("--yes", is_flag=True, help="J’ai lu la raison : signer sans la redemander.")
@click.pass_obj
def sign(desk: Desk, words: Path, out: Path, yes: bool) -> None:
    """Signe la raison d’un accès en urgence, téléchargée depuis le site du DMP."""
    try:
        content = words.read_bytes()
    except OSError:
        raise Refused(f"Le fichier {words} ne peut pas être lu.") from None
    reason = reason_in(content, {"professionnel": desk.card.number})
    if not (yes or click.confirm(f"Signer « {reason} » ?", err=True)):
        raise Refused("Rien n’est signé.")
    out.write_text(signed(content, EMERGENCY, desk.signer()), encoding="ascii")
    print(f"« {reason} » est signé dans {out} : déposez-le sur le site dans les cinq minutes.")


@lps.command("list")
@_VITALE
@click.pass_obj
def listing(desk: Desk, vitale: Path) -> None:
    """Les documents du patient."""
    found = desk.dmp.documents(desk.state(vitale).dmp)
    for each in found:
        print(f"{each.id}  {_day(each.day)}  {each.kind}  {each.title}  ({each.author})")
    print(f"{len(found)} document{'s' if len(found) > 1 else ''}.")


@lps.command()
@_VITALE
@click.pass_obj
def news(desk: Desk, vitale: Path) -> None:
    """Ce qui est nouveau depuis ma dernière visite."""
    found = desk.dmp.news(desk.state(vitale).dmp)
    since = f"Depuis le {_day(found['depuis'])}" if found["depuis"] else "Première visite"
    for each in found["documents"]:
        replaced = ", remplacé" if each["version"] > 1 else ""
        print(
            f"{each['document']}  {_day(each['recu_le'])}  {each['libelle_type']}  {each['titre']}  ({each['auteur']}){replaced}"
        )
    print(f"{since} : {len(found['documents'])} document{'s' if len(found['documents']) > 1 else ''}.")


@lps.command()
@_VITALE
@click.argument("document")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Fichier à écrire.")
@click.pass_obj
def read(desk: Desk, vitale: Path, document: str, out: Path) -> None:
    """Lit un document dans un fichier."""
    data, mime = desk.dmp.read(desk.state(vitale).dmp, document)
    out.touch(mode=0o600)
    out.write_bytes(data)
    print(f"{len(data)} octets ({mime}) écrits dans {out}.")


@lps.command()
@click.pass_obj
def types(desk: Desk) -> None:
    """Les types de document que ma profession dépose."""
    for each in desk.dmp.types():
        print(f"{each['code']}  {each['libelle']}")


@lps.command()
@_VITALE
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--title", required=True, help="Titre du document.")
@click.option("--type", "kind", default="", help="Sans lui, le premier type de la profession.")
@click.option(
    "--act", default="", help="Date et heure de l’acte, AAAA-MM-JJTHH:MM ; sans elle, celle du CDA, ou maintenant."
)
@click.option("--hold", is_flag=True, help="Caché au patient jusqu’à la consultation d’annonce, un mois au plus.")
@click.option("--secret", is_flag=True, help="Invisible aux représentants légaux, à la demande d’un patient mineur.")
@click.pass_obj
def deposit(desk: Desk, vitale: Path, file: Path, title: str, kind: str, act: str, hold: bool, secret: bool) -> None:
    """Dépose un document."""
    dmp = desk.state(vitale).dmp
    made, entered = desk.dmp.deposit(dmp, _content(file), title, kind, _moment(act), hold=hold, secret=secret)
    said = "est déposé" if entered else "était déjà déposé : rien n’a été ajouté"
    print(f"{made.id}\n« {made.title} » ({made.kind}) {said}.")


@lps.command()
@_VITALE
@click.argument("document")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--title", required=True, help="Titre du document.")
@click.option("--type", "kind", default="", help="Sans lui, le premier type de la profession.")
@click.pass_obj
def correct(desk: Desk, vitale: Path, document: str, file: Path, title: str, kind: str) -> None:
    """Remplace un de mes documents par une nouvelle version."""
    dmp = desk.state(vitale).dmp
    made, entered = desk.dmp.deposit(dmp, _content(file), title, kind, _moment(""), replaces=document)
    said = "remplace la version précédente" if entered else "était déjà la version en vigueur"
    print(f"{made.id}\n« {made.title} » {said}.")


@lps.command()
@_VITALE
@click.argument("document")
@click.pass_obj
def withdraw(desk: Desk, vitale: Path, document: str) -> None:
    """Retire un de mes documents."""
    desk.dmp.withdraw(desk.state(vitale).dmp, document)
    print("Le document est retiré du DMP.")


@lps.command()
@_VITALE
@click.argument("document")
@click.pass_obj
def announce(desk: Desk, vitale: Path, document: str) -> None:
    """Rend visible au patient un document retenu jusqu’à son annonce."""
    desk.dmp.announce(desk.state(vitale).dmp, document)
    print("Le patient voit désormais ce document.")


@lps.command()
@click.pass_obj
def patients(desk: Desk) -> None:
    """Les patients qui m’ont autorisé."""
    found = desk.dmp.patients()
    for each in found:
        ends = f" jusqu’au {_day(each['fin'])}" if each["fin"] else ""
        mine = ", médecin traitant" if each["medecin_traitant"] else ""
        print(f"{each['ins_c'] or each['dmp']}  {each['autorisation']}{ends}{mine}")
    print(f"{len(found)} patient{'s' if len(found) > 1 else ''}.")


@lps.command()
@click.pass_obj
def deposits(desk: Desk) -> None:
    """Tout ce que j’ai déposé."""
    found = desk.dmp.deposits()
    for each in found:
        print(
            f"{each['document']}  {_day(each['recu_le'])}  {each['type']}  version {each['version']}  "
            f"{_STATES[each['etat']]}  {each['sha256'][:16]}"
        )
    print(f"{len(found)} dépôt{'s' if len(found) > 1 else ''}.")


@lps.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Dossier où les écrire.")
@click.pass_obj
def receipts(desk: Desk, out: Path) -> None:
    """Garde les reçus signés de mes dépôts ; « python -m lps.receipts » les vérifie sans réseau."""
    kept = 0
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    (out / "certificat-des-recus.pem").write_bytes(desk.dmp.seal())
    for each in desk.dmp.deposits():
        if each["recu"]:
            (out / f"{each['document']}.jws").write_text(each["recu"], encoding="ascii")
            kept += 1
    print(f"{kept} reçu{'s' if kept > 1 else ''} dans {out}.")


@lps.command()
@_VITALE
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Fichier JSON à écrire.")
@click.pass_obj
def summary(desk: Desk, vitale: Path, out: Path) -> None:
    """Lit la synthèse médicale dans un fichier."""
    data, version = desk.dmp.summary(desk.state(vitale).dmp)
    out.touch(mode=0o600)
    out.write_bytes(data)
    print(version)


@lps.command()
@_VITALE
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--over", default="", help="Version que j’ai lue et que celle-ci remplace.")
@click.pass_obj
def summarise(desk: Desk, vitale: Path, file: Path, over: str) -> None:
    """Dépose la synthèse médicale, en JSON ; le médecin traitant seul."""
    print(desk.dmp.summarise(desk.state(vitale).dmp, _content(file), over))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        raise Refused(f"Le fichier {file} ne peut pas être lu.") from None


def _moment(typed: str) -> datetime | None:
    if not typed:
        return None
    try:
        return datetime.fromisoformat(typed).astimezone(UTC)
    except ValueError:
        raise Refused("La date de l’acte s’écrit AAAA-MM-JJTHH:MM.") from None


@contextmanager
def _courier(desk: Desk) -> Iterator[Courier]:
    """By the certificate of an establishment, or a card of its staff; by a professional's own card otherwise."""
    if desk.card.number.startswith(("0", "8")):
        yield ByCard(desk.dmp, desk.card.number)
        return
    house = House(desk.card, desk.prover)
    carrier = ByEstablishment(desk.server, desk.card.transport(desk.authority), house)
    try:
        yield carrier
    finally:
        carrier.close()


@lps.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--parallel", default=4, type=click.IntRange(1, 16), help="Envois de front.")
@click.option("--again", is_flag=True, help="Renvoie aussi ce qui avait été refusé.")
@click.pass_obj
def batch(desk: Desk, folder: Path, parallel: int, again: bool) -> None:
    """Envoie les documents d’un dossier selon son manifeste.csv ; relancé, il reprend où il en était."""
    with _courier(desk) as courier:
        done = run(folder, courier, lambda said: print(said, file=sys.stderr), parallel=parallel, again=again)
    told = ", ".join(f"{_RESULTS[name]} : {count}" for name, count in sorted(done.counts.items()))
    print(f"{done.total} lignes ; faites auparavant : {done.before}{' ; ' if told else ''}{told}.")
    if done.counts.get(REFUSED):
        raise Refused(f"Des lignes sont refusées : le motif de chacune est dans {folder / REPORT}.")


@lps.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--once", is_flag=True, help="Envoie ce qui est là, puis s’arrête.")
@click.option("--every", default=5.0, type=click.FloatRange(0.1), help="Secondes entre deux passages.")
@click.pass_obj
def stream(desk: Desk, folder: Path, once: bool, every: float) -> None:
    """Envoie les résultats à mesure qu’ils arrivent dans un dossier ; Ctrl-C pour finir."""
    with _courier(desk) as courier:
        watched = Stream(folder, courier)
        try:
            while watched.round(print) or not once:
                time.sleep(0 if once else every)
        except KeyboardInterrupt:
            pass
        finally:
            watched.close()


for command in COMMANDS:
    lps.add_command(command)


def main() -> None:
    """Entry of the console script."""
    run: Callable[..., object] = lps
    try:
        run()
    except (Refused, CardFault, Away) as refusal:
        print(refusal, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
