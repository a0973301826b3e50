"""Waits in a thread, or beside an event loop.

An `AsyncDatabase` runs the same code as a `Database`, in a greenlet of SQLAlchemy's: there a wait hands the event loop
on, where in a thread it blocks. What is waited for comes from threads in both cases: watches, readers of secrets.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, TypeVar

from sqlalchemy.util.concurrency import await_only, greenlet_spawn, in_greenlet

from langpont_db import metrics

# An extra of this package brings it; without it nothing runs in one.
HAS_GREENLET = False
with suppress(ImportError):
    HAS_GREENLET = find_spec("greenlet") is not None

T = TypeVar("T")


def beside_a_loop() -> bool:
    """Whether this is a greenlet of SQLAlchemy's, which may not block its thread."""
    return HAS_GREENLET and in_greenlet()


def awaited(awaitable: Awaitable[T]) -> T:
    """The result of an awaitable, in a greenlet of SQLAlchemy's."""
    return await_only(awaitable)


async def spawn(function: Callable[[], T]) -> T:
    """Call a function that may wait, in a greenlet of SQLAlchemy's."""
    return await greenlet_spawn(function)


def pause(seconds: float) -> None:
    """Do nothing for some time."""
    if beside_a_loop():
        awaited(asyncio.sleep(seconds))
    else:
        time.sleep(seconds)


def result(future: Future[T], seconds: float, what: str) -> T:
    """The result of a future that a thread sets. Raises `TimeoutError` if it has none within that time.

    what: the name of the wait in the metrics.
    """
    if future.done():
        return future.result()
    begun = time.monotonic()
    try:
        if beside_a_loop():
            awaited(_done(future, seconds))
            seconds = 0
        return future.result(seconds)
    finally:
        metrics.waited(what, time.monotonic() - begun)


async def _done(future: Future[Any], seconds: float) -> None:
    """Not asyncio.wrap_future: it cancels the future, for which others wait too, with the task."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def wake(_: object) -> None:
        with suppress(RuntimeError):  # the loop has been closed
            loop.call_soon_threadsafe(done.set)

    future.add_done_callback(wake)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await done.wait()


def ended(thread: threading.Thread, seconds: float) -> None:
    """Wait until a thread has ended, for some time."""
    if beside_a_loop():
        awaited(asyncio.to_thread(thread.join, seconds))
    else:
        thread.join(seconds)


class Signal:
    """What threading.Event is."""

    def __init__(self) -> None:
        self._future: Future[None] = Future()
        self.is_set: Callable[[], bool] = self._future.done

    def set(self) -> None:
        """Wake all who wait."""
        with suppress(InvalidStateError):
            self._future.set_result(None)

    def wait(self, seconds: float, what: str) -> bool:
        """Whether it is set within that time."""
        with suppress(TimeoutError):
            result(self._future, seconds, what)
        return self.is_set()


class Places:
    """What threading.BoundedSemaphore is. Who waits gets a place in turn."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: deque[Future[None]] = deque()
        self._lock = threading.Lock()

    def take(self, seconds: float, what: str) -> bool:
        """Whether a place became free within that time; it is taken then."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            mine: Future[None] = Future()
            self._waiting.append(mine)
        try:
            result(mine, seconds, what)
        except TimeoutError:
            return not mine.cancel()  # it may have got one just now
        except BaseException:
            if not mine.cancel():
                self.give()
            raise
        return True

    def give(self) -> None:
        """Give a place back."""
        with self._lock:
            while self._waiting:
                one = self._waiting.popleft()
                if one.set_running_or_notify_cancel():
                    one.set_result(None)
                    return
            self._free += 1
