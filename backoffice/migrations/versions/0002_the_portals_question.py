"""mon-dmp's one question to the base of insured persons: who is this NIR? (docs/decisions/0013)

The role `titulaire` may connect and call this function; it reaches no table. One whole NIR in, one person out: no list,
no search, no address, no channel.
"""

from alembic import op
from sqlalchemy import text

revision = "0002"
down_revision = "0001"

FUNCTION = """
CREATE FUNCTION insured_by_nir(wanted char(15)) RETURNS TABLE (
    caisse char(3), person_id bigint, nir char(15), civilite text, nom_naissance text, nom_usage text, prenom text,
    date_naissance char(10), birth_latest date, vitale_serie text, vitale_type text, qualite char(2), regime char(2),
    dmp boolean, date_deces date
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p.caisse, p.id, p.nir, p.civilite, p.nom_naissance, p.nom_usage, p.prenom, p.date_naissance, p.birth_latest,
        p.vitale_serie, p.vitale_type, p.qualite, p.regime, p.dmp, p.date_deces
    FROM public.person p WHERE p.nir = wanted
    ORDER BY p.updated_at DESC LIMIT 1
$$
"""
# Nine partitions are asked in turn, each by its own index on (caisse, nir): the caisse is not known beforehand.
INDEX = "CREATE INDEX person_nir ON person (nir)"


def upgrade() -> None:
    name = op.get_bind().scalar(text("SELECT quote_ident(current_database())"))
    for statement in (
        INDEX,
        FUNCTION,
        "REVOKE ALL ON FUNCTION insured_by_nir(char) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION insured_by_nir(char) TO titulaire",
        "GRANT USAGE ON SCHEMA public TO titulaire",
        f"GRANT CONNECT ON DATABASE {name} TO titulaire",
    ):
        op.execute(statement)


def downgrade() -> None:
    name = op.get_bind().scalar(text("SELECT quote_ident(current_database())"))
    for statement in (
        f"REVOKE CONNECT ON DATABASE {name} FROM titulaire",
        "REVOKE USAGE ON SCHEMA public FROM titulaire",
        "DROP FUNCTION insured_by_nir(char)",
        "DROP INDEX person_nir",
    ):
        op.execute(statement)
