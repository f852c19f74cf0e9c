"""Registers: read-only, closed by default, limited to the caisses of the person."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from backoffice.core.actor import Actor, Role
from backoffice.core.caisse import CAISSE_CODES
from backoffice.web.access import access_table
from backoffice.web.registers import Register, mount_registers

from .conftest import MakeApp, Staff, sign_in


class Base(DeclarativeBase):
    pass


class Lot(Base):
    __tablename__ = "lot_essai"

    id: Mapped[int] = mapped_column(primary_key=True)
    reference: Mapped[str]
    caisse: Mapped[str | None]
    letters: Mapped[int]
    sealed_at: Mapped[datetime]


class Setting(Base):
    __tablename__ = "reglage_essai"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Lots(Register):
    roles = frozenset({Role.SUPERVISOR, Role.ADVISOR})
    note = "Les lots scellés."
    column_list = ("reference", "caisse", "letters", "sealed_at")
    column_labels = {"reference": "Lot", "letters": "Courriers", "sealed_at": "Scellé le", "caisse": "Caisse"}
    number_columns = frozenset({"letters"})
    column_searchable_list = ("reference",)
    column_default_sort = "id"


class Closed(Register):
    column_list = ("name",)
    caisse_column = None


@pytest.fixture
def engine() -> Iterator[Engine]:
    """Only the register's own queries are in question here: a table in memory is enough."""
    from sqlalchemy.pool import StaticPool

    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        for number in range(1, 121):
            caisse = ("631", "941", None)[number % 3]
            at = datetime(2016, 11, 2, 8, 30, tzinfo=UTC)
            session.add(Lot(id=number, reference=f"L{number:04d}", caisse=caisse, letters=12_345, sealed_at=at))
        session.add(Setting(id=1, name="secret"))
    yield engine
    engine.dispose()


@pytest.fixture
def registers(make_app: MakeApp, engine: Engine) -> Flask:
    app = make_app()
    mount_registers(
        app,
        sessionmaker(engine, expire_on_commit=False).begin,
        [Lots(Lot, name="Lots", endpoint="lots"), Closed(Setting, name="Réglages", endpoint="reglages")],
    )
    return app


@pytest.fixture
def client(registers: Flask) -> FlaskClient:
    return registers.test_client()


def test_a_register_has_addresses_for_looking_alone(registers: Flask) -> None:
    rules = {route.rule: route.methods for route in access_table(registers) if route.rule.startswith("/registres")}
    lots, settings = "/registres/lots/", "/registres/reglages/"
    assert set(rules) == {"/registres/", lots, f"{lots}details/", settings, f"{settings}details/"}
    assert all("POST" not in methods for methods in rules.values())
    assert all(route.access is not None for route in access_table(registers) if route.rule.startswith("/registres"))


def test_a_register_that_names_nobody_is_closed_to_everybody(registers: Flask) -> None:
    for role in (Role.ADMINISTRATOR, Role.SUPERVISOR):
        client = registers.test_client()
        sign_in(client, role)
        assert client.get("/registres/reglages/").status_code == 403
        assert client.get("/registres/reglages/details/?id=1").status_code == 403


def test_nobody_in_particular_sees_no_register(client: FlaskClient) -> None:
    assert client.get("/registres/lots/").status_code == 303


def test_a_person_sees_the_rows_of_their_caisse(client: FlaskClient) -> None:
    sign_in(client, Role.SUPERVISOR)
    page = client.get("/registres/lots/").text
    assert "40 lignes" in page
    assert "L0003" in page
    assert "L0001" not in page  # of another caisse
    assert "L0002" not in page  # of none
    assert "12\u00a0345" in page
    assert "02/11/2016 à 09\u00a0h\u00a030" in page
    assert client.get("/registres/lots/details/?id=3").status_code == 200
    for foreign in ("1", "2", "999", "x", ""):
        assert client.get(f"/registres/lots/details/?id={foreign}").status_code in (404, 302), foreign


def test_who_has_the_nine_caisses_sees_every_row_page_by_page(client: FlaskClient, staff: Staff) -> None:
    login = f"agent.{Role.ADVISOR}"
    staff.people[login] = Actor(login, "Conseiller", frozenset({Role.ADVISOR}), frozenset(CAISSE_CODES))
    sign_in(client, Role.ADVISOR)
    first = client.get("/registres/lots/").text
    assert "120 lignes, page 1 sur 3" in first
    assert 'rel="next"' in first
    last = client.get("/registres/lots/?page=2&sort=2&desc=1").text
    assert "page 3 sur 3" in last
    assert 'aria-sort="descending"' in last
    assert "L0042" in client.get("/registres/lots/?search=0042").text
    assert "Aucune ligne ne répond" in client.get("/registres/lots/?search=zzz").text


def test_the_list_of_registers_shows_those_one_may_open(client: FlaskClient) -> None:
    sign_in(client, Role.SUPERVISOR)
    page = client.get("/registres/").text
    assert "Les lots scellés." in page
    assert "Réglages" not in page
    assert 'href="/registres/"' in client.get("/").text


def test_a_register_without_a_caisse_says_so_on_purpose() -> None:
    class Forgetful(Register):
        roles = frozenset({Role.SUPERVISOR})
        column_list = ("name",)

    with pytest.raises(ValueError, match="caisse"):
        Forgetful(Setting, name="Réglages", endpoint="reglages")


def test_pages_of_registers_hold_neither_script_nor_style_of_others(client: FlaskClient, registers: Flask) -> None:
    sign_in(client, Role.SUPERVISOR)
    for address in ("/registres/", "/registres/lots/", "/registres/lots/details/?id=3"):
        page: Any = client.get(address).text
        assert "<script" not in page
        assert "style=" not in page
        assert page.count("<h1") == 1


def test_a_register_shows_the_columns_it_names_and_no_other() -> None:
    class Silent(Register):
        caisse_column = None

    with pytest.raises(ValueError, match="columns"):
        Silent(Setting, name="Réglages", endpoint="reglages")


def test_looking_at_a_row_can_be_journalled(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(Lots, "opened", lambda self, session, row: seen.append(row.id))
    sign_in(client, Role.SUPERVISOR)
    client.get("/registres/lots/details/?id=3")
    client.get("/registres/lots/details/?id=1")  # of another caisse
    assert seen == [3]


def test_a_search_is_taken_word_for_word(client: FlaskClient) -> None:
    sign_in(client, Role.SUPERVISOR)
    assert "Aucune ligne ne répond" in client.get("/registres/lots/?search=%25").text
    assert "Aucune ligne ne répond" in client.get("/registres/lots/?search=L___3").text


def test_a_long_register_is_not_counted_to_its_end(
    client: FlaskClient, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lots, "most_counted", 60)
    login = f"agent.{Role.ADVISOR}"
    staff.people[login] = Actor(login, "Conseiller", frozenset({Role.ADVISOR}), frozenset(CAISSE_CODES))
    sign_in(client, Role.ADVISOR)
    assert "Plus de 60 lignes, page 1 sur 2" in client.get("/registres/lots/").text
    assert "10 lignes" in client.get("/registres/lots/?search=L010").text


def test_a_search_too_short_for_the_index_says_so(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Lots, "least_search", 3)
    sign_in(client, Role.SUPERVISOR)
    assert "Écrivez au moins 3 caractères." in client.get("/registres/lots/?search=L0").text
    assert "L0003" in client.get("/registres/lots/?search=0003").text
