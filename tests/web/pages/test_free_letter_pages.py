"""A letter out of a case, finished in Word, and back: filed once and noted as gone."""

import io

import docx
from campaigns.world import World
from cases.files import a_docx, an_image
from closure.test_closures import WHOLE, a_holder, do

from backoffice.closure.asking import ask_closure

from .conftest import AGENT, SignIn, journal, token_of


def test_a_prepared_letter_is_finished_filed_and_said_to_have_left(sign_in: SignIn, world: World) -> None:
    person = a_holder(world, prenom="Zoé", nom_naissance="Vasseur", nom_usage="")
    number = do(world, ask_closure, person, WHOLE).number
    agent = sign_in(AGENT)
    page = f"/demandes/{number}"
    assert "Lettre libre à la personne" in agent.get(page).text
    answer = agent.get(f"{page}/lettres/lettre")
    assert answer.headers["Content-Disposition"].endswith(f"{number}-lettre.docx")
    document = docx.Document(io.BytesIO(answer.data))
    assert any(number in paragraph.text for paragraph in document.paragraphs)
    address = f"{page}/lettres/partie"
    token = token_of(agent.get(page).text)

    def back(content: bytes, name: str = "réponse.docx"):
        form = {"csrf_token": token, "lettre": (io.BytesIO(content), name)}
        return agent.client.post(address, data=form, content_type="multipart/form-data")

    refused = back(answer.data)
    assert refused.status_code == 422
    assert "n’est pas finie" in refused.text
    assert agent.client.post(address, data={"csrf_token": token}).status_code == 422
    for bad, name, said in (
        (a_docx(word__vbaProject_bin=b"x"), "réponse.docm", "contient un programme"),
        (answer.data[: len(answer.data) // 2], "réponse.docx", "abîmé ou incomplet"),
        (an_image(), "réponse.png", "en Word (.docx) ou en PDF"),
        (b"", "réponse.docx", "est vide"),
        (b"MZ\x90\x00\x03", "réponse.docx", "n’est pas accepté"),
    ):
        refused = back(bad, name)
        assert (refused.status_code, said in refused.text) == (422, True), (name, said)
    for paragraph in document.paragraphs:
        if "[" in paragraph.text:
            paragraph.runs[0].text = "Nous avons bien fait ce que vous demandiez."
    out = io.BytesIO()
    document.save(out)
    for _ in range(2):
        assert back(out.getvalue()).status_code == 303
    shown = agent.get(page).text
    assert "réponse.docx" in shown
    assert shown.count("partie par La Poste") == 1
    assert journal(world, "lettre.envoyer") == [(AGENT, number)]
    assert agent.get(f"{page}/lettres/inconnue").status_code == 404
