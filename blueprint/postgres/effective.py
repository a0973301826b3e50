"""What an instance ends up with: formulas resolved by its memory, defaults of RDS, and words for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from blueprint.postgres.catalogue import catalogue
from blueprint.postgres.compile import CompiledParameter
from blueprint.postgres.formulas import resolve
from blueprint.postgres.parameter import Kind
from blueprint.postgres.parsing import readable, rounded
from blueprint.postgres.version import MAJOR

# hot_standby.html, "Administrator's Overview": a standby with less does not start. PostgreSQL's defaults.
STANDBY_SETTINGS: Mapping[str, int] = {
    "max_connections": 100,
    "max_worker_processes": 8,
    "max_wal_senders": 10,
    "max_prepared_transactions": 0,
    "max_locks_per_transaction": 64,
}


def effective(
    name: str, compiled: Iterable[CompiledParameter], *, class_memory_bytes: int, major: int = MAJOR
) -> int | float | str:
    """What an instance has for `name`: the compiled value if there is one, else the catalogue's default.

    An int in the base unit for sizes, durations and integers (special values such as -1 as they are), a float for
    reals, a bool for booleans, text for the rest. The value of a name outside the catalogue stays as it stands. Raises
    KeyError for a name that is neither compiled nor in the catalogue.
    """
    parameter = catalogue(major).get(name)
    stated = next((item.value for item in compiled if item.name == name), None)
    if parameter is None:
        if stated is None:
            raise KeyError(name)
        return stated
    value = resolve(parameter.default if stated is None else stated, class_memory_bytes=class_memory_bytes)
    match parameter.kind:
        case Kind.MEMORY | Kind.DURATION | Kind.INTEGER:
            return int(value)
        case Kind.REAL:
            return float(value)
        case Kind.BOOLEAN:
            return value == "1"
        case _:
            return value


def effective_integer(
    name: str, compiled: Iterable[CompiledParameter], *, class_memory_bytes: int, major: int = MAJOR
) -> int:
    """`effective` for sizes, durations and integers of the catalogue; raises TypeError for any other parameter."""
    value = effective(name, compiled, class_memory_bytes=class_memory_bytes, major=major)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is not an integer parameter")
    return value


def bytes_of(name: str, base_value: int) -> int:
    """Bytes in `base_value` units of a memory parameter.

    Raises TypeError if the parameter is no size, and ValueError for a special value below 0, which is no amount.
    """
    parameter = catalogue(MAJOR)[name]
    if parameter.kind is not Kind.MEMORY:
        raise TypeError(f"{name} is not a size")
    if base_value < 0:
        raise ValueError(f"{name} = {base_value} is no amount of bytes")
    return base_value * parameter.base_amount


def display(compiled: CompiledParameter, class_memory_bytes: int) -> str:
    """One line for people: "131072 x 8 kB = 1 GiB", "600 s = 10 min", "1 = on"; a formula with about what it comes to.

    Amounts that are not round are given to one decimal, with "about".
    """
    parameter = compiled.parameter
    if parameter is None:
        return compiled.value
    resolved = resolve(compiled.value, class_memory_bytes=class_memory_bytes)
    if parameter.kind is Kind.BOOLEAN:
        return "1 = on" if resolved == "1" else "0 = off"
    if resolved != compiled.value:
        return f"{compiled.value}, about {rounded(parameter, int(resolved))}"
    if parameter.kind in (Kind.MEMORY, Kind.DURATION, Kind.INTEGER):
        return readable(parameter, int(resolved))
    return resolved
