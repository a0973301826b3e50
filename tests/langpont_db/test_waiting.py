"""Waits of threads and of tasks for the same things."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from langpont_db.waiting import Places, Signal, beside_a_loop, ended, pause, result, spawn


def in_a_thread(act: Callable[[], object]) -> object:
    return act()


def in_a_loop(act: Callable[[], object]) -> object:
    return asyncio.run(spawn(act))


@pytest.fixture(params=[in_a_thread, in_a_loop])
def wait(request: pytest.FixtureRequest) -> Callable[[Callable[[], object]], object]:
    found: Callable[[Callable[[], object]], object] = request.param
    return found


Wait = Callable[[Callable[[], object]], object]


def later(act: Callable[[], object]) -> None:
    threading.Timer(0.05, act).start()


def test_a_result_is_waited_for(wait: Wait) -> None:
    future: Future[int] = Future()
    later(lambda: future.set_result(7))
    assert wait(lambda: result(future, 10, "a test")) == 7
    assert wait(lambda: result(future, 0, "a test")) == 7


def test_an_error_is_raised_where_it_is_waited_for(wait: Wait) -> None:
    future: Future[int] = Future()
    later(lambda: future.set_exception(KeyError("x")))
    with pytest.raises(KeyError):
        wait(lambda: result(future, 10, "a test"))


def test_a_wait_ends_and_leaves_the_future_to_others(wait: Wait) -> None:
    future: Future[int] = Future()
    with pytest.raises(TimeoutError):
        wait(lambda: result(future, 0.05, "a test"))
    future.set_result(1)
    assert future.result(0) == 1


def test_a_signal_wakes_and_may_be_given_twice(wait: Wait) -> None:
    signal = Signal()
    assert wait(lambda: signal.wait(0.01, "a test")) is False
    later(signal.set)
    assert wait(lambda: signal.wait(10, "a test")) is True
    signal.set()
    assert signal.is_set()


def test_a_place_that_is_given_back_goes_to_who_waits(wait: Wait) -> None:
    places = Places(1)
    assert places.take(0, "a test")
    assert wait(lambda: places.take(0.05, "a test")) is False
    later(places.give)
    assert wait(lambda: places.take(10, "a test")) is True
    places.give()
    assert places.take(0, "a test")


def test_tasks_get_places_in_turn_and_a_cancelled_one_keeps_none() -> None:
    places, got = Places(1), list[int]()

    async def take(n: int) -> None:
        if await spawn(lambda: places.take(10, "a test")):
            got.append(n)

    async def use() -> None:
        places.take(0, "a test")
        tasks = [asyncio.create_task(take(n)) for n in range(4)]
        await asyncio.sleep(0.05)
        tasks[1].cancel()
        for _ in range(3):
            places.give()
            await asyncio.sleep(0.05)
        await asyncio.gather(*tasks, return_exceptions=True)
        places.give()

    asyncio.run(use())
    assert got == [0, 2, 3]
    assert places.take(0, "a test")
    assert not places.take(0, "a test")


def test_a_task_that_is_cancelled_as_it_gets_its_place_gives_it_back() -> None:
    places = Places(1)

    async def use() -> None:
        places.take(0, "a test")
        task = asyncio.create_task(spawn(lambda: places.take(10, "a test")))
        await asyncio.sleep(0.05)
        places.give()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(use())
    assert places.take(0, "a test")


def test_a_pause_and_the_end_of_a_thread_are_waited_for(wait: Wait) -> None:
    begun, thread = time.monotonic(), threading.Thread(target=time.sleep, args=[0.05])
    thread.start()
    wait(lambda: pause(0.02))
    wait(lambda: ended(thread, 10))
    assert not thread.is_alive()
    assert time.monotonic() - begun >= 0.02


def test_only_a_greenlet_is_beside_a_loop() -> None:
    async def use() -> tuple[bool, bool]:
        return beside_a_loop(), await spawn(beside_a_loop)

    assert asyncio.run(use()) == (False, True)
    assert not beside_a_loop()
