"""What the holder opens and keeps of documents that no browser shows as they are."""

from portal_account.world import Holder
from record.samples import a_pdf

from dmp_core.record.contents import Content

from .foreign import LAB, contents
from .test_holder import words
from .test_summaries_holder import in_the_zip
from .world import Record, RecordWorld

__all__ = ["contents"]


def test_a_holder_reads_and_keeps_each(world: RecordWorld, holder: Holder, contents: dict[str, Content]) -> None:
    record = Record(world, holder.who.dossier)
    made = {name: record.put(name, content=content) for name, content in contents.items()}
    signed_in = holder.sign_in()
    where = {name: f"/mon-dmp/documents/{one.id}" for name, one in made.items()}
    page = signed_in.get(f"{where['biologie']}/contenu")
    assert ("Glycémie à jeun" in page.text, "sandbox" in page.headers["Content-Security-Policy"]) == (True, True)
    assert signed_in.get(f"{where['joint']}/contenu").data == a_pdf()
    assert signed_in.get(f"{where['scan']}/contenu").data.startswith(b"%PDF-")
    assert signed_in.get(f"{where['lettre']}/contenu").headers["Content-Disposition"].startswith("attachment")
    assert signed_in.get(f"{where['biologie']}/contenu?garder=original").data == LAB
    kept = signed_in.get(f"{where['scan']}/contenu?garder=1")
    assert (kept.mimetype, kept.headers["Content-Disposition"][:10]) == ("application/pdf", "attachment")
    for name, told in (("scan", "Image numérisée (TIFF)"), ("lettre", "à ouvrir dans un traitement de texte")):
        assert told in words(signed_in.get(where[name]).text)
    stem = "Biologie/Titre"
    assert in_the_zip(signed_in) == {
        f"{stem} biologie.xml", f"{stem} biologie.html", f"{stem} joint.xml", f"{stem} joint.pdf", f"{stem} scan.tif",
        f"{stem} scan.pdf", f"{stem} lettre.rtf",
    }  # fmt: skip
