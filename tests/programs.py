"""Where tests keep PostgreSQL's programs, which take longer to fetch than most of them: one folder for all runs."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(f"/var/tmp/langpont-tests-{os.getuid()}")
CACHE = FOLDER / "postgresql"  # as `make up` has it in LANGPONT_LOCAL_DIR
