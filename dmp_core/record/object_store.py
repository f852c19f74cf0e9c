"""Sealed contents in a store that speaks S3, beside the folder: the same three calls, the same refusals.

`boto3` speaks: the client that its makers keep, and that every such store is tried against. What is asked of a store is
little: PUT, GET, HEAD, DELETE of one object, by TLS. A name is drawn for each content, is looked for before it is
written, and is written on the condition that nothing bears it, for stores that know the condition.
"""

import configparser
import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from dmp_core.errors import Unavailable

CONNECT_S: Final = 3
READ_S: Final = 10
_FULL: Final = "Le document n’a pas pu être rangé : réessayez dans quelques minutes. Rien n’est enregistré."
_AWAY: Final = "Le contenu de ce document est momentanément indisponible : réessayez dans quelques minutes."
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_WRONG: Final = (
    "DMP_SHELF_URL attend s3://<compartiment>/<préfixe>?endpoint=https://<hôte>&region=<région>, et rien d’autre."
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store is, and who we are there."""

    bucket: str
    prefix: str
    endpoint: str | None
    """None: Amazon's own."""
    region: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    ca_file: Path | None = None
    """Authority of the store's certificate, where it is not a public one."""


def place_of(url: str, credentials: Path | None, ca_file: Path | None) -> Place:
    """The store that an operator declares: its address, and a file of keys in the format of Amazon's tools, mode 600.

    Raises Unavailable, in one sentence, for an address or a file that cannot serve; no key is ever told.
    """
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    endpoint = asked.get("endpoint", [""])[0]
    if (
        parts.scheme != "s3" or not _BUCKET.fullmatch(parts.netloc) or parts.fragment
        or set(asked) - {"endpoint", "region"} or (endpoint and not _is_safe(endpoint))
    ):  # fmt: skip
        raise Unavailable(_WRONG)
    prefix = unquote(parts.path).strip("/")
    key, secret = _keys(credentials)
    return Place(parts.netloc, prefix, endpoint or None, asked.get("region", ["us-east-1"])[0], key, secret, ca_file)


class ObjectStore:
    """A shelf in a bucket; safe to share between threads. Nothing connects until it is used."""

    def __init__(self, place: Place) -> None:
        self._bucket, self._prefix = place.bucket, f"{place.prefix}/" if place.prefix else ""
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=place.endpoint, region_name=place.region, aws_access_key_id=place.key,
            aws_secret_access_key=place.secret, verify=str(place.ca_file) if place.ca_file else True,
            config=Config(
                signature_version="s3v4", s3={"addressing_style": "path" if place.endpoint else "auto"},
                connect_timeout=CONNECT_S, read_timeout=READ_S, retries={"total_max_attempts": 2, "mode": "standard"},
                max_pool_connections=32, ignore_configured_endpoint_urls=True,
                # Sums that not every store knows; what is sealed proves itself when it is opened.
                request_checksum_calculation="when_required", response_checksum_validation="when_required",
            ),
        )  # fmt: skip

    def put(self, name: UUID, sealed: bytes) -> None:
        """Kept when this returns; never in the place of another."""
        where = self._where(name)
        try:
            if self._is_there(where):
                raise Unavailable(_FULL)
            self._client.put_object(
                **where, Body=sealed, IfNoneMatch="*", ContentType="application/octet-stream"
            )  # fmt: skip
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(_FULL) from error

    def get(self, name: UUID) -> bytes:
        """The object, whole."""
        try:
            found: bytes = self._client.get_object(**self._where(name))["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(_AWAY) from error
        return found

    def drop(self, name: UUID) -> None:
        """Delete it; where the store does not answer, what stays is sealed and nothing names it, as after a kill."""
        try:
            self._client.delete_object(**self._where(name))
        except (BotoCoreError, ClientError):
            return

    def require_ready(self) -> None:
        """Raise Unavailable unless the bucket is there and answers to our key."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(
                "Le rangement des documents (DMP_SHELF_URL) ne répond pas, ou ne connaît pas cette clé ou ce compartiment."
            ) from error

    def _is_there(self, where: dict[str, str]) -> bool:
        try:
            self._client.head_object(**where)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True

    def _where(self, name: UUID) -> dict[str, str]:
        """The same layout as the folder's: any tool that copies a tree moves one into the other."""
        return {"Bucket": self._bucket, "Key": f"{self._prefix}{name.hex[:2]}/{name.hex}"}


def _is_safe(endpoint: str) -> bool:
    """https, or the machine itself."""
    parts = urlsplit(endpoint)
    if parts.username or parts.password or parts.query or parts.fragment or not parts.hostname:
        return False
    if parts.scheme == "https":
        return True
    try:
        return parts.scheme == "http" and ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def _keys(file: Path | None) -> tuple[str, str]:
    if file is None:
        raise Unavailable(
            "Le rangement des documents n’a pas de clé : indiquez son fichier dans DMP_SHELF_CREDENTIALS."
        )
    read = configparser.ConfigParser(interpolation=None)
    try:
        if file.stat().st_mode & 0o077:
            raise Unavailable(f"Le fichier {file} se lit par d’autres que nous : donnez-lui le mode 600.")
        read.read_string(file.read_text(encoding="utf-8"))
        return read["default"]["aws_access_key_id"], read["default"]["aws_secret_access_key"]
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError):
        # No word of the file in the refusal.
        raise Unavailable(
            f"Le fichier {file} ne donne pas aws_access_key_id et aws_secret_access_key sous [default]."
        ) from None
