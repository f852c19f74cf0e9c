"""Settings of the back office: one frozen value, and the only reader of the environment.

Whatever the environment does not say comes from the data folder, where the embedded services write their addresses
(`run/services.json`) and their secrets (`secrets.json`, mode 600).
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from backoffice.core.errors import Invalid, Unavailable

OF_THE_RECORD = {
    "DMP_TITULAIRE_URL": "titulaire",
    "DMP_FEED_URL": "alimentation",
    "DMP_PS_URL": "ps",
    "DMP_NOTICES_URL": "avis",
}
"""The variable that makes a host one of mon-dmp, of the automatic feed, of the professionals or of the notices to holders,
and its login role."""
PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class MonDmpSettings:
    """What mon-dmp alone is given."""

    dmp_url: str
    """Database `dmp`, role `titulaire`."""
    insured_url: str
    """Database `caisse`, role `titulaire`: one function, one person at a time."""
    secret_key: str
    holder_keyring: Path
    """Keys of one-time codes, attempt counters and sealed secrets."""
    record_keyring: Path
    """Keys that wrap those of the dossiers' documents."""
    documents: Path
    """Folder of the documents' sealed contents."""
    seal: Path
    """Key and certificate that sign statements of accesses."""
    shelf_url: str
    """Store that speaks S3, in the place of the folder of documents; empty: the folder."""
    shelf_credentials: Path | None
    shelf_ca_file: Path | None
    applications: Path | None
    """File of the mobile applications that a holder may let in; None: there is none."""
    proxy_hops: int
    https: bool
    trusted_hosts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """What the automatic feed alone is given."""

    dmp_url: str
    """Database `dmp`, role `alimentation`."""
    extraction: Path
    """The insurance's extraction of reimbursements."""


@dataclass(frozen=True, slots=True)
class ProfessionalsSettings:
    """What the access of professionals alone is given."""

    dmp_url: str
    """Database `dmp`, role `ps`."""
    insured_url: str
    """Database `caisse`, role `ps`; empty: no DMP is opened by professionals here."""
    secret_key: str
    trust: Path
    """Folder of the authorities that are believed and of their lists of revocation."""
    certificate: Path
    """Of the server, with its authority's; PEM."""
    key: Path
    regulators: Path | None
    """The regulating physicians of a centre 15, one PS_IdNat a line."""
    hosts: tuple[str, ...]
    embedders: tuple[str, ...]
    """Origins whose pages may frame the DMP button."""
    calls_per_minute: int
    """By software, of one card or establishment, in each process; 0: no bound."""
    seal: Path
    """Key and certificate that sign receipts of deposits."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the parts are, and the few figures an operator may change."""

    data: Path
    """Data folder: files, keys, logs; with the embedded services also their data."""
    files: Path
    """Store of lots, imports and reports."""
    templates: Path
    """Folder of the letters' .docx."""
    caisse_url: str
    """Database `caisse`, role `caisse`."""
    caisse_owner_url: str
    """Database `caisse`, role `caisse_owner`: migrations only."""
    dmp_caisse_url: str
    """Database `dmp`, role `caisse`: the back office's only login there."""
    dmp_owner_url: str
    """Database `dmp`, role `dmp_owner`: migrations only."""
    redis_url: str
    ldap_url: str
    ldap_starttls: bool
    ldap_base: str
    ldap_ca_file: Path | None
    ldap_service_dn: str
    """Technical account that searches persons; empty with `ldap_bind_template`."""
    ldap_service_password: str
    ldap_bind_template: str
    smtp_url: str
    sms_url: str
    """Where SMS are posted as JSON (see adapters.sms)."""
    card_reader: str
    """Where the reader of a desk answers, "tcp://{poste}:port"; {poste} is the desk's address. Empty: cards are typed."""
    mail_ca_file: Path | None
    """Authorities to trust for the mail server's TLS; None: those of the system."""
    secret_key: str
    """Signs the back office's CSRF tokens; no other application has it."""
    environment_id: str
    """Must agree with the identity held in the database before anything leaves (docs/decisions/0005)."""
    code_keyring: Path
    """Keys of the creation codes' digests, outside every database."""
    case_keyring: Path
    """Keys of the files joined to cases."""
    mail_sender: str
    mail_per_minute: int
    """Letters by e-mail a minute at most, by all the workers together; 0: no limit."""
    mail_bounces_to: str
    """Envelope sender of letters by e-mail, the mailbox that is told of those that could not be delivered; each letter
    has its own "+tag" of it. Empty: the sender's address, without a tag."""
    mail_bounces_url: str
    """Where that mailbox is read: maildir:/folder, imap(s)://user:password@host/folder; empty: not at all."""
    lot_size: int
    """Letters a lot at most."""
    processes: int
    """Workers that lay out lots side by side."""
    proxy_hops: int
    """Trusted reverse proxies in front of the web; 0 means forwarded headers are ignored."""
    https: bool
    """Whether browsers reach the web over https."""
    trusted_hosts: tuple[str, ...]
    """Host names the web answers to; empty: any."""
    environment_note: str
    """A sentence over every page."""
    mondmp: "MonDmpSettings"
    """The insured person's portal; only its own process reads them."""
    feed: FeedSettings
    """The automatic feed; only its own process reads them, with the key ring and the folder of documents."""
    professionals: ProfessionalsSettings
    """The access of professionals; only its own process reads them, with the key ring and the folder of documents."""
    notices_url: str = ""
    """Database `dmp`, role `avis`: what the process that sends notices to holders alone is given."""
    ldap_kind: str = "openldap"
    """Shape of the directory: "openldap" or "active-directory"."""
    ldap_caisse_attribute: str = "departmentNumber"
    """Attribute of a person's entry that holds the three-digit numbers of their caisses."""
    ldap_recheck: int = 300
    """Seconds after which a session asks the directory again: how long a leaver's may still serve."""
    ldap_grace: int = 1800
    """Seconds that sessions live on while no directory answers."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the environment, then the data folder.

        Raises Unavailable, in one sentence, when neither says where the database is.
        """
        env = os.environ if environ is None else environ
        data = data_folder(env)
        secrets = read_json(data / "secrets.json")
        services = read_json(data / "run" / "services.json")
        keys = key_files(env)
        files = Path(env.get("CAISSE_FILES", data / "files"))

        def database(variable: str, role: str, name: str) -> str:
            if variable in env:
                return env[variable]
            if "DATABASE_URL" in env and (role.endswith("_owner") or role in OF_THE_RECORD.values()):
                # The web and the workers live without an owner's password (see require_owners), and without the record's.
                return ""
            given = {own for name, own in OF_THE_RECORD.items() if name in env}
            if given and role not in given:
                return ""  # a host of the record alone: it is given no login of the back office
            postgres = services.get("postgres")
            if not postgres or role not in secrets.get("roles", {}):
                raise Unavailable(
                    "La base de données n’est pas démarrée : lancez « caisse services start », "
                    f"ou indiquez son adresse dans {variable}."
                )
            password = quote(secrets["roles"][role], safe="")
            return f"postgresql+psycopg://{role}:{password}@127.0.0.1:{postgres['port']}/{name}"

        def address(variable: str, service: str, form: str) -> str:
            port = services.get(service, {}).get("port", 0)
            return env.get(variable) or form.format(port=port, password=secrets.get("valkey", ""))

        directory = services.get("directory", {}) if "LDAP_URL" not in env else {}
        own_mail = "mail" in services and "SMTP_URL" not in env
        ca_file = env.get("LDAP_CA_FILE") or (str(data / "tls" / "ca.pem") if directory else "")
        return cls(
            data=data,
            files=files,
            templates=Path(env.get("CAISSE_TEMPLATES", PROJECT_ROOT / "templates" / "letters")),
            caisse_url=database("DATABASE_URL", "caisse", "caisse"),
            caisse_owner_url=database("DATABASE_OWNER_URL", "caisse_owner", "caisse"),
            dmp_caisse_url=database("DMP_DATABASE_URL", "caisse", "dmp"),
            dmp_owner_url=database("DMP_OWNER_DATABASE_URL", "dmp_owner", "dmp"),
            redis_url=address("REDIS_URL", "valkey", "redis://:{password}@127.0.0.1:{port}/0"),
            ldap_url=address("LDAP_URL", "directory", "ldap://127.0.0.1:{port}"),
            ldap_starttls=env.get("LDAP_STARTTLS", "1") == "1",
            ldap_base=env.get("LDAP_BASE") or directory.get("base", ""),
            ldap_ca_file=Path(ca_file) if ca_file else None,
            ldap_service_dn=env.get("LDAP_SERVICE_DN") or directory.get("service_dn", ""),
            ldap_service_password=env.get("LDAP_SERVICE_PASSWORD") or directory.get("service_password", ""),
            ldap_bind_template=env.get("LDAP_BIND_TEMPLATE", ""),
            smtp_url=address("SMTP_URL", "mail", "smtp://127.0.0.1:{port}"),
            sms_url=address("SMS_URL", "mail_page", "http://127.0.0.1:{port}/sms"),
            card_reader=env.get("CARD_READER_URL")
            or ("tcp://127.0.0.1:{}".format(services["card_reader"]["port"]) if "card_reader" in services else ""),
            mail_ca_file=Path(env["MAIL_CA_FILE"]) if env.get("MAIL_CA_FILE") else None,
            secret_key=env.get("CAISSE_SECRET_KEY") or secrets.get("backoffice_key", ""),
            environment_id=env.get("CAISSE_ENVIRONMENT_ID") or secrets.get("environment_id", ""),
            code_keyring=keys["codes"],
            case_keyring=keys["pieces"],
            mail_sender=env.get("MAIL_SENDER", "L’Assurance Maladie <ne-pas-repondre@mon-dmp.example.org>"),
            mail_per_minute=whole_number(env, "MAIL_PER_MINUTE", 0, least=0),
            mail_bounces_to=env.get("MAIL_BOUNCES_TO", "retours@mon-dmp.example.org" if own_mail else ""),
            mail_bounces_url=env.get("MAIL_BOUNCES_URL", f"maildir:{data / 'mail' / 'retours'}" if own_mail else ""),
            lot_size=whole_number(env, "CAISSE_LOT_SIZE", 5000, least=1),
            processes=whole_number(env, "CAISSE_PROCESSES", 2, least=1),
            proxy_hops=whole_number(env, "CAISSE_PROXY_HOPS", 0, least=0),
            https=env.get("CAISSE_HTTPS") == "1",
            trusted_hosts=tuple(env.get("CAISSE_HOSTS", "").split()),
            environment_note=env.get("CAISSE_NOTE")
            or ("Démonstration : toutes les personnes sont fictives." if directory else ""),
            mondmp=MonDmpSettings(
                dmp_url=database("DMP_TITULAIRE_URL", "titulaire", "dmp"),
                insured_url=database("CAISSE_TITULAIRE_URL", "titulaire", "caisse"),
                secret_key=env.get("MONDMP_SECRET_KEY") or secrets.get("mondmp_key", ""),
                holder_keyring=keys["holder"],
                record_keyring=keys["record"],
                documents=Path(env.get("MONDMP_DOCUMENTS", files / "documents")),
                seal=keys["releves"],
                shelf_url=env.get("DMP_SHELF_URL", ""),
                shelf_credentials=Path(env["DMP_SHELF_CREDENTIALS"]) if env.get("DMP_SHELF_CREDENTIALS") else None,
                shelf_ca_file=Path(env["DMP_SHELF_CA_FILE"]) if env.get("DMP_SHELF_CA_FILE") else None,
                applications=_applications(env, demonstration=bool(directory)),
                proxy_hops=whole_number(env, "MONDMP_PROXY_HOPS", 0, least=0),
                https=env.get("MONDMP_HTTPS") == "1",
                trusted_hosts=tuple(env.get("MONDMP_HOSTS", "").split()),
            ),
            feed=FeedSettings(
                dmp_url=database("DMP_FEED_URL", "alimentation", "dmp"),
                extraction=Path(env.get("FEED_EXTRACTION", data / "extraction" / "remboursements.csv")),
            ),
            professionals=ProfessionalsSettings(
                dmp_url=database("DMP_PS_URL", "ps", "dmp"),
                insured_url=env.get(
                    "CAISSE_PS_URL", "" if "DMP_PS_URL" in env else database("CAISSE_PS_URL", "ps", "caisse")
                ),
                secret_key=env.get("PS_SECRET_KEY") or secrets.get("ps_key", ""),
                trust=(trust := Path(env.get("PS_TRUST", data / "igc"))),
                certificate=Path(env.get("PS_CERTIFICATE", trust / "serveur.pem")),
                key=Path(env.get("PS_KEY", trust / "serveur.key")),
                regulators=Path(env["PS_REGULATORS"]) if env.get("PS_REGULATORS") else None,
                hosts=tuple(env.get("PS_HOSTS", "").split()),
                embedders=tuple(env.get("PS_EMBEDDERS", "").split()),
                calls_per_minute=whole_number(env, "PS_CALLS_PER_MINUTE", 3000, least=0),
                seal=keys["recus"],
            ),
            notices_url=database("DMP_NOTICES_URL", "avis", "dmp"),
            ldap_kind=env.get("LDAP_KIND", "openldap"),
            ldap_caisse_attribute=env.get("LDAP_CAISSE_ATTRIBUTE", "departmentNumber"),
            ldap_recheck=whole_number(env, "LDAP_RECHECK_SECONDS", 300, least=0),
            ldap_grace=whole_number(env, "LDAP_GRACE_SECONDS", 1800, least=0),
        )

    def require_owners(self) -> None:
        """Raise Unavailable unless both databases' owners are known: only migrations, backups and `adopt` need them."""
        for variable, url in (
            ("DATABASE_OWNER_URL", self.caisse_owner_url),
            ("DMP_OWNER_DATABASE_URL", self.dmp_owner_url),
        ):
            if not url:
                raise Unavailable(
                    f"Cette commande agit au nom du propriétaire des bases : indiquez son adresse dans {variable}."
                )


def _applications(env: Mapping[str, str], *, demonstration: bool) -> Path | None:
    named = env.get("MONDMP_APPLICATIONS")
    if named:
        return Path(named)
    return Path(__file__).parent / "embedded" / "applications.json" if demonstration else None


def whole_number(env: Mapping[str, str], variable: str, default: int, *, least: int) -> int:
    """A whole number from the environment; Invalid, naming the variable, when it is none or too small."""
    text = env.get(variable, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) >= least):
        raise Invalid(f"{variable} vaut « {text[:20]} » : indiquez un nombre entier d’au moins {least}.")
    return int(text)


def data_folder(environ: Mapping[str, str] | None = None) -> Path:
    """The data folder: `CAISSE_DATA`, or `var` beside the packages."""
    env = os.environ if environ is None else environ
    return Path(env.get("CAISSE_DATA") or PROJECT_ROOT / "var").absolute()


def key_files(environ: Mapping[str, str] | None = None) -> dict[str, Path]:
    """The key files, outside every database, by the name under which a backup keeps them."""
    env = os.environ if environ is None else environ
    folder = data_folder(env) / "keys"
    return {
        "codes": Path(env.get("CREATION_CODE_KEYRING", folder / "creation-codes.json")),
        "holder": Path(env.get("HOLDER_KEYRING", folder / "holder.json")),
        "record": Path(env.get("RECORD_KEYRING", folder / "record.json")),
        "pieces": Path(env.get("CASE_FILES_KEYRING", folder / "case-files.json")),
        "releves": Path(env.get("MONDMP_SEAL", folder / "releves.pem")),
        "recus": Path(env.get("PS_SEAL", folder / "recus.pem")),
    }


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON object from `path`, empty when there is no such file."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return content
