"""Stack files whose text is broken: what an editor, a merge, another format or a bad day makes of one."""

from __future__ import annotations

import random
import re
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import pulumi

from blueprint.stack_file.load import StackFileRefused
from blueprint.stack_file.load import load as typed
from preview.report import preview
from recording import stack_files
from recording.engine import EngineRefusal
from recording.stack_files import StackFileError
from tests.fuzz.faults import Fault, misworded
from tests.recordings import FIXTURES, ROOT, STACKS

PIECES = (
    "\t", "\0", "\ufeff", "\r\n", "\x1b[31m", "---\n", "...\n", "<<: *a\n", "&a ", "*a", "!!binary ", "!!timestamp ",
    "!!set ", "!!int x", "!mine ", "{", "}", "[", "]", '"', "'", "|\n", ">-\n", "? ", ": ", "- ", "#", "%YAML 1.1\n",
    "@", "`", "0x3C", "060", "0o17", "1_000", ".inf", ".nan", "~", "null", "yes", "1e400", "9" * 400, "2026-11-20",
    "  ", " ", "secure: AAAB\n", "<<<<<<< HEAD\n", "=======\n", "\n", "config:\n", "encryptionsalt: v1:x\n", "[" * 300,
    "secretsprovider: awskms://x\n", "\udc80", "\u2028", "\u202e", "é", "langpont-database:", "- &b [*b]\n",
)  # fmt: skip


def broken(chance: random.Random) -> tuple[str, bytes]:
    """A stack's name, and its file with one to four changes."""
    stack = chance.choice(STACKS)
    text = (FIXTURES / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
    for _ in range(chance.randrange(1, 5)):
        lines = text.splitlines(keepends=True) or [""]
        at, line = chance.randrange(len(text) + 1), chance.randrange(len(lines))
        match chance.randrange(7):
            case 0 | 1 | 2:
                text = text[:at] + chance.choice(PIECES) + text[at:]
            case 3:
                text = text[:at] + text[at + chance.randrange(20) :]
            case 4:
                text = "".join(lines[:line] + lines[line + 1 :])
            case 5:
                text = "".join(lines[: line + 1] + lines[line : line + 1] + lines[line + 1 :])
            case _:
                values = list(re.finditer(r"(?<=: )\S+", text))
                if values:
                    found = chance.choice(values)
                    text = text[: found.start()] + chance.choice(PIECES) + text[found.end() :]
    in_utf_16 = chance.random() < 0.1
    return stack, text.encode("utf-16", "surrogatepass") if in_utf_16 else text.encode("utf-8", "surrogateescape")


def faults(seed: int, number: int) -> Iterator[Fault | None]:
    """One item for each of so many texts: None, or what is wrong with how it was answered."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("components", "functions", "certs", "__main__.py"):
            (Path(folder) / name).symlink_to(ROOT / name)
        (Path(folder) / "Pulumi.yaml").write_text((FIXTURES / "Pulumi.yaml").read_text())
        for _ in range(number):
            stack, content = broken(chance)
            (Path(folder) / f"Pulumi.{stack}.yaml").write_bytes(content)
            came = next(_wrong(Path(folder), stack), None)
            yield Fault(f"{stack} as {content.decode(errors='backslashreplace')!r}", came) if came else None


def _wrong(project: Path, stack: str) -> Iterator[str]:
    try:
        file = stack_files.load(project, stack)
    except StackFileError as refused:
        told = str(refused)
        if not told.isprintable() or not re.fullmatch(rf"Pulumi\.({stack}\.)?yaml.*\. [A-Z].+\.", told):
            yield f"is no sentence with a way out: {told!r}"
        return
    except Exception:
        yield traceback.format_exc(limit=-6)
        return
    try:
        typed(file.sections(), environment=stack, region=file.config.get("aws:region"))
    except StackFileRefused as refused:
        for problem in refused.problems:
            yield from misworded(problem)
    except Exception:
        yield traceback.format_exc(limit=-6)
    try:
        preview(project, stack)
    except (pulumi.RunError, StackFileError, EngineRefusal) as refused:
        told = str(refused)
        if "Traceback" in told or not told.rstrip().endswith("."):
            yield f"the program said: {told!r}"
    except Exception:
        yield traceback.format_exc(limit=-6)
