"""Ordinary changes, made in a copy of the repository: `python -m tests.changes`, or `make changes`.

A change that is about one thing must break no test that is about another: after `make golden` and `make docs` the pure
tests, which need no server, are green. And a change of one kind takes the files that CONTRIBUTING.md names, no more.
It is a step of CI of its own, and not part of `make test`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What runs on servers takes minutes, and reads fixture stacks alone.
ON_SERVERS = ("benchmarks", "changes", "engine", "functions", "fuzz", "langpont_db", "local", "product")
RENDERED = (
    ["-m", "blueprint.stack_file.schema"],
    ["-m", "blueprint.product.schema"],
    ["-m", "tests.golden"],
    ["-m", "benchmarks", "render"],
    ["-m", "documents"],
)


class Copy:
    """A copy of the tracked files, in a git repository of its own, so that changed files can be counted."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        for name in self._git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
        self._git(folder, "init", "--quiet")
        self.commit()

    def commit(self) -> None:
        """What has changed until now counts no longer."""
        author = ("-c", "user.name=changes", "-c", "user.email=changes@langpont.example", "-c", "commit.gpgsign=false")
        self._git(self.root, "add", "--all")
        self._git(self.root, *author, "commit", "--quiet", "--allow-empty", "--message", "as it was")

    def changed(self) -> tuple[str, ...]:
        """Paths that differ from the last commit, sorted."""
        self._git(self.root, "add", "--all")
        return tuple(sorted(self._git(self.root, "diff", "--cached", "--name-only", "HEAD").splitlines()))

    def read(self, name: str) -> str:
        """A file's text."""
        return (self.root / name).read_text(encoding="utf-8")

    def write(self, name: str, text: str) -> None:
        """A file with another text, or a new one."""
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text, encoding="utf-8")

    def render(self) -> None:
        """`make schema`, `make golden` and `make docs`. Raises `CalledProcessError`, with what was printed shown."""
        for arguments in RENDERED:
            done = self._python(arguments, stdout=subprocess.PIPE)
            if arguments[-1].endswith("schema"):
                self.write("product.schema.json" if "product" in arguments[-1] else "stack.schema.json", done.stdout)

    def test(self) -> bool:
        """Whether the tests that need no server are green; what fails is printed."""
        folders = sorted(path for path in (self.root / "tests").iterdir() if (path / "__init__.py").exists())
        pure = [f"tests/{path.name}" for path in folders if path.name not in ON_SERVERS]
        # What the engine did is rendered by a command of its own, which takes minutes.
        pytest = ["-m", "pytest", "-q", "--no-header", "--tb=line", "--ignore", "tests/preview/test_plan.py"]
        return self._python([*pytest, *pure], check=False).returncode == 0

    def _python(
        self, arguments: list[str], *, stdout: int | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, *arguments], cwd=self.root, stdout=stdout, text=True, check=check)

    @staticmethod
    def _git(folder: Path, *arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout
