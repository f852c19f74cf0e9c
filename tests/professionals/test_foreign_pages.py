"""What a person opens of a document that no browser shows as it is: narrative, body, pages of a scan, a file to keep."""

from record.samples import a_pdf

from dmp_core.record.contents import Content

from .foreign import AROUND, LAB, LETTER, SCAN, contents
from .test_session import Desk, app, desk
from .world import RecordWorld

__all__ = ["app", "contents", "desk"]


def test_a_professional_reads_each_as_it_can_be_read(
    world: RecordWorld, desk: Desk, contents: dict[str, Content]
) -> None:
    record = world.a_record()
    made = {name: record.put(name, content=content) for name, content in contents.items()}
    desk.ask(f"/dossiers/{record.dossier}/consentement", consentement="oui")
    where = {name: f"/dossiers/{record.dossier}/documents/{one.id}" for name, one in made.items()}
    page = desk.ask(f"{where['biologie']}/contenu")
    assert (page.mimetype, "Glycémie à jeun" in page.text) == ("text/html", True)
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert page.headers["Content-Disposition"].startswith("inline")
    assert desk.ask(f"{where['joint']}/contenu").data == a_pdf()
    assert desk.ask(f"{where['scan']}/contenu").data.startswith(b"%PDF-")
    letter = desk.ask(f"{where['lettre']}/contenu")
    assert (letter.mimetype, letter.data) == ("text/rtf", LETTER)
    assert letter.headers["Content-Disposition"].startswith("attachment")
    assert "Télécharger le document (RTF)" in desk.ask(where["lettre"]).text
    for name, data in (("biologie", LAB), ("joint", AROUND), ("scan", SCAN)):
        assert "forme=original" in desk.ask(where[name]).text
        original = desk.ask(f"{where[name]}/contenu?forme=original")
        assert original.data == data
        assert original.headers["Content-Disposition"].startswith("attachment")
