"""The table that the applications here share. A migration makes it, as the owner of all tables: they may not.

set -a; . .local/prod/app.env; set +a
venv/bin/python -m examples.notes
"""

from sqlalchemy import BigInteger, Identity
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from langpont_db import migration_engine


class Base(DeclarativeBase):
    """All tables."""


class Note(Base):
    """A line that somebody wrote."""

    __tablename__ = "notes"
    __table_args__ = {"schema": "translations"}  # noqa: RUF012
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    body: Mapped[str]


if __name__ == "__main__":
    Base.metadata.create_all(migration_engine())
