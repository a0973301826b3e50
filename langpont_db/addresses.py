"""Database URLs: host, port, user and TLS mode, parsed and checked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from langpont_db.passwords import Hidden

SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
PORT = 5432
CERTIFICATES = Path(__file__).with_name("certificates")
REGION = "ap-northeast-1"  # of a server whose name does not say its own
_RDS = re.compile(r".+\.([a-z]{2}(?:-[a-z]+)+-[0-9])\.rds\.amazonaws\.com")


def bundle(region: str = REGION) -> Path:
    """The packaged root certificates of RDS in a region, under the name that AWS publishes them by."""
    return CERTIFICATES / f"{region}-bundle.pem"


_FORM = "postgresql://user:password@host:port/database"
_CA_FILE = "Give sslrootcert, or newer certificates with the package"
_QUOTE = "In the password percent-encode all but letters, digits and - . _ ~ (@ is %40, / is %2F, % is %25)"
_WEAKER = {
    "require": "require encrypts and verifies nothing: whoever answers gets the password",
    "prefer": "prefer goes on without TLS if the server says so, and verifies nothing",
    "allow": "allow goes on without TLS if the server says so, and verifies nothing",
    "verify-ca": "verify-ca takes the certificate of any RDS instance for this one's",
}


@dataclass(frozen=True, kw_only=True)
class Address:
    """One database on one server. `ca_file`: root certificates for sslmode=verify-full; None goes without TLS.

    A host that begins with / is the folder of a Unix socket.
    """

    user: str
    host: str
    port: int
    database: str
    ca_file: str | None
    application_name: str | None = None

    def __str__(self) -> str:
        return f"{self.host}:{self.port}/{self.database}"

    def parameters(self) -> dict[str, str | int]:
        """Connection parameters of libpq, without a password."""
        found: dict[str, str | int] = {
            "user": self.user,
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
            "gssencmode": "disable",  # asks the server a question that RDS and PgBouncer always answer with no
        }
        if self.ca_file is None:
            found["sslmode"] = "disable"
        else:
            found |= {"sslmode": "verify-full", "sslrootcert": self.ca_file}
        if self.application_name is not None:
            found["application_name"] = self.application_name
        return found


class UrlRefused(ValueError):
    """A refused database URL. The text says why and never quotes the URL: parts of a password may be anywhere."""


def parse(text: str, *, ca_file: str | None) -> tuple[Address, Hidden | None]:
    """Parse a database URL into its address, and its password if it has one.

    The URL's options are `sslmode`, `sslrootcert`, `application_name`, and `host` for a Unix socket. TLS is
    `verify-full` unless it says `disable`, which is for this machine only. `ca_file` is for a URL without
    `sslrootcert`; None is the packaged bundle of the host's region. Raises `UrlRefused`.
    """
    try:
        url = make_url(text.strip())
    except (ArgumentError, ValueError):
        raise UrlRefused(f"is no URL of the form {_FORM}. {_QUOTE}.") from None
    if url.drivername not in SCHEMES:
        raise UrlRefused(f"begins with none of {', '.join(f'{s}://' for s in SCHEMES)}. Write postgresql://.")
    options = _options(url.query)
    host, database = url.host or options.get("host"), url.database
    if not url.username or not host or not database:
        lacks = [n for n, v in (("user", url.username), ("host", host), ("database", database)) if not v]
        raise UrlRefused(f"names no {' and no '.join(lacks)}. Write {_FORM}. {_QUOTE}.")
    socket = host.startswith("/")
    if not (socket or re.fullmatch(r"[\w.:%-]+", host)) or re.search(r"[/@?#]", database) or _unquoted(text):
        raise UrlRefused(f"is no URL of the form {_FORM}. {_QUOTE}.")
    tls = _tls(options.get("sslmode"), host, socket)
    address = Address(
        user=url.username,
        host=host,
        port=url.port or PORT,
        database=database,
        ca_file=(options.get("sslrootcert") or ca_file or _packaged(host)) if tls else None,
        application_name=options.get("application_name"),
    )
    return address, Hidden(str(url.password)) if url.password else None


def _packaged(host: str) -> str:
    named = _RDS.fullmatch(host.lower())
    path = bundle(named[1]) if named else bundle()
    if not path.is_file():
        raise UrlRefused(f"is in {path.name.removesuffix('-bundle.pem')}, whose certificates are not here. {_CA_FILE}.")
    return str(path)


def _options(query: Mapping[str, tuple[str, ...] | str]) -> dict[str, str]:
    known = ("application_name", "host", "sslmode", "sslrootcert")
    unknown = [name for name in query if name not in known]
    if unknown:
        raise UrlRefused(f"has options other than {', '.join(known)}. Leave them out: the library sets what is needed.")
    return {name: value if isinstance(value, str) else value[-1] for name, value in query.items()}


def _unquoted(text: str) -> bool:
    """Whether a % begins no percent-encoded byte, as in a password that nobody encoded."""
    return re.search(r"%(?![0-9A-Fa-f]{2})", text) is not None


def _tls(sslmode: str | None, host: str, socket: bool) -> bool:
    if sslmode in _WEAKER:
        raise UrlRefused(
            f"says sslmode={sslmode}. {_WEAKER[sslmode]}. Leave it out: verify-full is the default, with the packaged "
            f"RDS certificates or those of DATABASE_CA_FILE."
        )
    if sslmode not in (None, "disable", "verify-full"):
        raise UrlRefused("has an sslmode that libpq does not know. Leave it out: verify-full is the default.")
    if socket:
        return False  # nobody speaks TLS over a Unix socket
    if sslmode == "disable" and not _loopback(host):
        raise UrlRefused(
            f"says sslmode=disable, and {host} is another machine: password and data would be sent in the clear. Leave "
            f"it out, or go through the PgBouncer on this machine."
        )
    return sslmode != "disable"


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
