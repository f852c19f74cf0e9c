"""Drafts that may be changed, counted as they are filled in; lists; segments on their own pages."""

import io
from html import unescape

from campaigns.world import World, a_person, new_nir

from backoffice.campaigns import actions
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.rules import ChannelRule

from .conftest import FOREIGN_MANAGER, OTHER_MANAGER, SUPERVISOR, Browser, SignIn, token_of
from .test_campaign_pages_form import NEW, typed


def plain(page: str) -> str:
    return unescape(page).replace("\u00a0", " ")


def test_a_draft_sent_back_is_changed_in_its_form(manager: Browser, sign_in: SignIn, world: World) -> None:
    reference = world.create(name="Essai", criteria=Criteria(30, 40))
    world.do(actions.submit, reference)
    world.do(actions.send_back, reference, "Âges à revoir")
    assert "Modifier le brouillon" in manager.get(f"/campagnes/{reference}").text
    page = manager.get(f"/campagnes/{reference}/modifier").text
    assert 'value="30"' in page
    assert 'name="version" type="hidden" value="1"' in page
    form = typed(nom="Corrigée", age_min="35", age_max="60", version="1", type="recruitment")
    answer = manager.send(f"/campagnes/{reference}/modifier", **form)
    assert answer.location.endswith(f"/campagnes/{reference}")
    assert world.campaign(reference).target == Criteria(35, 60)
    assert "Brouillon modifié" in manager.get(f"/campagnes/{reference}").text
    late = sign_in(OTHER_MANAGER).send(f"/campagnes/{reference}/modifier", **form)
    assert late.status_code == 409
    assert "damien.faure a modifié ce brouillon" in plain(late.text)
    assert sign_in(FOREIGN_MANAGER).get(f"/campagnes/{reference}/modifier").status_code == 404
    wrong = manager.send(f"/campagnes/{reference}/modifier", **form | {"age_min": "70", "version": "2"})
    assert wrong.status_code == 422
    assert 'value="70"' in wrong.text


def test_a_campaign_that_is_no_draft_has_no_form(manager: Browser, world: World) -> None:
    world.load([a_person()])
    reference = world.frozen()
    assert manager.get(f"/campagnes/{reference}/modifier").status_code == 409


def test_the_count_follows_what_is_typed(manager: Browser, world: World) -> None:
    world.load([a_person(), a_person(opposition="O"), a_person(civilite="M")])
    token = token_of(manager.get(NEW).text)
    form = typed(csrf_token=token, caisses="631", type="recruitment", sexe="MME", nom="")
    answer = manager.client.post("/campagnes/decompte", data=form)
    page = plain(answer.get_json()["page"])
    assert "<strong>1</strong> personne recevrait ce courrier, sur 2 visées." in page
    assert 'Caisses choisies</th><td class="number">3</td>' in page
    assert 'Sexe</th><td class="number">2</td>' in page
    wrong = manager.client.post("/campagnes/decompte", data=form | {"age_min": "x"})
    assert wrong.status_code == 422
    assert "attend un nombre entier" in plain(wrong.get_json()["page"])
    assert world.sql("SELECT count(*) FROM campaign")[0][0] == 0


def test_a_reminder_needs_its_campaign_and_says_how_many_codes_end(manager: Browser, world: World) -> None:
    world.load([a_person() for _ in range(3)])
    first = world.sealed(channel_rule=ChannelRule.POST)
    form = typed(type="reminder", nom="Relance", date="2016-12-01", precedente=first, devenir="ecrit", geste="compter")
    assert "indiquez-la." in plain(manager.send(NEW, **form | {"precedente": ""}).text)
    page = plain(manager.send(NEW, **form).text)
    assert "3 codes en cours de validité seront remplacés" in page
    answer = manager.send(NEW, **form | {"geste": "creer"})
    reference = answer.location.rsplit("/", 1)[1]
    assert reference.startswith("REL-")
    assert "3 codes en cours de validité seront remplacés" in plain(
        manager.get(f"/campagnes/{reference}/etapes/soumettre?decompte=1").text
    )


def test_a_list_is_checked_line_by_line_and_its_numbers_do_not_come_back(manager: Browser, world: World) -> None:
    known, unknown = new_nir(), new_nir()
    world.load([a_person(nir=known), a_person()])
    page = manager.send(NEW, liste_texte=f"{known}\n{unknown}\nabc1\n", **typed()).text
    shown = plain(page)
    assert "1 personne reconnue sur 3 lignes." in shown
    assert "Inconnues dans votre périmètre, ligne : 2." in shown
    assert "Sans numéro valable, ligne : 3." in shown
    assert known not in page
    assert world.sql("SELECT count(*) FROM campaign")[0][0] == 0
    kept = page.split('name="liste" type="hidden" value="')[1].split('"')[0]
    answer = manager.send(NEW, liste=kept, **typed())
    campaign = world.campaign(answer.location.rsplit("/", 1)[1])
    assert campaign.target.list_id == int(kept)
    sent = manager.send(
        NEW, liste_fichier=(io.BytesIO(f"nir\n{known}\n".encode()), "liste.csv"), **typed(geste="compter")
    )  # fmt: skip
    assert "<strong>1</strong> personne recevrait ce courrier, sur 1 visées." in plain(sent.text)


def test_a_draw_is_read_in_french(manager: Browser, world: World) -> None:
    answer = manager.send(NEW, **typed(tirage="part", tirage_valeur="2,5 %", graine="abc"))
    page = plain(manager.get(answer.location).text)
    assert "2,5 % dans chaque caisse, graine abc" in page
    wrong = manager.send(NEW, **typed(tirage="nombre", tirage_valeur="beaucoup"))
    assert "indiquez l’un des deux" in plain(wrong.text)


def test_a_segment_is_made_reused_changed_and_put_away(manager: Browser, sign_in: SignIn, world: World) -> None:
    form = {"nom": "Jeunes", "age_max": "40", "qualite": ""}
    made = manager.send("/segments/nouveau", **form)
    segment = made.location
    assert "Jeunes" in manager.get("/segments").text
    assert manager.send("/segments/nouveau", **form | {"nom": "", "age_max": "x"}).text.count("field-error") == 2
    page = manager.get(f"{NEW}?segment={segment.rsplit('/', 1)[1]}").text
    assert 'value="40"' in page
    answer = manager.send(NEW, **typed(age_max="40", segment=segment.rsplit("/", 1)[1]))
    reference = answer.location.rsplit("/", 1)[1]
    assert world.campaign(reference).segment_version == 1
    own = manager.send(NEW, **typed(age_max="41", segment=segment.rsplit("/", 1)[1]))
    assert world.campaign(own.location.rsplit("/", 1)[1]).segment_id is None
    other = sign_in(OTHER_MANAGER)
    other.send(f"{segment}/modifier", **form | {"age_max": "50", "version": "1"})
    assert world.campaign(reference).target.age_max == 50
    late = manager.send(f"{segment}/modifier", **form | {"age_max": "60", "version": "1"})
    assert late.status_code == 409
    assert "helene.vidal a modifié ce segment" in plain(late.text)
    assert "Jusqu’à 50 ans" in plain(manager.get(segment).text)
    assert manager.send(f"{segment}/archiver", form_at=segment, version="2").status_code == 303
    assert "Aucun segment dans votre périmètre." in plain(manager.get("/segments").text)
    assert "Jeunes" in manager.get("/segments?archives=1").text
    assert sign_in(FOREIGN_MANAGER).get(segment).status_code == 404
    assert sign_in(SUPERVISOR).get(segment).status_code == 200
    assert sign_in(SUPERVISOR).get(f"{segment}/modifier").status_code == 403
