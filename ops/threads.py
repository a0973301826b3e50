"""Runs calls concurrently in threads, with a callback while they run. Ctrl-C ends the waiting at once."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any


def gather(
    tasks: Mapping[str, Callable[[], Any]], *, every_seconds: float, waiting: Callable[[float], None]
) -> dict[str, Any]:
    """Run the tasks concurrently and return their results by name. An exception that a task raises is its result.

    While they run, `waiting` is called every so many seconds with the seconds since the beginning. The threads are
    daemons: whoever interrupts does not wait for a host that does not answer.
    """
    answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()

    def run(name: str, task: Callable[[], Any]) -> None:
        try:
            result = task()
        except BaseException as error:
            result = error
        answers.put((name, result))

    began = time.monotonic()
    for name, task in tasks.items():
        threading.Thread(target=run, args=(name, task), daemon=True).start()
    results: dict[str, Any] = {}
    due = began + every_seconds
    while len(results) < len(tasks):
        try:
            name, result = answers.get(timeout=max(due - time.monotonic(), 0))
        except queue.Empty:
            waiting(time.monotonic() - began)
            due += every_seconds
        else:
            results[name] = result
    return results
