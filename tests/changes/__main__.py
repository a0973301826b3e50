"""Make each ordinary change in a copy, and say what it took."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.changes import Copy, stack_files


def main() -> int:
    """Exits with 1 if a change breaks a test that is not about it."""
    with tempfile.TemporaryDirectory(prefix="langpont-changes-") as folder:
        copy = Copy(Path(folder))
        for line in stack_files.edit(copy):
            print(f"  {line}")
        stack_files.add_stack(copy)
        print(f"  a new stack: {', '.join(name for name in copy.changed() if 'qa' in name)}", flush=True)
        copy.render()
        return 0 if copy.test() else 1


if __name__ == "__main__":
    sys.exit(main())
