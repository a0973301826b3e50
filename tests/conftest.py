"""What is run: everything, but the long tests without `--long`, and the engine's without a Pulumi CLI."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator

import pytest

# gRPC, which the engine's tests serve plugins with, starts threads in the child of a fork; a descriptor that is closed
# for the program to come ends such a child without a word.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

from tests.engine import cli

LEFT_OUT = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make test ARGS=--long`."""
    parser.addoption(
        "--long", action="store_true", help="all edits and faults on the real engine, all moments of make up; an hour"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: runs with --long only")
    config.stash[LEFT_OUT] = []
    # A shell's background job, `nohup` and some runners ignore these: what tests start and interrupt would as well.
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL), (signal.SIGTERM, signal.SIG_DFL),
    ):  # fmt: skip
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    on_engine = [item for item in items if item.nodeid.startswith("tests/engine/")]
    left_out: list[pytest.Item] = []
    if on_engine and cli.find() is None and not os.environ.get("CI"):
        left_out = on_engine
        config.stash[LEFT_OUT].append(f"{len(on_engine)} tests on the Pulumi engine: there is no CLI (make pulumi)")
    long = [item for item in items if item not in left_out and item.get_closest_marker("long")]
    if long and not config.getoption("--long"):
        left_out = left_out + long
        config.stash[LEFT_OUT].append(f"{len(long)} long tests (make test ARGS=--long)")
    gone = set(left_out)
    items[:] = [item for item in items if item not in gone]
    config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish() -> None:
    """What is imported by now stays, so that no search for garbage looks at it again: some tests make dozens."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> Iterator[None]:
    yield
    for line in config.stash[LEFT_OUT]:
        terminalreporter.write_line(f"Left out: {line}")
