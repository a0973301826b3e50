"""What importing the package does and does not do, and its public names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import langpont_db
from langpont_db import Database
from langpont_db.addresses import CERTIFICATES, bundle
from tests.recordings import ROOT

QUIET = """
import socket, sys, threading
def refused(*_, **__):
    raise AssertionError("a socket was opened")
socket.socket.connect = socket.getaddrinfo = refused
from langpont_db import Database, migration_engine
outputs = {"DATABASE_PRIMARY_URL": "postgresql://u@no.such.host/d", "DATABASE_PRIMARY_SECRET_ARN": "arn:x",
           "DATABASE_REPLICA_URLS": "postgresql://u:p@no.such.host/d", "DATABASE_REPLICA_SECRET_ARN": "arn:x",
           "DATABASE_MIGRATION_URL": "postgresql://u:p@no.such.host/d"}
database = Database.from_env(outputs)
database.session(), database.get_read_session(), database.get_write_session(), migration_engine(outputs)
assert not {"boto3", "botocore"} & set(sys.modules), "boto3 was imported"
assert not {"blueprint", "local", "components", "ops"} & {name.partition(".")[0] for name in sys.modules}
assert threading.active_count() == 1
database.dispose()
"""


def test_nothing_is_connected_imported_or_started_before_it_is_used() -> None:
    done = subprocess.run([sys.executable, "-c", QUIET], cwd=ROOT,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_only_who_uses_asyncio_needs_greenlet() -> None:
    program = (
        "import sys\nsys.modules['greenlet'] = None\nimport langpont_db\n"
        "try:\n    from langpont_db import AsyncDatabase\nexcept ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "AsyncDatabase needs greenlet. Install it: pip install 'langpont-db[asyncio]'.\n"


def test_the_public_names() -> None:
    assert langpont_db.__all__ == [
        "AsyncDatabase",
        "AsyncSession",
        "CommitUnknown",
        "ConnectTimeout",
        "Database",
        "PoolTimeout",
        "ReadSession",
        "RoutedSession",
        "SecretRefused",
        "SecretTimeout",
        "SessionStateRefused",
        "SettingsRefused",
        "StatementTimeout",
        "WriteRefused",
        "migration_engine",
    ]
    assert all(getattr(langpont_db, name).__doc__ for name in langpont_db.__all__)
    assert (CERTIFICATES.parent / "py.typed").is_file()


def test_the_packaged_certificates_are_the_projects() -> None:
    assert bundle().resolve() == ROOT / "certs" / "ap-northeast-1-bundle.pem"
    assert bundle("us-east-1").read_text().count("-----BEGIN CERTIFICATE-----") == 3
    assert CERTIFICATES.readlink() == Path("../certs")


def test_a_purpose_that_no_replica_has_is_refused() -> None:
    database = Database.from_env({"DATABASE_PRIMARY_URL": "postgresql://u:p@h/d"})
    with pytest.raises(ValueError) as refused:
        database.get_read_session("reports")  # type: ignore[arg-type]
    assert str(refused.value) == "'reports' is no purpose of a replica. They are reads, analytics."
