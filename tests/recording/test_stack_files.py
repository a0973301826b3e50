"""Stack files are read as the Pulumi CLI reads them, and refused in sentences."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.stack_file.load import StackFileRefused
from blueprint.stack_file.load import load as typed
from recording.go_yaml import YamlRefused, parse
from recording.stack_files import StackFileError, load
from tests.recordings import FIXTURES, REGION

SEMANTICS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "stack_file_semantics.json").read_text(encoding="utf-8")
)["rows"]
TOP = "config:\n  langpont-database:top: "
GENERATED = {
    "9,000 nested lists": TOP + "[" * 9_000 + "]" * 9_000,
    "11,000 nested lists": TOP + "[" * 11_000 + "]" * 11_000,
    "10,000 numbers": TOP + json.dumps(list(range(10_000))),
    "100,000 characters in one value": TOP + "x" * 100_000,
    "200,000 characters in one value": TOP + "x" * 200_000,
    "3,000,000 characters in one value": TOP + "x" * 3_000_000,
}
# What the CLI takes and nobody should write: it means something else than it seems, or no reader bears it.
REFUSED_HERE = {
    "int-octal-0": "line 2: 010 begins with 0, so the CLI reads it as another number (of 060 it makes 48). Leave the 0 "
    "out, or put it in quotes if it is text.",
    "int-octal-0-invalid": "line 2: 089 begins with 0, so the CLI reads it as another number (of 060 it makes 48). "
    "Leave the 0 out, or put it in quotes if it is text.",
    "dup-short-and-full": "langpont-database:top stands twice, once as 'langpont-database:top'. Keep one of them.",
    "tag-custom": "line 2: the CLI drops the tag !mine. Take it out.",
    "tag-custom-map": "line 2: the CLI drops the tag !mine. Take it out.",
    "tag-python": "line 2: the CLI drops the tag !!python/name:os.system. Take it out.",
    "doc-two": "line 3: the CLI reads the first document alone. Take the rest out.",
    "doc-two-second-broken": "line 3: the CLI reads the first document alone. Take the rest out.",
    "bytes-utf16": "is written in UTF-16. Save it as UTF-8.",
    "bytes-utf16be-bom": "is written in UTF-16. Save it as UTF-8.",
    **{
        f"bytes-tab-{where}": f"line 2, column {column}: not valid YAML: found character '\\t' that cannot start any "
        f"token. Mend the file there."
        for where, column in (("after-colon", 25), ("inside", 27), ("end", 27), ("before-comment", 27))
    },
    "deep-900": "line 2: more than 200 levels, one in another. Write it flatter.",
    "deep-9000": "line 2: more than 200 levels, one in another. Write it flatter.",
}
# What shows only to somebody who has the key, or may ask KMS.
NEEDS_THE_KEY = {"secure-not-cipher", "secure-no-salt", "top-secretsprovider-awskms"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: langpont-database\nruntime: python\n")
    return tmp_path


def write(project: Path, text: str) -> Path:
    (project / "Pulumi.prod.yaml").write_text(text)
    return project


def test_scalars_arrive_as_text_and_structures_as_json(project: Path) -> None:
    write(project, "config:\n  aws:region: ap-northeast-1\n  p:count: 3\n  p:deep: {a: [1, 0.5, true, text]}\n")
    assert load(project, "prod").config == {
        "aws:region": "ap-northeast-1",
        "p:count": "3",
        "p:deep": '{"a":[1,0.5,true,"text"]}',
    }


def test_sections_are_the_project_s_own_keys_decoded_and_a_text_stays_one(project: Path) -> None:
    write(
        project,
        "config:\n  aws:region: ap-northeast-1\n  langpont-database:replicas: []\n"
        "  langpont-database:network: {vpc: {cidr: 10.0.0.0/16}}\n  langpont-database:typo: 3\n",
    )
    assert load(project, "prod").sections() == {
        "replicas": [], "network": {"vpc": {"cidr": "10.0.0.0/16"}}, "typo": "3",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["on", "off", "yes", "no", "03:00-04:00", "12:30", "2026-11-20T12:00:00", "1:30.5"])
def test_what_only_yaml_1_1_reads_as_something_else_stays_text(project: Path, text: str) -> None:
    """The CLI's parser (Go's yaml.v3) keeps these as text; PyYAML alone makes booleans, 750 or a date of them."""
    write(project, f"config:\n  p:key: {{value: {text}}}\n")
    assert json.loads(load(project, "prod").config["p:key"]) == {"value": text}


def test_an_encrypted_value_becomes_a_stand_in_and_its_key_a_secret(project: Path) -> None:
    write(project, "config:\n  p:key:\n    list:\n      - secure: AAAB\n  p:plain: x\n")
    stack_file = load(project, "prod")
    assert json.loads(stack_file.config["p:key"]) == {"list": ["(encrypted: p:key.list[0])"]}
    assert stack_file.secret_keys == ("p:key",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("config:\n  a: [1\n", r"Pulumi.prod.yaml line 3, column 1: not valid YAML: .* Mend the file there."),
        ("- a\n", r"Pulumi.prod.yaml: the file is not a mapping. Begin it with `config:`."),
        ("config: 5\n", r"Pulumi.prod.yaml: `config` is no mapping of keys to values. Write keys below it."),
        (
            "config:\n  a:b:c: {}\n",
            r"Pulumi.prod.yaml: the key 'a:b:c' has not the form <namespace>:<name>. "
            r"Write langpont-database:<section>.",
        ),
        (
            "config:\n  p:a: 1\n  p:b: {c: 1, c: 2}\n",
            r"Pulumi.prod.yaml line 3: c stands already in line 3. Keep one of them.",
        ),
        (
            "config:\n  p:a: .inf\n",
            r"Pulumi.prod.yaml line 2: .inf is no number that the CLI can hand over. Write a number, or quotes.",
        ),
        (
            "config:\n  p:a: &a [*a]\n",
            r"Pulumi.prod.yaml line 2: the anchor a contains itself. Write the value out.",
        ),
        (
            "environment: [prod]\n",
            r"Pulumi.prod.yaml: `environment` asks for Pulumi ESC, which only Pulumi Cloud has and nobody sees "
            r"offline. Write its values into `config`.",
        ),
    ],
)
def test_a_misshapen_file_is_refused_with_the_place(project: Path, text: str, sentence: str) -> None:
    write(project, text)
    with pytest.raises(StackFileError, match=f"^{sentence}$"):
        load(project, "prod")


def test_a_stack_that_does_not_exist_is_refused_with_those_that_do(project: Path) -> None:
    write(project, "config: {}\n")
    with pytest.raises(
        StackFileError,
        match=r"^There is no stack 'production': Pulumi.production.yaml does not exist. Stacks here: prod. "
        r"Name one of them, or copy one of their files.$",
    ):
        load(project, "production")


def test_a_project_without_a_name_is_refused(project: Path) -> None:
    (project / "Pulumi.yaml").write_text("runtime: python\n")
    with pytest.raises(StackFileError) as refused:
        load(write(project, "config: {}\n"), "prod")
    assert str(refused.value) == "Pulumi.yaml: `name` is missing or no text. Write name: langpont-database."


# The measured table


def content(row: dict[str, Any]) -> bytes:
    if "input_base64" in row:
        return base64.b64decode(row["input_base64"])
    return (row["input"] if "input" in row else GENERATED[row["input_is"]] + "\n").encode()


@pytest.mark.parametrize("row", SEMANTICS, ids=lambda row: row["id"])
def test_a_file_gives_what_it_gives_under_the_cli_or_is_refused(project: Path, row: dict[str, Any]) -> None:
    (project / "Pulumi.dev.yaml").write_bytes(content(row))
    if row["id"] in REFUSED_HERE or ("refuses" in row and row["id"] not in NEEDS_THE_KEY):
        with pytest.raises(StackFileError) as refused:
            load(project, "dev")
        told = str(refused.value)
        assert re.fullmatch(r"Pulumi\.dev\.yaml( line \d+(, column \d+)?)?:? .+\. [A-Z].+\.", told), told
        assert len(told) < 400
        assert told.partition("Pulumi.dev.yaml")[2].lstrip(": ") == REFUSED_HERE.get(row["id"], told[15:].lstrip(": "))
        return
    found = load(project, "dev")
    if "refuses" in row:
        return
    assert list(found.secret_keys) == row.get("secretKeys", [])
    if "secretKeys" in row:
        return  # a stand-in for what is encrypted
    if "input_is" in row:
        assert row["gives"] == {key: f"({len(text)} characters)" for key, text in found.config.items()}
        return
    assert found.config.keys() == row["gives"].keys()
    for key, text in row["gives"].items():
        assert found.config[key] == text or json.loads(found.config[key]) == json.loads(text), key


def test_the_table_has_every_row_that_is_told_apart_here() -> None:
    given_rows = {row["id"] for row in SEMANTICS if "gives" in row}
    assert REFUSED_HERE.keys() <= given_rows
    assert {row["id"] for row in SEMANTICS} - given_rows >= NEEDS_THE_KEY
    assert len(SEMANTICS) == 296


# Edits of the file of dev


def edited(project: Path, old: str, new: str) -> list[str]:
    """What the file of dev with another text is refused for; nothing, if it is not."""
    text = (FIXTURES / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    assert old in text
    (project / "Pulumi.dev.yaml").write_text(text.replace(old, new), encoding="utf-8")
    try:
        file = load(project, "dev")
        typed(file.sections(), environment="dev", region=REGION)
    except StackFileError as refused:
        return [str(refused)]
    except StackFileRefused as refused:
        return [str(problem) for problem in refused.problems]
    return []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("allocatedStorageGib: 20", "allocatedStorageGib: 20.0"),
        ("allocatedStorageGib: 20", "allocatedStorageGib: 2e1"),
        ("allocatedStorageGib: 20", "engineVersion: 16.0\n    allocatedStorageGib: 20"),
        ("monthlyBudgetUsd: 60", "monthlyBudgetUsd: 1_000"),
        ("max_connections: 60", "max_connections: 0x3C"),
        ("max_connections: 60", "max_connections: 0o74"),
        ("langpont-database:encryption:", "encryption:"),
        ("langpont-database:encryption:", "langpont-database:access:\n  langpont-database:encryption:"),
    ],
)
def test_what_deploys_is_not_refused_offline(project: Path, old: str, new: str) -> None:
    assert edited(project, old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "max_connections: 60", "max_connections: 060",
            "Pulumi.dev.yaml line 26: 060 begins with 0, so the CLI reads it as another number (of 060 it makes 48). "
            "Leave the 0 out, or put it in quotes if it is text.",
        ),
        (
            "work_mem: 4MB", "work_mem: 4MB\n      work_mem: 8MB",
            "Pulumi.dev.yaml line 28: work_mem stands already in line 27. Keep one of them.",
        ),
    ],
)  # fmt: skip
def test_what_the_cli_refuses_or_misreads_is_refused_with_its_line(
    project: Path, old: str, new: str, sentence: str
) -> None:
    assert edited(project, old, new) == [sentence]


@pytest.mark.parametrize("digits", [400, 5_000])
def test_an_integer_of_any_length_is_one_short_problem(project: Path, digits: int) -> None:
    """Beyond what a float holds the CLI hands it over as text."""
    [problem] = edited(project, "monthlyBudgetUsd: 60", f"monthlyBudgetUsd: 1{'0' * (digits - 1)}")
    assert problem == (
        f'monitoring.monthlyBudgetUsd "1{"0" * 78}... is not a whole number. '
        "Write digits without quotes, a fraction or a unit."
    )


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("abz01:-?*&!|>%@'\"{}[],#\n \t.~<=\\x\x85\ud800\u2028é"), max_size=40))
def test_no_text_makes_the_reader_fail(text: str) -> None:
    try:
        parse(text.encode("utf-8", "replace").decode())
    except YamlRefused as refused:
        assert re.match(r" line \d+(, column \d+)?: .+\. [A-Z].+\.$", str(refused), re.S), str(refused)
