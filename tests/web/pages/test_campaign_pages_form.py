"""A new campaign: what was typed is kept, every fault is said beside its field, nothing is created twice."""

from datetime import date
from html import unescape

from campaigns.world import World, a_person

from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.rules import ChannelRule
from backoffice.core.calendar import is_working_day

from .conftest import NATIONAL_MANAGER, Browser, SignIn, token_of

NEW = "/campagnes/nouvelle"


def typed(**changes: str) -> dict[str, str]:
    return {
        "nom": "Recrutement d’essai",
        "date": "2016-11-14",
        "canal": "registered",
        "qualite": "",
        "geste": "creer",
    } | changes


def test_without_any_campaign_the_list_says_so_and_offers_to_make_one(manager: Browser) -> None:
    page = manager.get("/campagnes").text
    assert "Aucune campagne dans votre périmètre." in page
    assert NEW in page


def test_the_letter_date_proposed_is_a_working_day_a_week_ahead(manager: Browser) -> None:
    page = manager.get(NEW).text
    assert 'value="2016-11-09"' in page
    assert is_working_day(date(2016, 11, 9))


def test_what_was_typed_becomes_a_draft(manager: Browser, world: World) -> None:
    form = typed(age_min="25", age_max="64", codes_postaux="63000, 631 63100", canal="courrier", par_jour="2 000",
                 qualite="OD", etranger="y")  # fmt: skip
    answer = manager.send(NEW, **form)
    assert answer.status_code == 303
    campaign = world.campaign(answer.location.rsplit("/", 1)[1])
    assert campaign.name == "Recrutement d’essai"
    assert campaign.caisses == ["631"]
    assert campaign.letter_date == date(2016, 11, 14)
    assert campaign.rule is ChannelRule.POST
    assert campaign.per_day == 2000
    assert campaign.target == Criteria(25, 64, ("63000", "631", "63100"), ("OD",), foreign=True)
    assert campaign.author == "damien.faure"
    page = manager.get(answer.location).text
    for words in ("De 25 à 64\u00a0ans", "63000, 631, 63100", "2\u00a0000 courriers au plus", "14 novembre 2016"):
        assert words in unescape(page)


def test_every_fault_is_said_at_once_beside_its_field_and_linked_from_the_top(manager: Browser, world: World) -> None:
    form = typed(nom=" ", date="2016-10-01", age_min="50", age_max="30", codes_postaux="6310x", par_jour="beaucoup")
    answer = manager.send(NEW, **form)
    page = unescape(answer.text).replace("\u00a0", " ")
    assert answer.status_code == 422
    for name, sentence in {
        "nom": "Donnez un nom à la campagne.",
        "date": "La date du courrier (01/10/2016) est passée : choisissez aujourd’hui ou une date à venir.",
        "age_max": "L’âge minimal (50) dépasse l’âge maximal (30).",
        "codes_postaux": "« 6310x » n’est ni un code postal ni son début : 2 à 5 chiffres.",
        "par_jour": "« Courriers par jour » attend un nombre entier, écrit en chiffres.",
    }.items():
        assert f'<a href="#{name}">{sentence}</a>' in page
        assert f'id="{name}-erreur">{sentence}' in page
        assert f'id="{name}"' in page
    for kept in ('value="2016-10-01"', 'value="50"', 'value="30"', 'value="6310x"', 'value="beaucoup"'):
        assert kept in page
    assert "5 points sont à corriger" in page
    assert "<title>Erreur – " in page
    assert world.sql("SELECT count(*) FROM campaign")[0][0] == 0


def test_a_date_that_does_not_exist_and_none_at_all_are_told_apart(manager: Browser) -> None:
    assert "Cette date n’existe pas" in manager.send(NEW, **typed(date="2016-02-31")).text
    assert "Indiquez la date du courrier." in manager.send(NEW, **typed(date="")).text


def test_counting_needs_no_name_and_creates_nothing(manager: Browser, world: World) -> None:
    rows = [a_person() for _ in range(4)] + [a_person(opposition="O"), a_person(canal="mail", email="a@example.org")]
    world.load(rows)
    answer = manager.send(NEW, **typed(nom="", geste="compter"))
    page = unescape(answer.text).replace("\u00a0", " ")
    assert answer.status_code == 200
    assert "<strong>5</strong> personnes recevraient ce courrier, sur 6 visées." in page
    assert "<dt>Courriers papier</dt><dd>4</dd>" in page
    assert "<dt>Courriels</dt><dd>1</dd>" in page
    assert 'Opposition aux envois</th><td class="number">1</td>' in page
    assert world.sql("SELECT count(*) FROM campaign")[0][0] == 0


def test_a_form_sent_twice_creates_one_campaign(manager: Browser, world: World) -> None:
    page = manager.get(NEW).text
    request = page.split('name="demande"')[1].split('value="')[1].split('"')[0]
    form = typed(csrf_token=token_of(page), demande=request, caisses="631", type="recruitment")
    first = manager.client.post(NEW, data=form)
    second = manager.client.post(NEW, data=form)
    assert first.status_code == second.status_code == 303
    assert first.location == second.location
    assert world.sql("SELECT count(*) FROM campaign")[0][0] == 1


def test_a_caisse_outside_the_scope_cannot_be_chosen(manager: Browser, world: World) -> None:
    assert manager.send(NEW, **typed(caisses="641")).status_code == 422
    assert world.sql("SELECT count(*) FROM campaign")[0][0] == 0


def test_who_has_nine_caisses_chooses_among_them(sign_in: SignIn, world: World) -> None:
    national = sign_in(NATIONAL_MANAGER)
    assert national.get(NEW).text.count('name="caisses"') == 9
    assert "Choisissez au moins une caisse." in national.send(NEW, **typed()).text
    answer = national.send(NEW, caisses=["631", "641"], **typed())
    assert world.campaign(answer.location.rsplit("/", 1)[1]).caisses == ["631", "641"]


def test_a_similar_campaign_starts_from_the_choices_of_the_first(manager: Browser, world: World) -> None:
    reference = world.create(name="Modèle", criteria=Criteria(30, 40, ("63",)), per_day=700)
    page = manager.get(f"{NEW}?modele={reference}").text
    for kept in ('value="Modèle"', 'value="30"', 'value="40"', 'value="63"', 'value="700"'):
        assert kept in page
    assert manager.get(f"{NEW}?modele=REC-1999-0001").status_code == 404


def test_what_a_name_contains_is_shown_and_never_run(manager: Browser, world: World) -> None:
    reference = world.create(name="<script>alert(1)</script>")
    page = manager.get(f"/campagnes/{reference}").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
