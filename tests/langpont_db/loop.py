"""Runs tests a second time beside an event loop, with the engines and sessions that an `AsyncDatabase` has.

SQLAlchemy's greenlets let the same functions do that: a test's own, and those of its fixtures.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from langpont_db.waiting import spawn

TOO = {"test_no_write_reaches_a_replica", "test_stale_objects", "test_frozen", "test_posting", "test_session_state"}
TOO_WITH_LONG = {
    "test_causal_reads", "test_failover", "test_passwords_on_servers", "test_reading_sessions", "test_replica_errors",
    "test_replicas_come_and_go", "test_routing", "test_status", "test_no_read_is_stale",
}  # fmt: skip
# They start threads or processes of their own, or count what threads wait for.
IN_THREADS = {
    "test_another_process_misses_nothing_with_the_token",
    "test_a_stopped_replica_costs_no_failed_read_and_returns",
    "test_a_restart_of_the_primary_under_load_gives_errors_that_can_be_told_apart",
    "test_a_busy_replica_is_not_gone",
    "test_what_falls_back_on_the_primary_is_bounded",
    "test_a_unit_of_work_waits_for_its_statements_and_for_nothing_else",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Which tests."""
    module = metafunc.module.__name__.rpartition(".")[2]
    if "databases" not in metafunc.fixturenames or metafunc.function.__name__ in IN_THREADS:
        return
    if module in TOO | TOO_WITH_LONG:
        marks = [] if module in TOO else [pytest.mark.long]
        metafunc.parametrize("loop", ["threads", pytest.param("a loop", marks=marks)], indirect=True)


@pytest.fixture
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner | None]:
    """What a test runs beside, if it does."""
    if getattr(request, "param", "threads") == "threads":
        yield None
        return
    with asyncio.Runner() as runner:
        yield runner


def _runner(node: Any, request: Any) -> asyncio.Runner | None:
    callspec = getattr(node, "callspec", None)
    found: asyncio.Runner | None = None
    if callspec is not None and callspec.params.get("loop") == "a loop":
        found = request.getfixturevalue("loop")
    return found


def _beside(runner: asyncio.Runner, function: Callable[..., Any]) -> Callable[..., Any]:
    if not inspect.isgeneratorfunction(function):
        return lambda **arguments: runner.run(spawn(lambda: function(**arguments)))

    @functools.wraps(function)
    def steps(**arguments: Any) -> Iterator[Any]:
        iterator = function(**arguments)
        yield runner.run(spawn(lambda: next(iterator)))
        runner.run(spawn(lambda: next(iterator, None)))

    return steps


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> object | None:
    """The test itself."""
    runner = _runner(pyfuncitem, pyfuncitem._request)
    if runner is None:
        return None
    names = pyfuncitem._fixtureinfo.argnames
    _beside(runner, pyfuncitem.obj)(**{name: pyfuncitem.funcargs[name] for name in names})
    return True


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: Any) -> Iterator[Any]:
    """Its fixtures."""
    function = fixturedef.func
    ours = fixturedef.scope == "function" and function.__module__.startswith("tests.langpont_db.")
    runner = _runner(request.node, request) if ours and fixturedef.argname != "loop" else None
    if runner is not None:
        fixturedef.func = _beside(runner, function)  # type: ignore[misc]
    try:
        return (yield)
    finally:
        fixturedef.func = function  # type: ignore[misc]
