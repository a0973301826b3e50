"""Every `pulumi` command of the documents, the workflows and the examples, run on the engine against a file backend."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from tests.engine.conftest import Open
from tests.recordings import ROOT

VERBS = ["cancel", "config", "destroy", "import", "install", "login", "preview", "refresh", "stack", "state", "up"]
# Who runs them and where; what a person would be asked. None of it is what a command is about.
WITH_VALUE = {"-s", "--stack", "--color", "--message"}
ALONE = {"--non-interactive", "--yes"}

# In an order in which they can be run; {urn} is the URN of some resource.
RUN = (
    "stack",
    "stack --show-urns",
    "stack export",
    "stack output --json",
    "stack output primaryEndpoint",
    "stack output backupVaultName",
    "preview",
    "preview --policy-pack policy",
    "preview --policy-pack policy --diff",
    "up --policy-pack policy",
    "up",
    "refresh --target {urn}",
    "refresh --preview-only --expect-no-changes",
    "refresh --preview-only --expect-no-changes --diff",
    "refresh",
    "state unprotect {urn}",
    "state unprotect --all",
    "destroy",
)
# What needs more than a file backend and a stand-in, and what stands for it.
ELSEWHERE = {
    "import": "takes what exists into the state: tests/engine/test_procedures.py",
    "import aws:secretsmanager/secret:Secret": "as above",
    "import --file adopt.json --generate-code=false": "takes an instance into the state: tests/engine/test_adopting.py",
    "stack import --file named.json": "as above",
    "preview --refresh=false": "while a replica is promoted: tests/engine/test_procedures.py",
    "up --refresh=false": "as above",
    "refresh --clear-pending-creates": "after an update that was cut off: tests/engine/test_procedures.py",
    "install": "installs requirements.txt and fetches the plugins, which nothing here serves",
    "login s3://BUCKET?region=ap-northeast-1": "every test logs in to a folder",
    "stack init dev --secrets-provider=awskms://alias/KEY?region=ap-northeast-1": "every test has a passphrase",
    "stack init": "every test begins with it",
    "stack init qa --secrets-provider=awskms://alias/KEY?region=ap-northeast-1": "tests/engine/test_changes_written.py",
    "stack change-secrets-provider awskms://alias/KEY?region=ap-northeast-1": "as above",
    "config set --secret --path webhooks.critical.pagerduty": "tests/engine/test_secrecy.py",
    "config set": "writes the stack file anew: tests/engine/test_stack_files.py",
    "cancel": "takes a lock away that a killed update left: tests/engine/test_interrupted.py",
}


def commands(text: str) -> Iterator[str]:
    """What a text says after `pulumi`, without the stack and without what answers questions."""
    text = re.sub(r"\\\n *", " ", re.sub(r"'?<urn[^>]*>'?", "{urn}", text))
    text = re.sub(r"<(key|bucket|stack)>", lambda found: found[1].upper(), text).replace('"$STACK"', "STACK")
    for found in re.findall(rf"\bpulumi ((?:{'|'.join(VERBS)})\b[^|<>;`\n)\"]*)", text):
        words = shlex.split(found.replace("'", ""), comments=True)
        kept: list[str] = []
        for word in words:
            if kept and kept[-1] in WITH_VALUE:
                kept.pop()
            elif word not in ALONE:
                kept.append(word.rstrip(".,:") if word == words[-1] else word)
        yield " ".join(kept if kept[-1] not in WITH_VALUE else kept[:-1])


def documented() -> dict[str, str]:
    """Commands in code marks, code blocks, workflows and scripts, each with a place where it stands."""
    found: dict[str, str] = {}
    for path in (*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        code = [*re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.M | re.S)]
        code += [
            " ".join(each.split()) for each in re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
        ]
        found |= {command: path.name for each in code for command in commands(each)}
    for path in (*(ROOT / ".github").rglob("*.yml"), *(ROOT / "examples").rglob("*.sh")):
        found |= dict.fromkeys(commands(path.read_text(encoding="utf-8")), path.name)
    return found


def test_every_command_is_run_or_it_is_said_what_stands_for_it() -> None:
    places = documented()
    assert {command: place for command, place in places.items() if command not in {*RUN, *ELSEWHERE}} == {}
    assert {*RUN, *ELSEWHERE} - places.keys() == set()


@pytest.mark.long
def test_every_command_does_what_it_says(deployed: Open) -> None:
    workplace = deployed("dev")
    urn = workplace.urn("langpont-dev-network-vpc")
    for command in RUN:
        asked = ["--yes"] if command.split()[0] in ("up", "refresh", "destroy") or "unprotect" in command else []
        words = [urn if word == "{urn}" else word for word in command.split()]
        workplace.run(*words, *[] if "--preview-only" in words else asked)
    assert workplace.cloud.all() == []
