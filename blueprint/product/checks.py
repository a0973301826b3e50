"""What several rules of the product file ask."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from blueprint import names
from blueprint.problems import Problem, Refused


def checked(field: str, value: str, *checks: Callable[[str], None]) -> Iterator[Problem]:
    """The first refusal of a value."""
    for one in checks:
        try:
            one(value)
        except Refused as refusal:
            yield refusal.problem(field, value)
            return


def twice(field: str, values: Iterable[str]) -> Iterator[Problem]:
    """What stands more than once."""
    for value, count in Counter(values).items():
        if count > 1:
            yield Problem(field=field, value=value, rule=f"stands {count} times", way_out="Keep one of them")


def word(example: str) -> Callable[[str], None]:
    """A check for a name in PostgreSQL, as an application's SQL writes it without quotes."""

    def check_word(name: str) -> None:
        way_out = f"Write it like {example}"
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise Refused("is not a lower-case letter followed by lower-case letters, digits and underscores", way_out)
        if len(name) > names.ROLE_NAME_LENGTH:
            raise Refused(f"has {len(name)} characters, and PostgreSQL takes {names.ROLE_NAME_LENGTH}", "Shorten it")
        if name.startswith("pg_"):
            raise Refused("begins with pg_, which PostgreSQL keeps for itself", way_out)
        if name in names.RESERVED_WORDS:
            raise Refused("is a reserved word of PostgreSQL 16", way_out)

    return check_word
