"""The stand-in for `aws`: every command of the documents is one, and what is none is refused."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import DOCUMENTS, blocks, read
from tests.engine import aws_cli
from tests.engine.providers.cloud import Cloud


def commands(text: str) -> Iterator[str]:
    """What begins with `aws`, each up to where the shell ends it, with a time for what is computed within."""
    for start in re.finditer(r"(?:^ *|[`(]|do |; )(?=aws [a-z])", text, re.MULTILINE):
        found, quote, depth = "", "", 0
        for character in text[start.end() :]:
            if not quote and not depth and character in "|;)\n`&":
                break
            if character == quote:
                quote = ""
            elif character in "\"'" and not quote:
                quote = character
            found += character
            depth += {"(": 1, ")": -1}.get(character, 0) if quote != "'" else 0
        yield re.sub(r"\$\((?:[^()]|\([^()]*\))*\)", "2026-11-21T00:00:00Z", found)


def documented() -> list[tuple[str, bool]]:
    """Every `aws` command of the documents, and whether it stands in a code block, where nothing may be missing."""
    found = set()
    for document in DOCUMENTS:
        text = re.sub(r"<[^>\n]*>", "1", read(document))
        inline = re.findall(r"`[^`]+`", re.sub(r"```.*?```", "", text, flags=re.S))
        found |= {(it, False) for each in inline for it in commands(" ".join(each.split()))}
        found |= {(it, True) for it in commands("\n".join(blocks(text, "bash")).replace("\\\n", " "))}
    return sorted(it for it in found if len(it[0].split()) > 2)


@pytest.mark.parametrize(("command", "whole"), documented())
def test_a_command_of_the_documents_is_one(command: str, whole: bool) -> None:
    aws_cli.parse(shlex.split(command, comments=True)[1:], whole=whole)


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        ("aws rds promote-replica --db-instance-identifier x", "aws rds has no promote-replica"),
        ("aws rds promote-read-replica --identifier x", "--identifier: no such option"),
        ("aws rds promote-read-replica", 'Missing required parameter in input: "DBInstanceIdentifier"'),
        ("aws rds wait db-ready --db-instance-identifier x", "aws wait has no db-ready"),
        ("aws relational describe-db-instances", "there is no service relational"),
        ("aws rds delete-db-instance --db-instance-identifier x", "no procedure calls rds DeleteDBInstance"),
        (
            "aws rds modify-db-instance --db-instance-identifier x --engine-version 17",
            "DBInstanceNotFound: DBInstance: x not found.",
        ),
    ],
)
def test_what_is_no_command_is_refused(command: str, refusal: str, tmp_path: Path) -> None:
    cloud = Cloud(tmp_path / "cloud.jsonl")
    with pytest.raises((aws_cli.Usage, aws_cli.Refused)) as raised:
        aws_cli.carry_out(cloud, aws_cli.parse(shlex.split(command)[1:]))
    assert refusal in str(raised.value)
