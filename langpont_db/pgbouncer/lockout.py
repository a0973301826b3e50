"""Whether a PgBouncer lets a role in after somebody's wrong password, and logs in to servers anew after that.

1.25.1 and 1.25.2 do neither: with a stored verifier a refused login spoils the keys that PgBouncer logs in to servers
with. Tried on a second PgBouncer, since one that does it to its clients cannot be mended but by a restart.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import Enum

import psycopg

from langpont_db.pgbouncer.console import CONNECT_SECONDS, first_line
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.trial import Trial
from langpont_db.pgbouncer.versions import WAY_OUT

WRONG_PASSWORD = "not-the-password"


class Finding(Enum):
    """Whether roles keep their logins. UNKNOWN: they do not log in without a wrong password before either."""

    KEPT = "kept"
    UNKNOWN = "unknown"


def logins_after_a_wrong_one(
    run: Callable[[], AbstractContextManager[Trial]], entry: str, role: str, password: str
) -> Finding:
    """Log in wrongly, then rightly, RECONNECT, then rightly again; a refusal counts if a run without the first works.

    Raises `HostError` for a PgBouncer that loses logins. `run` starts one that nobody has logged in to yet.
    """
    with run() as trial:
        if _refusal(trial, entry, role, WRONG_PASSWORD) is None:
            raise HostError(f"PgBouncer lets {role} in with a wrong password. Nothing was changed. {WAY_OUT}")
        lost = _refused_anew(trial, entry, role, password)
    if lost is None:
        return Finding.KEPT
    with run() as trial:
        if _refused_anew(trial, entry, role, password) is not None:
            return Finding.UNKNOWN
    raise HostError(
        f"This PgBouncer loses logins, as 1.25.1 and 1.25.2 do: after one wrong password {role} cannot log in with the "
        f"right one ({lost}). Nothing was changed. {WAY_OUT}"
    )


def _refused_anew(trial: Trial, entry: str, role: str, password: str) -> str | None:
    """Why a login fails, before or after server connections are replaced; None if both work."""
    refusal = _refusal(trial, entry, role, password)
    if refusal is None and trial.console:
        trial.console.rows("RECONNECT")
        refusal = _refusal(trial, entry, role, password)
    return refusal


def _refusal(trial: Trial, entry: str, role: str, password: str) -> str | None:
    try:
        with psycopg.connect(
            host=str(trial.folder), port=trial.port, dbname=entry, user=role, password=password, sslmode="disable",
            gssencmode="disable", connect_timeout=CONNECT_SECONDS, prepare_threshold=None, autocommit=True,
        ) as session:  # fmt: skip
            session.execute("SELECT 1")
    except psycopg.Error as error:
        # Without libpq's words around the server's: the socket's folder is gone when somebody reads them.
        return first_line(error).rpartition("FATAL:")[2].strip().rstrip(".")
    return None
