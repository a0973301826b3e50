"""Both logins of each role whose password is rotated, read from the roles' secrets: the user list that a host makes.

The pooler's secret names the roles. Their passwords change without a `pulumi up`, so the list that it publishes has but
the first ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from langpont_db.pgbouncer.console import Console
from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.published import USER_LIST
from langpont_db.pgbouncer.stack import Stack

ROLES = "rotated"
CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"


@dataclass(frozen=True, kw_only=True)
class Rotated:
    """Logins of rotated roles. role: whose a login is. passwords: those that are known, by login. verifiers: by login.

    written: by role, when the version of its secret was written that they are of, in seconds since 1970. former: by
    role, the login that its secret does not name, which it has only once it was rotated. pending: roles in rotation.
    """

    role: Mapping[str, str]
    passwords: Mapping[str, str] = field(repr=False)
    verifiers: Mapping[str, str] = field(repr=False)
    written: Mapping[str, float]
    former: Mapping[str, str]
    pending: Collection[str]

    def user_list(self, published: str) -> str:
        """A published user list with these logins in the place of their roles."""
        roles = set(self.written)
        kept = [line for line in published.splitlines() if line.partition('" "')[0].lstrip('"') not in roles]
        own = [f'"{login}" "{verifier}"' for login, verifier in self.verifiers.items()]
        return "".join(f"{line}\n" for line in sorted([*kept, *own]))

    def left(self, proven: Mapping[str, float]) -> list[str]:
        """Logins that clients leave, and whose password is changed next. `proven`: as `written`, of PgBouncer.

        In a rotation that is proven the login has its new password, and clients come to it.
        """
        return [
            login
            for role, login in self.former.items()
            if role not in self.pending or proven.get(role) != self.written[role]
        ]


def read(stack: Stack, pooler: Mapping[str, Any]) -> Rotated:
    """Read what the pooler's secret says is rotated; empty where nothing is. Raises `HostError`.

    While a rotation is under way the pending version counts, so that the new login is let through before anybody uses
    it.
    """
    role_of: dict[str, str] = {}
    passwords: dict[str, str] = {}
    verifiers: dict[str, str] = {}
    written: dict[str, float] = {}
    former: dict[str, str] = {}
    pending_roles = set()
    for role in pooler.get(ROLES) or ():
        if role not in stack.secret_arns:
            raise HostError(f"{role} is rotated, and the output secretArns has it not. Install newer outputs.")
        arn = stack.secret_arns[role]
        current, at = stack.version(arn, CURRENT) or ({}, 0.0)
        pending = stack.version(arn, PENDING)
        newest = current
        if pending is not None and current.get("username") in _verifiers(pending[0]):
            newest, at = pending
            pending_roles.add(role)
        own = _verifiers(newest) or {newest.get("username"): newest.get("verifier")}
        if not all(isinstance(text, str) for pair in own.items() for text in pair):
            raise HostError(f"{arn} has no verifier for PgBouncer. Publish it anew: pulumi up.")
        for document in (current, newest):
            login, password = document.get("username"), document.get("password")
            if not isinstance(login, str) or not isinstance(password, str):
                raise HostError(f"{arn} has no username, or no password. Publish it anew: pulumi up.")
            passwords[login] = password
        role_of |= dict.fromkeys(own, role)
        verifiers |= own
        written[role] = at
        for login in own:
            if login != current["username"]:
                former[role] = login
    return Rotated(
        role=role_of, passwords=passwords, verifiers=verifiers, written=written, former=former, pending=pending_roles
    )


def close_left(console: Console, logins: Collection[str]) -> list[str]:
    """Close server connections of logins that no client uses any more (RECONNECT); the entries, with who left.

    With min_pool_size PgBouncer keeps them until their lifetime is over, an hour, and a rotation refuses to change the
    password of a login that is in use. RECONNECT knows entries and no logins: connections of others there are replaced
    as well, each once nobody uses it, which no client sees.
    """
    unused: dict[str, list[str]] = {}
    for pool in console.pools():
        clients, servers = (sum(pool[name] for name in pool if name.startswith(kind)) for kind in ("cl_", "sv_"))
        if pool["user"] in logins and servers and not clients:
            unused.setdefault(pool["database"], []).append(pool["user"])
    for entry in unused:
        console.rows(f'RECONNECT "{entry}"')
    return [f"{entry} (left by {', '.join(sorted(users))})" for entry, users in sorted(unused.items())]


def _verifiers(document: Mapping[str, Any]) -> dict[Any, Any]:
    """By login, those that a rotation has written; empty where none has, or what stands there is none."""
    found = document.get("verifiers")
    return found if isinstance(found, dict) else {}


def with_list(pooler: Mapping[str, Any], rotated: Rotated) -> Mapping[str, Any]:
    """The pooler's document with the user list as it is now."""
    published = pooler.get(USER_LIST)
    if not rotated.written or not isinstance(published, str):
        return pooler
    return {**pooler, USER_LIST: rotated.user_list(published)}
