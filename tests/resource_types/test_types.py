"""Each row holds to what the provider says of its type, and nothing of it goes unseen."""

from __future__ import annotations

import shutil
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import resource_types
from recording.recording import Recording
from resource_types import TYPES, file_of
from resource_types.model import Call, Reply, ResourceType
from tests import provider
from tests.recordings import FROZEN, ROOT, record_with, recording

MADE_UP = {"hex", "HEX", "uuid", "content"}
ROWS = [each for row in TYPES.values() for each in (row, *row.variants.values())]
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)


def calls(row: ResourceType) -> tuple[Call, ...]:
    return (row.create, *row.after) if row.create else ()


def taken(row: ResourceType) -> set[str]:
    """Inputs that the row passes on or keeps from the API, those within structures by their paths."""
    return {name for call in calls(row) for name in (*call.takes, call.switch)} - {""} | set(row.own)


def variant(inputs: Mapping[str, Any], row: ResourceType) -> ResourceType:
    return next((it for name, it in row.variants.items() if name in inputs), row)


def fields(value: Any) -> Iterator[str]:
    """Names that the templates in a value ask for."""
    if isinstance(value, str):
        yield from (name for _, name, _, _ in string.Formatter().parse(value) if name is not None)
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from fields(item)


@each_row
def test_a_type_has_tags_where_the_provider_says_so(row: ResourceType) -> None:
    assert row.tagged == ("tags" in provider.inputs(row.token))


@each_row
def test_inputs_and_outputs_are_the_providers(row: ResourceType) -> None:
    named = {row.named.input} if row.named else set()
    inputs = {name.split(".")[0] for name in taken(row)} | named | set(row.variants)
    assert inputs - provider.inputs(row.token) == set()
    assert set(row.outputs) - provider.outputs(row.token) == set()
    assert row.secret_outputs <= set(row.outputs)
    assert {limit.about.split(".")[0] for limit in row.moto_limits} - {""} <= provider.outputs(row.token)


@each_row
def test_a_name_is_made_up_for_a_type_that_has_one(row: ResourceType) -> None:
    """pulumi-aws names whatever has an input `name`, and an instance by its identifier."""
    wanted = "identifier" if row.token == "aws:rds/instance:Instance" else "name"
    assert (row.named.input if row.named else None) == (wanted if wanted in provider.inputs(row.token) else None)


@each_row
def test_a_template_asks_for_what_there_is(row: ResourceType) -> None:
    known = provider.inputs(row.token) | {"region", "account"} | ({"name"} if row.named else set())
    known |= {key for key, value in row.outputs.items() if isinstance(value, Reply)}
    known |= {"random"} if row.create is None else set()
    for value in (row.id, *row.outputs.values()):
        if isinstance(value, Reply):
            assert set(fields(value.made_up)) <= known | MADE_UP
        else:
            assert set(fields(value)) <= known | ({"id"} if value is not row.id else set())
    for call in calls(row):
        assert set(fields(call.gives)) <= known | {"id", "token"}


RESTORES = {"time": "2026-11-01T03:00:00Z", "snapshot": "langpont-dev-manual-20261101-030000"}


def restored(kind: str) -> Recording:
    return record_with("dev", {"database": {"generation": 2, "restoreFrom": {kind: RESTORES[kind]}}})


def paths(value: Any, path: str) -> Iterator[str]:
    yield path
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from paths(item, f"{path}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, path)


@each_row
def test_a_stack_has_every_input_that_a_row_renames_so_that_a_wrong_name_shows(row: ResourceType) -> None:
    """In tests/golden/calls-*.json, where every parameter of every call stands; rotation is tried by test_provider.

    Restores make no call of their own.
    """
    recorded = [*map(recording, FROZEN), *map(restored, RESTORES)]
    registered = [it.inputs for each in recorded for it in each.of_type(row.token)]
    of_row = [it for it in registered if variant(it, TYPES[row.token]).create is row.create]
    assert taken(row) - {path for it in of_row for key, value in it.items() for path in paths(value, key)} == set()


def test_every_type_has_one_row_in_the_file_of_its_service() -> None:
    rows = [(row.token, f"resource_types/{module.__name__.split('.')[1]}.py") for module in resource_types._MODULES
            for row in module.TYPES]  # fmt: skip
    assert len(rows) == len(TYPES) == len(set(rows))
    assert {token: file_of(token) for token, _ in rows} == dict(rows)


@pytest.mark.parametrize(
    ("token", "file"),
    [
        ("aws:rds/proxy:Proxy", "rds"),
        ("aws:vpc/securityGroupVpcAssociation:SecurityGroupVpcAssociation", "ec2"),
        ("aws:sqs/queuePolicy:QueuePolicy", "sns_sqs"),
        ("random:index/randomPet:RandomPet", "random"),
        ("aws:s3/bucket:Bucket", "s3"),
        ("tls:index/privateKey:PrivateKey", "tls"),
    ],
)
def test_the_file_for_a_type_without_a_row_is_that_of_its_service(token: str, file: str) -> None:
    assert file_of(token) == f"resource_types/{file}.py"


def test_a_new_file_is_found(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "resource_types", tmp_path / "resource_types")
    (tmp_path / "resource_types" / "s3.py").write_text(
        "from resource_types.model import Bill, ResourceType\n"
        'TYPES = (ResourceType("aws:s3/bucket:Bucket", bill=Bill.VOLUME, id="{bucket}"),)\n'
    )
    told = subprocess.run(
        [sys.executable, "-c", "import resource_types as r; print(r.TYPES['aws:s3/bucket:Bucket'].bill.name)"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout == "VOLUME\n"
