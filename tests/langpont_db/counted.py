"""Tables whose rows are read, computed with and written back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.mutable import MutableDict
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

SCHEMA = {"schema": "analytics"}


class Base(DeclarativeBase):
    """Tables of these tests."""


class Counted(Base):
    """A row with a number, a document that changes in place, and children."""

    __tablename__ = "counted"
    __table_args__ = (SCHEMA,)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    v: Mapped[int] = mapped_column(default=0)
    document: Mapped[dict[str, Any] | None] = mapped_column(MutableDict.as_mutable(JSONB))
    children: Mapped[list[CountedChild]] = relationship()


class CountedChild(Base):
    """A row that another may give away."""

    __tablename__ = "counted_child"
    __table_args__ = (SCHEMA,)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    parent: Mapped[int | None] = mapped_column(ForeignKey("analytics.counted.id"))


class Versioned(Base):
    """A row whose mapper counts its versions."""

    __tablename__ = "versioned"
    __table_args__ = (SCHEMA,)
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    v: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012
