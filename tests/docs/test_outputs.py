"""docs/outputs.md against the program: every output and field with its type, meaning and prod's value."""

from __future__ import annotations

import json
from typing import Any

from blueprint.outputs import OUTPUTS
from tests import golden
from tests.contracts.test_outputs import SHAPES
from tests.docs import blocks, read, table

TEXT = read("docs/outputs.md")
PROD: dict[str, Any] = json.loads(golden.OUTPUTS.path("prod").read_text(encoding="utf-8"))
WITH_FIELDS = ("replicas", "secretArns", "pools")
FIELDS = "see [fields](#fields)"
WORDS = {str: "string", int: "integer"}


def row(path: str, value: Any) -> tuple[str, str, str]:
    return path, WORDS[type(value)], json.dumps(value)


def test_every_output_has_one_row_with_its_type_and_prods_value() -> None:
    assert table(TEXT, "output", "type", "meaning", "example") == [
        (
            name,
            type_,
            meaning,
            "see [fields](#fields)" if name in WITH_FIELDS else json.dumps(PROD[name], sort_keys=True),
        )
        for name, type_, meaning in OUTPUTS
    ]


def test_every_field_of_a_replica_has_one_row_with_its_type() -> None:
    assert {row[:2] for row in table(TEXT, "field of `replicas`", "type", "example")} == {
        (field, WORDS[type_]) for field, type_ in SHAPES["replicas"][0].items()
    }


def test_every_field_of_the_pools_has_one_row() -> None:
    leaves = {
        f"{key}.{field}" if field else key: value
        for key, inner in PROD["pools"].items()
        for field, value in (inner.items() if isinstance(inner, dict) else [("", inner)])
    }
    written = table(TEXT, "field of `pools`", "type", "example")
    assert sorted(written) == sorted(row(path, value) for path, value in leaves.items())


def test_every_secret_has_one_row() -> None:
    assert sorted(role for role, _, _ in table(TEXT, "key of `secretArns`", "read with", "by")) == sorted(
        PROD["secretArns"]
    )


def test_the_program_that_reads_them_is_the_example_as_it_is_deployed() -> None:
    assert blocks(TEXT, "python") == [read("examples/consumer/__main__.py")]
