"""PostgreSQL and PgBouncer: versions, parameters, connections, roles, SCRAM verifiers, pgbouncer.ini."""
