"""Refuses statements that change the server's session: in transaction pooling it is the next client's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from langpont_db.errors import SessionStateRefused

# Almost every statement has none of these words, and is not looked at any further.
_SUSPECT: Final = re.compile(
    r"\b(?:set|reset|listen|unlisten|prepare|execute|deallocate|load|discard|hold|set_config|pg_(?:try_)?advisory_lock\w*)\b",
    re.IGNORECASE,
)
_NOISE: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|\$(\w*)\$.*?\$\1\$", re.DOTALL)
_NAMES: Final = re.compile(r'"(?:[^"]|"")*"')

# By the first words of a statement: its name, and the way out.
_STATEMENTS: Final = (
    (r"set\s+(?!local\b|transaction\b|constraints\b)", "SET", "SET LOCAL, which ends with the transaction"),
    (r"reset\b", "RESET", "SET LOCAL ... TO DEFAULT"),
    (r"(?:un)?listen\b", "LISTEN", "a connection of its own to the primary itself, past PgBouncer"),
    (r"prepare\s+(?!transaction\b)", "PREPARE", "the statement itself: the driver sends its values apart anyway"),
    (r"(?:execute|deallocate)\b", "EXECUTE", "the statement itself: the driver sends its values apart anyway"),
    (r"load\b", "LOAD", "shared_preload_libraries in the stack file"),
    (r"discard\b", "DISCARD", "nothing: the session is not this client's to clean"),
    (r"declare\b.*\bwith\s+hold\b", "DECLARE ... WITH HOLD", "a cursor that ends with the transaction"),
)
_LOCK: Final = re.compile(r"\bpg_(?:try_)?advisory_lock(?:_shared)?\s*\(", re.IGNORECASE)
_CONFIG: Final = re.compile(r"\bset_config\s*\(", re.IGNORECASE)


def refuse_session_state(sql: str, parameters: Any) -> None:
    """Check what is about to be sent through a pooler. Raises `SessionStateRefused`."""
    if not _SUSPECT.search(sql):
        return
    found = _state_of(sql)
    if found is None and "set_config" in sql.lower() and not _is_local(sql, parameters):
        found = "set_config(..., false)", "set_config(..., true), which ends with the transaction"
    if found is not None:
        raise SessionStateRefused(
            f"{found[0]} changes the server's session, and behind PgBouncer the next transaction of any client may get "
            f"that session. Use {found[1]}."
        )


@lru_cache(maxsize=1024)
def _state_of(sql: str) -> tuple[str, str] | None:
    bare = _NAMES.sub('""', _NOISE.sub(lambda found: " " if found[0][0] in "-/" else "''", sql))
    for statement in bare.split(";"):
        for pattern, name, way_out in _STATEMENTS:
            if re.match(rf"\s*{pattern}", statement, re.IGNORECASE | re.DOTALL):
                return name, way_out
    if _LOCK.search(bare):
        return "A session's advisory lock", "pg_advisory_xact_lock or pg_try_advisory_xact_lock"
    return None


def _is_local(sql: str, parameters: Any) -> bool:
    """Whether the last argument of each set_config is true, written or bound."""
    for call in _CONFIG.finditer(_NOISE.sub(lambda found: found[0].replace(",", "").replace("(", ""), sql)):
        last = _arguments(sql_after=call.string[call.end() :])[-1].strip().partition("::")[0]
        bound = re.fullmatch(r"%\((.+)\)s", last)
        if bound is not None and isinstance(parameters, Mapping):
            if parameters.get(bound[1]) is not True:
                return False
        elif last.lower() not in ("true", "'t'", "'true'", "'on'"):
            return False
    return True


def _arguments(sql_after: str) -> list[str]:
    """The arguments of a call, from what comes after its parenthesis."""
    found, depth = [""], 0
    for character in sql_after:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            break
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return found
