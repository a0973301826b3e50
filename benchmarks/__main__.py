"""Command line: `python -m benchmarks` measures and renders; `python -m benchmarks render` only renders the results."""

from __future__ import annotations

import functools
import json
import resource
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import command_line

if __name__ == "__main__":
    command_line.begin()

import typer

from benchmarks import database, failover, library, machine, preview, recovery, render
from benchmarks.parts import Progress
from benchmarks.parts import measure as measure_part
from benchmarks.targets import evaluate_targets
from benchmarks.workshop import PROJECT, QUICK, Effort, workshop
from local.servers.errors import DataPlaneError
from recording import stack_files

PART_SECONDS = 1_800  # five times what the longest part takes on a machine that does nothing else
DESCRIPTORS = 4096  # 300 clients and what a program has open besides

_EFFORT = ("runs", "scale", "seconds", "offered_seconds", "settle_seconds", "rate")

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def measure(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="A little of each, to see that it works.")] = False,
    busy: Annotated[bool, typer.Option("--busy", help="Publish it even if the machine did other things.")] = False,
    to: Annotated[Path, typer.Option(help="Where the results go.")] = render.RESULTS,
) -> None:
    """Measure everything, in about ten minutes, and write results, pictures and documents.

    Each part is written as it is done, beside the results, and the next call goes on there. A part that other programs
    disturbed is measured again, and not published.
    """
    if context.invoked_subcommand:
        return
    signal.signal(signal.SIGALRM, _too_late)
    _raise_descriptors()
    kept = to.with_suffix(".partial.json")
    try:
        progress = measured(QUICK if quick else Effort(), kept, busy=busy)
    except (DataPlaneError, TimeoutError, RuntimeError) as error:
        print(f"{error}\n{_left(kept)}", file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print(f"Interrupted. Nothing of it runs. {_left(kept)}", file=sys.stderr)
        raise typer.Exit(command_line.INTERRUPTED) from None
    finally:
        signal.alarm(0)
    disturbed = {name: part for name, part in progress.parts.items() if not part.quiet}
    if disturbed and not busy:
        for name, part in disturbed.items():
            print(f"{name.capitalize()} was disturbed: before, {part.before}; during, {part.during}.", file=sys.stderr)
        print(
            "Nothing was published. Let nothing else run and call it again: these parts are measured anew, the others "
            "are done. To publish it as it is: make bench ARGS=--busy",
            file=sys.stderr,
        )
        raise typer.Exit(1)
    results = published(progress)
    to.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    progress.forget()
    if to == render.RESULTS:
        render.write(PROJECT, results)


def _left(kept: Path) -> str:
    if not kept.exists():
        return "Nothing was written."
    return f"What is done is kept in {kept}, and the next call goes on there."


@app.command("render")
def draw() -> None:
    """Write docs/measurements.md, its pictures and the README's section from results.json, without measuring."""
    try:
        render.write(PROJECT, render.load())
    except FileNotFoundError:
        print(f"{render.RESULTS} is missing. make bench", file=sys.stderr)
        raise typer.Exit(1) from None


def measured(effort: Effort, kept: Path, cache: Path | None = None, *, busy: bool) -> Progress:
    """Measure all parts that are not done yet. `kept`: where they are written; `cache` as `workshop` takes it."""
    begun = time.monotonic()

    def say(what: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - begun), 60)
        print(f"{minutes}:{seconds:02d}  {what}", file=sys.stderr, flush=True)

    with workshop(stack_files.load(PROJECT, "prod"), effort, say, cache) as place, ExitStack() as servers:
        about = {"commit": machine.commit(), "machine": machine.machine(place.binaries), "effort": asdict(effort)}
        progress = Progress(kept, json.loads(json.dumps(about)))

        @functools.cache
        def platform() -> database.Platform:
            return servers.enter_context(database.platform(place))

        def routed() -> dict[str, Any]:
            platform().change("ours")
            return library.measure(place, platform().plane)

        def part(name: str, how: Callable[[], Any]) -> None:
            signal.alarm(PART_SECONDS)
            measure_part(progress, name, how, say, busy=busy)

        part("database", lambda: database.measure(platform()))
        part("library", routed)
        servers.close()
        part("preview", lambda: preview.measure(place))
        part("failover", lambda: failover.measure(place))
        part("recovery", lambda: recovery.measure(place))
    say("Done")
    return progress


def published(progress: Progress) -> dict[str, Any]:
    """The results in the schema of results.json."""
    effort, parts = progress.about["effort"], progress.parts
    return {
        "measured": max(part.measured for part in parts.values())[: len("2026-11-22")],
        "commit": progress.about["commit"],
        "machine": progress.about["machine"],
        **{name: effort[name] for name in _EFFORT},
        "parts": {name: part.circumstances() for name, part in parts.items()},
        "targets": evaluate_targets(parts["database"].results),
        **{name: part.results for name, part in parts.items()},
    }


def _raise_descriptors() -> None:
    """Raise RLIMIT_NOFILE for pgbench, which inherits it: a client is a file descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < DESCRIPTORS:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard), hard)
        )


def _too_late(*_: object) -> NoReturn:
    raise TimeoutError(f"A part took more than {PART_SECONDS} s. Let nothing else run meanwhile: make bench")


if __name__ == "__main__":
    command_line.run(lambda: app(prog_name="python -m benchmarks"))
