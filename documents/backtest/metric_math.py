"""CloudWatch metric math as alarms use it, after the user guide's "Using math expressions with CloudWatch metrics".

A value is a number, a time series (a list with None for a missing point), or a tuple of series. Known are the
operators, IF, RATE, FILL, METRICS, ABS, CEIL, FLOOR, HOUR, MINUTE, DAY, and SUM, AVG, MIN, MAX over several series.
Over one series these are numbers that AWS advises against in alarms: they change with the number of points that happens
to be retrieved.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DAY_MINUTES: Final = 24 * 60
WEEK_MINUTES: Final = 7 * DAY_MINUTES

Points = list[float | None]
Value = float | Points | tuple[Points, ...]
Binary = Callable[[float, float], float]

_TOKEN: Final = re.compile(
    r'\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>"[^"]*")|(?P<name>[A-Za-z_]\w*)'
    r"|(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/^<>(),\[\]]))"
)


class ExpressionRefused(ValueError):
    """An expression that is no metric math, or none of what is known here; the message says where and why."""


def _holds(compare: Callable[[float, float], bool]) -> Binary:
    return lambda one, other: float(compare(one, other))


# By how strongly they bind, the weakest first.
_LEVELS: Final[Sequence[Mapping[str, Binary]]] = (
    {sign: _holds(lambda one, other: one != 0 or other != 0) for sign in ("OR", "||")},
    {sign: _holds(lambda one, other: one != 0 and other != 0) for sign in ("AND", "&&")},
    {
        "==": _holds(operator.eq), "!=": _holds(operator.ne), "<=": _holds(operator.le),
        ">=": _holds(operator.ge), "<": _holds(operator.lt), ">": _holds(operator.gt),
    },
    {"+": operator.add, "-": operator.sub},
    {"*": operator.mul, "/": operator.truediv},
    {"^": operator.pow},
)  # fmt: skip


def _each(apply: Binary, one: Value, other: Value) -> Value:
    """An operator over numbers and series. A point that only one series lacks is 0; a division by zero has no point."""
    if isinstance(one, tuple):
        return tuple(_series(_each(apply, each, other)) for each in one)
    if isinstance(other, tuple):
        return tuple(_series(_each(apply, one, each)) for each in other)
    if not isinstance(one, list) and not isinstance(other, list):
        return apply(one, other)
    length = len(one) if isinstance(one, list) else len(_series(other))
    return [_point(apply, one, other, at) for at in range(length)]


def _point(apply: Binary, one: Value, other: Value, at: int) -> float | None:
    if all(_at(each, at) is None for each in (one, other) if isinstance(each, list)):
        return None
    try:
        return float(apply(_at(one, at) or 0.0, _at(other, at) or 0.0))
    except ZeroDivisionError:
        return None


def _at(value: Value, at: int) -> float | None:
    """A number, or the point of a series there."""
    if isinstance(value, tuple):
        raise ExpressionRefused("an array stands where CloudWatch wants a number or one time series")
    return value[at] if isinstance(value, list) else value


def _series(value: Value) -> Points:
    if not isinstance(value, list):
        raise ExpressionRefused("a number or an array stands where CloudWatch wants one time series")
    return value


@dataclass(frozen=True, kw_only=True)
class _Scope:
    """What an expression is evaluated over: series by id, all of one length, points `period` seconds apart.

    `start`: when the first point's period begins, as a minute of the week in UTC.
    """

    terms: Mapping[str, Sequence[float | None]]
    period: int
    length: int
    start: int

    def clock(self, of: Callable[[int], int]) -> Points:
        """What the clock shows at each point: a series without gaps, whatever the metric has."""
        minutes = self.period // 60
        return [float(of((self.start + at * minutes) % WEEK_MINUTES)) for at in range(self.length)]


_Node = Callable[[_Scope], Value]


class Expression:
    """A parsed expression. Raises `ExpressionRefused` for what is none."""

    def __init__(self, text: str) -> None:
        self._text, self._tokens, self._at = text, _tokens(text), 0
        self._root = self._binary(0)
        if self._at < len(self._tokens):
            raise self._refused(f"{self._tokens[self._at]} is left over")

    def series(self, terms: Mapping[str, Sequence[float | None]], period_seconds: int, start: int = 0) -> Points:
        """The time series that it makes of these. `start`: the minute of the week at which the first period begins.

        Raises `ExpressionRefused` where it is none, or a term is unknown.
        """
        length = len(next(iter(terms.values()))) if terms else 0
        return _series(self._root(_Scope(terms=terms, period=period_seconds, length=length, start=start)))

    def _refused(self, why: str) -> ExpressionRefused:
        return ExpressionRefused(f"{self._text!r}: {why}.")

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, expected: str = "") -> str:
        token = self._peek()
        if not token or (expected and token != expected):
            raise self._refused(f"{expected or 'a value'} is missing after {' '.join(self._tokens[: self._at])}")
        self._at += 1
        return token

    def _binary(self, level: int) -> _Node:
        if level == len(_LEVELS):
            return self._unary()
        node = self._binary(level + 1)
        while self._peek() in _LEVELS[level]:
            node = _combined(_LEVELS[level][self._take()], node, self._binary(level + 1))
        return node

    def _unary(self) -> _Node:
        if self._peek() != "-":
            return self._atom()
        self._take()
        inner = self._unary()
        return lambda scope: _each(operator.mul, -1.0, inner(scope))

    def _atom(self) -> _Node:
        token = self._take()
        if token == "(":
            node = self._binary(0)
            self._take(")")
            return node
        if token == "[":
            parts = self._list("]")
            return lambda scope: tuple(_series(part(scope)) for part in parts)
        if token[0].isdigit():
            number = float(token)
            return lambda _: number
        if token[0] == '"':
            raise self._refused(f"{token} is text, which METRICS alone takes")
        if self._peek() == "(":
            return self._call(token)
        return self._term(token)

    def _term(self, name: str) -> _Node:
        def read(scope: _Scope) -> Value:
            if name not in scope.terms:
                raise self._refused(f"{name} is neither a term nor a function that is known here")
            return list(scope.terms[name])

        return read

    def _list(self, end: str) -> list[_Node]:
        parts: list[_Node] = []
        while self._peek() != end:
            parts.append(self._binary(0))
            if self._peek() != end:
                self._take(",")
        self._take(end)
        return parts

    def _call(self, name: str) -> _Node:
        self._take("(")
        if name == "METRICS":
            wanted = self._take().strip('"') if self._peek().startswith('"') else ""
            self._take(")")
            return lambda scope: tuple(list(values) for id_, values in scope.terms.items() if wanted in id_)
        if name == "FILL":
            return self._fill()
        arguments = self._list(")")
        if name == "IF" and len(arguments) in (2, 3):
            return lambda scope: _if(scope, *(argument(scope) for argument in arguments))
        if name == "RATE" and len(arguments) == 1:
            return lambda scope: _mapped(lambda series: _rate(series, scope.period), arguments[0](scope))
        if name in _CLOCK and len(arguments) == 1:
            return lambda scope: _mapped(lambda _: scope.clock(_CLOCK[name]), arguments[0](scope))
        if name in _ROUNDED and len(arguments) == 1:
            return lambda scope: _mapped(
                lambda series: [None if value is None else _ROUNDED[name](value) for value in series],
                arguments[0](scope),
            )
        if name in _OVER and len(arguments) == 1:
            return lambda scope: self._over(name, arguments[0](scope))
        raise self._refused(f"{name} with {len(arguments)} arguments is no function that is known here")

    def _fill(self) -> _Node:
        series = self._binary(0)
        self._take(",")
        if self._peek() in ("REPEAT", "LINEAR"):
            if self._take() == "LINEAR":
                raise self._refused("FILL with LINEAR is not known here")
            self._take(")")
            return lambda scope: _mapped(_repeated, series(scope))
        filler = self._binary(0)
        self._take(")")
        return lambda scope: _mapped(lambda points: _filled(points, filler(scope)), series(scope))

    def _over(self, name: str, value: Value) -> Value:
        if not isinstance(value, tuple):
            raise self._refused(
                f"{name} of one series is a number that changes with the points retrieved. "
                f"Use {name} over several series, or a statistic of the metric"
            )
        rows = zip(*value, strict=True)
        return [_OVER[name](row) if any(each is not None for each in row) else None for row in rows]


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ExpressionRefused(f"{text!r}: {text[at:].strip()[0]} is no part of metric math.")
        found.append(match[0].strip())
        at = match.end()
    return found


def _combined(apply: Binary, left: _Node, right: _Node) -> _Node:
    return lambda scope: _each(apply, left(scope), right(scope))


def _mapped(apply: Callable[[Points], Points], value: Value) -> Value:
    return tuple(map(apply, value)) if isinstance(value, tuple) else apply(_series(value))


def _if(scope: _Scope, condition: Value, then: Value, otherwise: Value | None = None) -> Points:
    """By the guide's tables: a true point without a value is 0; a false one without, and a missing one, is dropped."""
    found: Points = []
    for at in range(scope.length):
        holds = _at(condition, at)
        if holds is None:
            found.append(None)
        elif holds:
            found.append(_at(then, at) or 0.0)
        else:
            found.append(None if otherwise is None else _at(otherwise, at))
    return found


def _rate(series: Points, period: int) -> Points:
    found: Points = []
    last: tuple[int, float] | None = None
    for at, value in enumerate(series):
        found.append(None if value is None or last is None else (value - last[1]) / ((at - last[0]) * period))
        last = last if value is None else (at, value)
    return found


def _repeated(series: Points) -> Points:
    found: Points = []
    for value in series:
        found.append(value if value is not None or not found else found[-1])
    return found


def _filled(series: Points, filler: Value) -> Points:
    return [_at(filler, at) if value is None else value for at, value in enumerate(series)]


# Of a minute of the week. DAY is 1 on Mondays.
_CLOCK: Final[Mapping[str, Callable[[int], int]]] = {
    "DAY": lambda minute: minute // DAY_MINUTES + 1,
    "HOUR": lambda minute: minute % DAY_MINUTES // 60,
    "MINUTE": lambda minute: minute % 60,
}
_ROUNDED: Final[Mapping[str, Callable[[float], float]]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
_OVER: Final[Mapping[str, Callable[[Sequence[float | None]], float]]] = {
    "SUM": lambda row: sum(value or 0.0 for value in row),
    "AVG": lambda row: sum(value or 0.0 for value in row) / len(row),
    "MIN": lambda row: min(value for value in row if value is not None),
    "MAX": lambda row: max(value for value in row if value is not None),
}
