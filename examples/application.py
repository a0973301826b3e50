"""Example of langpont_db: writes a row to the primary and reads it from a replica, configured by the environment.

set -a; . .local/prod/app.env; set +a
venv/bin/python -m examples.application
"""

from sqlalchemy import BigInteger, Column, Identity, MetaData, String, Table, func, insert, select

from langpont_db import Database, migration_engine

greetings = Table(
    "greetings",
    MetaData(schema="translations"),
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("text", String, nullable=False),
)
# A migration makes the table, as the owner of all tables: the application itself may not.
greetings.metadata.create_all(migration_engine())

database = Database.from_env()

with database.session() as session:
    written = session.scalars(insert(greetings).values(text="こんにちは").returning(greetings.c.id)).one()
    # A session that has written goes on reading where its row is.
    count = session.scalar(select(func.count()).select_from(greetings))
    session.commit()
print(f"Wrote row {written}; the same session sees {count} on the primary.")

with database.get_read_session() as session:  # another one reads from a replica that has what this process wrote
    text = session.scalar(select(greetings.c.text).where(greetings.c.id == written))
    standby = session.scalar(select(func.pg_is_in_recovery()))
print(f"Read row {written}, {text}, from {'a replica' if standby else 'the primary'}.")
