"""What became of the letters, and the work of the counters, the 0 810 and the back office: two years of it."""

import json
import time
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.engine import Engine

from backoffice.calls.rules import Outcome, Relation
from backoffice.calls.scripts import SUBJECTS
from backoffice.cases.kinds import WORKFLOWS
from backoffice.embedded.staff import ACCOUNTS
from backoffice.returns.reasons import ReturnReason
from world.folder import NOW
from world.persons import Share
from world.told import say

# Whoever opened a DMP: most by the code of a letter, the others at the counter of their caisse.
_OPENINGS = """
CREATE UNLOGGED TABLE opening AS
SELECT DISTINCT ON (caisse, person_id) * FROM (
    SELECT l.caisse, l.person_id, l.number, 'online' AS way,
        l.at + (2 + l.number % 40) * interval '1 day' + (l.number % 600) * interval '1 minute' AS at
    FROM letter l JOIN campaign c ON c.id = l.campaign_id
    WHERE c.kind = 'recruitment' AND l.state IN ('scellee', 'envoyee') AND l.number % 29 = 3
    UNION ALL
    SELECT s.caisse, s.first + n * 97, NULL, 'counter', :now - (n % 600) * interval '1 day' - interval '1 hour'
    FROM share s, generate_series(1, s.count / 98) n WHERE n % 2 = 0
) one WHERE at < :now ORDER BY caisse, person_id, at
"""
_EVENTS = """
INSERT INTO dmp_event (event_id, kind, caisse, person_id, at, received_at, answer)
SELECT gen_random_uuid(), kind, caisse, person_id, at, at + interval '4 seconds', answer FROM (
    SELECT 'dossier.opened' AS kind, caisse, person_id, at, 'receipt' AS answer FROM opening
    UNION ALL SELECT 'code.requested', caisse, person_id + 1, at, 'code_request' FROM opening WHERE person_id % 4 = 0
    UNION ALL SELECT 'dossier.closed', caisse, person_id, at + interval '2 hours', NULL FROM opening WHERE person_id % 50 = 0
) e WHERE at < :now ORDER BY at
"""
_RETURNS = """
INSERT INTO letter_return (caisse, number, lot_id, reason, returned_on, code_postal, pays, noted_at, noted_by, source,
    applied_at, revoked)
SELECT l.caisse, l.number, o.id, (CAST(:reasons AS text[]))[1 + l.number % cardinality(CAST(:reasons AS text[]))],
    (o.letter_date + 9 + (l.number % 12)::int), p.code_postal, '', (o.letter_date + 12 + (l.number % 12)::int) + time '10:00',
    'sandrine.chabrol', 'saisie', (o.letter_date + 12 + (l.number % 12)::int) + time '11:00', true
FROM lot o JOIN campaign c ON c.id = o.campaign_id AND c.approver IS NOT NULL
JOIN letter l ON l.caisse = o.caisse AND l.campaign_id = o.campaign_id AND l.channel = o.channel AND l.lot_sequence = o.sequence
JOIN person p ON p.caisse = l.caisse AND p.id = l.person_id
WHERE o.state = 'scelle' AND o.channel = 'courrier' AND l.state = 'scellee' AND l.number % 31 = 5 AND o.letter_date < '2016-10-20'
ORDER BY o.letter_date, l.number
"""
_NOTICES = """
INSERT INTO person_notice (caisse, person_id, kind, since, source, actor, address_digest)
SELECT DISTINCT ON (l.caisse, l.person_id) l.caisse, l.person_id, 'pnd', r.noted_at, 'retour', r.noted_by,
    sha256(int8send(l.number))
FROM letter_return r JOIN letter l ON l.caisse = r.caisse AND l.number = r.number
UNION ALL
SELECT s.caisse, s.first + n * 331, CASE n % 3 WHEN 0 THEN 'deces' ELSE 'opposition' END, :now - (n % 500) * interval '1 day',
    'telephone', 'karim.haddad', NULL FROM share s, generate_series(1, s.count / 332) n
ON CONFLICT DO NOTHING
"""
_INCIDENTS = """
INSERT INTO mail_incident (caisse, letter_number, campaign_id, person_id, cause, reason, status, attempts, at, state, channel,
    note)
SELECT l.caisse, l.number, l.campaign_id, l.person_id, (ARRAY['refus', 'retour'])[1 + l.number % 2], 'adresse', '5.1.1', 1,
    l.at + interval '1 hour', CASE WHEN l.at > timestamptz '2016-11-01' THEN 'a_relayer' ELSE 'sans_suite' END, 'courrier', ''
FROM letter l WHERE l.channel = 'mail' AND l.state = 'envoyee' AND l.number % 37 = 2;
INSERT INTO mail_return (digest, kind, status, caisse, letter_number, received_at)
SELECT sha256(int8send(letter_number)), 'retour', '5.1.1', caisse, letter_number, at FROM mail_incident WHERE cause = 'retour';
"""
_STAFF = text("""
INSERT INTO colleague (login, name, roles, caisses, seen_at) VALUES (:login, :name, :roles, :caisses, '2016-11-02 08:00+01')
ON CONFLICT DO NOTHING
""")
_CASES = """
INSERT INTO case_file (number, caisse, person_id, kind, state, owner, team, priority, way, facts, opened_at, opened_by, ended_at,
    allowed, spent, running_since, due_at, escalates_at, escalated_at)
SELECT to_char(opened, 'YYYY') || '-' || caisse || '-' || lpad(row_number() OVER (PARTITION BY caisse, extract(year FROM opened)
        ORDER BY opened)::text, 6, '0'),
    caisse, person_id, kind, CASE WHEN over THEN finals[1 + n % cardinality(finals)] ELSE opens[1 + n % cardinality(opens)] END,
    CASE WHEN n % 3 > 0 THEN (ARRAY['sandrine.chabrol', 'mathilde.roche', 'elodie.schmitt', 'karim.haddad', 'fatou.diallo',
        'nadia.benali'])[1 + n % 6] END,
    (ARRAY['accueil', 'accueil', 'plateforme', 'supervision'])[1 + n % 4], 1 + (n % 20 = 0)::int, (ARRAY['en_ligne', 'guichet',
        'telephone', 'courrier', 'interne'])[1 + n % 5],
    '{"effet": "10 novembre 2016", "effet_le": "2016-11-10", "identite": "carte d’identité"}', opened, 'systeme',
    CASE WHEN over THEN opened + (1 + n % 9) * interval '1 day' END, 2700, CASE WHEN over THEN 700 ELSE 0 END,
    CASE WHEN NOT over THEN opened END, CASE WHEN NOT over THEN opened + interval '7 days' END,
    CASE WHEN NOT over THEN opened + interval '6 days' END,
    CASE WHEN NOT over AND opened + interval '6 days' <= CAST(:now AS timestamptz) THEN CAST(:now AS timestamptz) END
FROM (
    SELECT s.caisse, s.first + (n * 8191) % s.count AS person_id, n, n <= s.count / 35 * 96 / 100 AS over,
        CASE WHEN n <= s.count / 35 * 96 / 100 THEN CAST(:now AS timestamptz) - interval '20 days'
                - (700 - n * 700 / (s.count / 35)) * interval '1 day' + (n % 480) * interval '1 minute'
            ELSE CAST(:now AS timestamptz) - (n % 8) * interval '1 day' - (n % 300) * interval '1 minute' END AS opened
    FROM share s, generate_series(1, s.count / 35) n
) c JOIN (
    SELECT row_number() OVER () - 1 AS rank, * FROM jsonb_to_recordset(CAST(:kinds AS jsonb))
        AS one (kind text, finals text[], opens text[])
) k ON k.rank = CASE WHEN n % 2 = 0 THEN :usual ELSE n % :kinds_count END
ORDER BY opened
"""
# Whose address is being looked for is known as undeliverable, or the sweep would end the case.
_LOOKED_FOR = """
INSERT INTO person_notice (caisse, person_id, kind, since, source, actor, address_digest)
SELECT DISTINCT caisse, person_id, 'pnd', opened_at, 'retour', opened_by, sha256(int8send(person_id))
FROM case_file WHERE kind = 'undeliverable' AND ended_at IS NULL ON CONFLICT DO NOTHING
"""
_COUNTERS = """
INSERT INTO case_counter (year, caisse, last) SELECT left(number, 4)::int, caisse, max(right(number, 6)::int) FROM case_file
GROUP BY 1, 2 ON CONFLICT DO NOTHING
"""
_ENTRIES = """
INSERT INTO case_entry (case_id, at, actor, what, step, source, target, text)
SELECT id, opened_at + rank * interval '5 hours', CASE rank WHEN 1 THEN 'systeme' ELSE COALESCE(owner, 'mathilde.roche') END,
    CASE rank WHEN 3 THEN 'note' ELSE 'step' END, 'pas', '', state, CASE rank WHEN 3 THEN 'Rappelé, sans réponse.' END
FROM case_file, generate_series(1, 4) rank
WHERE opened_at + rank * interval '5 hours' < CAST(:now AS timestamptz) ORDER BY opened_at, id, rank
"""
_MENTIONS = """
INSERT INTO case_mention (case_id, entry_id, login, at, read_at)
SELECT case_id, id, 'mathilde.roche', at, CASE WHEN id % 3 > 0 THEN at + interval '1 hour' END
FROM case_entry WHERE what = 'note' AND id % 40 = 0
"""
_QUALITY = """
INSERT INTO quality_draw (caisse, week, drawn_at)
SELECT s.caisse, date '2015-11-02' + 7 * n, date '2015-11-09' + 7 * n FROM share s, generate_series(0, 50) n;
INSERT INTO quality_sample (caisse, week, case_id, agent, drawn_at)
SELECT caisse, week, case_id, 'mathilde.roche', week + 7 FROM (
    SELECT d.caisse, d.week, c.id AS case_id, row_number() OVER (PARTITION BY d.caisse, d.week ORDER BY c.id) AS rank
    FROM quality_draw d JOIN case_file c ON c.caisse = d.caisse AND c.ended_at >= d.week AND c.ended_at < d.week + 7
) one WHERE rank <= 5;
"""
_CALLS = """
INSERT INTO phone_call (login, opened_at, relation, caisse, person_id, found_by, letter_at_hand, subject, outcome, ended_at)
SELECT CASE n % 2 WHEN 0 THEN 'karim.haddad' ELSE 'emilie.rousseau' END, at,
    (CAST(:relations AS text[]))[1 + n % cardinality(CAST(:relations AS text[]))], caisse, person_id, ARRAY['nom', 'naissance'],
    n % 2 = 0, (CAST(:subjects AS text[]))[1 + n % cardinality(CAST(:subjects AS text[]))],
    (CAST(:outcomes AS text[]))[1 + n % cardinality(CAST(:outcomes AS text[]))], at + interval '4 minutes'
FROM (
    SELECT l.number AS n, l.caisse, l.person_id, l.at + (3 + l.number % 30) * interval '1 day'
            + (l.number % 500) * interval '1 minute' AS at
    FROM letter l JOIN campaign c ON c.id = l.campaign_id
    WHERE c.approver IS NOT NULL AND l.state IN ('scellee', 'envoyee') AND l.number % 13 = 1
    UNION ALL
    SELECT n, NULL, NULL, CAST(:now AS timestamptz) - (n % 500) * interval '1 day' - (n % 500) * interval '1 minute'
    FROM generate_series(1, (SELECT sum(count) FROM share)::bigint / 100) n
) one WHERE at < CAST(:now AS timestamptz) - interval '1 hour' ORDER BY at
"""
_PROOFS = """
INSERT INTO identity_check (call_id, caisse, person_id, questions, right_answers, errors, allowed, result, at)
SELECT id, caisse, person_id, ARRAY['naissance', 'adresse', 'carte'], 3, 0, 2,
    CASE WHEN id % 20 = 0 THEN 'echouee' ELSE 'prouvee' END,
    opened_at + interval '1 minute' FROM phone_call WHERE caisse IS NOT NULL ORDER BY id;
INSERT INTO call_back (reference, call_id, slot, subject, state, booked_by, booked_at, number, ended_at)
SELECT 'R' || id, id, CASE WHEN id % 100 = 0 THEN timestamptz '2016-11-02 14:00+01' ELSE ended_at + interval '1 day' END, subject,
    CASE WHEN id % 100 = 0 THEN 'prevu' ELSE 'fait' END, login, ended_at, CASE WHEN id % 100 = 0 THEN '+33639980000' END,
    CASE WHEN id % 100 > 0 THEN ended_at + interval '1 day' END
FROM phone_call WHERE outcome = 'rappel_prevu' AND id % 5 = 0;
"""
_VISITS = """
INSERT INTO ticket (caisse, day, number, drawn_at, called_at, called_by, left_at)
SELECT s.caisse, day::date, n, day + time '09:00' + n * interval '3 minutes',
    CASE WHEN day::date < '2016-11-02' OR n < 20 THEN day + time '09:05' + n * interval '3 minutes' END,
    'sandrine.chabrol', CASE WHEN day::date < '2016-11-02' OR n < 20 THEN day + time '09:10' + n * interval '3 minutes' END
FROM share s, generate_series(timestamp '2015-11-02', timestamp '2016-11-02', interval '1 day') day, generate_series(1, 100) n
WHERE extract(isodow FROM day) < 6;
INSERT INTO visit (uid, caisse, person_id, state, owner, opened_at, opened_by, ended_at, document, created_at)
SELECT gen_random_uuid(), caisse, person_id, 'terminee', 'sandrine.chabrol', at, 'sandrine.chabrol', at + interval '4 minutes',
    'cni', at + interval '3 minutes' FROM opening WHERE way = 'counter';
INSERT INTO visit_entry (visit_id, at, actor, what)
SELECT id, opened_at + rank * interval '1 minute', owner, 'pas' FROM visit, generate_series(1, 5) rank;
"""
_AUDIT = """
INSERT INTO audit_entry (id, at, actor, roles, caisse, action, object, result, detail, previous, digest)
SELECT n, timestamptz '2015-06-01 08:00+02' + n * ((CAST(:now AS timestamptz) - timestamptz '2015-06-01 08:00+02') / :lines),
    (ARRAY['sandrine.chabrol', 'mathilde.roche', 'elodie.schmitt', 'karim.haddad', 'emilie.rousseau', 'fatou.diallo',
        'nadia.benali', 'systeme'])[1 + n * 31 % 8], 'agent',
    CASE WHEN n % 19 > 0 THEN s.caisse END,
    CASE WHEN n % 19 = 0 THEN 'session.connexion' ELSE (ARRAY['personne.consulter', 'personne.consulter', 'personne.rechercher',
        'demande.etape', 'demande.prendre', 'courrier.voir', 'evenement.recevoir', 'lot.telecharger'])[1 + n * 7 % 8] END,
    CASE WHEN n % 19 = 0 THEN 'compte sandrine.chabrol'
        WHEN n * 7 % 8 IN (3, 4) THEN '2016-' || s.caisse || '-' || lpad((1 + n % 9000)::text, 6, '0')
        WHEN n * 7 % 8 = 7 THEN s.caisse || '-REC-2016-0001-courrier-' || lpad((n % 300)::text, 4, '0')
        WHEN n * 7 % 8 = 2 THEN 'recherche' ELSE 'personne ' || (s.first + n * 4099 % s.count) END,
    'fait', '{"quoi": "fiche"}', sha256(int8send(n - 1)), sha256(int8send(n))
FROM generate_series(CAST(1 AS bigint), :lines) n JOIN (SELECT row_number() OVER () - 1 AS rank, * FROM share) s ON s.rank = n % 9
"""
_SUNDRIES = """
INSERT INTO population_import (file_name, encoding, requested_by, caisses, state, rows_read, created, updated,
    requested_at, finished_at)
SELECT 'population-' || s.caisse || '-' || n || '.csv.gz', 'utf-8', 'claire.delaunay', ARRAY[s.caisse], 'termine',
    s.count, 100, 2000, timestamptz '2015-06-01 02:00+02' + n * interval '30 days',
    timestamptz '2015-06-01 03:00+02' + n * interval '30 days'
FROM share s, generate_series(1, 17) n;
INSERT INTO segment (name, caisses, criteria, created_by, created_at)
SELECT 'Segment ' || n, ARRAY['631'], '{}', 'damien.faure', '2016-05-01' FROM generate_series(1, 40) n;
INSERT INTO segment_change (segment_id, version, what, actor, at, name, caisses, criteria)
SELECT id, 1, 'creer', created_by, created_at, name, caisses, criteria FROM segment;
INSERT INTO person_list (made_by, made_at, caisses, lines, found)
SELECT 'damien.faure', '2016-09-01', array_agg(caisse::text), 100000, 100000 FROM share;
INSERT INTO person_list_member (list_id, caisse, person_id)
SELECT (SELECT max(id) FROM person_list), s.caisse, s.first + n * 60 FROM share s, generate_series(1, s.count / 62) n;
"""
_TABLES = (
    "dmp_event, letter_return, person_notice, mail_incident, mail_return, case_file, case_entry, case_mention, quality_sample, "
    "quality_draw, phone_call, identity_check, call_back, ticket, visit, visit_entry, audit_entry, person_list_member, opening"
)


def fill(engine: Engine, found: Mapping[str, Share]) -> None:
    """Write down what happened; `engine` is the owner's."""
    began, persons = time.monotonic(), sum(share.count for share in found.values())
    kinds = [
        {
            "kind": one.name, "finals": [state.name for state in one.states if state.final],
            "opens": [state.name for state in one.states if not state.final],
        }
        for one in WORKFLOWS
    ]  # fmt: skip
    values = {
        "now": NOW, "reasons": [one.value for one in ReturnReason], "kinds": json.dumps(kinds), "kinds_count": len(kinds),
        "usual": [one["kind"] for one in kinds].index("undeliverable"), "relations": [one.value for one in Relation],
        "subjects": [one.name for one in SUBJECTS], "outcomes": [one.value for one in Outcome], "lines": int(persons * 0.3),
    }  # fmt: skip
    with engine.begin() as connection:
        connection.execute(
            _STAFF,
            [
                {"login": one.login, "name": one.name, "roles": [_ROLES[one.group.value]], "caisses": list(one.caisses)}
                for one in ACCOUNTS
                if one.group
            ],
        )
    for name, statement in (
        ("créations", _OPENINGS), ("événements", _EVENTS), ("retours", _RETURNS), ("signalements", _NOTICES),
        ("courriels revenus", _INCIDENTS), ("demandes", _CASES), ("adresses cherchées", _LOOKED_FOR), ("numéros", _COUNTERS),
        ("étapes", _ENTRIES),
        ("mentions", _MENTIONS), ("qualité", _QUALITY), ("appels", _CALLS), ("preuves", _PROOFS), ("visites", _VISITS),
        ("journal", _AUDIT), ("le reste", _SUNDRIES),
    ):  # fmt: skip
        with engine.begin() as connection:
            for part in statement.split(";\n"):
                if part.strip():
                    connection.execute(text(part.rstrip(";\n")), values)
        say(f"{name}, {time.monotonic() - began:.0f} s")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"VACUUM ANALYZE {_TABLES}"))
    say(f"statistiques, {time.monotonic() - began:.0f} s")


_ROLES = {
    "dmp-accueil": "agent", "dmp-campagne": "campagne", "dmp-conseiller": "conseiller", "dmp-superviseur": "superviseur",
    "dmp-admin": "administrateur",
}  # fmt: skip
