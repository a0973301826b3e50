"""Command line: `python -m benchmarks` measures and renders; `python -m benchmarks render` only renders the results."""

from __future__ import annotations

import json
import resource
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import command_line

if __name__ == "__main__":
    command_line.begin()

import typer

from benchmarks import database, failover, library, machine, preview, recovery, render
from benchmarks.targets import evaluate_targets
from benchmarks.workshop import PROJECT, QUICK, Effort, workshop
from local.servers.errors import DataPlaneError
from recording import stack_files

DEADLINE_SECONDS = 600
DESCRIPTORS = 4096  # 300 clients and what a program has open besides

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def measure(
    context: typer.Context,
    quick: Annotated[bool, typer.Option("--quick", help="A little of each, to see that it works.")] = False,
    to: Annotated[Path, typer.Option(help="Where the results go.")] = render.RESULTS,
) -> None:
    """Measure everything within 10 minutes, and write results, pictures and documents."""
    if context.invoked_subcommand:
        return
    signal.signal(signal.SIGALRM, _too_late)
    signal.alarm(DEADLINE_SECONDS)
    _raise_descriptors()
    try:
        results = measured(QUICK if quick else Effort())
    except (DataPlaneError, TimeoutError, RuntimeError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        print("Interrupted. Nothing was written, and nothing of it runs.", file=sys.stderr)
        raise typer.Exit(command_line.INTERRUPTED) from None
    finally:
        signal.alarm(0)
    to.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    if to == render.RESULTS:
        render.write(PROJECT, results)


@app.command("render")
def draw() -> None:
    """Write docs/measurements.md, its pictures and the README's section from results.json, without measuring."""
    try:
        render.write(PROJECT, render.load())
    except FileNotFoundError:
        print(f"{render.RESULTS} is missing. make bench", file=sys.stderr)
        raise typer.Exit(1) from None


def measured(effort: Effort, cache: Path | None = None) -> dict[str, Any]:
    """Run all benchmarks; the results in the schema of results.json. `cache` as `workshop` takes it."""
    begun = time.monotonic()

    def say(what: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - begun), 60)
        print(f"{minutes}:{seconds:02d}  {what}", file=sys.stderr, flush=True)

    with workshop(stack_files.load(PROJECT, "prod"), effort, say, cache) as place:
        results: dict[str, Any] = {
            "measured": datetime.now(UTC).date().isoformat(),
            "commit": machine.commit(),
            "machine": machine.machine(place.binaries),
            "runs": effort.runs,
            "scale": effort.scale,
            "seconds": effort.seconds,
            "offered_seconds": effort.offered_seconds,
            "settle_seconds": effort.settle_seconds,
            "rate": effort.rate,
        }
        with database.platform(place) as platform:
            rows = database.measure(platform)
            platform.change("ours")
            results |= {"database": rows, "targets": evaluate_targets(rows)}
            results["library"] = library.measure(place, platform.plane)
        results["preview"] = preview.measure(place)
        results["failover"] = failover.measure(place)
        results["recovery"] = recovery.measure(place)
    say("Done")
    return results


def _raise_descriptors() -> None:
    """Raise RLIMIT_NOFILE for pgbench, which inherits it: a client is a file descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < DESCRIPTORS:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard), hard)
        )


def _too_late(*_: object) -> NoReturn:
    raise TimeoutError(
        f"It took more than {DEADLINE_SECONDS} s, so nothing was written. Let nothing else run meanwhile: make bench"
    )


if __name__ == "__main__":
    command_line.run(lambda: app(prog_name="python -m benchmarks"))
