"""The back office's door to the DMP: the same answers, refusals in its own words."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from enrolment_clock import LETTER, SetClock

from backoffice.adapters.dmp import CodeStatus, DmpGateway, check, group, translated
from backoffice.core.errors import DomainError, Invalid, NotFound, Unavailable, WrongState
from dmp_core import errors as dmp_errors
from dmp_core.errors import DmpError


@pytest.fixture
def keyring(tmp_path: Path) -> Path:
    return tmp_path / "clés" / "codes.json"


@pytest.fixture
def gateway(dmp_caisse_url: str, keyring: Path, clock: SetClock) -> Iterator[DmpGateway]:
    # The database is shared by the tests of this session, the key file is not: make it beforehand.
    from dmp_core.storage.keyring import Keyring

    Keyring.create_if_missing(keyring)
    gateway = DmpGateway.connect(dmp_caisse_url, keyring, clock, application="tests")
    yield gateway
    gateway.close()


def test_a_batch_is_issued_reconciled_and_revoked_through_the_door(
    gateway: DmpGateway, persons: range, request_id: UUID
) -> None:
    issued = gateway.issue_codes(request_id, "631", persons, LETTER)
    assert all(check(group(code)) == code for code in issued.codes.values())
    assert gateway.current_issue(request_id) == issued.issue_id
    assert list(gateway.reconcile(request_id)) == list(persons)
    assert gateway.counts(["631"])[request_id] == len(persons)
    assert {("631", person) for person in persons} <= {code[:2] for code in gateway.live_codes(["631"])}
    assert gateway.missing_keys().isdisjoint({"kinvented"})
    assert gateway.revoke("631", persons[:1], "essai") == 1
    assert gateway.revoke_request(request_id, "essai") == len(persons) - 1
    assert gateway.code_states("631", persons)[persons[5]].status is CodeStatus.REVOKED


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (dmp_errors.Invalid, Invalid),
        (dmp_errors.NotFound, NotFound),
        (dmp_errors.WrongState, WrongState),
        (dmp_errors.Unavailable, Unavailable),
        (DmpError, Unavailable),
    ],
)
def test_each_refusal_of_the_dmp_becomes_the_back_office_s_own_with_its_sentence(
    theirs: type[DmpError], ours: type[DomainError]
) -> None:
    with pytest.raises(ours, match=r"^Une phrase\.$"), translated():
        raise theirs("Une phrase.")


def test_refusals_come_through_calls_and_streams_alike(keyring: Path, clock: SetClock, gateway: DmpGateway) -> None:
    with pytest.raises(Invalid, match="trois chiffres"):
        gateway.issue_codes(uuid4(), "X", [1], date(2017, 1, 15))
    with pytest.raises(Invalid, match="trois chiffres"):
        list(gateway.live_codes(["X"]))
    away = DmpGateway.connect("postgresql+psycopg://caisse:secret@127.0.0.1:1/dmp", keyring, clock)
    with pytest.raises(Unavailable, match="La base du DMP ne répond pas"):
        list(away.reconcile(uuid4()))


def test_a_lost_key_file_is_not_made_anew_while_codes_depend_on_it(
    gateway: DmpGateway, dmp_caisse_url: str, tmp_path: Path, clock: SetClock, persons: range, request_id: UUID
) -> None:
    gateway.issue_codes(request_id, "631", persons[:1], LETTER)
    lost = tmp_path / "perdu.json"
    with pytest.raises(Unavailable, match="restaurez-le"):
        DmpGateway.connect(dmp_caisse_url, lost, clock)
    assert not lost.exists()


def test_the_first_start_makes_the_key_file(dmp_caisse_url: str, keyring: Path, clock: SetClock) -> None:
    clock.now = clock.now.replace(year=2090)  # every code of the other tests is over
    DmpGateway.connect(dmp_caisse_url, keyring, clock).close()
    assert keyring.exists()
