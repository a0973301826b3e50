"""The platform on one machine: moto as AWS, PostgreSQL and PgBouncer, made from what the program registers."""
