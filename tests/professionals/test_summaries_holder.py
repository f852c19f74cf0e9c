"""The medical summary as its holder finds it on mon-dmp: a page, a PDF, the structured document, and the zip."""

import io
import zipfile

import pytest
from portal.world import token_of
from portal_account.world import Holder
from record.vsm.samples import FULL, NOTHING

from dmp_core.access.rules import Basis
from dmp_core.access.summaries import SummaryGate
from dmp_core.record.contents import VSM, Content, Format
from dmp_core.record.sealing import DossierKeys
from dmp_core.record.shelf import Folder
from dmp_core.record.vsm.reading import summary_in

from .samples import NUMBERS
from .test_holder import words
from .world import Record, RecordWorld, a_professional

_numbers = NUMBERS


@pytest.fixture
def gate(world: RecordWorld) -> SummaryGate:
    return SummaryGate(world.professionals, Folder(world.folder), DossierKeys(world.record), world.clock)


@pytest.fixture
def record(world: RecordWorld, holder: Holder) -> Record:
    return Record(world, holder.who.dossier)


def in_the_zip(signed_in: Holder) -> set[str]:
    """The files of the whole DMP, but for its index."""
    token = token_of(signed_in.get("/mon-dmp/documents").text)
    whole = signed_in.client.post(
        "/mon-dmp/documents/telecharger", data={"csrf_token": token}, environ_base={"REMOTE_ADDR": signed_in.address}
    )
    kept = whole.data
    whole.close()
    with zipfile.ZipFile(io.BytesIO(kept)) as archive:
        return set(archive.namelist()) - {"index.html"}


def test_one_that_cannot_be_read_keeps_nobody_from_their_dmp(holder: Holder, record: Record) -> None:
    made = record.put(
        "ailleurs", "SYNTH", content=Content(b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>", Format.CDA, VSM)
    )
    signed_in = holder.sign_in()
    page = signed_in.get(f"/mon-dmp/documents/{made.id}/contenu")
    assert (page.status_code, "abîmé" in words(page.text)) == (422, True)
    assert in_the_zip(signed_in) == {"Synthèses/Titre ailleurs.xml"}


def test_the_holder_reads_it_among_the_syntheses_and_keeps_it(
    holder: Holder, record: Record, gate: SummaryGate
) -> None:
    who = a_professional(next(_numbers))
    record.relate(who, Basis.ATTENDING)
    made = gate.write(who, record.dossier, FULL, None)
    signed_in = holder.sign_in()
    assert "Synthèse médicale" in words(signed_in.get("/mon-dmp/documents/liste/syntheses").text)
    where = f"/mon-dmp/documents/{made.id}"
    assert "Document structuré (CDA)" in words(signed_in.get(where).text)
    page = words(signed_in.get(f"{where}/contenu").text)
    assert "par ANNE MARTIN, votre médecin traitant à cette date" in page
    for told in (
        "Allergie à un médicament Amoxicilline Urticaire",
        "PERINDOPRIL 5 mg",
        "Amiante : visites de chantier",
    ):
        assert told in page
    assert signed_in.get(f"{where}/contenu?garder=1").data.startswith(b"%PDF-")
    assert summary_in(signed_in.get(f"{where}/contenu?garder=original").data).summary == FULL
    assert in_the_zip(signed_in) == {"Synthèses/Synthèse médicale.xml", "Synthèses/Synthèse médicale.pdf"}


def test_the_holder_sees_what_it_replaced_and_that_nothing_was_found(
    holder: Holder, record: Record, gate: SummaryGate
) -> None:
    who = a_professional(next(_numbers))
    record.relate(who, Basis.ATTENDING)
    old = gate.write(who, record.dossier, FULL, None)
    new = gate.write(who, record.dossier, NOTHING, old.id)
    signed_in = holder.sign_in()
    assert "Cette version a été remplacée" in words(signed_in.get(f"/mon-dmp/documents/{old.id}").text)
    page = words(signed_in.get(f"/mon-dmp/documents/{new.id}/contenu").text)
    assert "Aucune allergie ni intolérance connue." in page
    assert "Supprimer" not in words(signed_in.get(f"/mon-dmp/documents/{new.id}").text)
