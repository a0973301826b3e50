"""Versions of PgBouncer: those that are refused, and the security reports that each has open.

From PgBouncer's NEWS, the CVE records and the change logs of Debian's packages, read up to 1.26.1 of 2026-10-14.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TypeAlias

Version: TypeAlias = tuple[int, ...]

OLDEST: Version = (1, 18, 0)  # what the published configuration is written for
RECOMMENDED: Version = (1, 26, 1)  # and the newest that was looked at

_LOCKS_OUT = "one wrong password as a role's first after a start or a changed list locks that role out"
# Each was measured or is in PgBouncer's own change log as repaired in the release after it.
REFUSED: Mapping[Version, str] = MappingProxyType(
    {
        (1, 20, 0): "it refuses clients with unknown startup options, although ignore_startup_parameters has options",
        (1, 23, 0): "it may crash after a reload",
        (1, 25, 1): _LOCKS_OUT,
        (1, 25, 2): _LOCKS_OUT,
        (1, 26, 0): "who knows one role's password logs in as any other, which 1.26.1 repairs (CVE-2026-107350)",
    }
)


class Exposed(Enum):
    """Whether a report reaches a PgBouncer with the published configuration."""

    YES = "yes"
    LITTLE = "little"
    NO = "no"


@dataclass(frozen=True, kw_only=True)
class SecurityReport:
    """A CVE: open from version `first` (None: from the first one) until before `fixed`."""

    cve: str
    first: Version | None
    fixed: Version
    exposed: Exposed
    effect: str

    def is_open(self, version: Version) -> bool:
        """Whether PgBouncer's own release of that version has it. A distribution may have patched its package."""
        return (self.first or ()) <= version < self.fixed


def _report(cve: str, first: Version | None, fixed: Version, exposed: Exposed, effect: str) -> SecurityReport:
    return SecurityReport(cve=f"CVE-{cve}", first=first, fixed=fixed, exposed=exposed, effect=effect)


REPORTS: tuple[SecurityReport, ...] = (
    _report("2026-107350", (1, 17, 0), (1, 26, 1), Exposed.YES,
            "one role's password logs in as any other"),
    _report("2026-107349", (1, 20, 0), (1, 26, 1), Exposed.NO,
            "an empty option name makes it spin, unless ignore_startup_parameters has options, as published"),
    _report("2026-107348", (1, 21, 0), (1, 26, 1), Exposed.NO,
            "an endless loop, only with a max_packet_size of 2 GiB and more"),
    _report("2026-19888", (1, 11, 0), (1, 26, 0), Exposed.YES,
            "a crash before login"),
    _report("2026-6668", None, (1, 26, 0), Exposed.YES,
            "a hang before login"),
    _report("2026-6669", None, (1, 26, 0), Exposed.LITTLE,
            "a hostile server demands any number of SCRAM iterations; servers are verified in full"),
    _report("2026-6664", None, (1, 25, 2), Exposed.YES,
            "a crash before login"),
    _report("2026-6665", None, (1, 25, 2), Exposed.LITTLE,
            "a hostile server overflows the stack by a long nonce; servers are verified in full"),
    _report("2026-6666", None, (1, 25, 2), Exposed.LITTLE,
            "an error of a server without SQLSTATE may crash it"),
    _report("2026-6667", (1, 24, 0), (1, 25, 2), Exposed.NO,
            "every user of the console may end clients; the published file names no other user"),
    _report("2025-12819", None, (1, 25, 1), Exposed.NO,
            "SQL of a client that is not logged in, only with auth_user, which is not published"),
    _report("2025-2291", None, (1, 24, 1), Exposed.NO,
            "auth_query ignores an expired password; a list is published instead"),
)  # fmt: skip


def parse(text: str) -> Version | None:
    """The version in what `pgbouncer --version` or SHOW VERSION says; None if it names none."""
    found = re.search(r"PgBouncer (\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else None


def number(version: Version) -> str:
    """A version as people write it."""
    return ".".join(map(str, version))


WAY_OUT = f"Install {number(RECOMMENDED)}, which is recommended; 1.18 and 1.24.1 work too."


def refusal(version: Version) -> str | None:
    """Why a version must not be used, with the way out; None if it may."""
    if version < OLDEST:
        return f"PgBouncer {number(version)} is too old: the published configuration is for 1.18 and newer. {WAY_OUT}"
    if version in REFUSED:
        return f"PgBouncer {number(version)} is refused: {REFUSED[version]}. {WAY_OUT}"
    return None


def lacks(version: Version) -> str | None:
    """Open security reports that reach the published configuration, in words; None if there are none."""
    found = [f"{each.cve} ({each.effect})" for each in _reaching(version)]
    return ", ".join(found) or None


def summary(version: Version) -> str:
    """One line: the version, and the security repairs that it lacks."""
    name = f"PgBouncer {number(version)}"
    if words := lacks(version):
        return (
            f"{name} lacks the repairs of {words}; {number(RECOMMENDED)} has them. A distribution may have patched its "
            f"own package: apt-get changelog pgbouncer"
        )
    if version > RECOMMENDED:
        return f"{name} is newer than {number(RECOMMENDED)}, up to which security reports are known here"
    return f"{name} has no open security report that reaches this set-up"


def _reaching(version: Version) -> Iterable[SecurityReport]:
    return (each for each in REPORTS if each.exposed is Exposed.YES and each.is_open(version))
