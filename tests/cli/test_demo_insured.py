"""`caisse demo insured`: somebody invented to try mon-dmp as; never in service."""

import json

import pytest
from campaigns.world import World, a_person

from .test_commands import Cli, cli, refused

__all__ = ["cli"]


def test_it_names_who_was_written_to_by_e_mail_and_has_opened_nothing(
    world: World, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backoffice.cli.demo_insured.external", lambda: False)
    world.load(
        [a_person(canal="mail", email="zoe@exemple.fr", prenom="ZOÉ", vitale_serie="1234567890", vitale_type="photo")]
    )
    refused(cli("demo", "insured"), 1, "Aucun assuré fictif")
    world.launched()
    world.sql("UPDATE letter SET state = 'envoyee'")
    status, out, _ = cli("demo", "insured", "--json")
    assert status == 0
    found = json.loads(out)
    assert (found["prenom"], found["courriel"], found["vitale_serie"]) == ("ZOÉ", "zoe@exemple.fr", "1234567890")
    assert "avec photo" in cli("demo", "insured")[1]


def test_with_real_persons_it_shows_nobody(world: World, cli: Cli) -> None:
    world.load([a_person()])
    refused(cli("demo", "insured"), 1, "ne sert qu’à la démonstration")
