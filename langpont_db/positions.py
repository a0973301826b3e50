"""Positions of PostgreSQL's write-ahead log (LSN): what was written where, and what a read has to see."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Protocol

from langpont_db import waiting

# Higher than any position: something was written, and nobody knows where.
UNKNOWN: Final = 2**64 - 1

# XLOG_BLCKSZ, and the headers of a page and of a segment's first page (access/xlog_internal.h, xlogdefs of 16 to 18).
_PAGE, _HEADERS = 8192, (24, 40)


def end_of_record(position: int) -> int:
    """The end of the last record before an insert position, which is behind the header of a page not yet begun."""
    return position - position % _PAGE if position % _PAGE in _HEADERS else position


def to_text(position: int) -> str:
    """As pg_lsn prints it, "16/B374D848"; an empty string for none."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}" if 0 < position < UNKNOWN else ""


def to_position(token: str | None) -> int:
    """The position of a pg_lsn's text; 0 for anything else: a token comes from outside and is no reason to fail."""
    found = re.fullmatch(r"([0-9A-Fa-f]{1,8})/([0-9A-Fa-f]{1,8})", token, flags=re.ASCII) if token else None
    return (int(found[1], 16) << 32) + int(found[2], 16) if found else 0


@dataclass
class Request:
    """One request of an application. after: what its reads must see. written: its own last commit."""

    after: int = 0
    written: int = 0


# Whatever threads and tasks serve one request see the same object.
current_request: Final[ContextVar[Request | None]] = ContextVar("langpont_request", default=None)


class Watched(Protocol):
    """Who asks the primary."""

    def want(self) -> None:
        """Go on asking, for some time."""

    def ask_soon(self) -> None:
        """Ask now."""


class Positions:
    """What this process has committed, and where the primary's log ends. A thread of its own asks the primary."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: Future[None] = Future()  # done when the primary says the next time where its log ends
        self._written = 0
        self._unknown_at: float | None = None
        self._primary: int | None = None
        self._asked_at = 0.0
        self.watch: Watched | None = None

    def after_fork(self) -> None:
        """Begin anew in a forked child, which has written nothing itself but may have seen what its parent has."""
        self._lock = threading.Lock()
        self._told = Future()

    @property
    def primary(self) -> int | None:
        """Where the primary's log ended when it was last asked; None if it did not answer."""
        return self._primary

    def end(self) -> tuple[int | None, float]:
        """The same, and time.monotonic() before it was asked."""
        with self._lock:
            return self._primary, self._asked_at

    def commit(self, position: int) -> None:
        """Note a commit of this process."""
        request = current_request.get()
        with self._lock:
            if position == UNKNOWN:
                self._unknown_at = time.monotonic()
            else:
                self._written = max(self._written, position)
        if request is not None:
            request.written = max(request.written, position)

    def tell(self, position: int | None, asked_at: float) -> None:
        """Take the primary's answer. `asked_at`: time.monotonic() before the question."""
        with self._lock:
            self._primary, self._asked_at = position, asked_at if position is not None else self._asked_at
            if position is not None and self._unknown_at is not None and asked_at > self._unknown_at:
                self._written, self._unknown_at = max(self._written, position), None
            told, self._told = self._told, Future()
        told.set_result(None)

    def want(self) -> None:
        """Have the primary asked from now on."""
        if self.watch is not None:
            self.watch.want()

    def ask_soon(self) -> None:
        """Have the primary asked now."""
        if self.watch is not None:
            self.watch.ask_soon()

    def must_see(self) -> int:
        """What a read of this process must see, beside what its session and its request ask for."""
        if self._unknown_at is not None:
            self.ask_soon()
            return UNKNOWN
        return self._written

    def now(self, seconds: float) -> int:
        """The primary's position of now or later; `UNKNOWN` if it does not say within that time."""
        since = time.monotonic()
        self.ask_soon()
        while True:
            with self._lock:
                if self._asked_at >= since and self._primary is not None:
                    return self._primary
                told = self._told
            try:
                waiting.result(told, max(0.0, since + seconds - time.monotonic()), "position")
            except TimeoutError:
                return UNKNOWN

    def believed(self, token: int, seconds: float) -> int:
        """A token's position, cut to where the log ends: it may be forged, or of a database that was restored since."""
        if self._primary is not None and token <= self._primary:
            return token
        return min(token, self.now(seconds))
