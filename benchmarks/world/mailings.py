"""Fifty campaigns prepared by persons and a year of answers gathered day by day: lots, waves, letters, hand-overs."""

import json
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Connection, text
from sqlalchemy.engine import Engine

from backoffice.campaigns.criteria import Criteria
from world.folder import NOW
from world.persons import Share
from world.told import say

TODAY = NOW.date()
LOT, MAIL_LOT, WAVE_LOTS = 5000, 200, 5
ANSWERS = (("receipt", "ACC"), ("code_request", "COD"), ("address_check", "ADR"))
"""Kind of an answer, prefix of its references."""


@dataclass(frozen=True)
class Mailing:
    """A campaign as it will be written down."""

    number: int
    kind: str
    prefix: str
    state: str
    begins: date
    caisses: tuple[str, ...]
    share: float
    """Of the persons of its caisses."""
    mail: bool = False
    left: float = 1.0
    """Part of its lots that have left."""


def mailings(caisses: list[str]) -> Iterator[Mailing]:
    """Fifty: of one caisse to nine, over before, under way, to come."""
    dice = random.Random(50)

    def some(most: int) -> tuple[str, ...]:
        return tuple(sorted(dice.sample(caisses, dice.randint(1, most))))

    for number in range(30):
        begins = TODAY - timedelta(days=420 - 11 * number)
        yield Mailing(number, "recruitment", "REC", "terminee", begins, some(3), 0.06)
    for number in range(30, 35):
        begins = TODAY - timedelta(days=50 - 9 * (number - 30))
        yield Mailing(number, "recruitment", "REC", "en_cours", begins, some(3), 0.09, left=0.6)
    yield Mailing(35, "recruitment", "REC", "en_cours", TODAY - timedelta(days=40), tuple(caisses), 0.05, left=0.7)
    for number in range(36, 39):
        yield Mailing(number, "recruitment", "REC", "programmee", TODAY + timedelta(days=7), some(2), 0.08, left=0.0)
    for number in range(39, 44):
        begins = TODAY - timedelta(days=300 - 50 * (number - 39))
        yield Mailing(number, "reminder", "REL", "terminee", begins, some(2), 0.02)
    for number in range(44, 47):
        begins = TODAY - timedelta(days=200 - 60 * (number - 44))
        yield Mailing(number, "information", "INF", "terminee", begins, some(3), 0.04, mail=True)
    yield Mailing(47, "recruitment", "REC", "soumise", TODAY + timedelta(days=10), some(1), 0.0)
    yield Mailing(48, "recruitment", "REC", "brouillon", TODAY + timedelta(days=20), tuple(caisses), 0.0)
    yield Mailing(49, "recruitment", "REC", "suspendue", TODAY - timedelta(days=30), some(2), 0.05, left=0.5)


_CAMPAIGN = text("""
INSERT INTO campaign (reference, name, kind, caisses, letter_date, channel_rule, criteria, per_day, lot_size, state, author,
    hands, approver, template_version, printer_id, targeted, eligible, excluded, created_at, frozen_at, launched_at, finished_at)
VALUES (:reference, :name, :kind, :caisses, :begins, 'registered', CAST(:criteria AS jsonb), 25000, 5000, :state,
    'claire.delaunay', ARRAY['claire.delaunay'], :approver, repeat('ab', 32), (SELECT min(id) FROM printer), 0, 0,
    '{"dmp_existant": 1200}',
    :created, :frozen, :launched, :finished) RETURNING id
""")
_STEPS = text("""
INSERT INTO campaign_step (campaign_id, step, source, target, actor, at)
SELECT :campaign, step, source, target, 'claire.delaunay', CAST(:at AS timestamptz) + rank * interval '1 hour'
FROM unnest(CAST(:steps AS text[]), CAST(:sources AS text[]), CAST(:targets AS text[])) WITH ORDINALITY
    AS one (step, source, target, rank)
""")
# As freezing does: sorted for the post, so many a lot.
_LETTERS = text("""
INSERT INTO letter (caisse, campaign_id, person_id, channel, lot_sequence, position, state)
SELECT caisse, :campaign, id, channel, 1 + (rank - 1) / size, 1 + (rank - 1) % size, 'prevue' FROM (
    SELECT p.caisse, p.id, p.channel, CASE p.channel WHEN 'mail' THEN :mail_lot ELSE :lot END AS size,
        row_number() OVER (PARTITION BY p.channel ORDER BY p.code_postal, p.ville, p.adresse_4, p.id) AS rank
    FROM (SELECT *, CASE WHEN :mail AND email <> '' OR canal = 'mail' THEN 'mail' ELSE 'courrier' END AS channel
        FROM person WHERE caisse = :caisse AND id BETWEEN :first AND :last AND qualite = 'OD' AND regime = '01'
            AND birth_latest < date '1998-01-01' AND NOT dmp AND NOT opposition) p
) numbered ORDER BY channel DESC, rank
""")
_LOTS = text("""
INSERT INTO lot (uid, campaign_id, caisse, channel, sequence, state, letter_date, planned, attempts)
SELECT gen_random_uuid(), :campaign, caisse, channel, lot_sequence, 'prevu', :begins, count(*), 0
FROM letter WHERE campaign_id = :campaign AND caisse = ANY(:caisses) GROUP BY caisse, channel, lot_sequence
""")
# So many lots a working day; e-mails leave with the first.
_WAVES = text("""
WITH ranked AS (
    SELECT id, CASE channel WHEN 'mail' THEN 1
        ELSE 1 + (row_number() OVER (PARTITION BY channel ORDER BY sequence, caisse) - 1) / :wave_lots END AS wave
    FROM lot WHERE campaign_id = :campaign
), days AS (
    -- The first wave leaves on the first day; of a campaign under way, the last that left did so today.
    SELECT row_number() OVER (ORDER BY day) - count(*) FILTER (WHERE day <= CAST(:begins AS date)) OVER ()
        + CASE WHEN :running THEN (SELECT ceil(:left * max(wave)) FROM ranked) ELSE 1 END AS wave, day::date AS day
    FROM generate_series(CAST(:begins AS timestamp) - interval '1 year', CAST(:begins AS timestamp) + interval '1 year',
        interval '1 day') day
    WHERE extract(isodow FROM day) < 6
), made AS (
    INSERT INTO wave (campaign_id, number, planned_on, latest_on, letters, state, decided_at, started_at, started_by)
    SELECT :campaign, d.wave, d.day, d.day + 3, sum(l.planned), CASE WHEN left_already THEN 'demarree' ELSE 'prevue' END,
        :created, CASE WHEN left_already THEN d.day + time '06:00' END, CASE WHEN left_already THEN 'systeme' END
    FROM (SELECT wave, wave <= ceil(:left * max(wave) OVER ()) AS left_already, id FROM ranked) r
        JOIN days d USING (wave) JOIN lot l ON l.id = r.id GROUP BY d.wave, d.day, left_already
    RETURNING id, number, planned_on, state
)
UPDATE lot SET wave_id = m.id, letter_date = m.planned_on, state = CASE
        WHEN m.state <> 'demarree' THEN 'programme' WHEN lot.channel = 'mail' THEN 'envoye' ELSE 'scelle' END,
    letters = CASE WHEN m.state = 'demarree' THEN planned - planned / 100 - planned / 300 ELSE 0 END,
    exceptions = CASE WHEN m.state = 'demarree' THEN planned / 300 ELSE 0 END,
    excluded = CASE WHEN m.state = 'demarree' THEN planned / 100 ELSE 0 END,
    attempts = CASE WHEN m.state = 'demarree' THEN 1 ELSE 0 END, pages = CASE WHEN m.state = 'demarree' THEN planned ELSE 0 END,
    name = CASE WHEN m.state = 'demarree'
        THEN caisse || '-' || :reference || '-' || channel || '-' || lpad(sequence::text, 4, '0') END,
    pdf_sha256 = sha256(int8send(lot.id)), csv_sha256 = sha256(int8send(lot.id)), emission = gen_random_uuid(),
    sealed_at = CASE WHEN m.state = 'demarree' THEN m.planned_on - 2 + time '14:00' END
FROM ranked r JOIN made m ON m.number = r.wave WHERE lot.id = r.id
""")
_BECAME = text("""
UPDATE letter l SET at = o.sealed_at, page_first = position, page_last = position,
    state = CASE WHEN position % 300 = 0 THEN 'exception' WHEN position % 100 = 50 THEN 'exclue'
        WHEN l.channel = 'mail' THEN 'envoyee' ELSE 'scellee' END,
    reason = CASE WHEN position % 300 = 0 THEN 'Une ligne d’adresse dépasse 38 caractères.'
        WHEN position % 100 = 50 THEN (ARRAY['dmp_existant', 'decede', 'opposition', 'pnd'])[1 + position % 4] END
FROM lot o WHERE o.campaign_id = :campaign AND o.sealed_at IS NOT NULL AND l.caisse = ANY(:caisses)
    AND l.campaign_id = :campaign AND l.caisse = o.caisse AND l.channel = o.channel AND l.lot_sequence = o.sequence
""")
_LEFT_OUT = text("""
UPDATE lot SET left_out = found.reasons FROM (
    SELECT lot_sequence, caisse, channel, jsonb_object_agg(reason, letters) AS reasons FROM (
        SELECT caisse, channel, lot_sequence, reason, count(*) AS letters FROM letter
        WHERE campaign_id = :campaign AND caisse = ANY(:caisses) AND state = 'exclue' GROUP BY 1, 2, 3, 4
    ) l GROUP BY 1, 2, 3
) found WHERE lot.campaign_id = :campaign AND lot.caisse = found.caisse AND lot.channel = found.channel
    AND lot.sequence = found.lot_sequence
""")
_TOTALS = text("""
UPDATE campaign SET eligible = t.n, targeted = t.n * 13 / 10, letter_date = t.day
FROM (SELECT sum(planned) AS n, min(letter_date) AS day FROM lot WHERE campaign_id = :campaign) t
WHERE id = :campaign AND t.n IS NOT NULL
""")
_PRINTER = """
INSERT INTO printer (code, name, caisses, certificate, fingerprint, certificate_until, duplex, marks, postal_class, version,
    declared_by, declared_at) SELECT 'atelier', 'Atelier d’éditique', array_agg(DISTINCT caisse::text), '-', sha256('a'),
    '2018-01-01', true, true, 'ecopli', 1, 'vincent.lemaire', '2015-06-01' FROM person WHERE id % 1000 = 0
"""
_HANDED = """
INSERT INTO handover (lot_id, printer_id, file_name, content_sha256, file_sha256, size, certificate, handed_at, handed_by,
    received_on, acknowledged_at, acknowledged_by, printed_on, posted_on, letters, pages, version)
SELECT id, (SELECT min(id) FROM printer), name || '.p7m', sha256('a'), sha256('b'), 1, '-', sealed_at + interval '1 hour',
    'claire.delaunay', letter_date - 1, letter_date + time '18:00', 'claire.delaunay', letter_date, letter_date + (id % 3)::int,
    letters, pages, 1 FROM lot WHERE state = 'scelle' AND channel = 'courrier' AND letter_date < '2016-10-31' ORDER BY id
"""
_DESTINATIONS = """
INSERT INTO lot_destination (lot_id, pays, code_postal, letters)
SELECT o.id, '', p.code_postal, count(*) FROM lot o
JOIN letter l ON l.caisse = o.caisse AND l.campaign_id = o.campaign_id AND l.channel = o.channel AND l.lot_sequence = o.sequence
JOIN person p ON p.caisse = l.caisse AND p.id = l.person_id
WHERE o.state = 'scelle' AND o.channel = 'courrier' AND l.state = 'scellee' GROUP BY 1, 2, 3
"""
_ANSWER_CAMPAIGNS = text("""
INSERT INTO campaign (reference, name, kind, caisses, letter_date, channel_rule, criteria, lot_size, state, author, hands,
    template_version, printer_id, created_at, frozen_at, launched_at, finished_at)
SELECT :prefix || '-' || to_char(day, 'YYYY') || '-' || lpad((row_number() OVER (ORDER BY day, caisse))::text, 5, '0'),
    :kind || ' du ' || to_char(day, 'DD/MM/YYYY'), :kind, ARRAY[caisse], day, 'registered', '{"foreign": true}', 5000,
    CASE WHEN day::date < :today THEN 'terminee' ELSE 'en_cours' END, 'systeme', '{}', repeat('ab', 32),
    (SELECT min(id) FROM printer), day, day, day, CASE WHEN day::date < :today THEN day + interval '1 day' END
FROM generate_series(CAST(:today AS timestamp) - interval '400 days', CAST(:today AS timestamp), interval '1 day') day,
    unnest(CAST(:caisses AS text[])) caisse WHERE extract(isodow FROM day) < 6
""")
_ANSWER_LOTS = """
INSERT INTO lot (uid, campaign_id, caisse, channel, sequence, state, letter_date, planned, letters, pages, name, sealed_at,
    attempts, emission)
SELECT gen_random_uuid(), c.id, c.caisses[1], channel, 1, CASE channel WHEN 'mail' THEN 'envoye' ELSE 'scelle' END, c.letter_date,
    :size, :size, :size, c.caisses[1] || '-' || c.reference || '-' || channel, c.letter_date + time '16:30', 1, gen_random_uuid()
FROM campaign c, unnest(ARRAY['courrier', 'mail']) channel WHERE c.author = 'systeme'
"""
_ANSWER_LETTERS = """
INSERT INTO letter (caisse, campaign_id, person_id, channel, lot_sequence, position, state, page_first, page_last, at)
SELECT o.caisse, o.campaign_id, s.first + (o.campaign_id * 613 + rank * 2 + (o.channel = 'mail')::int) % s.count, o.channel, 1,
    rank, CASE o.channel WHEN 'mail' THEN 'envoyee' ELSE 'scellee' END, rank, rank, o.sealed_at
FROM lot o JOIN campaign c ON c.id = o.campaign_id JOIN share s USING (caisse), generate_series(1, o.planned) rank
WHERE c.author = 'systeme' ON CONFLICT DO NOTHING
"""
_ASKED = """
INSERT INTO letter_request (request, caisse, person_id, answer, about_at, requested_at, requested_by, state, channel,
    campaign_id, letter_number, left_at)
SELECT gen_random_uuid(), l.caisse, l.person_id, c.kind, c.letter_date - interval '3 hours', c.letter_date - interval '2 hours',
    'systeme', 'courrier', l.channel, c.id, l.number, l.at
FROM campaign c JOIN lot o ON o.campaign_id = c.id
JOIN letter l ON l.caisse = o.caisse AND l.campaign_id = c.id AND l.channel = o.channel WHERE c.author = 'systeme' ORDER BY c.id
"""


def fill(engine: Engine, found: Mapping[str, Share]) -> None:
    """Write the mailings down; `engine` is the owner's."""
    began, persons = time.monotonic(), sum(share.count for share in found.values())
    with engine.begin() as connection:
        connection.execute(text(_PRINTER))
        keep_shares(connection, found)
    for mailing in mailings(list(found)):
        with engine.begin() as connection:
            _write(connection, mailing, found)
    say(f"campagnes, {time.monotonic() - began:.0f} s")
    with engine.begin() as connection:
        size = max(1, round(8 * persons / 7_000_000))
        for kind, prefix in ANSWERS:
            connection.execute(
                _ANSWER_CAMPAIGNS, {"kind": kind, "prefix": prefix, "today": TODAY, "caisses": list(found)}
            )
        connection.execute(text(_ANSWER_LOTS), {"size": size})
        connection.execute(text(_ANSWER_LETTERS))
        connection.execute(text(_ASKED))
        connection.execute(text(_HANDED))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE letter, lot, campaign, wave, letter_request"))
    with engine.begin() as connection:
        connection.execute(text(_DESTINATIONS))
        connection.execute(text("ANALYZE lot_destination, handover"))
    say(f"lots et réponses, {time.monotonic() - began:.0f} s")


def keep_shares(connection: Connection, found: Mapping[str, Share]) -> None:
    """The numbers of each caisse's persons, for the statements to come."""
    connection.execute(text("CREATE UNLOGGED TABLE IF NOT EXISTS share (caisse char(3), first bigint, count bigint)"))
    connection.execute(text("TRUNCATE share"))
    connection.execute(
        text("INSERT INTO share VALUES (:caisse, :first, :count)"),
        [{"caisse": one.caisse, "first": one.first, "count": one.count} for one in found.values()],
    )


def _write(connection: Connection, mailing: Mailing, found: Mapping[str, Share]) -> None:
    alive = mailing.state not in ("brouillon", "soumise")
    launched = mailing.begins - timedelta(days=4) if mailing.left else None
    reference = f"{mailing.prefix}-{mailing.begins.year}-{mailing.number + 1:04}"
    values = {
        "reference": reference, "name": f"Campagne {mailing.number + 1}", "kind": mailing.kind,
        "caisses": list(mailing.caisses), "begins": mailing.begins, "state": mailing.state,
        "criteria": json.dumps(Criteria().as_json()), "approver": "helene.vidal" if alive else None,
        "created": mailing.begins - timedelta(days=30), "frozen": mailing.begins - timedelta(days=10) if alive else None,
        "launched": launched, "finished": mailing.begins + timedelta(days=60) if mailing.state == "terminee" else None,
    }  # fmt: skip
    campaign = connection.execute(_CAMPAIGN, values).scalar_one()
    life: tuple[str, ...] = ("brouillon", "brouillon", "soumise", "approuvee", "programmee", "en_cours", "terminee")
    life = (*life[: life.index("en_cours") + 1], "suspendue") if mailing.state == "suspendue" else life
    life = life[: life.index(mailing.state, 1) + 1]
    connection.execute(
        _STEPS,
        {
            "campaign": campaign, "at": mailing.begins - timedelta(days=10), "steps": ["step"] * (len(life) - 1),
            "sources": list(life[:-1]), "targets": list(life[1:]),
        },
    )  # fmt: skip
    if not mailing.share:
        return
    for caisse in mailing.caisses:
        share = found[caisse]
        window = int(share.count * mailing.share * 1.4)
        first = share.first + mailing.number * 37 % 100 * (share.count - window) // 100
        connection.execute(
            _LETTERS,
            {
                "campaign": campaign, "caisse": caisse, "first": first, "last": first + window, "mail": mailing.mail,
                "lot": LOT, "mail_lot": MAIL_LOT,
            },
        )  # fmt: skip
    running = 0 < mailing.left < 1
    whole = {
        "campaign": campaign, "caisses": list(mailing.caisses), "left": mailing.left,
        "begins": TODAY if running else mailing.begins,
        "wave_lots": WAVE_LOTS, "created": values["created"], "reference": reference, "running": running,
    }  # fmt: skip
    for statement in (_LOTS, _WAVES, _BECAME, _LEFT_OUT, _TOTALS):
        connection.execute(statement, whole)
