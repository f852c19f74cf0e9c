"""The record's side: codes of every letter that left, and the dossiers that were opened."""

import time

from sqlalchemy import text
from sqlalchemy.engine import Engine

from world.told import say

_BARE = """
DROP INDEX enrolment.creation_code_person, enrolment.creation_code_request, enrolment.creation_code_one_live;
ALTER TABLE enrolment.creation_code DISABLE TRIGGER ALL;
"""
_REQUESTS = """
SELECT uid, caisse, gen_random_uuid(), lot.letter_date, sealed_at, letters FROM lot JOIN campaign c ON c.id = lot.campaign_id
WHERE sealed_at IS NOT NULL AND letters > 0 AND c.kind IN ('recruitment', 'reminder', 'code_request')
"""
# One code in force a person at most; codes that ran out are noted as such when another is issued, as in life.
_CODES = """
SELECT caisse, person_id, sha256(int8send(number)), '{key}', uid, emission, letter_date,
    (letter_date + interval '2 months' + interval '1 day') AT TIME ZONE 'Europe/Paris', sealed_at, state,
    CASE state WHEN 'used' THEN used_at WHEN 'live' THEN NULL ELSE sealed_at + interval '20 days' END
FROM (
    SELECT l.caisse, l.person_id, l.number, o.uid, o.emission, o.letter_date, o.sealed_at, p.at AS used_at,
        CASE WHEN p.number IS NOT NULL THEN 'used' WHEN r.id IS NOT NULL THEN 'revoked'
            WHEN row_number() OVER (PARTITION BY l.caisse, l.person_id ORDER BY o.sealed_at DESC, l.number) > 1 THEN 'expired'
            ELSE 'live' END AS state
    FROM lot o JOIN campaign c ON c.id = o.campaign_id
    JOIN letter l ON l.caisse = o.caisse AND l.campaign_id = o.campaign_id AND l.channel = o.channel
        AND l.lot_sequence = o.sequence AND l.state IN ('scellee', 'envoyee')
    LEFT JOIN opening p ON p.number = l.number AND p.caisse = l.caisse
    LEFT JOIN letter_return r ON r.caisse = l.caisse AND r.number = l.number
    WHERE o.sealed_at IS NOT NULL AND c.kind IN ('recruitment', 'reminder', 'code_request')
) one
"""
_DOSSIERS = """
SELECT md5('d' || o.person_id)::uuid, md5('r' || o.person_id)::uuid, o.caisse, o.person_id, p.civilite, p.nom_naissance,
    p.nom_usage, p.prenom, p.date_naissance, o.way, o.at, p.nir
FROM opening o JOIN person p ON p.caisse = o.caisse AND p.id = o.person_id
"""
_OPEN = """
INSERT INTO enrolment.dossier (id, request_id, caisse, person_id, civilite, nom_naissance, nom_usage, prenom, date_naissance,
    way, opened_at, state, state_changed_at, closed_by, keep_until)
SELECT id, request_id, caisse, person_id, civilite, nom_naissance, nom_usage, prenom, date_naissance, way, opened_at,
    CASE WHEN over THEN 'closed' ELSE 'open' END, CASE WHEN over THEN opened_at + interval '2 hours' END,
    CASE WHEN over THEN 'holder' END, CASE WHEN over THEN opened_at::date + 3652 END
FROM (SELECT *, person_id % 50 = 0 AS over FROM fresh) f;
INSERT INTO enrolment.identifier (dossier_id, system, value, valid_from) SELECT id, 'NIR', nir, opened_at FROM fresh;
INSERT INTO enrolment.account (dossier_id, login, created_at)
SELECT id, chr(97 + (rank / 17576 / 10000)::int % 26) || chr(97 + (rank / 6760000)::int % 26)
    || chr(97 + (rank / 260000)::int % 26)
    || chr(97 + (rank / 10000)::int % 26) || lpad((rank % 10000)::text, 4, '0'), opened_at
FROM (SELECT *, row_number() OVER (ORDER BY person_id) AS rank FROM fresh) f;
INSERT INTO enrolment.outbox (event_id, kind, caisse, person_id, at, done_at)
SELECT gen_random_uuid(), 'dossier.opened', caisse, person_id, opened_at, opened_at + interval '4 seconds'
FROM fresh ORDER BY opened_at;
DROP TABLE fresh;
"""
_KEYS = """
CREATE UNIQUE INDEX creation_code_one_live ON enrolment.creation_code (caisse, person_id) WHERE state = 'live';
CREATE INDEX creation_code_person ON enrolment.creation_code (person_id);
CREATE INDEX creation_code_request ON enrolment.creation_code (request_id);
ALTER TABLE enrolment.creation_code ENABLE TRIGGER ALL;
"""


def fill(caisse: Engine, dmp: Engine, key: str) -> None:
    """Bring over what the record would know, codes under the key `key`; both engines are the owners'."""
    began = time.monotonic()
    with dmp.begin() as connection:
        connection.execute(text(_BARE))
    columns = (
        "caisse, person_id, digest, key_id, request_id, issue_id, letter_date, expires_at, issued_at, state, "
        "state_changed_at"
    )
    _carry(
        caisse, dmp, _REQUESTS, "enrolment.code_request (request_id, caisse, issue_id, letter_date, issued_at, codes)"
    )
    _carry(caisse, dmp, _CODES.format(key=key), f"enrolment.creation_code ({columns})")
    say(f"codes, {time.monotonic() - began:.0f} s")
    with dmp.begin() as connection:
        connection.execute(text(_KEYS))
        connection.execute(
            text(
                "CREATE UNLOGGED TABLE fresh (id uuid, request_id uuid, caisse text, person_id bigint, civilite text, "
                "nom_naissance text, nom_usage text, prenom text, date_naissance text, way text, opened_at timestamptz, nir text)"
            )
        )
    _carry(caisse, dmp, _DOSSIERS, "fresh")
    with dmp.begin() as connection:
        for part in _OPEN.split(";\n"):
            if part.strip():
                connection.execute(text(part))
    with dmp.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    say(f"dossiers, {time.monotonic() - began:.0f} s")


def _carry(source: Engine, target: Engine, query: str, into: str) -> None:
    """What the query finds, from one database into a table of the other, as a stream."""
    with source.connect() as ours, target.begin() as theirs:
        reading, writing = (one.connection.driver_connection.cursor() for one in (ours, theirs))  # type: ignore[union-attr]
        with reading.copy(f"COPY ({query}) TO STDOUT") as out, writing.copy(f"COPY {into} FROM STDIN") as taken:
            for block in out:
                taken.write(block)
