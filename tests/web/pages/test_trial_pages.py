"""Choosing two versions of the letter, on the screen."""

from pathlib import Path

from campaigns.test_trials import adopt
from campaigns.world import World, a_person

from .conftest import FOREIGN_MANAGER, MANAGER, SUPERVISOR, SignIn


def test_two_versions_are_chosen_on_a_draft_and_shown(sign_in: SignIn, world: World, tmp_path: Path) -> None:
    manager = sign_in(MANAGER)
    world.load([a_person()])
    reference = world.create()
    address = f"/campagnes/{reference}/essai"
    assert "Ce courrier n’a pas d’autre version" in manager.get(address).text
    adopt(world, tmp_path)
    page = manager.get(address).text
    (second,) = {part.split('"')[0] for part in page.split('<option value="')[2:]}
    read = {"lue": "1", "modele": second}
    refused = manager.send(address, part="200", **read)
    assert refused.status_code == 422
    assert "de 5 à 95" in refused.text.replace("\u00a0", " ")
    assert f'value="{second}" selected' in refused.text
    assert 'value="200"' in refused.text
    assert manager.send(address, part="30 %", **read).status_code == 303
    assert "la version B part à 30" in manager.get(f"/campagnes/{reference}").text
    stale = manager.send(address, part="40", **read)
    assert stale.status_code == 409
    assert manager.send(address, part="", lue="2", modele="").status_code == 303
    assert "Une seule" in manager.get(f"/campagnes/{reference}").text
    assert sign_in(FOREIGN_MANAGER).get(address).status_code == 404
    assert sign_in(SUPERVISOR).get(address).status_code == 403
