"""The JSON of a role's secret, in the shape that AWS's rotation functions and RDS tools read."""

from __future__ import annotations

# Letters and digits, and the four other characters that a URL carries unquoted (RFC 3986, section 2.3). RDS refuses
# / " @ ' and the space; rotation also leaves out : and \. All of this alphabet passes everywhere.
PASSWORD_LENGTH = 32
PASSWORD_SPECIAL = "-._~"
SALT_BYTES = 16  # what PostgreSQL itself uses (SCRAM_DEFAULT_SALT_LEN)


def secret_document(
    *,
    host: str,
    port: int,
    username: str,
    password: str,
    dbname: str,
    instance_identifier: str,
    master_arn: str | None,
    verifier: str | None,
) -> dict[str, str | int]:
    """The secret of one role. `master_arn`: the master's secret, which rotates the others; None for itself.

    `verifier`: the SCRAM verifier that the database gets for a role that logs in through PgBouncer; None for others.
    """
    document: dict[str, str | int] = {
        "engine": "postgres",
        "host": host,
        "port": port,
        "username": username,
        "password": password,
        "dbname": dbname,
        "dbInstanceIdentifier": instance_identifier,
    }
    if master_arn is not None:
        document["masterarn"] = master_arn
    if verifier is not None:
        document["verifier"] = verifier
    return document
