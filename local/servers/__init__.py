"""PostgreSQL 16 and PgBouncer on one machine (the data plane), built from what the program registered."""
