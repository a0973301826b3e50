"""SQLAlchemy Core alone on langpont_db: connections instead of sessions, with the same routing and the same tokens.

set -a; . .local/prod/app.env; set +a
venv/bin/python -m examples.core_only
"""

from sqlalchemy import Column, MetaData, Table, Text, insert, select
from sqlalchemy.types import BigInteger

from langpont_db import Database

database = Database.from_env()
notes = Table(
    "notes", MetaData(schema="translations"), Column("id", BigInteger, primary_key=True), Column("body", Text)
)


def write(body: str) -> int:
    """Write a note; its number."""
    with database.begin() as connection:  # the primary, committed at the end
        return connection.scalars(insert(notes).values(body=body).returning(notes.c.id)).one()


def read(number: int) -> str | None:
    """Read one, from a replica that has what this process has written."""
    with database.connect() as connection:
        return connection.scalar(select(notes.c.body).where(notes.c.id == number))


if __name__ == "__main__":
    print(read(write("hello")))
