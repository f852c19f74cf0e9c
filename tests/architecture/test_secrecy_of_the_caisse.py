"""What the portals' roles reach in the database of the caisses, asked of PostgreSQL's own catalogue (DESIGN 2)."""

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from backoffice.adapters.secrecy import reach_of
from dmp_core.storage.reach import Reach, standing

QUESTION = "insured_by_nir(wanted character)"


def test_the_portal_reaches_one_function_and_the_professionals_nothing(caisse_owner_url: str) -> None:
    found = [one for one in reach_of(caisse_owner_url) if one.role in ("titulaire", "ps")]
    mine = [one for one in found if one.role == "titulaire"]
    assert mine == [
        Reach("titulaire", "", "caisse", "database", ("CONNECT",)),
        Reach("titulaire", "public", QUESTION, "definer routine", ("EXECUTE",)),
        Reach("titulaire", "public", "public", "schema", ("USAGE",)),
    ]
    assert [one for one in found if one.role == "ps" and one.kind != "schema"] == []


def test_nobody_else_may_ask_the_portals_question(caisse_owner_url: str) -> None:
    assert [one.role for one in reach_of(caisse_owner_url) if one.object == QUESTION] == ["titulaire"]


def test_the_portals_roles_have_no_right_over_the_server(caisse_owner_url: str) -> None:
    engine = create_engine(caisse_owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        for one in standing(connection, ["titulaire", "ps"]):
            assert (one.superuser, one.bypasses_row_security) == (False, False)
            assert (one.creates_roles, one.creates_databases) == (False, False)
            assert one.member_of == ()
