"""The paper life of a lot from the command line."""

import json
from datetime import timedelta
from pathlib import Path

from campaigns.printers import NOW, keys
from campaigns.world import World, a_person

from backoffice.campaigns.models import Lot
from backoffice.core.clock import paris_date, system_clock
from backoffice.letters.reference import format_letter_id
from cli.test_commands import Cli, cli, refused

__all__ = ["cli"]


def test_a_lot_from_its_printer_s_certificate_to_the_post(cli: Cli, world: World, tmp_path: Path) -> None:
    today = paris_date(system_clock())
    days = (today - paris_date(NOW)).days
    certificate = tmp_path / "imprimeur.pem"
    certificate.write_text(keys(days=days + 300).certificate)
    status, out, _ = cli(
        "printer", "declare", "imprimeur-63", "--nom", "Imprimerie", "--caisse", "631", "--certificat", certificate
    )
    assert (status, "Empreinte" in out) == (0, True)
    status, out, _ = cli("printer", "list", "--json")
    assert [one["code"] for one in json.loads(out)] == ["imprimeur-63"]
    world.load([a_person() for _ in range(2)])
    reference = world.sealed(letter_date=today)
    (lot,) = world.lots(reference)
    refused(cli("lot", "acknowledge", lot.name), 1, "remettez-le d’abord")
    status, out, _ = cli("lot", "handover", lot.name, "--imprimeur", "imprimeur-63")
    assert status == 0
    assert Path(out.split(" : ")[1].strip()).exists()
    assert cli("lot", "acknowledge", lot.name)[0] == 0
    refused(cli("lot", "handover", lot.name, "--imprimeur", "imprimeur-63"), 1, "pourquoi le lot est remis de nouveau")
    refused(cli("lot", "posted", lot.name, "--depose-le", today + timedelta(days=3)), 1, "à venir")
    status, out, _ = cli("lot", "posted", lot.name, "--depose-le", today, "--lettres", 2, "--json")
    assert (status, json.loads(out)["depose_le"]) == (0, today.isoformat())
    back = tmp_path / "retour.csv"
    back.write_text(f"lot;lettres;pages;recu_le;imprime_le;depose_le\n{lot.name};2;3;;;\n")
    status, out, _ = cli("lot", "posted", "--fichier", back, "--imprimeur", "imprimeur-63", "--json")
    assert json.loads(out) == {"lignes": 1, "lots": [lot.name], "inchanges": 0, "ecarts": 1, "deja_lu": False}
    assert "déjà été lu" in cli("lot", "posted", "--fichier", back, "--imprimeur", "imprimeur-63")[1]
    refused(cli("lot", "posted"), 2, "soit un lot")
    _papers(cli, world, reference, lot, tmp_path)


def _papers(cli: Cli, world: World, reference: str, lot: Lot, folder: Path) -> None:
    assert cli("lot", "slip", lot.name, folder / "bordereau.pdf")[0] == 0
    assert (folder / "bordereau.pdf").read_bytes().startswith(b"%PDF")
    letter = world.letters(reference)[0]
    letter_id = format_letter_id(letter.caisse, letter.number)
    refused(cli("lot", "reprint", letter_id), 2, "soit le fichier")
    refused(cli("lot", "reprint", letter_id, folder / "x.pdf"), 1, "ce qui est arrivé")
    assert cli("lot", "reprint", letter_id, folder / "x.pdf", "--motif", "tachée")[0] == 0
    assert oct((folder / "x.pdf").stat().st_mode & 0o777) == "0o600"
    assert cli("lot", "reprint", letter_id, "--depose-le", lot.letter_date)[0] == 0
