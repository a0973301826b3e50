"""What an operation does to whoever uses the database: the effect, how long, who is cut off, when, in which order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import total_ordering
from typing import Any

from preview.cost import Estimate
from recording.plan import Step


@total_ordering
class Effect(Enum):
    """What users of the database notice, from the least to the worst."""

    NOTHING = "nothing visible"
    RELOADED = "reloaded"
    REBOOT = "waits for a reboot"
    RESTART = "restart"
    FAILOVER = "failover"
    REMOVED = "removed"
    REPLACED = "replaced"
    UNKNOWN = "unknown"
    IRREVERSIBLE = "irreversible"
    DATA_LOST = "data lost"
    REFUSED = "refused"

    def __lt__(self, other: Effect) -> bool:
        order = list(Effect)
        return order.index(self) < order.index(other)


@dataclass(frozen=True, kw_only=True)
class Duration:
    """How long it takes. `seconds`: least and most, where somebody names them; `source`: who says so."""

    text: str
    seconds: tuple[int, int] | None = None
    source: str


class When(Enum):
    """When it happens."""

    AT_ONCE = "during the update"
    WINDOW = "in the maintenance window"
    BY_HAND = "when somebody restarts the instance"
    SCHEDULED = "by its schedule"


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """What one operation does. `what` continues a sentence that begins with the resource's name.

    `cut_off`: who cannot work meanwhile; "" for nobody. `order`: what has to come first; "" where nothing has to.
    """

    effect: Effect
    what: str = ""
    takes: Duration | None = None
    cut_off: str = ""
    when: When = When.AT_ONCE
    order: str = ""

    @property
    def needs_window(self) -> bool:
        """Whether it wants an hour in which few are at work; a schedule has hours of its own."""
        return bool(self.cut_off) and self.effect is not Effect.NOTHING and self.when is not When.SCHEDULED


@dataclass(frozen=True, kw_only=True)
class Touch:
    """An operation, the inputs of it that a setting is behind, and what follows; `on`: the resource's short name."""

    step: Step
    on: str
    properties: tuple[str, ...]
    consequences: tuple[Consequence, ...]

    @property
    def effect(self) -> Effect:
        """The worst of it."""
        return max((each.effect for each in self.consequences), default=Effect.NOTHING)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A changed setting, or what changed without one (`settings` is empty), with everything that follows upon it.

    `settings`: path, and the values before and after (`preview.difference.ABSENT` where none stands). `cost`: how much
    more a month; None where that was not asked.
    """

    settings: tuple[tuple[str, Any, Any], ...]
    touches: tuple[Touch, ...]
    cost: Estimate | None = None

    @property
    def consequences(self) -> list[tuple[Touch, Consequence]]:
        """All of them, the worst first."""
        found = [(touch, each) for touch in self.touches for each in touch.consequences]
        return sorted(found, key=lambda pair: pair[1].effect, reverse=True)

    @property
    def effect(self) -> Effect:
        """The worst of it."""
        return max((touch.effect for touch in self.touches), default=Effect.NOTHING)

    @property
    def needs_window(self) -> bool:
        """Whether it wants an hour in which few are at work."""
        return any(each.needs_window for _, each in self.consequences)
