"""The question of professionals to the base of insured persons: is this card one that the caisse knows? (docs/decisions/0041)

The role `ps` may connect and call this function; it reaches no table. Everything that a carte Vitale tells goes in, and one
person comes out, or nobody: no NIR alone ever finds anyone.
"""

from alembic import op
from sqlalchemy import text

revision = "0039"
down_revision = "0038"

FUNCTION = """
CREATE FUNCTION insured_by_card(wanted char(15), serial text, born char(10)) RETURNS TABLE (
    caisse char(3), person_id bigint, nir char(15), civilite text, nom_naissance text, nom_usage text, prenom text,
    date_naissance char(10), birth_latest date, vitale_serie text, vitale_type text, qualite char(2), regime char(2),
    dmp boolean, date_deces date
) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT q.* FROM insured_by_nir(wanted) q
    WHERE q.vitale_serie = serial AND q.vitale_serie <> '' AND q.date_naissance = born
$$
"""


def upgrade() -> None:
    name = op.get_bind().scalar(text("SELECT quote_ident(current_database())"))
    for statement in (
        FUNCTION,
        "REVOKE ALL ON FUNCTION insured_by_card(char, text, char) FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION insured_by_card(char, text, char) TO ps",
        "GRANT USAGE ON SCHEMA public TO ps",
        f"GRANT CONNECT ON DATABASE {name} TO ps",
    ):
        op.execute(statement)


def downgrade() -> None:
    name = op.get_bind().scalar(text("SELECT quote_ident(current_database())"))
    for statement in (
        f"REVOKE CONNECT ON DATABASE {name} FROM ps",
        "REVOKE USAGE ON SCHEMA public FROM ps",
        "DROP FUNCTION insured_by_card(char, text, char)",
    ):
        op.execute(statement)
