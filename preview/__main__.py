"""`python -m preview STACK`: what a stack file makes, told without an AWS account or the Pulumi CLI."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

PROJECT = Path(__file__).resolve().parents[1]

# Typer's own help and tracebacks import rich; a crash of the program is best read as Python writes it.
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def preview(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="As in Pulumi.STACK.yaml.", show_default=False)],
    everything: Annotated[bool, typer.Option("--all", help="Show every resource, parameter and output too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, all of it.")] = False,
    project: Annotated[Path, typer.Option(help="The folder with Pulumi.yaml and __main__.py.")] = PROJECT,
) -> None:
    """Run the program offline, as a first preview and as an update, and show what it makes.

    Exits with 1 and a report on standard error if the stack file or the program is refused, and with 1 if the policy
    pack would stop the stack.
    """
    import pulumi

    from policy import ConfigurationRefused
    from preview.report import preview as run
    from recording.engine import EngineRefusal
    from recording.stack_files import StackFileError

    try:
        report = run(project, stack)
    except pulumi.ConfigMissingError as missing:
        _fail(f"Pulumi.{stack}.yaml: {missing.key} is missing. Write it under `config:`, at the top.")
    except (StackFileError, EngineRefusal, ConfigurationRefused, pulumi.RunError) as refusal:
        _fail(str(refusal))
    if as_json:
        from preview.document import document

        print(json.dumps(document(report), indent=2))
    else:
        from preview.text import show

        show(report, everything=everything)
    sys.stdout.flush()  # here, where Typer handles a pipe that was closed, and not at exit
    if report.stopped:
        raise typer.Exit(1)


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(1)


def main() -> None:
    """The command in a process of its own."""
    # Next to nothing that this process makes is garbage before its end: searching for it while importing and drawing,
    # and among all of it at exit, would be a third of the time.
    gc.disable()
    try:
        app(prog_name="python -m preview")
    finally:
        gc.freeze()


if __name__ == "__main__":
    main()
