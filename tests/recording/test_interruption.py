"""Ctrl-C while the program runs: the run ends at once, wherever it came, and the next one is as ever."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import rpc

from recording.answers import Answers
from recording.engine import record
from recording.recording import Registration
from recording.stack_files import load

INTERRUPT = "signal.raise_signal(signal.SIGINT)"
VPCS = "[aws.ec2.Vpc(str(number), cidr_block='10.0.0.0/16') for number in range(30)]"
MOMENTS = {
    "before the first registration": f"{INTERRUPT}\n{VPCS}",
    "after the last registration": f"{VPCS}\n{INTERRUPT}",
    "in a callback of an output": f"vpcs = {VPCS}\nvpcs[3].id.apply(lambda _: {INTERRUPT})",
    "in what is waited for at the end": f"{VPCS}\nasync def last(): {INTERRUPT}\npulumi.run(last)",
    "where somebody catches everything": f"try:\n  {INTERRUPT}\nexcept BaseException:\n  pass\n{VPCS}",
    "where Python can raise nothing, at the end": (
        f"class Gone:\n  def __del__(self): {INTERRUPT}\n{VPCS}\nasync def last(): Gone()\npulumi.run(last)"
    ),
    "where Python can raise nothing": f"class Gone:\n  def __del__(self): {INTERRUPT}\nGone()\n{VPCS}",
}


@pytest.fixture(autouse=True)
def no_hang() -> Iterator[None]:
    """A run that would wait for ever fails instead."""

    def late(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(180)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


class Counting(Answers):
    """Counts what is registered; `interrupt_at` is when Ctrl-C comes."""

    def __init__(self, interrupt_at: int | None = None) -> None:
        super().__init__("ap-northeast-1")
        self.created, self._interrupt_at = 0, interrupt_at

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        self.created += 1
        if self.created == self._interrupt_at:
            signal.raise_signal(signal.SIGINT)
        return super().create(registration)


def run(folder: Path, program: str, answers: Answers) -> None:
    (folder / "Pulumi.yaml").write_text("name: project\nruntime: python\n")
    (folder / "Pulumi.test.yaml").write_text("config: {}\n")
    (folder / "__main__.py").write_text(f"import signal, pulumi, pulumi_aws as aws\n{program}\n")
    record(load(folder, "test"), answers, preview=False)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # where Python can raise nothing
@pytest.mark.parametrize("program", MOMENTS.values(), ids=list(MOMENTS))
def test_an_interruption_ends_the_run_wherever_it_comes(tmp_path: Path, program: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, program, Counting())
    again = Counting()
    run(tmp_path, VPCS, again)
    assert again.created == 30


@pytest.mark.parametrize("call", [1, 5, 20])
def test_an_interruption_while_a_resource_is_registered_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    real: Callable[..., Any] = rpc.transfer_properties
    calls = 0

    def interrupted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        done = real(*arguments)
        if calls == call:
            signal.raise_signal(signal.SIGINT)
        return done

    monkeypatch.setattr(rpc, "transfer_properties", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, VPCS, Counting())


@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.long)])
def test_an_interruption_before_any_step_of_the_event_loop_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    """The step is lost, and with it the end of its task: who waits for all tasks waits for ever."""
    real: Callable[[asyncio.Handle], None] = asyncio.Handle._run
    steps, at = 0, 0

    def interrupted(handle: asyncio.Handle) -> None:
        nonlocal steps
        steps += 1
        if steps == at:
            signal.raise_signal(signal.SIGINT)
        real(handle)

    monkeypatch.setattr(asyncio.Handle, "_run", interrupted)
    # As `command_line` has it after an interruption: what was left half made cannot be tidied up.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    program = "vpc = aws.ec2.Vpc('a', cidr_block='10.0.0.0/16')\naws.ec2.Subnet('b', vpc_id=vpc.id)"
    run(tmp_path, program, Counting())
    whole = steps
    for at in range(1, whole, every):  # noqa: B007 - what `interrupted` compares with
        steps = 0
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, program, Counting())
    gc.collect()
    assert whole > 100


@pytest.mark.parametrize("at", [1, 7, 30])
def test_an_interruption_of_the_provider_lets_nothing_more_be_created(tmp_path: Path, at: int) -> None:
    answers = Counting(at)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, VPCS, answers)
    assert answers.created == at


def test_who_handles_signals_otherwise_is_asked_and_back_in_place(tmp_path: Path) -> None:
    came: list[int] = []

    def noted(number: int, _: object) -> None:
        came.append(number)

    before = signal.signal(signal.SIGTERM, noted)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, f"signal.raise_signal(signal.SIGTERM)\n{VPCS}", Counting())
        assert signal.getsignal(signal.SIGTERM) is noted
    finally:
        signal.signal(signal.SIGTERM, before)
    assert came == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
