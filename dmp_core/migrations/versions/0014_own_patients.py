"""The patients of a professional, for their home page: those they may come to now, emergencies of the last month first.

Only the professional bound to the transaction is asked about; an emergency is told to who sees everything.
"""

from alembic import op

revision = "0014"
down_revision = "0013"

INDEX = "CREATE INDEX relation_of_professional ON medical.relation (professional_id) WHERE ended_at IS NULL"

PATIENTS = """
CREATE FUNCTION medical.own_patients(most integer) RETURNS TABLE (
    dossier_id uuid, civilite text, nom_naissance text, nom_usage text, prenom text, date_naissance char(10),
    basis text, until timestamptz, emergency_at timestamptz
) STABLE
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT d.id, d.civilite, d.nom_naissance, d.nom_usage, d.prenom, d.date_naissance, r.basis, r.until,
        CASE WHEN r.sees_all THEN (SELECT max(e.began_at) FROM medical.emergency e
            WHERE e.dossier_id = d.id AND e.began_at > here.moment - interval '30 days') END AS emergency_at
    FROM (SELECT current_setting('dmp.professional', true) AS professional,
        NULLIF(current_setting('dmp.moment', true), '')::timestamptz AS moment) here
    JOIN medical.relation r ON r.professional_id = here.professional AND r.ended_at IS NULL
        AND (r.until IS NULL OR r.until > here.moment)
    JOIN enrolment.dossier d ON d.id = r.dossier_id AND d.state = 'open'
    WHERE NOT EXISTS (SELECT FROM medical.block b
        WHERE b.dossier_id = d.id AND b.professional_id = here.professional AND b.until IS NULL)
    ORDER BY emergency_at DESC NULLS LAST, d.nom_naissance, d.prenom, d.id LIMIT most
$$"""


def upgrade() -> None:
    for statement in (INDEX, PATIENTS, "GRANT EXECUTE ON FUNCTION medical.own_patients(integer) TO ps"):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("a database of records is restored from its backup, never migrated backwards")
