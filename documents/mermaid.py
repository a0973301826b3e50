"""Mermaid flowcharts, built so that no label or id can break the chart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

_KEYWORDS = {"end", "graph", "flowchart", "subgraph", "style", "class", "click", "default"}


class Flow:
    """A flowchart. Nodes come before their edges; an edge to an unknown node raises AssertionError."""

    def __init__(self, direction: str) -> None:
        self._lines = [f"flowchart {direction}"]
        self._known: set[str] = set()
        self._depth = 1

    def node(self, name: str, *label: str, store: bool = False) -> None:
        """Add a node with lines of text; `store`: the cylinder of what keeps data."""
        shape = f"[({_text(label)})]" if store else f"[{_text(label)}]"
        self._line(f"{self._declared(name)}{shape}")

    @contextmanager
    def group(self, name: str, *label: str) -> Iterator[None]:
        """Add a subgraph around the nodes that are added inside the block."""
        self._line(f"subgraph {self._declared(name)}[{_text(label)}]")
        self._depth += 1
        yield
        self._depth -= 1
        self._line("end")

    def edge(self, start: str, end: str, *label: str, dotted: bool = False) -> None:
        """Add an arrow. `dotted`: replication or another flow beside the data path."""
        for name in (start, end):
            assert _id(name) in self._known, f"no node {name}"
        arrow = "-.->" if dotted else "-->"
        self._line(f"{_id(start)} {arrow}{f'|{_text(label)}|' if label else ''} {_id(end)}")

    def text(self) -> str:
        """The chart as a fenced block."""
        return "\n".join(["```mermaid", *self._lines, "```"])

    def _line(self, text: str) -> None:
        self._lines.append(f"{'  ' * self._depth}{text}")

    def _declared(self, name: str) -> str:
        assert _id(name) not in self._known, f"a second node {name}"
        self._known.add(_id(name))
        return _id(name)


def _id(name: str) -> str:
    id_ = re.sub(r"\W", "_", name)
    return f"{id_}_" if id_.lower() in _KEYWORDS else id_


def _text(lines: tuple[str, ...]) -> str:
    """A quoted label, in which only a quote has a meaning."""
    return '"' + "<br/>".join(lines).replace('"', "#quot;") + '"'
