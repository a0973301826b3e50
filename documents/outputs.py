"""What a deploy may rely on: the stack's outputs with their types, and prod's values as examples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from blueprint.outputs import OUTPUTS
from documents.markdown import code, table
from documents.stacks import Stack

WITH_FIELDS = ("replicas", "secretArns", "pools")
_WORDS = {str: "string", int: "integer"}


def outputs(prod: Stack) -> str:
    """Every output; ids in the examples are made up."""
    values = prod.recording.outputs
    rows = (
        (code(name), type_, meaning, "see [fields](#fields)" if name in WITH_FIELDS else _json(values[name]))
        for name, type_, meaning in OUTPUTS
    )
    return table(("output", "type", "meaning", "example"), rows)


def replica_fields(prod: Stack, stacks: Sequence[Stack]) -> str:
    """The fields of one replica: prod's first, or that of any stack which has one."""
    replicas = [replica for stack in (prod, *stacks) for replica in stack.recording.outputs["replicas"][:1]]
    return _fields("replicas", replicas[0].items()) if replicas else "No stack has a replica."


def pool_fields(prod: Stack) -> str:
    """The numbers of the pools."""
    return _fields("pools", _leaves(prod.recording.outputs["pools"]))


def _leaves(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{field}", leaf) for field, leaf in _leaves(value))
        else:
            yield key, value


def _fields(output: str, values: Any) -> str:
    rows = ((code(path), _WORDS[type(value)], _json(value)) for path, value in values)
    return table((f"field of {code(output)}", "type", "example"), rows)


def _json(value: Any) -> str:
    return code(json.dumps(value, sort_keys=True))
