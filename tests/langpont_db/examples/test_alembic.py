"""examples/alembic, by Alembic's own command."""

from __future__ import annotations

import os
import subprocess
import sys

from sqlalchemy import text

from langpont_db import Database, migration_engine
from tests.langpont_db.conftest import Platform, caught_up
from tests.recordings import ROOT


def alembic(platform: Platform, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "-c", "examples/alembic/alembic.ini", *arguments],
        cwd=ROOT, env={**os.environ, **platform.migration}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_revisions_go_up_and_down_and_an_application_may_use_what_they_made(
    platform: Platform, database: Database
) -> None:
    alembic(platform, "upgrade", "head")
    assert alembic(platform, "current").strip() == "2 (head)"
    caught_up(platform)
    try:
        with database.session() as session:
            session.execute(text("INSERT INTO tags.tags (name) VALUES ('new')"))
            session.commit()
            assert session.scalar(text("SELECT name FROM tags.tags")) == "new"
    finally:
        alembic(platform, "downgrade", "base")
        with migration_engine(platform.migration).begin() as connection:
            left = text("SELECT tablename FROM pg_tables WHERE schemaname IN ('tags', 'langpont_owner')")
            assert connection.scalars(left).all() == ["alembic_version"]
            connection.execute(text("DROP TABLE alembic_version"))
    caught_up(platform)
