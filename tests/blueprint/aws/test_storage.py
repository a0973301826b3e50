"""gp3 storage: what RDS refuses, and what it accepts with a warning of ours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blueprint.aws.storage import (
    MAXIMUM_GIB,
    MAXIMUM_IOPS,
    STRIPED_GIB,
    check_storage,
    performance,
    stated_performance,
    storage_warnings,
)

Storage = tuple[int, int | None, int | None, int | None]


def problems(storage: Storage) -> list[tuple[str, str]]:
    return [(name, str(refused)) for name, refused in check_storage(*storage)]


@pytest.mark.parametrize(
    "storage",
    [
        (100, 1000, None, None),  # the document's
        (20, None, None, None),
        (100, 110, None, None),
        (65536, None, 64000, 4000),
        (400, 440, None, None),
        (400, None, 12000, 3000),
        (400, None, None, 500),
        (59578, 65536, None, None),
    ],
)
def test_what_rds_accepts_has_no_problem(storage: Storage) -> None:
    assert problems(storage) == []


@pytest.mark.parametrize(
    ("storage", "name", "reason"),
    [
        ((19, None, None, None), "allocated_gib", "is not 20 to 65536 GiB of gp3 storage. Give 20 to 65536."),
        ((65537, None, None, None), "allocated_gib", "is not 20 to 65536 GiB of gp3 storage. Give 20 to 65536."),
        ((100, 65537, None, None), "max_allocated_gib", "is more than 65536 GiB. Give at most 65536."),
        (
            (100, 109, None, None),
            "max_allocated_gib",
            "is less than 110 % of the 100 GiB allocated, and RDS refuses that. Give at least 110.",
        ),
        (
            (25, 27, None, None),
            "max_allocated_gib",
            "is less than 110 % of the 25 GiB allocated, and RDS refuses that. Give at least 28.",
        ),
        (
            (59579, 65536, None, None),
            "max_allocated_gib",
            "is less than 110 % of the 59579 GiB allocated, and RDS refuses that. "
            "Leave it unset, because gp3 ends at 65536 GiB.",
        ),
        (
            (399, None, 3000, None),
            "iops",
            "cannot be set below 400 GiB, where RDS fixes 3000 IOPS and refuses any value. "
            "Leave it unset, or allocate 400 GiB or more.",
        ),
        (
            (399, None, None, 125),
            "throughput_mibps",
            "cannot be set below 400 GiB, where RDS fixes 125 MiB/s and refuses any value. "
            "Leave it unset, or allocate 400 GiB or more.",
        ),
        ((400, None, 0, None), "iops", "is not 12000 to 64000 IOPS. Give 12000 to 64000."),
        ((400, None, 11999, None), "iops", "is not 12000 to 64000 IOPS. Give 12000 to 64000."),
        ((400, None, 64001, None), "iops", "is not 12000 to 64000 IOPS. Give 12000 to 64000."),
        ((400, None, None, 499), "throughput_mibps", "is not 500 to 4000 MiB/s. Give 500 to 4000."),
        ((400, None, 64000, 4001), "throughput_mibps", "is not 500 to 4000 MiB/s. Give 500 to 4000."),
        (
            (400, None, None, 3001),
            "throughput_mibps",
            "is more than a quarter of 12000 IOPS, and RDS refuses that. Give at most 3000, or set IOPS to 12004.",
        ),
    ],
)
def test_what_rds_refuses_is_refused_with_its_reason(storage: Storage, name: str, reason: str) -> None:
    assert problems(storage) == [(name, reason)]


def test_all_problems_are_told_at_once() -> None:
    assert [name for name, _ in check_storage(10, 70000, 3000, 125)] == [
        "allocated_gib",
        "max_allocated_gib",
        "iops",
        "throughput_mibps",
    ]
    assert [name for name, _ in check_storage(500, 510, 1, 1)] == ["max_allocated_gib", "iops", "throughput_mibps"]


def test_the_limit_of_500_iops_per_gib_can_never_be_reached() -> None:
    assert 500 * STRIPED_GIB > MAXIMUM_IOPS


@settings(max_examples=100)
@given(st.integers(20, MAXIMUM_GIB), st.integers(1, MAXIMUM_GIB))
def test_a_ceiling_is_accepted_exactly_from_110_percent_on(allocated_gib: int, max_allocated_gib: int) -> None:
    assert (check_storage(allocated_gib, max_allocated_gib, None, None) == []) is (
        max_allocated_gib * 10 >= allocated_gib * 11
    )


def test_the_documents_growth_past_400_gib_is_told() -> None:
    assert storage_warnings(100, 1000) == [
        (
            "max_allocated_gib",
            "lets storage grow past 400 GiB, where RDS changes the layout of the volume: 12000 IOPS and 500 MiB/s "
            "instead of 3000 and 125, and no way back, because storage never shrinks.",
        )
    ]


def test_a_ceiling_close_to_the_storage_is_told() -> None:
    assert storage_warnings(100, 125) == [
        (
            "max_allocated_gib",
            "is less than 126 % of the 100 GiB allocated, so RDS soon reports that storage comes near its ceiling "
            "(RDS-EVENT-0225). Give at least 126.",
        )
    ]


@pytest.mark.parametrize(("allocated_gib", "max_allocated_gib"), [(100, None), (100, 126), (100, 399), (400, 1000)])
def test_other_storage_has_no_warning(allocated_gib: int, max_allocated_gib: int | None) -> None:
    assert storage_warnings(allocated_gib, max_allocated_gib) == []


@pytest.mark.parametrize(
    ("allocated_gib", "iops", "expected"),
    [(100, None, 3000), (399, None, 3000), (400, None, 12000), (400, 20000, 20000)],
)
def test_the_volume_sustains_so_many_iops(allocated_gib: int, iops: int | None, expected: int) -> None:
    assert performance(allocated_gib, iops, None).iops == expected
    assert stated_performance(allocated_gib, iops, 600) == (None if allocated_gib < 400 else (expected, 600))
