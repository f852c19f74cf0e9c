"""A whole back office over the real services, in databases of its own that every test finds empty."""

import csv
import itertools
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from population.samples import fields, nir_of
from pypdf import PdfReader
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from backoffice.adapters import environment
from backoffice.campaigns import actions, sealing
from backoffice.campaigns.criteria import Criteria
from backoffice.campaigns.models import Campaign, Letter, Lot
from backoffice.campaigns.production import Outcome, lots_folder
from backoffice.campaigns.proof import bon_a_tirer
from backoffice.campaigns.rules import Channel, ChannelRule, Draft
from backoffice.campaigns.status import CampaignStatus, campaign_status
from backoffice.campaigns.verify import Reconciliation, verify_everything
from backoffice.campaigns.work import make_lot
from backoffice.core.actor import Actor, Role, system_actor
from backoffice.core.caisse import CAISSE_CODES
from backoffice.embedded.mailbox import Mailbox
from backoffice.embedded.mailcatcher import Catcher, SmtpDoor
from backoffice.embedded.postgres import SUPERUSER
from backoffice.migrations import migrate as migrate_caisse
from backoffice.office import Office, open_office
from backoffice.population.actions import ImportCounts, request_import, run_import
from backoffice.population.rows import COLUMNS
from backoffice.settings import PROJECT_ROOT, FeedSettings, MonDmpSettings, ProfessionalsSettings, Settings
from dmp_core.enrolment.digests import digests
from dmp_core.migrations import migrate as migrate_dmp
from dmp_core.storage.keyring import Keyring

LETTER_DAY = date(2016, 11, 14)
CODE = re.compile(r"\b[2-9CDFHJKMNPQRTVWX]{4} [2-9CDFHJKMNPQRTVWX]{4} [2-9CDFHJKMNPQRTVWX]{4}\b")
LETTER_ID = re.compile(r"\b[0-9]{3}-[0-9]{9}-[0-9]{2}\b")
SYSTEM = system_actor()


def manager(login: str = "damien.faure", *caisses: str) -> Actor:
    return Actor(login, login, frozenset({Role.CAMPAIGN_MANAGER}), frozenset(caisses or CAISSE_CODES))


class SetClock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = datetime(2016, 11, 2, 8, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass(frozen=True)
class Databases:
    """Addresses by (role, database)."""

    host: str
    roles: dict[str, str]
    caisse: str
    dmp: str

    def url(self, role: str, database: str) -> str:
        return f"postgresql+psycopg://{role}:{self.roles[role]}@{self.host}/{getattr(self, database)}"


@cache
def _databases(port: int, roles: tuple[tuple[str, str], ...], suffix: str) -> Databases:
    found = Databases(f"127.0.0.1:{port}", dict(roles), f"caisse_{suffix}", f"dmp_{suffix}")
    where = f"host=127.0.0.1 port={port} user={SUPERUSER} dbname=postgres"
    with psycopg.connect(where, password=found.roles[SUPERUSER], autocommit=True) as connection:
        for statement in (
            f"CREATE DATABASE {found.caisse} OWNER caisse_owner TEMPLATE template0",
            f"CREATE DATABASE {found.dmp} OWNER dmp_owner TEMPLATE template0",
            f"REVOKE ALL ON DATABASE {found.caisse} FROM PUBLIC",
            f"GRANT CONNECT, TEMPORARY ON DATABASE {found.caisse} TO caisse",
        ):
            connection.execute(statement.encode())
    migrate_caisse(found.url("caisse_owner", "caisse"))
    migrate_dmp(found.url("dmp_owner", "dmp"))
    return found


def databases_of(cluster: Any, suffix: str = "essai") -> Databases:
    """The databases of this name on the suite's cluster, made and migrated once."""
    return _databases(cluster.port, tuple(sorted(cluster.roles.items())), suffix)


def settings_of(databases: Databases, data: Path, redis_url: str, **changes: Any) -> Settings:
    settings = Settings(
        data=data, files=data / "files", templates=PROJECT_ROOT / "templates" / "letters",
        caisse_url=databases.url("caisse", "caisse"), caisse_owner_url=databases.url("caisse_owner", "caisse"),
        dmp_caisse_url=databases.url("caisse", "dmp"), dmp_owner_url=databases.url("dmp_owner", "dmp"),
        redis_url=redis_url, ldap_url="ldap://127.0.0.1:1", ldap_starttls=True, ldap_base="dc=essai", ldap_ca_file=None,
        ldap_service_dn="cn=essai", ldap_service_password="essai", ldap_bind_template="", smtp_url="smtp://127.0.0.1:1",
        mail_ca_file=None, secret_key="clé secrète " * 4, environment_id="", code_keyring=data / "keys" / "codes.json",
        case_keyring=data / "keys" / "pieces.json",
        mail_sender="L’Assurance Maladie <ne-pas-repondre@mon-dmp.example.org>", mail_per_minute=0,
        mail_bounces_to="retours@mon-dmp.example.org", mail_bounces_url="", lot_size=50, processes=1, proxy_hops=0,
        https=False, trusted_hosts=(), environment_note="", sms_url="http://127.0.0.1:1/sms", card_reader="",
        mondmp=MonDmpSettings(
            dmp_url=databases.url("titulaire", "dmp"), insured_url=databases.url("titulaire", "caisse"),
            secret_key="autre clé secrète " * 3, holder_keyring=data / "keys" / "holder.json",
            record_keyring=data / "keys" / "record.json", documents=data / "documents",
            seal=data / "keys" / "releves.pem", shelf_url="", shelf_credentials=None, shelf_ca_file=None,
            applications=None,
            proxy_hops=0, https=False,
            trusted_hosts=(),
        ),
        feed=FeedSettings(databases.url("alimentation", "dmp"), data / "extraction" / "remboursements.csv"),
        professionals=ProfessionalsSettings(
            databases.url("ps", "dmp"), databases.url("ps", "caisse"), "clé des professionnels " * 2, data / "igc",
            data / "igc" / "serveur.pem", data / "igc" / "serveur.key", None, (), (), 0,
            data / "keys" / "recus.pem",
        ),
    )  # fmt: skip
    return replace(settings, **changes)


_numbers = itertools.count()


def new_nir() -> str:
    """A valid NIR that no other test has."""
    number = next(_numbers)
    return nir_of(f"2{50 + number // 11988 % 40:02d}{1 + number // 999 % 12:02d}63113{1 + number % 999:03d}")


def a_person(**changes: str) -> list[str]:
    """A row of a population file: someone who may be written to, unless `changes` say otherwise."""
    return fields(**{"nir": new_nir(), "caisse": "631"} | changes)


def write_rows(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, delimiter=";", lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    return path


class World:
    """What a test does, in a few words; every action in its own transaction, as a door would."""

    def __init__(self, databases: Databases, settings: Settings, folder: Path) -> None:
        self.databases, self.settings, self.folder = databases, settings, folder
        self.clock = SetClock()
        self.office = open_office(settings, clock=self.clock, application="essai")
        self.out = folder / "lots"

    def with_settings(self, **changes: Any) -> Office:
        """The same parts under other settings."""
        return replace(self.office, settings=replace(self.settings, **changes))

    @property
    def caisse_owner(self) -> Engine:
        return create_engine(self.databases.url("caisse_owner", "caisse"), poolclass=NullPool)

    @property
    def dmp_owner(self) -> Engine:
        return create_engine(self.databases.url("dmp_owner", "dmp"), poolclass=NullPool)

    def empty(self) -> None:
        with self.caisse_owner.begin() as connection:
            # Every table but the migrations' own: a feature's new one is emptied without a word here.
            tables = connection.scalar(
                text(
                    "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables "
                    "WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
                )
            )
            connection.execute(text(f"TRUNCATE {tables}"))
        with self.dmp_owner.begin() as connection:
            connection.execute(
                text(
                    "TRUNCATE enrolment.creation_code, enrolment.code_request, enrolment.subject, enrolment.outbox, "
                    "enrolment.destruction CASCADE"
                )
            )
        self.office.redis.flushdb()
        # References begin again with the tables: the lots of an earlier test would be strangers to this one's campaigns.
        shutil.rmtree(self.settings.files, ignore_errors=True)
        self.adopt()

    def adopt(self) -> None:
        environment.adopt(self.settings.caisse_owner_url, self.office.environment, self.clock())

    def load(self, rows: Sequence[Sequence[str]], actor: Actor = SYSTEM) -> ImportCounts:
        return self.load_file(write_rows(self.folder / f"population-{next(_numbers)}.csv", rows), actor)

    def load_file(self, path: Path, actor: Actor = SYSTEM, **options: Any) -> ImportCounts:
        with self.office.db.unit_of_work() as session:
            asked = request_import(session, self.office, actor, path, ring=False, **options).id
        counts = run_import(self.office, actor, asked)
        assert counts is not None
        return counts

    def draft(self, **changes: Any) -> Draft:
        draft = Draft("Essai", "recruitment", ("631",), LETTER_DAY, ChannelRule.REGISTERED, Criteria())
        return replace(draft, **changes)

    def create(self, lot_size: int | None = None, **changes: Any) -> str:
        office = self.with_settings(lot_size=lot_size) if lot_size else self.office
        with office.db.unit_of_work() as session:
            return actions.create(session, office, SYSTEM, self.draft(**changes), folder=self.out).reference

    def do(self, action: Callable[..., Any], reference: str, *arguments: Any, actor: Actor = SYSTEM) -> None:
        with self.office.db.unit_of_work() as session:
            action(session, self.office, actor, reference, *arguments)

    def read(self, reference: str, actor: Actor) -> bytes:
        """The bon à tirer, as an approver opens it."""
        with self.office.db.unit_of_work() as session:
            return bon_a_tirer(session, self.office, actor, self.campaign(reference))

    def frozen(self, lot_size: int | None = None, **changes: Any) -> str:
        """An approved campaign whose persons are frozen."""
        reference = self.create(lot_size, **changes)
        self.do(actions.submit, reference)
        self.do(actions.approve, reference)
        with self.office.db.unit_of_work() as session:
            assert actions.freeze_now(session, self.office, self.campaign(reference).id) is not None
        return reference

    def launched(self, lot_size: int | None = None, **changes: Any) -> str:
        reference = self.frozen(lot_size, **changes)
        self.do(actions.launch, reference)
        return reference

    def campaign(self, reference: str) -> Campaign:
        with self.office.db.unit_of_work() as session:
            return session.query(Campaign).filter_by(reference=reference).one()

    def lots(self, reference: str, channel: Channel = Channel.POST) -> list[Lot]:
        with self.office.db.unit_of_work() as session:
            campaign = session.query(Campaign).filter_by(reference=reference).one()
            found = session.query(Lot).filter_by(campaign_id=campaign.id, channel=channel)
            return found.order_by(Lot.caisse, Lot.sequence).all()

    def letters(self, reference: str) -> list[Letter]:
        with self.office.db.unit_of_work() as session:
            campaign = session.query(Campaign).filter_by(reference=reference).one()
            found = session.query(Letter).filter_by(campaign_id=campaign.id)
            return found.order_by(Letter.caisse, Letter.channel, Letter.lot_sequence, Letter.position).all()

    def status(self, reference: str) -> CampaignStatus:
        with self.office.db.unit_of_work() as session:
            return campaign_status(session, session.query(Campaign).filter_by(reference=reference).one())

    def make(self, lot: Lot, office: Office | None = None) -> Outcome:
        return make_lot(office or self.office, lot.id)

    def make_all(self, reference: str, channel: Channel = Channel.POST) -> list[Outcome]:
        return [self.make(lot) for lot in self.lots(reference, channel)]

    def sealed(self, lot_size: int | None = None, **changes: Any) -> str:
        reference = self.launched(lot_size, **changes)
        self.make_all(reference)
        return reference

    def verify(self, *references: str) -> Reconciliation:
        with self.office.db.unit_of_work() as session:
            return verify_everything(session, self.office, references)

    def session(self) -> Any:
        return self.office.db.unit_of_work()

    def sql(self, statement: str, /, database: str = "caisse", **values: Any) -> list[Any]:
        """As the owner: what nobody of ours can do."""
        engine = self.caisse_owner if database == "caisse" else self.dmp_owner
        with engine.begin() as connection:
            done = connection.execute(text(statement), values)
            return list(done) if done.returns_rows else []

    def codes(self, state: str = "live") -> dict[bytes, int]:
        """Keyed hash of each code in this state, with its person."""
        rows = self.sql("SELECT digest, person_id FROM enrolment.creation_code WHERE state = :s", "dmp", s=state)
        return {bytes(digest): person for digest, person in rows}

    def digest(self, caisse: str, code: str) -> bytes:
        ring = Keyring.load(self.settings.code_keyring)
        return next(iter(digests(ring, caisse, [code.replace(" ", "")])))

    def folder_of(self, reference: str) -> Path:
        return lots_folder(self.office, self.campaign(reference))

    def close(self) -> None:
        self.office.close()


class Post:
    """A mail server that keeps what it is handed, and sends back what two made-up domains cannot take."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.returns = folder, folder / "retours"
        self.door = SmtpDoor(Catcher(Mailbox(folder), self.returns))
        self.door.start()

    def messages(self) -> list[EmailMessage]:
        parser = BytesParser(policy=policy.default)
        return [parser.parsebytes(path.read_bytes()) for path in sorted(self.folder.rglob("*.eml"))]

    def recipients(self) -> list[str]:
        return sorted(str(message["To"]) for message in self.messages())

    def settings(self) -> dict[str, str]:
        """Of an office that sends and reads by it."""
        return {"smtp_url": f"smtp://127.0.0.1:{self.door.port}", "mail_bounces_url": f"maildir:{self.returns}"}


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    made = Post(tmp_path / "courriels")
    yield made
    made.door.stop()


@dataclass(frozen=True)
class Page:
    """One page of a lot as its reader has it."""

    letter_id: str
    code: str
    text: str


def pages_of(pdf: Path) -> list[Page]:
    """The pages of a lot, each with its letter id and its code; exactly one of each a page."""
    found = []
    for page in PdfReader(pdf).pages:
        content = page.extract_text()
        (letter_id,), (code,) = set(LETTER_ID.findall(content)), CODE.findall(content)
        found.append(Page(letter_id, code, content))
    return found


def manifest_of(folder: Path, name: str) -> list[dict[str, str]]:
    return list(sealing.read_manifest(folder / f"{name}.csv"))


def one_session(office: Office, work: Callable[[Session], Any]) -> Any:
    with office.db.unit_of_work() as session:
        return work(session)


@pytest.fixture(scope="session")
def world_settings(cluster: Any) -> Settings:
    # One folder for one pair of databases, whichever area's tests come next: its keys are those of their codes.
    data = Path(cluster.data) / "back office"
    data.mkdir(exist_ok=True)
    return settings_of(databases_of(cluster), data, cluster.redis_url.removesuffix("/0") + "/7")


@pytest.fixture
def world(cluster: Any, world_settings: Settings, tmp_path: Path) -> Iterator[World]:
    """An empty back office, allowed to send."""
    made = World(databases_of(cluster), world_settings, tmp_path)
    made.empty()
    yield made
    made.close()
