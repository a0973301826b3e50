"""The table of instance classes."""

from __future__ import annotations

import pytest

from blueprint.aws.instance_classes import INSTANCE_CLASSES, InstanceClass, instance_class
from blueprint.problems import Refused

FAMILIES = (
    "t3", "t4g", "m5", "m5d", "m6g", "m6gd", "m6i", "m6id", "m6idn", "m6in", "m7g", "m7i", "m8a", "m8g", "m8gd", "r5",
    "r5b", "r5d", "r6g", "r6gd", "r6i", "r6id", "r6idn", "r6in", "r7g", "r7i", "r8a", "r8g", "r8gd",
)  # fmt: skip


def test_the_table_has_these_families_and_every_size_once() -> None:
    families: dict[str, list[str]] = {}
    for name in INSTANCE_CLASSES:
        _, family, size = name.split(".")
        families.setdefault(family, []).append(size)
    assert tuple(families) == FAMILIES
    assert families["t3"] == ["micro", "small", "medium", "large", "xlarge", "2xlarge"]
    assert len(INSTANCE_CLASSES) == 238


@pytest.mark.parametrize("each", INSTANCE_CLASSES.values(), ids=lambda each: each.name)
def test_a_class_sustains_no_more_than_it_bursts_to(each: InstanceClass) -> None:
    assert 0 < each.sustained_iops <= each.burst_iops
    assert 0 < each.sustained_mb_per_second <= each.burst_mb_per_second
    assert each.vcpus > 0 < each.memory_gib
    assert each.burstable is each.name.startswith("db.t")


def row(
    name: str, vcpus: int, gib: int, credits_per_hour: int | None, iops: tuple[int, int], mb: tuple[float, float]
) -> InstanceClass:
    return InstanceClass(
        name=name, vcpus=vcpus, memory_gib=gib, credits_per_hour=credits_per_hour, sustained_iops=iops[0],
        burst_iops=iops[1], sustained_mb_per_second=mb[0], burst_mb_per_second=mb[1],
    )  # fmt: skip


@pytest.mark.parametrize(
    "expected",
    [
        row("db.t3.medium", 2, 4, 24, (2000, 11800), (43.375, 260.625)),
        row("db.t4g.micro", 2, 1, 12, (500, 11800), (10.875, 260.625)),
        row("db.t4g.2xlarge", 8, 32, 192, (4000, 15700), (86.875, 347.5)),
        row("db.m7g.large", 2, 8, None, (3600, 40000), (78.75, 1250)),
        row("db.m6g.4xlarge", 16, 64, None, (20000, 20000), (593.75, 593.75)),
    ],
    ids=lambda expected: expected.name,
)
def test_a_class_is_found_by_name(expected: InstanceClass) -> None:
    assert instance_class(expected.name) == expected


def test_a_burstable_class_holds_a_day_of_credits() -> None:
    medium = instance_class("db.t3.medium")
    assert (medium.burstable, medium.credit_balance_maximum, medium.full_speed_hours) == (True, 576, 6)


def test_a_fixed_class_has_no_credits() -> None:
    large = instance_class("db.m7g.large")
    assert (large.burstable, large.credit_balance_maximum, large.full_speed_hours) == (False, None, None)


@pytest.mark.parametrize(
    ("name", "way_out"),
    [
        ("t3.medium", "Use a class like db.t3.medium or db.t4g.medium"),
        ("db.t3.meduim", "Use a class like db.t3.medium or db.t4g.medium or db.t3.micro"),
        ("?", f"Use a class of {', '.join(FAMILIES)}, like db.t3.medium"),
    ],
)
def test_an_unknown_class_is_refused_with_the_closest_names(name: str, way_out: str) -> None:
    with pytest.raises(Refused) as refused:
        instance_class(name)
    assert str(refused.value) == f"is not an RDS instance class that this program knows. {way_out}."
