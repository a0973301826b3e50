"""The simulated cloud that the stand-in plugins and the stand-in `aws` act on: resources, faults on demand, a journal.

It is a log of changes in one file, so that other processes act on the same cloud: each reads what it has not seen yet
before it looks, and appends what it does.
"""

from __future__ import annotations

import fcntl
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One thing in the cloud. `properties` are its inputs and computed outputs; `deleted`: it waits for its end."""

    type: str
    id: str
    urn: str
    region: str
    properties: Mapping[str, Any]
    deleted: bool = False

    @property
    def key(self) -> str:
        """What no other thing has."""
        return f"{self.region} {self.type} {self.id}"

    @property
    def logical_name(self) -> str:
        """The name at the end of its URN."""
        return self.urn.split("::")[-1]


@dataclass
class Fault:
    """A refusal on demand: what `call` (create, update, delete) of which logical name fails, how often, and why.

    `meanwhile` runs first, while the call is under way; without a message the call then succeeds.
    """

    call: str
    name: str
    message: str = "InternalFailure: asked for by a test"
    times: int = 1
    meanwhile: Callable[[], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """One line of the journal. `changed` names properties and holds no value."""

    call: str
    type: str
    name: str
    changed: tuple[str, ...] = ()
    refused: str = ""

    def __str__(self) -> str:
        short = self.type.partition(":")[2].partition("/")[2].partition(":")[2] or self.type
        changed = f" ({', '.join(self.changed)})" if self.changed else ""
        return f"{self.call} {short} {self.name}{changed}{f': {self.refused}' if self.refused else ''}"


@dataclass
class Cloud:
    """A cloud in `path`, a file of JSON lines."""

    path: Path
    faults: list[Fault] = field(default_factory=list)
    journal: list[Call] = field(default_factory=list)
    _resources: dict[str, Resource] = field(default_factory=dict)
    _made: dict[str, int] = field(default_factory=dict)
    _read: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        with self.locked():
            pass

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the cloud, as it is now."""
        with self._lock, self.path.open("a+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self._read)
            for line in file:
                self._apply(json.loads(line))
            self._read = file.tell()
            yield

    def put(self, resource: Resource) -> None:
        """Make it, or change it. Within `locked`."""
        self._append({"put": asdict(resource)})

    def drop(self, resource: Resource) -> None:
        """End it. Within `locked`."""
        self._append({"drop": resource.key})

    def times_made(self, urn: str) -> int:
        """How often something was made for a URN: its replacements have other ids."""
        return self._made.get(urn, 0)

    def all(self, type_: str | None = None) -> list[Resource]:
        """What there is, of one type or of all, without what waits for its end."""
        found = (each for each in self._resources.values() if not each.deleted)
        return [each for each in found if type_ is None or each.type == type_]

    def waiting(self, type_: str) -> list[Resource]:
        """What is deleted and can still be restored."""
        return [each for each in self._resources.values() if each.deleted and each.type == type_]

    def get(self, type_: str, id_: str, region: str) -> Resource | None:
        """By type and id; None for what is not there, or waits for its end."""
        found = self._resources.get(f"{region} {type_} {id_}")
        return None if found is None or found.deleted else found

    def change(self, type_: str, name: str, **properties: Any) -> None:
        """As somebody does by hand, outside Pulumi: drift. `name` is the logical one; None takes a property out."""
        with self.locked():
            [found] = [each for each in self.all(type_) if each.logical_name == name]
            changed = {key: item for key, item in {**found.properties, **properties}.items() if item is not None}
            self.put(replace(found, properties=changed))

    def told(self, since: int = 0) -> list[str]:
        """The journal's lines from a point on."""
        return [str(each) for each in self.journal[since:]]

    def snapshot(self, keep: Callable[[Resource], bool] = lambda _: True) -> dict[str, Mapping[str, Any]]:
        """Properties by type and logical name, without ids: what two states of the cloud are compared by."""
        with self.locked():
            found = sorted((each for each in self.all() if keep(each)), key=lambda each: each.key)
        return {f"{each.type} {each.logical_name}": each.properties for each in found}

    def fail(self, call: str, *names: str) -> None:
        """Refuse the next `call` (create, update, delete) of each of these logical names."""
        self.faults += [Fault(call, name) for name in names]

    def fault(self, call: str, name: str) -> str | None:
        """The message of a fault that was asked for, which is spent."""
        for each in self.faults:
            if (each.call, each.name) == (call, name) and each.times:
                each.times -= 1
                if each.meanwhile is not None:
                    each.meanwhile()
                return each.message or None
        return None

    def _append(self, entry: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            self._read = file.tell()
        self._apply(entry)

    def _apply(self, entry: Mapping[str, Any]) -> None:
        if "drop" in entry:
            self._resources.pop(entry["drop"], None)
            return
        resource = Resource(**entry["put"])
        if resource.key not in self._resources:
            self._made[resource.urn] = self._made.get(resource.urn, 0) + 1
        self._resources[resource.key] = resource
