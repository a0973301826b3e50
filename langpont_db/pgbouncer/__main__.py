"""Command line: `python -m langpont_db.pgbouncer install --outputs stack-outputs.json`, `sync` and `reload`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from langpont_db.pgbouncer.errors import HostError
from langpont_db.pgbouncer.host import Host
from langpont_db.pgbouncer.install import install, try_service
from langpont_db.pgbouncer.stack import Stack
from langpont_db.pgbouncer.sync import reload_installed, running, sync
from langpont_db.pgbouncer.versions import number, summary


def main(argv: Sequence[str] | None = None, host: Host | None = None) -> int:
    """Run a command; exit code 0 if PgBouncer runs with what is published, 1 with reasons on standard error if not."""
    arguments = _parser().parse_args(argv)
    host = host or Host()
    try:
        if arguments.command == "reload":
            print(f"pgbouncer: {reload_installed(host)}")
            return 0
        if arguments.command == "sync":
            if not host.outputs.exists():
                raise HostError(f"{host.outputs} is not there: this host was not set up. Run install first.")
            return _sync(Stack.parse(host.outputs.read_bytes(), host.outputs), host)
        code = _sync(install(arguments.outputs, host), host, tell_version=True)
        if code == 0:
            try_service()
        return code
    except HostError as error:
        return _failed(str(error))
    except PermissionError as error:
        return _failed(f"{error.filename or 'this'}: {error.strerror}. Run it as root: sudo ...")
    except OSError as error:
        return _failed(f"{error.filename or 'the system'}: {error.strerror}. What was there before is in effect.")


def _sync(stack: Stack, host: Host, *, tell_version: bool = False) -> int:
    """`tell_version`: say which PgBouncer runs although nothing was changed. The timer does not, every minute."""
    code = 0
    try:
        outcome = sync(stack, host)
        print(f"pgbouncer: {outcome.done}")
        tell_version |= outcome.changed
        for problem in outcome.problems:
            code = _failed(problem)
    except HostError as error:
        code = _failed(str(error))
    # Whatever became of the files, somebody wants to know who waits; and metrics are no reason to fail.
    try:
        if now := running():
            version, waiting = now
            if tell_version and version:
                print(f"pgbouncer: {summary(version)}")
            print(f"pgbouncer: {waiting.clients} clients wait, the longest for {waiting.longest_seconds:.1f} s")
            stack.publish(waiting, number(version) or "unknown", host.sync_state().written)
    except HostError as error:
        _failed(str(error))
    return code


def _failed(sentence: str) -> int:
    print(f"pgbouncer: {sentence}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m langpont_db.pgbouncer",
        description="PgBouncer of an application host, as the stack publishes it.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    deploy = commands.add_parser("install", help="set the host up, or bring it to a new release; run by each deploy")
    deploy.add_argument(
        "--outputs", type=Path, required=True, help="what `pulumi stack output --json` printed; /dev/stdin is possible"
    )
    commands.add_parser("sync", help="take over what is published; run by a timer every minute")
    commands.add_parser("reload", help="reload the files of this host after an edit by hand, without dropping a client")
    return parser


if __name__ == "__main__":
    sys.exit(main())
