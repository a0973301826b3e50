"""Shared memory that PostgreSQL takes when it starts, and without which it does not start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# Slopes of `postgres -C shared_memory_size`, PostgreSQL 15.18 on Linux, x86-64: shared_buffers with what describes its
# pages, and for each slot of a process its own part, its locks and its predicate locks.
BUFFERS_PERCENT = 102
SLOT_BYTES = 7_000
LOCK_BYTES = 400
PREDICATE_LOCK_BYTES = 250


@dataclass(frozen=True, kw_only=True)
class SharedMemory:
    """Sizes in bytes. `others`: slots of processes that are no connections, and of prepared transactions, by name."""

    shared_buffers: int
    wal_buffers: int
    max_connections: int
    others: Mapping[str, int]
    locks: int
    predicate_locks: int

    @property
    def slots(self) -> int:
        """Connections, background processes and prepared transactions together."""
        return self.max_connections + sum(self.others.values())

    @property
    def slot(self) -> int:
        """Bytes of each slot."""
        return SLOT_BYTES + self.locks * LOCK_BYTES + self.predicate_locks * PREDICATE_LOCK_BYTES

    @property
    def total(self) -> int:
        """About all of it, in bytes."""
        return self.shared_buffers * BUFFERS_PERCENT // 100 + self.wal_buffers + self.slots * self.slot

    @property
    def parts(self) -> Mapping[str, tuple[int, int]]:
        """Value of each parameter, sizes in bytes, and what one of it takes, about, in bytes."""
        return {
            "shared_buffers": (self.shared_buffers, 1),
            "wal_buffers": (self.wal_buffers, 1),
            "max_connections": (self.max_connections, self.slot),
            **{name: (value, self.slot) for name, value in self.others.items()},
            "max_locks_per_transaction": (self.locks, self.slots * LOCK_BYTES),
            "max_pred_locks_per_transaction": (self.predicate_locks, self.slots * PREDICATE_LOCK_BYTES),
        }

    def most(self, name: str, has: int) -> int:
        """The most that a parameter can be where the others stay and there are `has` bytes; below 0 if none will do."""
        value, each = self.parts[name]
        return value - -(-(self.total + 1 - has) // each)
