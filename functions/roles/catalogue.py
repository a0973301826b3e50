"""Reads roles, memberships, grants, owners and settings from PostgreSQL's system catalogs.

That needs no privilege and takes no lock on a table.
"""

from __future__ import annotations

from typing import Final

from functions.connection import Session
from functions.roles.definition import Definition
from functions.roles.facts import PUBLIC, About, Facts, Kind

# Left out: the grantor, which changes nothing about a right; what the master has, and an owner of its own object; roles
# that begin with "rds", which are RDS's own; objects of extensions. Of the master's memberships the ADMIN OPTION is
# left out, and those with nothing else: PostgreSQL 16 gives it one of each role that it makes, RDS's seems not to.
QUERY: Final = """
WITH ours AS (SELECT oid, rolname FROM pg_roles WHERE rolname = ANY (CAST(:roles AS text[]))),
spaces AS (SELECT * FROM pg_namespace WHERE nspname = ANY (CAST(:schemas AS text[]))),
here AS (SELECT * FROM pg_database WHERE datname = current_database()),
relations AS (
  SELECT c.oid, nspname, relname, relowner, relkind, relacl,
    CASE WHEN relkind IN ('r', 'p') THEN 'table' WHEN relkind <> 'S' THEN 'view'
      WHEN EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
        AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')) THEN 'owned sequence'
      ELSE 'sequence' END AS kind
  FROM pg_class c JOIN spaces s ON s.oid = relnamespace
  WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT EXISTS (
    SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
),
rights (kind, path, owner, acl) AS (
  SELECT 'database access', ARRAY[datname], datdba, coalesce(datacl, acldefault('d', datdba)) FROM here
  UNION ALL
  SELECT 'schema access', ARRAY[nspname], nspowner, coalesce(nspacl, acldefault('n', nspowner)) FROM spaces
  UNION ALL
  SELECT CASE relkind WHEN 'S' THEN 'sequence access' ELSE 'table access' END, ARRAY[nspname, relname], relowner,
    coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner)) FROM relations
  UNION ALL
  SELECT 'column access', ARRAY[nspname, relname, attname], relowner, attacl
  FROM relations r JOIN pg_attribute a ON attrelid = r.oid AND NOT attisdropped WHERE attacl IS NOT NULL
  UNION ALL
  SELECT CASE defaclobjtype WHEN 'n' THEN 'new schemas' WHEN 'S' THEN 'new sequences' ELSE 'new tables' END,
    CASE WHEN nspname IS NULL THEN '{}' ELSE ARRAY[nspname] END, defaclrole, defaclacl
  FROM pg_default_acl LEFT JOIN spaces s ON s.oid = defaclnamespace
  WHERE defaclrole = (SELECT oid FROM pg_roles WHERE rolname = :owner) AND defaclobjtype IN ('r', 'S', 'n')
    AND (defaclnamespace = 0 OR s.oid IS NOT NULL)
)
SELECT 'role', ARRAY[rolname], '', array_remove(ARRAY[
    CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END,
    CASE WHEN NOT rolinherit THEN 'NOINHERIT' END,
    CASE WHEN rolcreatedb THEN 'CREATEDB' END,
    CASE WHEN rolcreaterole THEN 'CREATEROLE' END,
    CASE WHEN rolsuper THEN 'SUPERUSER' END,
    CASE WHEN rolreplication THEN 'REPLICATION' END,
    CASE WHEN rolbypassrls THEN 'BYPASSRLS' END,
    CASE WHEN rolconnlimit <> -1 THEN 'CONNECTION LIMIT ' || rolconnlimit END,
    CASE WHEN rolvaliduntil < 'infinity' THEN 'VALID UNTIL ' || rolvaliduntil END], NULL)
FROM pg_roles WHERE oid IN (SELECT oid FROM ours)
UNION ALL
SELECT 'other login', ARRAY[rolname], '', ARRAY['LOGIN'] FROM pg_roles
WHERE rolcanlogin AND NOT rolsuper AND rolname <> :master AND rolname NOT LIKE 'rds%'
  AND oid NOT IN (SELECT oid FROM ours)
UNION ALL
SELECT 'member', ARRAY[of.rolname], by.rolname, array_remove(ARRAY['MEMBER',
    CASE WHEN bool_or(inherit_option) THEN 'INHERIT' END,
    CASE WHEN bool_or(set_option) THEN 'SET' END,
    CASE WHEN bool_or(admin_option) AND by.rolname <> :master THEN 'ADMIN' END], NULL)
FROM pg_auth_members m JOIN pg_roles of ON of.oid = roleid JOIN pg_roles by ON by.oid = member
WHERE (roleid IN (SELECT oid FROM ours) OR member IN (SELECT oid FROM ours)) AND by.rolname NOT LIKE 'rds%'
GROUP BY of.rolname, by.rolname HAVING by.rolname <> :master OR bool_or(inherit_option OR set_option)
UNION ALL
SELECT CASE setrole WHEN 0 THEN 'database setting' ELSE 'role setting' END, array_remove(ARRAY[rolname, datname], NULL),
  split_part(line, '=', 1), ARRAY[substr(line, strpos(line, '=') + 1)]
FROM pg_db_role_setting LEFT JOIN ours ON ours.oid = setrole LEFT JOIN here ON here.oid = setdatabase,
  unnest(setconfig) line
WHERE CASE setrole WHEN 0 THEN here.oid IS NOT NULL
  ELSE ours.oid IS NOT NULL AND (setdatabase = 0 OR here.oid IS NOT NULL) END
UNION ALL
SELECT 'database', ARRAY[datname], '', ARRAY[pg_get_userbyid(datdba)] FROM here
UNION ALL
SELECT 'schema', ARRAY[nspname], '', ARRAY[pg_get_userbyid(nspowner)] FROM spaces
UNION ALL
SELECT kind, ARRAY[nspname, relname], '', ARRAY[pg_get_userbyid(relowner)] FROM relations
UNION ALL
SELECT kind, path, coalesce(rolname, :public), array_agg(DISTINCT privilege_type || CASE WHEN is_grantable THEN
  ' WITH GRANT OPTION' ELSE '' END)
FROM rights, aclexplode(acl) LEFT JOIN pg_roles r ON r.oid = grantee
WHERE grantee <> owner AND coalesce(rolname, '') <> :master AND coalesce(rolname, '') NOT LIKE 'rds%'
GROUP BY kind, path, rolname
"""


def facts(session: Session, definition: Definition) -> Facts:
    """The actual state of all that the definition names, and of others of the same kinds. Raises `Refused`."""
    rows = session.query(
        QUERY,
        roles=list(definition.names),
        schemas=list(definition.schemas),
        owner=definition.owner,
        master=definition.master,
        public=PUBLIC,
    )
    return {About(Kind(kind), tuple(path), who): frozenset(words) for kind, path, who, words in rows}
