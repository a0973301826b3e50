"""CloudWatch composite alarms: rule expressions, and actions that a suppressor holds back.

After the CloudWatch user guide: "Create a composite alarm" and "Suppressing composite alarm actions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from documents.backtest.evaluation import State

_TOKEN: Final = re.compile(r'\s*(?:(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*("[^"]+"|[^\s"()]+)\s*\)|(\w+)|([()]))')


class _Child(NamedTuple):
    state: State
    name: str

    def __str__(self) -> str:
        return f"{self.state.value}({self.name})"


_Token = _Child | str
_Rule = Callable[[Mapping[str, State]], bool]


class RuleRefused(ValueError):
    """A rule that CloudWatch would not take; the message says why."""


def rule(text: str) -> _Rule:
    """Whether the rule holds of these states, by name. Raises `RuleRefused` for what is no rule."""
    tokens = _tokens(text)
    found = _any(tokens, text)
    if tokens:
        raise RuleRefused(f"{text!r}: {tokens[0]} is left over.")
    return found


def states(of: _Rule, children: Mapping[str, Sequence[State]]) -> list[State]:
    """State of the composite alarm in each step. Its rule decides between ALARM and OK alone."""
    known: dict[tuple[State, ...], State] = {}
    found = []
    for step in zip(*children.values(), strict=True):
        if step not in known:
            known[step] = State.ALARM if of(dict(zip(children, step, strict=True))) else State.OK
        found.append(known[step])
    return found


def actions(
    composite: Sequence[State], suppressor: Sequence[State] | None = None, *, wait: int = 0, extension: int = 0
) -> list[tuple[int, State]]:
    """Steps in which the alarm takes actions, and for which state. `wait` and `extension` are counted in steps.

    While the suppressor is in ALARM it takes none. A change while it is not starts the wait period; when the suppressor
    leaves ALARM with a change untold, the extension period starts; a change within either starts the wait period anew.
    What is told at the end is the state of then.
    """
    found = []
    due: int | None = None  # when the period under way ends
    untold = False
    for step in range(1, len(composite)):
        suppressed = suppressor is not None and suppressor[step] is State.ALARM
        released = suppressor is not None and not suppressed and suppressor[step - 1] is State.ALARM
        if composite[step] is not composite[step - 1]:
            untold = True
            due = step + (wait if suppressor is not None else 0)
        elif released:
            due = step + extension
        if suppressed:
            due = None
        elif untold and due is not None and step >= due:
            found.append((step, composite[step]))
            untold, due = False, None
    return found


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at, text = 0, text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or (match[3] and match[3] not in ("AND", "OR", "NOT", "TRUE", "FALSE")):
            raise RuleRefused(f"{text!r}: {text[at:].strip().split()[0]} is no part of a rule.")
        found.append(_Child(State(match[1]), match[2].strip('"')) if match[1] else match[3] or match[4])
        at = match.end()
    return found


def _any(tokens: list[_Token], text: str) -> _Rule:
    parts = [_all(tokens, text)]
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        parts.append(_all(tokens, text))
    return lambda now: any(part(now) for part in parts)


def _all(tokens: list[_Token], text: str) -> _Rule:
    parts = [_not(tokens, text)]
    while tokens and tokens[0] == "AND":
        tokens.pop(0)
        parts.append(_not(tokens, text))
    return lambda now: all(part(now) for part in parts)


def _not(tokens: list[_Token], text: str) -> _Rule:
    if not tokens:
        raise RuleRefused(f"{text!r}: ends before it says which alarm.")
    token = tokens.pop(0)
    if token == "NOT":
        inner = _not(tokens, text)
        return lambda now: not inner(now)
    if token == "(":
        inner = _any(tokens, text)
        if not tokens or tokens.pop(0) != ")":
            raise RuleRefused(f"{text!r}: a bracket is not closed.")
        return inner
    if token in ("TRUE", "FALSE"):
        return lambda _: token == "TRUE"
    if isinstance(token, _Child):
        wanted, name = token

        def holds(now: Mapping[str, State]) -> bool:
            if name not in now:
                raise RuleRefused(f"{text!r}: there is no alarm {name}.")
            return now[name] is wanted

        return holds
    raise RuleRefused(f"{text!r}: {token} stands where an alarm is wanted.")
