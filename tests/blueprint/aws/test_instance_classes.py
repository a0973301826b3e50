"""The table of instance classes."""

from __future__ import annotations

import pytest

from blueprint.aws.instance_classes import INSTANCE_CLASSES, InstanceClass, instance_class
from blueprint.problems import Refused


def test_the_table_has_these_families_and_sizes() -> None:
    burstable = ["micro", "small", "medium", "large", "xlarge", "2xlarge"]
    fixed = ["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge"]
    fixed_families = ["m6g", "m6i", "m7g", "m7i", "r6g", "r6i", "r7g", "r7i"]
    assert list(INSTANCE_CLASSES) == [
        *(f"db.{family}.{size}" for family in ("t3", "t4g") for size in burstable),
        *(f"db.{family}.{size}" for family in fixed_families for size in fixed),
    ]
    assert len(INSTANCE_CLASSES) == 68


@pytest.mark.parametrize(
    "expected",
    [
        InstanceClass(name="db.t3.medium", vcpus=2, memory_gib=4, credits_per_hour=24),
        InstanceClass(name="db.t3.large", vcpus=2, memory_gib=8, credits_per_hour=36),
        InstanceClass(name="db.t4g.micro", vcpus=2, memory_gib=1, credits_per_hour=12),
        InstanceClass(name="db.t4g.2xlarge", vcpus=8, memory_gib=32, credits_per_hour=192),
        InstanceClass(name="db.m7g.large", vcpus=2, memory_gib=8, credits_per_hour=None),
        InstanceClass(name="db.m6g.4xlarge", vcpus=16, memory_gib=64, credits_per_hour=None),
        InstanceClass(name="db.r7i.4xlarge", vcpus=16, memory_gib=128, credits_per_hour=None),
        InstanceClass(name="db.r6g.16xlarge", vcpus=64, memory_gib=512, credits_per_hour=None),
    ],
    ids=lambda expected: expected.name,
)
def test_a_class_is_found_by_name(expected: InstanceClass) -> None:
    assert instance_class(expected.name) == expected


def test_a_burstable_class_holds_a_day_of_credits() -> None:
    medium = instance_class("db.t3.medium")
    assert (medium.burstable, medium.credit_balance_maximum) == (True, 576)


def test_a_fixed_class_has_no_credits() -> None:
    large = instance_class("db.m7g.large")
    assert (large.burstable, large.credit_balance_maximum) == (False, None)


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("t3.medium", "Use a class like db.t3.medium or db.t4g.medium"),
        ("db.t3.meduim", "Use a class like db.t3.medium or db.t4g.medium or db.t3.micro"),
        ("?", "Use a class of t3, t4g, m6g, m6i, m7g, m7i, r6g, r6i, r7g, r7i, like db.t3.medium"),
    ],
)
def test_an_unknown_class_is_refused_with_the_closest_names(name: str, way_out: str) -> None:
    with pytest.raises(Refused) as refused:
        instance_class(name)
    assert str(refused.value) == f"is not an RDS instance class that this program knows. {way_out}."
