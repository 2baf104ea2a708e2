-- Purpose: least privilege on PostgreSQL. riskops_owner changes tables (riskops migrate, riskops restore), riskops_runtime
--   lives mornings (Airflow, the watchdog, break-glass), riskops_auditor reads. None has a password: \password sets one.
-- Grain: one risk database. Run it there as an administrator after the first riskops migrate; again changes nothing.
-- Parameters: none.

DO $$
DECLARE
    role_name text;
    table_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['riskops_owner', 'riskops_runtime', 'riskops_auditor'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', role_name);
        END IF;
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role_name);
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    FOR table_name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE format('ALTER TABLE public.%I OWNER TO riskops_owner', table_name);
    END LOOP;
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO riskops_owner;
GRANT USAGE ON SCHEMA public TO riskops_runtime, riskops_auditor;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO riskops_runtime;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO riskops_runtime;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO riskops_auditor;

ALTER DEFAULT PRIVILEGES FOR ROLE riskops_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO riskops_runtime;
ALTER DEFAULT PRIVILEGES FOR ROLE riskops_owner IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO riskops_runtime;
ALTER DEFAULT PRIVILEGES FOR ROLE riskops_owner IN SCHEMA public
    GRANT SELECT ON TABLES TO riskops_auditor;

-- what has left or was recorded is not changed any more, and the schema's version is the owner's word
REVOKE UPDATE, DELETE ON seals, published_limits, applied_limits, ledger, outcomes, economics FROM riskops_runtime;
REVOKE UPDATE, DELETE ON traders, trader_names, roster, accounts, base_limits FROM riskops_runtime;
REVOKE UPDATE, DELETE ON overrides, overrides_taken_back, acknowledgements, revisions FROM riskops_runtime;
REVOKE UPDATE, DELETE ON read_back_files, read_backs FROM riskops_runtime;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM riskops_runtime;
