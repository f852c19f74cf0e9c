-- Login roles and databases, once per cluster, by a superuser. The embedded cluster runs this file; an operator of a
-- system PostgreSQL runs it with psql: psql -v caisse_owner_password=... -f roles.sql (see docs/operations.md).
-- Placeholders :'name' are psql variables; the embedded start fills them in the same way.
CREATE ROLE caisse_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'caisse_owner_password';
CREATE ROLE dmp_owner    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'dmp_owner_password';
CREATE ROLE caisse       LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'caisse_password';
CREATE ROLE titulaire    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'titulaire_password';
CREATE ROLE ps           LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'ps_password';
CREATE ROLE alimentation LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'alimentation_password';
CREATE ROLE avis         LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'avis_password';
CREATE DATABASE caisse OWNER caisse_owner TEMPLATE template0 ENCODING 'UTF8';
CREATE DATABASE dmp    OWNER dmp_owner    TEMPLATE template0 ENCODING 'UTF8';
REVOKE ALL ON DATABASE caisse FROM PUBLIC;
REVOKE ALL ON DATABASE dmp FROM PUBLIC;
REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE caisse TO caisse;
GRANT CONNECT ON DATABASE dmp TO caisse;
GRANT CONNECT ON DATABASE dmp TO titulaire, ps, alimentation, avis;
-- A backup holds the rights on what is in a database, never those on the database itself.
GRANT CONNECT ON DATABASE caisse TO titulaire, ps;
