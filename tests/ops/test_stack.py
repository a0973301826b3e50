"""Which stack an instance belongs to: by its whole identifier and by its tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueprint.names import ProductNaming
from ops.stack import primary_generation, replica_of

PROD = ProductNaming("prod")


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_the_names_that_the_program_gives_are_read_back(generation: int, number: int) -> None:
    assert primary_generation(PROD, PROD.primary(generation)) == generation
    assert replica_of(PROD, PROD.replica(number, generation)) == (number, generation)


@pytest.mark.parametrize(
    "identifier",
    [
        "langpont-prod", "langpont-prod-database", "langpont-prod-db-", "langpont-prod-db-g", "langpont-prod-db-g0",
        "langpont-prod-db-g1", "langpont-prod-db-g02", "langpont-prod-db-g2-copy", "langpont-prod-db-g²",
        "langpont-prod-db2", "x-langpont-prod-db", "langpont-prod-eu-db", "langpont-production-db",
        "langpont-prod-replica", "langpont-prod-replica-0", "langpont-prod-replica-1x", "langpont-prod-replica-1-g1",
        "langpont-prod-eu-replica-1", "langpont-prod-replica-1-g2-old",
    ],
)  # fmt: skip
def test_a_name_that_only_begins_alike_is_none_of_the_stacks(identifier: str) -> None:
    assert primary_generation(PROD, identifier) is None
    assert replica_of(PROD, identifier) is None
