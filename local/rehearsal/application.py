"""An application as langpont_db has it: a table that a migration makes, rows, and load through PgBouncer."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import BigInteger, Column, MetaData, Table, insert, select
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from blueprint.postgres.roles import ROLES, Access
from langpont_db import Database, migration_engine
from langpont_db.errors import SecretRefused, SettingsRefused
from local.rehearsal.errors import RehearsalError
from local.rehearsal.load import Act, kind

ROWS = 1_000  # before the change
# One that a role behind PgBouncer may write to.
SCHEMA = next(
    schema for role in ROLES if role.pooled for schema, access in role.access.items() if access is Access.WRITE
)
TABLE = Table("rehearsal", MetaData(schema=SCHEMA), Column("number", BigInteger, primary_key=True))


_UNPRINTED = logging.NullHandler()


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
    """The database as an application opens it at its start. What it logs is counted by the load, and not printed."""
    for name in ("langpont_db", "sqlalchemy"):
        logging.getLogger(name).addHandler(_UNPRINTED)
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
    """The numbers that an application which starts now finds on the primary; none where it finds no table."""
    with database(values) as opened, opened.get_write_session() as session:
        try:
            return list(session.scalars(select(TABLE.c.number)))
        except ProgrammingError:
            return []


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what the library or a server says into a sentence that begins with `what`. Raises `RehearsalError`."""
    try:
        yield
    except (SQLAlchemyError, SecretRefused, SettingsRefused, TimeoutError) as error:
        raise RehearsalError(f"{what}: {kind(error)}.") from error


@contextmanager
def _same(act: Act) -> Iterator[Act]:
    """The library's sessions are opened in the act; its pools are for all threads."""
    yield act
