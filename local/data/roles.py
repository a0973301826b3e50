"""Makes the roles, grants and settings of the database, logged in as the master."""

from __future__ import annotations

import hashlib
import json

import psycopg

from blueprint.roles import ROLES, SCHEMAS
from local.data.connections import Connection, Endpoint
from local.data.errors import DataPlaneError
from local.data.layout import Layout, write
from local.data.plan import DataPlan
from local.data.roles_sql import FINGERPRINT, statements


def ensure_roles(plan: DataPlan, endpoint: Endpoint, layout: Layout) -> bool:
    """Make them what `blueprint/roles.py` says; whether anything had to be done.

    Nothing is, while the definitions, the verifiers and the catalogues are what they were after the last time. Raises
    `DataPlaneError` if the master cannot log in or may not do it, in PostgreSQL's words.
    """
    try:
        with endpoint.connect(plan.master, plan.passwords[plan.master], application_name="langpont-roles") as session:
            found = session.execute("SELECT rolname FROM pg_roles").fetchall()
            wanted = statements(
                master=plan.master,
                database=plan.database,
                verifiers=plan.verifiers,
                existing=[row[0] for row in found],
            )
            mark = {"wanted": _digest(statements(
                master=plan.master, database=plan.database, verifiers=plan.verifiers,
                existing=[role.name for role in ROLES],
            ))}  # fmt: skip
            if _read(layout) == mark | {"found": _fingerprint(session)}:
                return False
            with session.transaction():
                for statement in wanted:
                    session.execute(statement.encode())
            write(layout.roles_mark, json.dumps(mark | {"found": _fingerprint(session)}))
            return True
    except psycopg.Error as error:
        raise DataPlaneError(
            f"The master {plan.master} could not make the roles: {str(error).strip().splitlines()[0]}. What RDS would "
            f"refuse is refused here: look at blueprint/roles.py."
        ) from error


def _fingerprint(session: Connection) -> str:
    row = session.execute(
        FINGERPRINT.encode(), {"roles": [role.name for role in ROLES], "schemas": list(SCHEMAS)}
    ).fetchone()
    assert row is not None
    return str(row[0])


def _digest(lines: list[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _read(layout: Layout) -> object:
    try:
        return json.loads(layout.roles_mark.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
