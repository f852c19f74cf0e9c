"""The page of control addresses."""

from campaigns.world import World

from .conftest import ADMINISTRATOR, AGENT, FOREIGN_MANAGER, Browser, SignIn

PAGE = "/adresses-temoins"
TYPED = {
    "caisse": "631", "label": "siège", "civilite": "MME", "nom": "Chabrol", "prenom": "Sandrine",
    "adresse_4": "RUE PELISSIER", "code_postal": "63031", "ville": "CLERMONT FERRAND CEDEX 9",
}  # fmt: skip


def test_an_address_is_added_seen_and_taken_out(manager: Browser, sign_in: SignIn, world: World) -> None:
    wrong = manager.send(PAGE, **TYPED | {"code_postal": "12"})
    assert wrong.status_code == 422
    assert 'value="RUE PELISSIER"' in wrong.text
    assert manager.send(PAGE, **TYPED).status_code == 303
    assert "63031 CLERMONT" in manager.get(PAGE).text
    assert "Chabrol" not in sign_in(FOREIGN_MANAGER).get(PAGE).text
    assert manager.send(PAGE, **TYPED | {"caisse": "641"}).status_code == 422
    number = world.sql("SELECT id FROM control_address")[0][0]
    assert sign_in(FOREIGN_MANAGER).send(f"{PAGE}/{number}/retirer", form_at=PAGE).status_code == 404
    assert sign_in(ADMINISTRATOR).send(f"{PAGE}/{number}/retirer", form_at=PAGE).status_code == 303
    assert "Chabrol" not in manager.get(PAGE).text
    assert sign_in(AGENT).get(PAGE).status_code == 403
