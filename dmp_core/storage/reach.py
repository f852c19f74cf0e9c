"""What each login role can reach in a database, asked of PostgreSQL's own catalogue (DESIGN 2).

Rights are the effective ones: through PUBLIC and through memberships as well. A role sees a table only where it may
also use its schema, yet both are listed: a right that waits behind a closed schema is one GRANT away from being real.
Not listed: PostgreSQL's own catalogues, and what belongs to an extension (text search, no data).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Reach:
    """What one role may do with one object."""

    role: str
    schema: str
    """Empty for the database itself."""
    object: str
    kind: str
    """database, schema, table, view, sequence, routine, or definer routine (runs with its owner's rights)."""
    privileges: tuple[str, ...]
    """On the whole object: SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, USAGE, CREATE, EXECUTE ..."""
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By privilege, the columns to which alone it applies."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a role is, apart from any object."""

    role: str
    superuser: bool
    bypasses_row_security: bool
    creates_roles: bool
    creates_databases: bool
    replicates: bool
    member_of: tuple[str, ...]
    """Every role whose rights it has or may take, however indirectly."""


_REACH = text("""
WITH role AS (SELECT unnest(CAST(:roles AS text[])) AS role),
space AS (
    SELECT oid, nspname AS schema FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
),
relation AS (
    SELECT c.oid, s.schema, c.relname AS object,
        CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'view' ELSE 'table' END AS kind
    FROM pg_class c JOIN space s ON s.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
),
routine AS (
    SELECT f.oid, s.schema, f.proname || '(' || pg_get_function_identity_arguments(f.oid) || ')' AS object,
        CASE WHEN f.prosecdef THEN 'definer routine' ELSE 'routine' END AS kind
    FROM pg_proc f JOIN space s ON s.oid = f.pronamespace
    WHERE NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')
)
SELECT role, '' AS schema, current_database() AS object, 'database' AS kind, privilege, NULL AS column, 0 AS rank
FROM role, unnest(ARRAY['CONNECT', 'CREATE', 'TEMPORARY']) AS privilege
WHERE has_database_privilege(role, current_database(), privilege)
UNION ALL
SELECT role, schema, schema, 'schema', privilege, NULL, 0
FROM role, space, unnest(ARRAY['USAGE', 'CREATE']) AS privilege
WHERE has_schema_privilege(role, space.oid, privilege)
UNION ALL
SELECT role, schema, object, kind, privilege, NULL, 0
FROM role, relation,
    unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
WHERE kind <> 'sequence' AND has_table_privilege(role, relation.oid, privilege)
UNION ALL
SELECT role, schema, object, kind, privilege, attname, attnum
FROM role, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS privilege,
    relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
WHERE kind <> 'sequence' AND NOT has_table_privilege(role, relation.oid, privilege)
    AND has_column_privilege(role, relation.oid, attnum, privilege)
UNION ALL
SELECT role, schema, object, kind, privilege, NULL, 0
FROM role, relation, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS privilege
-- The planner may try conditions in any order, and only a sequence may be asked about its rights as one.
WHERE CASE WHEN kind = 'sequence' THEN has_sequence_privilege(role, relation.oid, privilege) END
UNION ALL
SELECT role, schema, object, kind, 'EXECUTE', NULL, 0
FROM role, routine WHERE has_function_privilege(role, routine.oid, 'EXECUTE')
ORDER BY role, schema, object, kind, rank
""")
_STANDING = text(
    "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, "
    "ARRAY(SELECT o.rolname::text FROM pg_roles o WHERE o.oid <> r.oid AND NOT r.rolsuper "
    "AND pg_has_role(r.oid, o.oid, 'MEMBER') ORDER BY 1) AS member_of "
    "FROM pg_roles r WHERE rolname = ANY(CAST(:roles AS text[])) ORDER BY rolname"
)


def reach(connection: Connection, roles: Iterable[str]) -> list[Reach]:
    """Everything these roles can reach in the database of `connection`, by role, schema and object.

    Any login may ask. Raises sqlalchemy.exc.ProgrammingError for a role the server does not know.
    """
    found: dict[tuple[str, str, str, str], tuple[list[str], dict[str, list[str]]]] = {}
    for row in connection.execute(_REACH, {"roles": list(roles)}):
        privileges, columns = found.setdefault((row.role, row.schema, row.object, row.kind), ([], {}))
        if row.column is None:
            privileges.append(row.privilege)
        else:
            columns.setdefault(row.privilege, []).append(row.column)
    return [
        Reach(*key, tuple(privileges), {name: tuple(held) for name, held in columns.items()})
        for key, (privileges, columns) in found.items()
    ]


def standing(connection: Connection, roles: Sequence[str]) -> list[Standing]:
    """What these roles are on the server, by name; an unknown role is absent."""
    return [
        Standing(
            role=row.rolname,
            superuser=row.rolsuper,
            bypasses_row_security=row.rolbypassrls,
            creates_roles=row.rolcreaterole,
            creates_databases=row.rolcreatedb,
            replicates=row.rolreplication,
            member_of=tuple(row.member_of),
        )
        for row in connection.execute(_STANDING, {"roles": list(roles)})
    ]
