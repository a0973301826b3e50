"""Stack files are read as the Pulumi CLI reads them, and refused in sentences."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recording.stack_files import StackFileError, load


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
        "p:deep": '{"a": [1, 0.5, true, "text"]}',
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


@pytest.mark.parametrize(
    "text", ["on", "off", "yes", "no", "03:00-04:00", "12:30", "2026-11-20T12:00:00Z", "0x1F", "1_000"]
)
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
        ("config: 5\n", r"Pulumi.prod.yaml: `config` is int; make it a mapping of keys to values."),
        (
            "config:\n  network: {}\n",
            r"Pulumi.prod.yaml: the key 'network' has no namespace; the CLI refuses it. "
            r"Write langpont-database:network.",
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
