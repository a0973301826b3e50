"""All tests, with options of pytest such as `--long`. What names tests is run in one process, as pytest does."""

from __future__ import annotations

import os
import sys

import command_line
from tests.recordings import ROOT
from tests.shards import SHARDS, cores, run

if __name__ == "__main__":
    options = sys.argv[1:]
    if any(not option.startswith("-") for option in options):
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *options])
    command_line.run(lambda: run(SHARDS, options, root=ROOT, at_a_time=cores()))
