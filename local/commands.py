"""`python -m local.commands up|verify|status|down STACK`: the platform on this machine, as commands."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

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
) -> None:
    """Bring the platform up from the program, or bring what is up to the stack file."""
    from local import show
    from local.up import up as bring_up

    with _errors_to_stderr(), _Progress() as progress:
        ports = _ports(port or [])
        result = bring_up(PROJECT, stack, ports, progress.step)
    with _errors_to_stderr():
        show.result(result, progress.seconds)


@app.command()
def verify(stack: Stack) -> None:
    """Prove on the running servers that the platform behaves as configured; exits with 1 if a check fails."""
    from local import show
    from local.up import verify as prove

    with _errors_to_stderr():
        failed = show.checks(prove(PROJECT, stack))
    if failed:
        raise typer.Exit(1)


@app.command()
def status(
    stack: Stack,
    differences: Annotated[bool, typer.Option("--differences", help="List what is not as on AWS, too.")] = False,
) -> None:
    """What runs; exits with 1 if something that should does not."""
    from local import show, up

    with _errors_to_stderr():
        complete = show.status(stack, up.status(PROJECT, stack))
        if differences:
            show.differences(up.differences(PROJECT, stack))
    if not complete:
        raise typer.Exit(1)


@app.command()
def down(stack: Stack, purge: Annotated[bool, typer.Option("--purge", help="Remove the data too.")] = False) -> None:
    """Stop what `up` started, and nothing else. The data stays, unless it is purged."""
    from local import show
    from local.up import down as take_down

    with _errors_to_stderr():
        show.stopped(stack, take_down(PROJECT, stack, purge=purge), purge=purge)


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
        if self._terminal:
            print(f"\r\033[K{what} ... {self.seconds:.0f} s", end="", file=sys.stderr, flush=True)
        else:
            print(f"{what} ...", file=sys.stderr, flush=True)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _ports(asked: list[str]) -> dict[str, int]:
    ports = {}
    for item in asked:
        role, _, number = item.partition("=")
        if not number.isdigit() or not 1024 <= int(number) <= 65535:
            _fail(f"--port {item} is not ROLE=PORT with a port from 1024 to 65535. Write it like primary=5432.")
        ports[role] = int(number)
    return ports


@contextmanager
def _errors_to_stderr() -> Iterator[None]:
    """Print errors that a user can mend to standard error, a sentence each, and exit with 1."""
    import pulumi

    from local.aws.server import ServerError
    from local.servers.errors import DataPlaneError
    from local.state import StateError
    from recording.engine import EngineRefusal
    from recording.stack_files import StackFileError

    try:
        yield
    except (DataPlaneError, EngineRefusal, ServerError, StackFileError, StateError, pulumi.RunError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("Interrupted. The next `make up` goes on from here; `make down` stops what runs.")


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m local.commands")
