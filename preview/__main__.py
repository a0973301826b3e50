"""`python -m preview STACK`: what a stack file makes or changes, told without an AWS account or the Pulumi CLI."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import command_line

if __name__ == "__main__":
    command_line.begin()

import typer

PROJECT = Path(__file__).resolve().parents[1]
REFUSED_CHANGE = 3

# Typer's own help and tracebacks import rich; a crash of the program is best read as Python writes it.
app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command()
def preview(
    stack: Annotated[str, typer.Argument(metavar="STACK", help="As in Pulumi.STACK.yaml.", show_default=False)],
    against: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Show what differs from a branch, tag, commit, folder or stack file, or from an export of "
            "`pulumi stack export`.",
        ),
    ] = None,
    as_deployed: Annotated[
        bool, typer.Option("--deployed", help="Show what differs from what is deployed, as the Pulumi CLI exports it.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show every resource, parameter and output too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, all of it.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report there, as a page for a browser.")
    ] = None,
    project: Annotated[Path, typer.Option(help="The folder with Pulumi.yaml and __main__.py.")] = PROJECT,
) -> None:
    """Run the program offline, as a first preview and as an update, and show what it makes.

    With --against the other version's own program is run too, with the packages that are installed here. An export
    tells more with its secrets open (--show-secrets), of which none is shown.

    Exits with 1 and a report on standard error if the stack file, the program or the other version is refused, and with
    1 if the policy pack would stop the stack. With --against, exits with 3 where each side is right by itself and RDS
    would refuse to make the one of the other.
    """
    from preview import text
    from preview.against import REFUSALS, Against, compared
    from preview.deployed import Deployed, ExportError, deployed
    from preview.document import document
    from preview.html import file as html_file
    from preview.html.page import page, runbook_from
    from preview.report import preview as run
    from preview.versions import is_file, is_stack_file, opened

    if as_deployed and against is not None:
        _fail("--deployed and --against are two bases. Name one.")
    differing: Against | Deployed | None = None
    try:
        if html is not None:
            html_file.check(html)
        if as_deployed or (against is not None and is_file(against) and not is_stack_file(against)):
            differing = deployed(project, stack, None if against is None else Path(against))
            report = differing.report
        elif against is None:
            report = run(project, stack)
        else:
            with opened(project, against) as version, _progress(f"Running the program of {version.name} too"):
                differing = compared(project, stack, version)
            report = differing.report
        if html is not None:
            html_file.write(html, page(report, differing, runbook=runbook_from(html, project)))
    except (*REFUSALS, ExportError, html_file.NotWritten) as refusal:
        _fail(str(refusal))
    except KeyboardInterrupt:
        _fail("Interrupted. Nothing was changed, and nothing is left behind.", code=command_line.INTERRUPTED)
    if as_json:
        print(json.dumps(differing.document() if differing else document(report), indent=2))
    elif html is not None:
        print(f"Written: {html}")
    elif isinstance(differing, Deployed):
        text.show_deployed(differing, everything=everything)
    elif differing:
        text.show_changes(differing, everything=everything)
    else:
        text.show(report, everything=everything)
    if differing and differing.refused:
        raise typer.Exit(REFUSED_CHANGE)
    if report.stopped:
        raise typer.Exit(1)


@contextmanager
def _progress(doing: str) -> Iterator[None]:
    """On a terminal, a line that is there while it lasts."""
    terminal = sys.stderr.isatty()
    if terminal:
        print(f"{doing} ...", end="", file=sys.stderr, flush=True)
    try:
        yield
    finally:
        if terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _fail(message: str, *, code: int = 1) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(code)


def main() -> NoReturn:
    """The command in a process of its own."""
    # Next to nothing that this process makes is garbage before its end: searching for it while importing and drawing
    # would be a third of the time.
    gc.disable()
    command_line.run(lambda: app(prog_name="python -m preview"))


if __name__ == "__main__":
    main()
