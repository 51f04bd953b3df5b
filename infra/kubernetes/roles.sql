-- The roles of an installation in PostgreSQL: psql ADMIN-URL -v owner=PASSWORD -v app=PASSWORD -v scaler=PASSWORD -f roles.sql
-- The owner changes tables (`edgereel migrate`), the programs read and write rows, KEDA only counts jobs.
\set ON_ERROR_STOP on
CREATE ROLE edgereel_owner LOGIN PASSWORD :'owner';
CREATE ROLE edgereel LOGIN PASSWORD :'app';
CREATE ROLE edgereel_scaler LOGIN PASSWORD :'scaler';
-- The administrator of a managed database has to be a member of the role that owns what it creates.
GRANT edgereel_owner TO CURRENT_USER;
CREATE DATABASE edgereel OWNER edgereel_owner;
\connect edgereel
-- For the search over titles; trusted, but only where the extension is available.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO edgereel_owner;
GRANT USAGE ON SCHEMA public TO edgereel, edgereel_scaler;
ALTER DEFAULT PRIVILEGES FOR ROLE edgereel_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO edgereel;
ALTER DEFAULT PRIVILEGES FOR ROLE edgereel_owner IN SCHEMA public
    GRANT USAGE, SELECT ON SEQUENCES TO edgereel;
-- After the first migration, as the owner: GRANT SELECT ON messages TO edgereel_scaler
