"""The commands: what a mistake prints, and how they exit. What they do is proven by tests/local/up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from local import commands, down, show
from local.processes import Process
from local.verify.check import Check


def run(*arguments: str) -> tuple[int, str]:
    outcome = CliRunner().invoke(commands.app, list(arguments), catch_exceptions=False)
    return outcome.exit_code, outcome.output


@pytest.mark.parametrize("command", ["up", "verify", "status"])
def test_a_stack_that_does_not_exist_is_one_sentence(command: str) -> None:
    code, printed = run(command, "nope")
    assert code == 1
    assert printed.splitlines()[-1].startswith("There is no stack 'nope': Pulumi.nope.yaml does not exist.")


@pytest.mark.parametrize("command", ["up", "verify", "status", "down"])
def test_a_path_is_no_stack(command: str) -> None:
    code, printed = run(command, "../x")
    assert (code, printed.splitlines()[-1]) == (
        1, "'../x' is not the name of a stack. Write it as in Pulumi.prod.yaml: prod.",
    )  # fmt: skip


@pytest.mark.parametrize(
    "port",
    [
        "5432",
        "=5432",
        "primary=",
        "primary=x",
        "primary=80",
        "primary=70000",
        "primary=²",
        "primary=١٢٣٤",
        "moto=" + "9" * 5_000,
    ],
)
def test_a_misshapen_port_is_one_sentence(port: str) -> None:
    assert run("up", "prod", "--port", port) == (
        1,
        f"--port {port} is not ROLE=PORT with a port from 1024 to 65535. Write it like primary=5432.\n",
    )


def test_a_port_that_is_named_twice_is_one_sentence() -> None:
    assert run("up", "prod", "--port", "moto=5000", "--port", "moto=5001") == (
        1, "--port names moto twice, with 5000 and 5001. Leave one of them.\n",
    )  # fmt: skip


def test_an_empty_stack_as_in_make_up_stack_without_a_name_is_one_sentence() -> None:
    assert run("up", "") == (1, "'' is not the name of a stack. Write it as in Pulumi.prod.yaml: prod.\n")


def test_what_never_was_up_is_down_and_has_no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(commands, "PROJECT", tmp_path)
    (tmp_path / "Pulumi.prod.yaml").touch()
    for options in ([], ["--purge"]):
        assert run("down", "prod", *options) == (0, "prod: nothing of it ran, and it has no data.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["Pulumi.prod.yaml"]


def test_an_interruption_says_what_state_things_are_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*notes: str) -> Callable[..., None]:
        def interrupt(*_: object, **__: object) -> None:
            interruption = KeyboardInterrupt()
            for note in notes:
                interruption.add_note(note)
            raise interruption

        return interrupt

    monkeypatch.setattr("local.up.up", interrupted())
    assert run("up", "dev") == (130, "Interrupted. Nothing was changed.\n")
    monkeypatch.setattr("local.up.up", interrupted("This and", "that."))
    assert run("up", "dev") == (130, "Interrupted. This and that.\n")
    monkeypatch.setattr("local.up.up", lambda *_: None)
    monkeypatch.setattr("local.environment.write_files", interrupted())
    assert run("up", "dev") == (130, "Interrupted. dev is up. `make up STACK=dev` says how to reach it.\n")


def test_a_stack_that_does_not_exist_is_not_down(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(commands, "PROJECT", tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: project\nruntime: python\n")
    (tmp_path / "Pulumi.prod.yaml").touch()
    code, printed = run("down", "nosuch", "--purge")
    assert (code, printed.splitlines()[0].partition(":")[0]) == (1, "There is no stack 'nosuch'")


def test_a_failed_check_is_told_in_full_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    long = "differs " * 40
    assert show.checks([Check("one", True, long), Check("two", False, long)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("  ok      one")
    assert lines[0].endswith(" ...")
    assert lines[1].startswith("  FAILED  two")
    assert " ".join(" ".join(lines[1:-2]).split()).count("differs") == 40
    assert lines[-1] == "1 passed, 1 failed"


def test_a_missing_process_is_told_with_what_starts_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert show.status("prod", {"moto": Process(7, "x", "moto"), "primary": None}) is False
    assert capsys.readouterr().out == (
        "prod  1 of 2 does not run\n"
        "  moto     runs          pid 7\n"
        "  primary  DOES NOT RUN  make up STACK=prod starts it\n"
    )


def test_a_single_server_that_goes_on_is_told_in_the_singular() -> None:
    before = {role: Process(7, "x", role) for role in ("moto", "primary")}
    assert [*down._aftermath("dev", before, [], ["primary"], half_built=False)] == [
        "Stopped for a restart, and not started again: primary.",
        "moto runs on as before, and all data stays. `make up STACK=dev` goes on from here.",
    ]
