"""What the portals' roles reach in the database of the caisses, asked of PostgreSQL's own catalogue (DESIGN 2)."""

import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from backoffice.adapters.secrecy import reach_of
from dmp_core.storage.reach import Reach, standing

QUESTIONS = {
    "titulaire": "insured_by_nir(wanted character)",
    "ps": "insured_by_card(wanted character, serial text, born character)",
}
"""mon-dmp asks whose NIR it is, to whom a code was sent; a professional, whether a card is one: no NIR alone finds anyone."""


@pytest.mark.parametrize("role", QUESTIONS)
def test_a_portal_reaches_one_function_its_own(caisse_owner_url: str, role: str) -> None:
    found = reach_of(caisse_owner_url)
    assert [one for one in found if one.role == role] == [
        Reach(role, "", "caisse", "database", ("CONNECT",)),
        Reach(role, "public", QUESTIONS[role], "definer routine", ("EXECUTE",)),
        Reach(role, "public", "public", "schema", ("USAGE",)),
    ]
    assert [one.role for one in found if one.object == QUESTIONS[role]] == [role]


def test_the_portals_roles_have_no_right_over_the_server(caisse_owner_url: str) -> None:
    engine = create_engine(caisse_owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        for one in standing(connection, ["titulaire", "ps"]):
            assert (one.superuser, one.bypasses_row_security) == (False, False)
            assert (one.creates_roles, one.creates_databases) == (False, False)
            assert one.member_of == ()
