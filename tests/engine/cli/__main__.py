"""`make pulumi`: say which Pulumi CLI the tests use, and build it where there is none."""

from __future__ import annotations

import shutil
import subprocess
import sys

from tests.engine import cli

HOW = (
    "There is no Pulumi CLI of {wanted} or newer, and no Go to build one from its module. Install Go 1.26 or newer, or "
    "the CLI as on https://www.pulumi.com/docs/install/, and run make pulumi again."
)


def main() -> int:
    """Exits with 1, and the way out on standard error, if there is none and none can be built."""
    found = cli.find()
    if found is None:
        if shutil.which("go") is None:
            print(HOW.format(wanted=cli.pinned()), file=sys.stderr)
            return 1
        print(f"Building the Pulumi CLI {cli.pinned()} from its Go module (once, some minutes) ...", file=sys.stderr)
        try:
            found = cli.build()
        except subprocess.CalledProcessError:
            print("The Pulumi CLI could not be built; the reason stands above.", file=sys.stderr)
            return 1
    origin = "built from its Go module" if found.built else "found on PATH"
    print(f"Pulumi CLI {found.version}, {origin}: {found.path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
