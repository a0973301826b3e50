"""What comes first when a resource is replaced is decided for each type, and the components follow it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from resource_types import TYPES
from resource_types.replacement import Plans, plans
from resource_types.succession import BESIDE, DELETED_FIRST
from tests.recordings import STACKS, recording


def measured(token: str) -> Mapping[str, Plans]:
    """Nothing of a type that was not measured."""
    try:
        return plans(token)
    except KeyError:
        return {}


def test_each_type_that_a_property_replaces_has_one_decision_and_no_other_type() -> None:
    replaced = {
        token
        for token in TYPES
        if token.startswith("aws:")
        and any("replace" in plan for key, plan in measured(token).items() if key != "region")
    }
    decided = [*DELETED_FIRST, *BESIDE]
    assert sorted(decided) == sorted(replaced)


@pytest.mark.parametrize("stack", STACKS)
def test_components_delete_first_what_the_table_says(stack: str) -> None:
    for it in recording(stack).resources:
        assert it.delete_before_replace == (it.type in DELETED_FIRST), it.identity
