"""Alembic on langpont_db: the environment that `alembic init` writes, with migration_engine() as the connectable."""

from alembic import context

from examples.notes import Base
from langpont_db import migration_engine

with migration_engine().connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
