"""Signing in through the pages."""

from .world import Holder


def test_the_first_sign_in_asks_for_a_code_then_for_a_password_of_one_s_own(holder: Holder) -> None:
    page = holder.sign_in().get("/mon-dmp").text
    assert "Bonjour Monsieur Nicolas Dupond" in page
    assert "C’est votre première connexion." in page
    assert "Aucun professionnel n’a encore consulté votre DMP." in page
    for way in (
        "/mon-dmp/profil",
        "/mon-dmp/connexions",
        "/mon-dmp/fermeture",
        "/mon-dmp/profil/personne-de-confiance",
        "/mon-dmp/profil/mot-de-passe",
        "/mon-dmp/profil/application",
        "/mon-dmp/profil/coordonnees/e-mail",
        "/mon-dmp/profil/coordonnees/mobile",
        "/mon-dmp/profil/coordonnees/e-mail/retrait",
        "/dmp-cloture",
        "/aide-connexion",
        "/aide-connexion/mot-de-passe",
        "/aide-connexion/identifiant",
        "/aide-connexion/courrier",
        "/aide-connexion/identifiant/demande-prise-en-compte",
    ):
        answer = holder.get(way)
        assert answer.status_code == 200, way
