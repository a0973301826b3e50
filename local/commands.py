"""`python -m local.commands up|verify|status|down STACK`: the platform on this machine, as commands."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, NoReturn

import command_line

if __name__ == "__main__":
    command_line.begin()

import typer

PROJECT = Path(__file__).resolve().parents[1]
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True)

Stack = Annotated[str, typer.Argument(metavar="STACK", help="As in Pulumi.STACK.yaml.", show_default=False)]


@app.command()
def up(
    stack: Stack,
    port: Annotated[
        list[str] | None, typer.Option("--port", metavar="ROLE=PORT", help="moto, primary, replica-1, ..., pooler.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Bring the platform up from the program, or bring what is up to the stack file."""
    with _errors_to_stderr(), _Progress() as progress:
        from local import environment, show
        from local.up import up as bring_up

        ports = _ports(port or [])
        result = bring_up(PROJECT, stack, ports, progress.step)
    with _errors_to_stderr(f"{stack} is up. `make up STACK={stack}` says how to reach it."):
        environment.write_files(result)
        if as_json:
            print(json.dumps(show.document(result, progress.seconds), indent=2))
        else:
            show.result(result, progress.seconds)


@app.command()
def rehearse(
    stack: Stack,
    against: Annotated[
        str, typer.Option(metavar="VERSION", help="What stands first: a branch, tag, commit, folder or stack file.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Apply a change to servers of their own while clients write and read, and tell what they saw.

    What is up for the stack is left alone, and nothing is left behind. Exits with 1 if a commit was lost or somebody
    was cut off whom nobody foretold, and as `preview --against` does for what is refused.
    """
    if not against:
        _fail(f'Say which version stands first, as in make rehearse STACK={stack} ARGS="--against main".')
    with _errors_to_stderr("What the rehearsal had started is stopped again."), _Progress() as progress:
        from local.rehearsal import command

        outcome = command.rehearsed(PROJECT, stack, against, progress.step)
    with _errors_to_stderr():
        outcome.show(as_json=as_json)
    raise typer.Exit(outcome.code)


@app.command()
def verify(stack: Stack) -> None:
    """Prove on the running servers that the platform behaves as configured; exits with 1 if a check fails."""
    with _errors_to_stderr():
        from local import show
        from local.up import verify as prove

        failed = show.checks(prove(PROJECT, stack))
    if failed:
        raise typer.Exit(1)


@app.command()
def status(
    stack: Stack,
    differences: Annotated[bool, typer.Option("--differences", help="List what is not as on AWS, too.")] = False,
) -> None:
    """What runs; exits with 1 if something that should does not."""
    with _errors_to_stderr():
        from local import show, up

        complete = show.status(stack, up.status(PROJECT, stack))
        if differences:
            show.differences(up.differences(PROJECT, stack))
    if not complete:
        raise typer.Exit(1)


@app.command()
def down(stack: Stack, purge: Annotated[bool, typer.Option("--purge", help="Remove the data too.")] = False) -> None:
    """Stop what `up` started, and nothing else. The data stays, unless it is purged."""
    with _errors_to_stderr(f"`make down STACK={stack}` goes on from here."):
        from local import show
        from local.down import down as take_down

        show.stopped(stack, take_down(PROJECT, stack, purge=purge))


class _Progress:
    """Says what is being done: one line that gives way to the next on a terminal, nothing but the result in a pipe."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._terminal = sys.stderr.isatty()

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._began

    def step(self, what: str) -> None:
        """A step begins."""
        self._print(f"\r\033[K{what} ... {self.seconds:.0f} s" if self._terminal else f"{what} ...\n")

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            self._print("\r\033[K")

    def _print(self, text: str) -> None:
        with suppress(OSError):  # that nobody can read it is no reason to leave things half done
            print(text, end="", file=sys.stderr, flush=True)


def _ports(asked: list[str]) -> dict[str, int]:
    ports: dict[str, int] = {}
    for item in asked:
        role, _, number = item.partition("=")
        right = number.isascii() and number.isdecimal() and len(number) <= 5 and 1024 <= int(number) <= 65535
        if not role or not right:
            _fail(f"--port {item} is not ROLE=PORT with a port from 1024 to 65535. Write it like primary=5432.")
        if role in ports:
            _fail(f"--port names {role} twice, with {ports[role]} and {number}. Leave one of them.")
        ports[role] = int(number)
    return ports


@contextmanager
def _errors_to_stderr(interrupted: str = "Nothing was changed.") -> Iterator[None]:
    """Print errors that a user can mend to standard error, a sentence each, and exit with 1; with 130 after Ctrl-C.

    `interrupted`: what state things are in then, where the interruption itself does not say.
    """
    try:
        with _sentences():
            yield
    except KeyboardInterrupt as interrupt:
        done = getattr(interrupt, "__notes__", [])
        _fail(" ".join(["Interrupted.", *(done or [interrupted])]), code=command_line.INTERRUPTED)


@contextmanager
def _sentences() -> Iterator[None]:
    import pulumi

    from local.aws.server import ServerError
    from local.rehearsal.errors import RehearsalError
    from local.servers.errors import DataPlaneError
    from local.state import StateError
    from recording.engine import EngineRefusal
    from recording.stack_files import StackFileError

    try:
        yield
    except (
        DataPlaneError, EngineRefusal, RehearsalError, ServerError, StackFileError, StateError, pulumi.RunError
    ) as error:  # fmt: skip
        _fail("\n".join([str(error), *getattr(error, "__notes__", [])]))
    except PermissionError as error:
        what = f"{error.filename}: {error.strerror}" if error.filename else "A server runs as another user"
        _fail(f"{what}. Run it as who brought the platform up.")
    except OSError as error:
        if error.filename is None:  # the output's, or a bug
            raise
        _fail(f"{error.filename}: {error.strerror}. Make room, or make it writable, and run it again.")


def _fail(message: str, *, code: int = command_line.FAILED) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(code)


if __name__ == "__main__":
    command_line.run(lambda: app(prog_name="python -m local.commands"))
