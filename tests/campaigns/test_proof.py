"""The bon à tirer and the versions of templates: what is looked at, by whom, and what is sent."""

from io import BytesIO
from pathlib import Path

import docx
import pytest
from pypdf import PdfReader

from backoffice.campaigns import actions, template_versions, templates
from backoffice.campaigns.approvals import void_stale
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.preview import preview_pages
from backoffice.campaigns.proof import CASES, bon_a_tirer, opened_by
from backoffice.campaigns.rules import CampaignState, ChannelRule
from backoffice.campaigns.template_versions import VersionState
from backoffice.core.errors import Invalid, NotAllowed, NotFound, WrongState
from backoffice.letters.faults import TemplateFault
from campaigns.world import CODE, SYSTEM, World, a_person, manager

DAMIEN, HELENE, NATIONAL = manager("damien", "631"), manager("helene", "631"), manager("claire")


def pages(content: bytes) -> list[str]:
    return [" ".join(page.extract_text().split()) for page in PdfReader(BytesIO(content)).pages]


def test_a_bon_a_tirer_shows_each_difficulty_and_says_what_is_printed(world: World) -> None:
    world.load(
        [
            a_person(nom_naissance="DE LA ROCHEFOUCAULD", nom_usage="MONTMORENCY LAVAL", prenom="MARIE ANTOINETTE"),
            a_person(
                adresse_2="APPARTEMENT 1204 ESCALIER B", adresse_3="RESIDENCE DES HAUTES TERRES", adresse_5="LE BOURG"
            ),
            a_person(pays="BELGIQUE", code_postal="1000", ville="BRUXELLES"),
            a_person(prenom="X"),
            a_person(),
            a_person(opposition="O"),
        ]
    )
    reference = world.create(name="Essai", criteria=Criteria(foreign=True), channel_rule=ChannelRule.POST)
    with world.session() as session:
        content = bon_a_tirer(session, world.office, DAMIEN, world.campaign(reference))
    cover, *letters = pages(content)
    for words in (
        "Bon à tirer", reference, "5 personnes sur 6 visées", "Exclus opposition aux envois : 1", "Version du modèle",
        "Nom le plus long page 2", "Adresse la plus longue page 3", "Adresse à l’étranger page 4",
        "aucun destinataire dans ce cas", "Sans prénom page 5", "Courrier ordinaire page 6", "Préparée par",
        "Approuvée par (une autre personne)",
    ):  # fmt: skip
        assert words in cover, words
    assert len(letters) == 5
    assert "MONTMORENCY LAVAL" in letters[0]
    assert "BELGIQUE" in letters[2]
    for letter in letters:
        assert CODE.findall(letter) == ["XXXX XXXX XXXX"]
        assert "000-00000000" in letter
    with world.session() as session:
        opened = opened_by(session, world.campaign(reference), "damien")
        assert opened is not None
        assert (opened.eligible, opened.version) == (5, 1)
        assert opened_by(session, world.campaign(reference), "helene") is None
    assert world.codes() == {}


def test_a_preview_has_as_many_letters_as_asked_for(world: World) -> None:
    world.load([a_person() for _ in range(12)])
    reference = world.create()
    for count in (1, 5, 9):
        with world.session() as session:
            assert len(pages(preview_pages(session, world.office, SYSTEM, world.campaign(reference), count))) == count
    assert len(CASES) == 6


def test_nobody_to_write_to_is_said(world: World) -> None:
    reference = world.create()
    with world.session() as session, pytest.raises(NotFound, match="Rien à montrer"):
        bon_a_tirer(session, world.office, DAMIEN, world.campaign(reference))


def edited(world: World, *, replaced: tuple[str, str] = ("Gratuit et confidentiel", "Simple et gratuit")) -> bytes:
    document = docx.Document(str(templates.delivered(world.office, "recruitment")))
    for paragraph in document.paragraphs:
        for run in paragraph.runs:
            run.text = run.text.replace(*replaced)
    out = BytesIO()
    document.save(out)
    return out.getvalue()


def propose(
    world: World, actor: object = DAMIEN, content: bytes | None = None, comment: str = "Ton plus simple"
) -> int:
    with world.session() as session:
        return template_versions.propose(
            session,
            world.office,
            actor,
            "recruitment",
            "C:\\Mes documents\\lettre.docx",
            content or edited(world),
            comment,  # type: ignore[arg-type]
        ).id


def decide(world: World, version: int, actor: object, state: VersionState = VersionState.CURRENT) -> None:
    with world.session() as session:
        template_versions.decide(session, world.office, actor, version, state)  # type: ignore[arg-type]


def test_a_proposed_version_is_current_once_a_second_person_says_so(world: World) -> None:
    before, content = templates.current_version(world.office, "recruitment"), edited(world)
    version = propose(world, content=content)
    assert templates.current_version(world.office, "recruitment") == before
    with pytest.raises(NotAllowed, match="auteur"):
        decide(world, version, DAMIEN)
    with pytest.raises(NotAllowed, match="responsable national"):
        decide(world, version, HELENE)
    decide(world, version, NATIONAL)
    after = templates.current_version(world.office, "recruitment")
    assert after != before
    with pytest.raises(WrongState, match="plus rien à décider"):
        decide(world, version, NATIONAL)
    with pytest.raises(Invalid, match="version courante"):
        propose(world, content=content)
    program = templates.program_of(world.office, "recruitment", None)
    assert "Simple et gratuit" in pages(template_versions.proof(program))[0]
    second = propose(world, NATIONAL, edited(world, replaced=("Gratuit", "Sans frais")))
    decide(world, second, HELENE)
    with world.session() as session:
        assert [one.status for one in template_versions.versions_of(session, "recruitment")] == [
            VersionState.CURRENT, VersionState.REPLACED,
        ]  # fmt: skip


def test_what_was_changed_is_shown_paragraph_by_paragraph(world: World) -> None:
    version = propose(world)
    with world.session() as session:
        found = template_versions.version_of(session, version)
    assert found.file_name == "lettre.docx"
    changes = template_versions.changes(
        templates.program_of(world.office, "recruitment", None),
        templates.program_of(world.office, "recruitment", found.version),
    )
    assert [(one.added, one.text.split(",")[0][:20]) for one in changes] == [
        (False, "Gratuit et confident"), (True, "Simple et gratuit"),
    ]  # fmt: skip


def test_the_exact_fault_is_said_and_nothing_is_kept(world: World) -> None:
    with pytest.raises(TemplateFault, match=r"«\Wlettre\.docx\W».*«\Wpersonne\.nomm\W» n’existe pas"):
        propose(world, content=edited(world, replaced=("{{ personne.nom }}", "{{ personne.nomm }}")))
    with pytest.raises(TemplateFault, match=r"dépasse la place de la page de .*mm"):
        propose(world, content=edited(world, replaced=("Gratuit", "Gratuit " * 900)))
    with pytest.raises(TemplateFault, match="n’est pas un document Word"):
        propose(world, content=b"%PDF-1.7")
    with pytest.raises(Invalid, match="ce qui change"):
        propose(world, comment=" ")
    assert world.sql("SELECT count(*) FROM letter_template")[0][0] == 0


def test_the_approved_version_is_the_one_sent_and_another_one_voids_the_approval(world: World) -> None:
    world.load([a_person() for _ in range(2)])
    sent = world.sealed(channel_rule=ChannelRule.POST)
    kept = world.campaign(sent).template_version
    waiting = world.frozen(letter_date=world.campaign(sent).letter_date, channel_rule=ChannelRule.POST)
    decide(world, propose(world), NATIONAL)
    assert void_stale(world.office) == 1
    assert world.campaign(waiting).status is CampaignState.DRAFT
    assert world.campaign(sent).template_version == kept
    world.do(actions.submit, waiting)
    world.do(actions.approve, waiting)
    assert world.campaign(waiting).template_version == templates.current_version(world.office, "recruitment") != kept
    assert Path(templates.file_of(world.office, "recruitment", kept)).is_file()
    assert world.verify().faults == []
