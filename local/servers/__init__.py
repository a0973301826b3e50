"""The data plane on one machine: PostgreSQL 16 and PgBouncer, built from what the program registered."""
