"""What a scenario of the back-tests is: a change of an instance's usual load, and the alarms that it is about.

Those in which something must be told are in `loud`, ordinary days in `quiet`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from documents.backtest.machine import DAY_MINUTES, Load, Machine, Shape

NIGHT, MORNING, NOON = 2 * 60, 4 * 60, 14 * 60


class On(Enum):
    """Which instances a scenario happens on."""

    ANY = "any instance"
    PRIMARY = "the primary"
    REPLICA = "a replica"


def unchanged(_: Machine, load: Load, __: int) -> Load:
    """The usual load."""
    return load


def everywhere(_: Machine) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One scenario, of which `title` says what happens.

    fires: keys of the alarms that must fire `within` so many minutes, on an instance of which `applies` holds; later is
    too late. may: those that fire or not, depending on sizes. begins: minute of the day. minutes: how long it is
    watched. idle: nobody works on that day. full: what data take of the storage. fixed: RDS cannot enlarge it.
    elsewhere: what the other instances do meanwhile. times: how often in a quiet month; one in which something must
    fire has none.
    """

    key: str
    title: str
    shape: Shape
    fires: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    within: Callable[[Machine], float] = lambda _: DAY_MINUTES
    applies: Callable[[Machine], bool] = everywhere
    on: On = On.ANY
    begins: int = NOON
    minutes: int = 3 * 60
    idle: bool = False
    full: float = 0.5
    fixed: bool = False
    elsewhere: Shape = unchanged
    times: int = 0

    @property
    def about(self) -> frozenset[str]:
        """Keys of the alarms that fire in it on some instance."""
        return self.fires | self.may

    def happens_on(self, machine: Machine) -> bool:
        """Whether it can happen on this instance."""
        role = On.REPLICA if machine.is_replica else On.PRIMARY
        return self.on in (On.ANY, role) and self.applies(machine)


def since_beginning(change: Callable[[Machine, Load, int], Load], *, until: int | None = None) -> Shape:
    """A change from its beginning on, for so many minutes."""

    def shape(machine: Machine, load: Load, minute: int) -> Load:
        return change(machine, load, minute) if minute >= 0 and (until is None or minute < until) else load

    return shape
