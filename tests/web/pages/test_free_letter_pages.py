"""A letter out of a case, finished in Word, and back: filed once and noted as gone."""

import io

import docx
from campaigns.world import World, a_person
from cases.files import a_docx, an_image
from closure.test_closures import WHOLE, a_holder, do, step, with_file

from backoffice.cases.queueing import Way
from backoffice.closure.asking import ask_closure
from backoffice.closure.telling import report_death

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


def test_the_family_is_told_of_a_closure_that_took_place_and_of_no_other(sign_in: SignIn, world: World) -> None:
    holder = a_holder(world, prenom="Zoé", nom_naissance="Vasseur", nom_usage="")
    world.load([a_person()])  # somebody without a DMP
    other = int(world.sql("SELECT max(id) FROM person")[0][0])
    agent = sign_in(AGENT)
    for person, said in ((holder, ""), (other, "n’avait pas de DMP")):
        number = do(world, report_death, person, words="", way=Way.POST).number
        place = f"/demandes/{number}"
        assert "à la famille" not in agent.get(place).text
        early = agent.get(f"{place}/lettres/famille")
        assert (early.status_code, "ne s’écrit pas pour une demande" in early.text) == (409, True)
        with_file(world, number)
        step(world, number, "close", "Acte n° 42.")
        assert "à la famille" in agent.get(place).text
        answer = agent.get(f"{place}/lettres/famille")
        assert (answer.status_code == 409) == bool(said)
        assert not said or said in answer.text
