"""Structured documents of other software: what enters, what is refused, and that nothing is reached on the way."""

import socket
from collections.abc import Callable

import pikepdf
import pytest

from dmp_core.errors import Invalid
from dmp_core.record.cda_check import checked_cda, is_cda
from dmp_core.record.contents import VSM

from .foreign import a_cda, a_vsm, around
from .samples import a_pdf, a_photo, a_rtf, a_tiff

INS_C, OTHER = "1541187387477485562488", "1541187387477485562489"
AUTHOR = "810000000018"
LOINC, TA = "2.16.840.1.113883.6.1", "1.2.250.1.213.1.1.4.12"


def check(data: bytes, code: str = "11502-2", system: str = LOINC, author: str = AUTHOR) -> str:
    found = checked_cda(data, code, system, author)
    found.require_about(INS_C)
    assert found.content.data == data
    return found.content.format_code


def test_a_laboratory_report_with_markup_of_ihe_enters_as_what_it_is() -> None:
    data = a_cda(INS_C, AUTHOR)
    assert is_cda(data)
    assert check(data) == "urn:ihe:lab:xd-lab:2008"
    found = checked_cda(data, "11502-2", LOINC, AUTHOR)
    assert (found.unique_id, str(found.began)) == ("urn:oid:1.2.3.4.5.6.7", "2016-10-15 08:30:00+02:00")
    assert found.named(None) == found.named("urn:oid:1.2.3.4.5.6.7") == "urn:oid:1.2.3.4.5.6.7"
    with pytest.raises(Invalid, match="identifiant déclaré"):
        found.named("urn:oid:1.2.3.4.5.6.8")


def test_each_model_has_its_format_code() -> None:
    assert check(a_vsm(INS_C, AUTHOR), "SYNTH", TA) == VSM
    assert check(a_cda(INS_C, AUTHOR, model="1.2.250.1.213.1.1.1.12")) == "urn:oid:1.2.250.1.213.1.1.1.12"


BODIES: dict[str, tuple[Callable[[], bytes], str]] = {
    "application/pdf": (a_pdf, "urn:ihe:iti:xds-sd:pdf:2008"),
    "image/jpeg": (a_photo, "urn:ihe:iti-fr:xds-sd:jpeg:2010"),
    "image/tiff": (a_tiff, "urn:ihe:iti-fr:xds-sd:tiff:2010"),
    "text/rtf": (a_rtf, "urn:ihe:iti-fr:xds-sd:rtf:2010"),
    "text/plain": (lambda: b"Tension : 13/8\n", "urn:ihe:iti:xds-sd:text:2008"),
}


@pytest.mark.parametrize("media", BODIES)
def test_an_unstructured_one_is_looked_at_as_its_body(media: str) -> None:
    make, code = BODIES[media]
    assert check(a_cda(INS_C, AUTHOR, **around(make(), media))) == code


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "realm": ({"realm": "US"}, "realmCode"),
    "no zone": ({"at": "20161016101500"}, "décalage horaire"),
    "language": ({"language": "en-US"}, "languageCode"),
    "type": ({"code": "11488-4"}, "que vous déclarez"),
    "no INS-C": ({"patients": ""}, "ne porte pas l’INS-C"),
    "doctype": ({"begin": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>'}, "déclaration de type"),
    "laughs": ({"begin": "<!DOCTYPE a [" + "".join(
        f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha"}">' for n in range(9)) + "]>"}, "déclaration de type"),
    "script": ({"more": '<script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script>'}, "programme"),
    "drawing": ({"more": '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'}, "programme"),
    "active link": ({"more": '<paragraph><linkHtml href=" javascript:alert(1)">x</linkHtml></paragraph>'}, "lien actif"),
    "unknown tag": ({"more": "<iframe/>"}, "schéma CDA R2 de HL7 \\(ligne"),
    "event": ({"more": '<paragraph onclick="alert(1)">x</paragraph>'}, "schéma CDA R2"),
    "empty": ({"body": "<structuredBody/>"}, "pas de contenu"),
    "tags": ({"more": "<br/>" * 70_000}, "démesuré"),
    "deep": ({"more": "<content>" * 120 + "</content>" * 120}, "démesuré"),
    "active pdf": (around(a_pdf(AcroForm=pikepdf.Dictionary(XFA=pikepdf.Array()))), "programme ou un fichier joint"),
    "not what it says": (around(a_photo(), "application/pdf"), "format annoncé"),
    "a page": (around(b"<html/>", "text/html"), "doit être un PDF"),
    "no base64": ({"body": '<nonXMLBody><text mediaType="text/plain" representation="B64">é</text></nonXMLBody>'}, "base64"),
    "attached programme": (
        {"entry": '<entryRelationship typeCode="REFR"><observationMedia classCode="OBS" moodCode="EVN"><value '
         'mediaType="application/x-msdownload" representation="B64">TVo=</value></observationMedia></entryRelationship>'},
        "joint trop de fichiers",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_none_or_could_harm_is_refused_in_one_sentence(name: str) -> None:
    parts, words = REFUSED[name]
    with pytest.raises(Invalid, match=words):
        check(a_cda(INS_C, AUTHOR, **parts))


def test_one_about_somebody_else_is_refused_without_a_word_about_them() -> None:
    for data in (
        a_cda(OTHER, AUTHOR),
        a_cda(
            INS_C, AUTHOR, patients="".join(f'<id root="1.2.250.1.213.1.4.2" extension="{n}"/>' for n in (INS_C, OTHER))
        ),
    ):
        with pytest.raises(Invalid, match="pas au nom du titulaire") as refusal:
            check(data)
        assert not any(one in str(refusal.value) for one in (OTHER, INS_C, "PATIENT", "Essai"))
    with pytest.raises(Invalid, match="pas au nom du titulaire"):
        checked_cda(a_cda(INS_C, AUTHOR), "11502-2", LOINC, AUTHOR).require_about(None)


def test_one_by_somebody_else_is_refused() -> None:
    with pytest.raises(Invalid, match="n’est pas vous"):
        check(a_cda(INS_C, "810000000026"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-7", "windows-1252"])
def test_an_encoding_that_parsers_read_differently_is_refused(encoding: str) -> None:
    text = a_cda(INS_C, AUTHOR).decode().replace('encoding="UTF-8"', f'encoding="{encoding}"')
    with pytest.raises(Invalid):
        check(text.encode(encoding))


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    check(a_cda(INS_C, AUTHOR))

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("reached out")

    monkeypatch.setattr(socket.socket, "connect", forbidden)
    monkeypatch.setattr("builtins.open", forbidden)
    begin = '<?xml-stylesheet href="https://ailleurs.exemple/feuille.xsl" type="text/xsl"?>'
    check(a_cda(INS_C, AUTHOR, begin=begin))
