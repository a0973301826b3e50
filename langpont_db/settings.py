"""Settings of an application from environment variables, typed and checked: all problems in one report."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from langpont_db.addresses import Address, UrlRefused, parse
from langpont_db.errors import SettingsRefused
from langpont_db.passwords import FixedPassword, Password, SecretPassword

Purpose = Literal["reads", "analytics"]
PURPOSES: Final[tuple[Purpose, ...]] = ("reads", "analytics")

PRIMARY_URL = "DATABASE_PRIMARY_URL"
MIGRATION_URL = "DATABASE_MIGRATION_URL"
REPLICA_URLS: Final[Mapping[Purpose, str]] = MappingProxyType(
    {"reads": "DATABASE_REPLICA_URLS", "analytics": "DATABASE_ANALYTICS_REPLICA_URLS"}
)
PRIMARY_SECRET, REPLICA_SECRET = "DATABASE_PRIMARY_SECRET_ARN", "DATABASE_REPLICA_SECRET_ARN"
MIGRATION_SECRET = "DATABASE_MIGRATION_SECRET_ARN"
MIGRATION_ROLE, OWNER = "DATABASE_MIGRATION_ROLE", "langpont_owner"  # whom a migration becomes, and where none is named
CA_FILE, REGION = "DATABASE_CA_FILE", "AWS_REGION"

# The names that the design document had beside each other (E51), in the order in which they are looked for.
OLD_NAMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        PRIMARY_URL: ("DATABASE_MASTER_URL", "RDS_MASTER_URL", "RDS_DATABASE_URL"),
        REPLICA_URLS["reads"]: ("DATABASE_SLAVE_URL", "RDS_REPLICA_URL"),
    }
)

# Pools of the environment with the design document's values, whole numbers.
NUMBERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "DATABASE_PRIMARY_POOL_SIZE": 20,
        "DATABASE_PRIMARY_MAX_OVERFLOW": 30,
        "DATABASE_REPLICA_POOL_SIZE": 15,
        "DATABASE_REPLICA_MAX_OVERFLOW": 25,
        "DATABASE_POOL_TIMEOUT_SECONDS": 30,
        "DATABASE_POOL_RECYCLE_SECONDS": 3600,
    }
)

# Deadlines and limits of the environment: seconds, or bytes; the fields of `Timeouts` and `Limit` that they set.
SECONDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "DATABASE_CONNECT_TIMEOUT_SECONDS": "connect",
        "DATABASE_STATEMENT_TIMEOUT_SECONDS": "statement",
        "DATABASE_READ_TIMEOUT_SECONDS": "read",
        "DATABASE_REPORT_TIMEOUT_SECONDS": "report",
        "DATABASE_POSITION_TIMEOUT_SECONDS": "position",
        "DATABASE_SECRET_TIMEOUT_SECONDS": "secret",
        "DATABASE_ANSWER_TIMEOUT_SECONDS": "answer",
        "DATABASE_CHECK_INTERVAL_SECONDS": "check",
    }
)
LAG_SECONDS, LAG_BYTES = "DATABASE_REPLICA_MAX_LAG_SECONDS", "DATABASE_REPLICA_MAX_LAG_BYTES"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One database address and the password of its user."""

    address: Address
    password: Password


@dataclass(frozen=True, kw_only=True)
class Pool:
    """SQLAlchemy's pool_size and max_overflow of one engine: connections that it keeps, and opens beside them."""

    size: int
    max_overflow: int


@dataclass(frozen=True, kw_only=True)
class Timeouts:
    """Deadlines and intervals in seconds. Defaults are the platform's.

    connect: for a TCP connection and a login. statement, read, report: for the answer to one statement of the primary,
    of a replica for reads, of one for analytics; a little over the roles' own statement_timeout (30 and 60 s), whose
    error says more; a report's is given to the server too. position: how long a read waits for a replica to replay
    what it must see. secret: for Secrets Manager. answer: within which a replica begins a transaction, or answers its
    watch; PgBouncer lets a client wait for 120, and opens its reserve after 1. check: the pause between two looks at a
    server. keepalive, user_timeout: after which silence a connection is given up (tcp(7)); without them a lost host is
    noticed after 15 minutes.
    """

    connect: float = 5
    statement: float = 35
    read: float = 65
    report: float = 3600
    position: float = 0.2
    secret: float = 5
    answer: float = 2
    check: float = 1
    keepalive_idle: int = 10
    keepalive_interval: int = 5
    keepalive_count: int = 3
    user_timeout: int = 15


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Replication lag up to which a replica serves reads."""

    lag_bytes: int
    lag_seconds: float


# Seconds: the thresholds of the lag alarms (30 in the design document; an analytics replica may hold replay back for an
# hour, max_standby_streaming_delay). Bytes: what 1,000 transactions of 1 kB a second write in that time.
LIMITS: Final[Mapping[Purpose, Limit]] = MappingProxyType(
    {
        "reads": Limit(lag_bytes=30 * 2**20, lag_seconds=30),
        "analytics": Limit(lag_bytes=3630 * 2**20, lag_seconds=3630),
    }
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a `Database`. Its repr shows no password."""

    primary: Endpoint
    replicas: Mapping[Purpose, tuple[Endpoint, ...]]
    primary_pool: Pool
    replica_pool: Pool
    pool_timeout_seconds: int
    pool_recycle_seconds: int
    timeouts: Timeouts = field(default_factory=Timeouts)
    limits: Mapping[Purpose, Limit] = field(default_factory=lambda: LIMITS)


def read(environ: Mapping[str, str]) -> Settings:
    """Read the settings of an application. Raises `SettingsRefused`; warns of old names with a `DeprecationWarning`."""
    reader = _Reader(environ)
    seconds = {field: reader.seconds(name, getattr(Timeouts(), field)) for name, field in SECONDS.items()}
    reader.secret_seconds = seconds["secret"]
    primary = reader.endpoints(PRIMARY_URL, PRIMARY_SECRET, required=True)
    replicas = {purpose: reader.endpoints(name, REPLICA_SECRET, many=True) for purpose, name in REPLICA_URLS.items()}
    number = {name: reader.number(name, default) for name, default in NUMBERS.items()}
    lag = reader.seconds(LAG_SECONDS, LIMITS["reads"].lag_seconds), reader.number(LAG_BYTES, LIMITS["reads"].lag_bytes)
    reader.finish()
    return Settings(
        primary=primary[0],
        replicas=MappingProxyType(replicas),
        primary_pool=Pool(
            size=number["DATABASE_PRIMARY_POOL_SIZE"], max_overflow=number["DATABASE_PRIMARY_MAX_OVERFLOW"]
        ),
        replica_pool=Pool(
            size=number["DATABASE_REPLICA_POOL_SIZE"], max_overflow=number["DATABASE_REPLICA_MAX_OVERFLOW"]
        ),
        pool_timeout_seconds=number["DATABASE_POOL_TIMEOUT_SECONDS"],
        pool_recycle_seconds=number["DATABASE_POOL_RECYCLE_SECONDS"],
        timeouts=Timeouts(**seconds),  # type: ignore[arg-type]
        limits=MappingProxyType({**LIMITS, "reads": Limit(lag_bytes=lag[1], lag_seconds=lag[0])}),
    )


def read_migration(environ: Mapping[str, str]) -> Endpoint:
    """Read where and as whom a migration logs in. Raises `SettingsRefused`."""
    reader = _Reader(environ)
    found = reader.endpoints(MIGRATION_URL, MIGRATION_SECRET, required=True)
    reader.finish()
    return found[0]


class _Reader:
    """Reads environment variables and collects all problems. An empty variable counts as not set."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._problems: list[str] = []
        self._secrets: dict[str, SecretPassword] = {}
        self.secret_seconds = Timeouts().secret
        self._ca_file = self._get(CA_FILE)
        if self._ca_file is not None and not Path(self._ca_file).is_file():
            self._problems.append(
                f"{CA_FILE} {self._ca_file}: there is no such file. Leave it out for the packaged one."
            )

    def _get(self, name: str) -> str | None:
        return self._environ.get(name, "").strip() or None

    def finish(self) -> None:
        """Raises `SettingsRefused` if anything was wrong."""
        if self._problems:
            raise SettingsRefused("Environment", self._problems)

    def number(self, name: str, default: int) -> int:
        """A whole number, at least 1 but for an overflow, which may be 0."""
        text = self._get(name)
        if text is None:
            return default
        least = 0 if name.endswith("OVERFLOW") else 1
        if not text.isascii() or not text.isdecimal() or int(text) < least:
            self._problems.append(f"{name} {text!r} is no whole number from {least}. The default is {default}.")
            return default
        return int(text)

    def seconds(self, name: str, default: float) -> float:
        """Seconds, more than none, with a decimal point or without."""
        text = self._get(name)
        if text is None:
            return default
        if not re.fullmatch(r"\d{1,7}(\.\d{1,6})?", text, flags=re.ASCII) or float(text) <= 0:
            self._problems.append(f"{name} {text!r} is no number of seconds above 0. The default is {default:g}.")
            return default
        return float(text)

    def endpoints(
        self, name: str, secret_name: str, *, many: bool = False, required: bool = False
    ) -> tuple[Endpoint, ...]:
        """The URL, or the comma-separated URLs, of a variable."""
        name, text = self._named(name)
        if text is None:
            if required:
                self._problems.append(f"{name} is not set. python -m ops outputs env prints it.")
            return ()
        urls = [url.strip() for url in text.split(",") if url.strip()] if many else [text]
        found = []
        for position, url in enumerate(urls, 1):
            which = f"{name} (URL {position} of {len(urls)})" if len(urls) > 1 else name
            try:
                address, hidden = parse(url, ca_file=self._ca_file)
            except UrlRefused as refused:
                self._problems.append(f"{which} {refused}")
                continue
            password: Password | None = FixedPassword(hidden) if hidden else self._secret(secret_name)
            if password is None:
                self._problems.append(f"{which} holds no password and {secret_name} is not set. Set one of them.")
            else:
                found.append(Endpoint(address=address, password=password))
        return tuple(found)

    def _named(self, name: str) -> tuple[str, str | None]:
        """The variable's value, or that of its old names, and the name that it was found under."""
        text = self._get(name)
        used = name
        for old in OLD_NAMES.get(name, ()):
            value = self._get(old)
            if value is None:
                continue
            if text is None:
                text, used = value, old
                _warn(f"{old} is an old name. Rename it to {name}.")
            else:
                _warn(f"{old} is an old name and not read: {used} is set. Remove it.")
        return used, text

    def _secret(self, name: str) -> SecretPassword | None:
        arn = self._get(name)
        if arn is None:
            return None
        # One for all replicas: they have one password, and it is read once.
        return self._secrets.setdefault(arn, SecretPassword(arn, self._get(REGION), self.secret_seconds))


def _warn(text: str) -> None:
    # The line that called `Database.from_env`: _warn, _named, endpoints, read, from_env are in between.
    warnings.warn(text, DeprecationWarning, stacklevel=6)
