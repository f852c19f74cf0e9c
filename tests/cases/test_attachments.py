"""Files joined to cases: known for what they are, refused when they could act, encrypted, journalled, destroyed."""

import contextlib
import threading
import uuid
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from campaigns.world import World
from hypothesis import given
from hypothesis import strategies as st
from pikepdf import Array, Dictionary, Name

from backoffice.audit.journal import entries_about
from backoffice.cases import attachments
from backoffice.cases.files import Attachment, attachments_of
from backoffice.cases.models import Case
from backoffice.cases.sniffing import LARGEST, kind_of_file
from backoffice.core.errors import DomainError, Invalid, NotAllowed, NotFound, Unavailable
from cases.files import a_docx, a_pdf, a_zip, an_image, relations
from cases.test_cases import AGENT, COLLEAGUE, STRANGER, SUPERVISOR, opened, person

__all__ = ["person"]

SECRET = b"Attestation de droits de Mme Vasseur."


def acting(**action: Any) -> bytes:
    """A PDF that does something when it is opened."""
    return a_pdf(lambda pdf: pdf.Root.__setitem__("/OpenAction", Dictionary(**action)))


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (a_pdf(), "application/pdf"),
        (an_image("PNG"), "image/png"),
        (an_image("JPEG"), "image/jpeg"),
        (an_image("TIFF"), "image/tiff"),
        (a_docx(), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (a_docx(word___rels__x=b""), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("Vu à l’accueil.\r\nRappeler.".encode(), "text/plain"),
        (a_docx(**{"word___rels__lien.rels": relations("https://www.mon-dmp.fr", "hyperlink")}),
         "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ],
)  # fmt: skip
def test_a_file_is_known_by_its_content(content: bytes, media_type: str) -> None:
    assert kind_of_file(content).media_type == media_type


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "vide"),
        (b"a" * (LARGEST + 1), "dépasse 10 Mo"),
        (a_zip(), "n’est pas accepté"),
        (b"MZ" + bytes(300), "n’est pas accepté"),
        (b"<html><script>alert(1)</script></html>", "n’est pas accepté"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "n’est pas accepté"),
        (b"\x00\x01\x02 texte", "n’est pas accepté"),
        ("é".encode("latin-1"), "n’est pas accepté"),
        (a_pdf()[:200], "abîmé"),
        (an_image()[:60], "abîmé"),
        (an_image("PNG", (9_500, 9_000)), "trop grande"),
        (a_pdf(encryption=pikepdf.Encryption(user="ouvrir", owner="tout")), "mot de passe"),
        (acting(S=Name.JavaScript, JS="app.alert(1)"), "programme"),
        (acting(S=Name.Launch, F="calc.exe"), "programme"),
        (acting(S=Name.SubmitForm, F="https://ailleurs.example"), "programme"),
        (acting(S=Name.GoTo, Next=Array([Dictionary(S=Name.JavaScript, JS="1")])), "programme"),
        (a_pdf(lambda pdf: pdf.attachments.__setitem__("a.exe", b"MZ")), "programme"),
        (a_pdf(lambda pdf: pdf.pages[0].obj.__setitem__("/AA", Dictionary(O=Dictionary(S=Name.Named)))), "programme"),
        (a_docx(word__vbaProject_bin=b"x"), "programme"),
        (a_docx(word__activeX__un_xml=b"x"), "programme"),
        (a_docx(word__embeddings__un_bin=b"x"), "programme"),
        (a_docx(**{"word___rels__modele.rels": relations("https://ailleurs.example/m.dotm", "attachedTemplate")}),
         "programme"),
        (a_docx(**{"word___rels__modele.rels": b"<pas du xml"}), "abîmé"),
    ],
)  # fmt: skip
def test_what_could_act_or_cannot_be_read_is_refused_with_what_to_do(content: bytes, sentence: str) -> None:
    with pytest.raises(Invalid, match=sentence):
        kind_of_file(content)


@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"\xff\xd8\xff\xe0"]),
)
def test_no_content_whatever_makes_it_fail_otherwise_than_by_a_sentence(content: bytes, head: bytes) -> None:
    with contextlib.suppress(DomainError):
        kind_of_file(head + content)


def attach(world: World, number: str, content: bytes, name: str = "attestation.txt", actor: Any = AGENT) -> Attachment:
    with world.session() as session:
        return attachments.attach(session, world.office, actor, number, name, content)


def kept_files(world: World) -> list[Path]:
    return [path for path in (world.settings.files / "pieces").rglob("*") if path.is_file()]


def test_a_file_comes_back_as_it_was_and_lies_encrypted_on_the_disk(world: World, person: int) -> None:
    number = opened(world, person).number
    kept = attach(world, number, SECRET)
    with world.session() as session:
        found, content = attachments.read(session, world.office, COLLEAGUE, number, kept.uid)
        journal = [(entry.actor, entry.action) for entry in entries_about(session, [number], 2)]
    assert (content, found.name, found.size) == (SECRET, "attestation.txt", len(SECRET))
    assert journal == [("luc.morel", "piece.telecharger"), ("sandrine.chabrol", "piece.ajouter")]
    (path,) = kept_files(world)
    assert b"Vasseur" not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    assert world.settings.case_keyring.stat().st_mode & 0o077 == 0


def test_the_same_file_sent_twice_is_joined_once(world: World, person: int) -> None:
    number = opened(world, person).number
    assert attach(world, number, SECRET).uid == attach(world, number, SECRET).uid
    assert len(kept_files(world)) == 1


def test_two_agents_who_join_files_at_once_join_both(world: World, person: int) -> None:
    number = opened(world, person).number
    threads = [
        threading.Thread(target=attach, args=(world, number, text, f"{rank}.txt"))
        for rank, text in enumerate((b"un", b"deux", b"un"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert world.sql("SELECT count(*) FROM case_attachment") == [(2,)]


@pytest.mark.parametrize("damage", ["changed", "moved", "lost", "key"])
def test_a_file_changed_moved_or_lost_is_never_given_for_what_it_was(world: World, person: int, damage: str) -> None:
    number = opened(world, person).number
    kept = attach(world, number, SECRET)
    other = attach(world, number, b"une autre", "autre.txt")
    path = next(path for path in kept_files(world) if path.name == kept.uid.hex)
    if damage == "changed":
        path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    elif damage == "moved":
        path.write_bytes(next(one for one in kept_files(world) if one.name == other.uid.hex).read_bytes())
    elif damage == "lost":
        path.unlink()
    else:
        world.settings.case_keyring.rename(world.folder / "cles.json")
    with world.session() as session, pytest.raises(Unavailable):
        attachments.read(session, world.office, AGENT, number, kept.uid)
    if damage == "key":
        with pytest.raises(Unavailable, match="introuvable"):
            attach(world, number, b"une de plus")
        (world.folder / "cles.json").rename(world.settings.case_keyring)


def test_names_show_no_path_no_long_number_and_no_false_suffix(world: World, person: int) -> None:
    number = opened(world, person).number
    for sent, shown in (
        (r"C:\Users\agent\2 85 05 78 006 084 36.exe", "….txt"), ("../../etc/passwd", "passwd.txt"),
        ("attestation\u202efdp.exe", "attestationfdp.txt"), ("", "pièce.txt"), ("x" * 300, "x" * 80 + ".txt"),
    ):  # fmt: skip
        assert attach(world, number, sent.encode() + b"contenu", sent).name == shown


def test_a_file_joined_by_mistake_is_withdrawn_then_destroyed_and_its_line_stays(world: World, person: int) -> None:
    number = opened(world, person).number
    kept = attach(world, number, SECRET)
    with world.session() as session, pytest.raises(NotAllowed, match=r"jointe par sandrine\.chabrol"):
        attachments.withdraw(session, world.office, COLLEAGUE, number, kept.uid, "erreur")
    with world.session() as session, pytest.raises(Invalid, match="pourquoi"):
        attachments.withdraw(session, world.office, SUPERVISOR, number, kept.uid, " ")
    with world.session() as session:
        attachments.withdraw(session, world.office, SUPERVISOR, number, kept.uid, "document médical")
    with world.session() as session, pytest.raises(NotFound):
        attachments.read(session, world.office, AGENT, number, kept.uid)
    assert (attachments.destroy_withdrawn(world.office), kept_files(world)) == (1, [])
    assert attachments.destroy_withdrawn(world.office) == 0
    with world.session() as session:
        assert attachments_of(session, session.query(Case).one()) == []
    assert world.sql("SELECT text FROM case_entry WHERE what = 'withdrawn'") == [
        ("attestation.txt : document médical",)
    ]


def test_another_caisses_files_and_another_cases_do_not_exist(world: World, person: int) -> None:
    first, second = opened(world, person).number, opened(world, person).number
    kept = attach(world, first, SECRET)
    for actor, number, uid in ((STRANGER, first, kept.uid), (AGENT, second, kept.uid), (AGENT, first, uuid.uuid4())):
        with world.session() as session, pytest.raises(NotFound):
            attachments.read(session, world.office, actor, number, uid)


def test_a_case_takes_so_many_files_and_no_more(world: World, person: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MOST", 2)
    number = opened(world, person).number
    attach(world, number, b"un")
    attach(world, number, b"deux")
    with pytest.raises(Invalid, match="2 pièces au plus"):
        attach(world, number, b"trois")
