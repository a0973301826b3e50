"""Formats sizes, durations and counts for people: 1.5 GiB, 10 min, 12,000."""

from __future__ import annotations

_SIZES = (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))
_SPANS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def size(amount: float) -> str:
    """Bytes in the largest unit that they fill, to one decimal."""
    unit, scale = next(((unit, scale) for unit, scale in _SIZES if amount >= scale), ("B", 1))
    return f"{number(round(amount / scale, 1))} {unit}"


def span(seconds: float) -> str:
    """Seconds in whole units, `1 h 30 s`; below a second in milliseconds."""
    if 0 < seconds < 1:
        return f"{number(round(seconds * 1000, 1))} ms"
    parts, rest = [], round(seconds)
    for unit, scale in _SPANS:
        count, rest = divmod(rest, scale)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts) or "0 s"


def number(value: float) -> str:
    """A number with its thousands apart, and without a fraction of nought."""
    return f"{value:,}".removesuffix(".0")


def amount(value: float, unit: str) -> str:
    """A value of a metric: sizes and seconds in readable units, a percentage as one; of what counts, the number."""
    if unit in ("bytes", "MiB"):
        return size(value * (2**20 if unit == "MiB" else 1))
    if unit == "s":
        return span(value)
    return f"{number(value)} %" if unit == "%" else number(value)


def count(value: int, noun: str, plural: str | None = None) -> str:
    """`1 replica`, `2 replicas`, `2 processes`."""
    return f"{number(value)} {noun if value == 1 else plural or f'{noun}s'}"
