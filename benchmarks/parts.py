"""Parts of a benchmark: each is measured until it was not disturbed, written as it is done, and not measured twice."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import quiet
from benchmarks.quiet import Load

TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part's results. `measured`: when, in UTC. `before`, `during`: how busy the machine was with other things."""

    results: Any
    measured: str
    before: Load
    during: Load

    @property
    def quiet(self) -> bool:
        """Whether nothing disturbed it."""
        return self.before.quiet and self.during.quiet

    def circumstances(self) -> dict[str, Any]:
        """All but the results, for results.json."""
        return {"measured": self.measured, "before": self.before.to_json(), "during": self.during.to_json()}

    @classmethod
    def from_json(cls, results: Any, value: Mapping[str, Any]) -> Part:
        """What `circumstances` made."""
        return cls(
            results=results,
            measured=value["measured"],
            before=Load.from_json(value["before"]),
            during=Load.from_json(value["during"]),
        )


class Progress:
    """Parts that are done, in a file beside the results, so that a run that ends early goes on there.

    `about`: commit, machine and effort; parts of another kind of run do not count.
    """

    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self._path, self.about = path, dict(about)
        self.parts: dict[str, Part] = {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["about"] == self.about:
                self.parts = {name: Part.from_json(it["results"], it) for name, it in found["parts"].items()}
        except (FileNotFoundError, ValueError, LookupError, TypeError):
            pass  # nothing, or of an interrupted write by another version: it is measured anew

    def add(self, name: str, part: Part) -> None:
        """Keep a part, and write all of them."""
        self.parts[name] = part
        parts = {name: {"results": it.results, **it.circumstances()} for name, it in self.parts.items()}
        written = self._path.with_name(f".{self._path.name}")
        written.write_text(json.dumps({"about": self.about, "parts": parts}, indent=2) + "\n", encoding="utf-8")
        os.replace(written, self._path)

    def forget(self) -> None:
        """They are published."""
        self._path.unlink(missing_ok=True)


def measure(progress: Progress, name: str, how: Callable[[], Any], say: Callable[[str], None], *, busy: bool) -> None:
    """Measure a part that is not there, or that was disturbed: again until it is not, at most three times.

    The least disturbed is kept. With `busy` whatever comes out is good enough.
    """
    kept = progress.parts.get(name)
    if kept is not None and (kept.quiet or busy):
        say(f"{name.capitalize()}: done at {kept.measured}")
        return
    for _ in range(TRIES):
        before, first = quiet.before(), quiet.times()
        if not before.quiet:
            say(f"{name.capitalize()}: the machine is busy: {before}")
        results = how()
        part = Part(
            results=results,
            measured=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
            before=before,
            during=quiet.between(first, quiet.times()),
        )
        if kept is None or _disturbance(part) <= _disturbance(kept):
            kept = part
            progress.add(name, part)
        if part.quiet or busy:
            return
        say(f"{name.capitalize()}: disturbed: {part.during}")


def _disturbance(part: Part) -> float:
    return max(it.others_percent + it.stolen_percent for it in (part.before, part.during))
