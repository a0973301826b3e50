"""The outputs as deploys read them: types down to the last field, and the library that reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint.outputs import OUTPUTS
from langpont_db.outputs import environment, migration_environment
from tests import golden
from tests.components import MIXED
from tests.recordings import DEPLOYABLE, ROLES, record_with

TYPES: dict[str, type] = {"string": str, "integer": int, "array": list, "object": dict}
# Of what has parts. A list has one kind of item; a mapping with `str` as its key has any keys.
SHAPES: dict[str, Any] = {
    "replicas": [{"number": int, "purpose": str, "zone": str, "identifier": str, "endpoint": str, "poolerEntry": str}],
    "secretArns": {str: str},
    "roles": {"application": str, "reader": str, "migrator": str, "owner": str},
    "pools": {
        "primary": {"size": int, "maxOverflow": int},
        "replica": {"size": int, "maxOverflow": int},
        "timeoutSeconds": int,
        "recycleSeconds": int,
    },
    "publicSubnetIds": [str],
    "applicationSubnetIds": [str],
    "databaseSubnetIds": [str],
}


def fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    if not isinstance(shape, dict):
        return type(value) is shape and value != ""
    if not isinstance(value, dict):
        return False
    if set(shape) == {str}:
        return bool(value) and all(fits(item, shape[str]) for item in value.values())
    return set(value) == set(shape) and all(fits(value[key], shape[key]) for key in shape)


def held(stack: str) -> dict[str, Any]:
    """The golden outputs."""
    outputs: dict[str, Any] = json.loads(golden.OUTPUTS.path(stack).read_text(encoding="utf-8"))
    return outputs


@pytest.mark.parametrize("stack", DEPLOYABLE)
def test_every_output_has_its_type_down_to_the_last_field(stack: str) -> None:
    outputs = held(stack)
    assert sorted(outputs) == sorted(output.name for output in OUTPUTS)
    shapes = {output.name: SHAPES.get(output.name, TYPES[output.type]) for output in OUTPUTS}
    assert {name: value for name, value in outputs.items() if not fits(value, shapes[name])} == {}
    for output in OUTPUTS:
        assert (output.type in ("array", "object")) == (output.name in SHAPES), output.name


def test_what_is_no_such_shape_does_not_fit() -> None:
    assert not fits(True, int)
    assert not fits("5432", int)
    assert not fits("", str)
    assert not fits([1], [str])
    assert not fits({}, {str: str})
    assert not fits({"size": 1}, {"size": int, "maxOverflow": int})
    assert not fits({"size": 1, "maxOverflow": 1, "more": 1}, {"size": int, "maxOverflow": int})


@pytest.mark.parametrize("stack", DEPLOYABLE)
def test_the_secrets_are_those_of_every_role_with_a_password(stack: str) -> None:
    assert sorted(held(stack)["secretArns"]) == list(ROLES)


def test_replicas_stand_in_the_order_of_their_numbers() -> None:
    assert [replica["number"] for replica in record_with("prod", MIXED).outputs["replicas"]] == [1, 2, 3]


@pytest.mark.parametrize("stack", DEPLOYABLE)
def test_the_library_reads_the_outputs_of_every_stack(stack: str) -> None:
    outputs = held(stack)
    purposes = {replica["purpose"] for replica in outputs["replicas"]}
    found = environment(outputs)
    assert found["DATABASE_PRIMARY_URL"] == "postgresql://langpont_app@127.0.0.1:6432/langpont?sslmode=disable"
    assert found["DATABASE_PRIMARY_SECRET_ARN"] == outputs["secretArns"]["langpont_app"]
    assert ("DATABASE_REPLICA_URLS" in found, "DATABASE_ANALYTICS_REPLICA_URLS" in found) == (
        "reads" in purposes,
        "analytics" in purposes,
    )
    assert migration_environment(outputs) == {
        "DATABASE_MIGRATION_URL": f"postgresql://langpont_migrator@{outputs['primaryEndpoint']}:5432/langpont",
        "DATABASE_MIGRATION_SECRET_ARN": outputs["secretArns"]["langpont_migrator"],
        "DATABASE_MIGRATION_ROLE": "langpont_owner",
        "AWS_REGION": "ap-northeast-1",
    }
