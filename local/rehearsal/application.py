"""An application as langpont_db has it: a table that a migration makes, rows, and load through PgBouncer."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import BigInteger, Column, MetaData, Table, insert, select

from blueprint.postgres.roles import SCHEMAS
from langpont_db import Database, migration_engine
from local.rehearsal.load import Act

ROWS = 1_000  # before the change
TABLE = Table("rehearsal", MetaData(schema=SCHEMAS[0]), Column("number", BigInteger, primary_key=True))


class RowMissing(Exception):
    """A row that was committed long ago is not where it is read."""


def environment(file: Path) -> dict[str, str]:
    """What `up` has written for an application: names and values of app.env."""
    words = shlex.split(file.read_text(encoding="utf-8"), comments=True)
    return dict(word.split("=", 1) for word in words)


@contextmanager
def of_an_application(values: Mapping[str, str]) -> Iterator[None]:
    """These variables in this process's environment, where boto3 looks for the control plane; put back afterwards."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def database(values: Mapping[str, str]) -> Iterator[Database]:
    """The database as an application opens it at its start."""
    opened = Database.from_env(values)
    try:
        yield opened
    finally:
        opened.dispose()


def fill(opened: Database, values: Mapping[str, str], rows: int) -> None:
    """Make the table, as a migration does, with rows of the numbers from 1 on."""
    engine = migration_engine(values)
    TABLE.metadata.create_all(engine)
    engine.dispose()
    with opened.session() as session:
        session.execute(insert(TABLE), [{"number": number} for number in range(1, rows + 1)])
        session.commit()


def writing(opened: Database) -> Callable[[], AbstractContextManager[Act]]:
    """Begins an act that commits a row of its number."""

    def write(number: int) -> None:
        with opened.session() as session:
            session.execute(insert(TABLE).values(number=number))
            session.commit()

    return lambda: _same(write)


def reading(opened: Database, rows: int) -> Callable[[], AbstractContextManager[Act]]:
    """Begins an act that reads one of the first rows, wherever the library reads it."""

    def read(number: int) -> None:
        wanted = number % rows + 1
        with opened.session() as session:
            if session.scalar(select(TABLE.c.number).where(TABLE.c.number == wanted)) is None:
                raise RowMissing("a row of before the change is not found")

    return lambda: _same(read)


def present(values: Mapping[str, str]) -> list[int]:
    """The numbers that an application which starts now finds on the primary."""
    with database(values) as opened, opened.get_write_session() as session:
        return list(session.scalars(select(TABLE.c.number)))


@contextmanager
def _same(act: Act) -> Iterator[Act]:
    """The library's sessions are opened in the act; its pools are for all threads."""
    yield act
