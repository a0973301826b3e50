"""docs/scaling.md: a step's numbers are those of the blueprint with that step taken."""

from __future__ import annotations

import pytest

from blueprint.aws.instance_classes import instance_class
from blueprint.platform import Platform
from blueprint.postgres.connections import INTERNAL_CONNECTIONS, RESERVED_CONNECTIONS
from blueprint.stack_file.load import StackFileRefused
from documents import scaling
from recording import stack_files
from tests.docs import read, table
from tests.documents import deployed
from tests.recordings import REGION, ROOT

TEXT = read("docs/scaling.md")


@pytest.mark.parametrize(
    ("name", "larger"),
    [
        ("db.t3.medium", "db.t3.large"),
        ("db.t4g.micro", "db.t4g.small"),
        ("db.t3.2xlarge", None),
        ("db.m7g.large", "db.m7g.xlarge"),
    ],
)
def test_the_next_class_is_the_next_size_of_its_family(name: str, larger: str | None) -> None:
    found = scaling.next_class(instance_class(name))
    assert (found.name if found else None) == larger


def test_another_host_adds_one_pool_and_its_reserve_to_the_sessions() -> None:
    rows = table(
        TEXT, "stack", "step", "clients a host", "sessions", "slots of max_connections", "primary's memory, worst case",
        "alarms",
    )  # fmt: skip
    prod = {row[1]: row for row in rows if row[0] == "prod"}
    platform = deployed("prod").platform
    now, more = prod["as it is"], prod["one host more"]
    assert int(more[3]) - int(now[3]) == platform.pooler.server_cap
    needed = int(now[3]) + RESERVED_CONNECTIONS + INTERNAL_CONNECTIONS
    assert now[4] == f"{needed} of {platform.budget.max_connections}"


def test_the_last_host_that_fits_fits_and_the_next_one_does_not() -> None:
    limits = {row[0]: row for row in table(TEXT, "stack", "hosts now", "hosts that max_connections bears",
                                           "hosts that memory bears", "alarm above sessions")}  # fmt: skip
    prod = stack_files.load(ROOT, "prod").sections()
    by_slots, by_memory = int(limits["prod"][2]), int(limits["prod"][3])

    def with_hosts(hosts: int) -> Platform:
        return scaling.platform(prod, "prod", REGION, scaling._hosts(hosts))

    assert with_hosts(by_slots).budget.free >= 0
    with pytest.raises(StackFileRefused):
        with_hosts(by_slots + 1)
    fits = [
        all(grown.memory(each).fits for each in grown.instances)
        for grown in map(with_hosts, (by_memory, by_memory + 1))
    ]
    assert fits == [True, False]


def test_a_change_leaves_the_sections_as_they_were() -> None:
    prod = stack_files.load(ROOT, "prod").sections()
    scaling.platform(prod, "prod", REGION, scaling._class("db.t3.large"))
    assert prod == stack_files.load(ROOT, "prod").sections()


def test_the_hours_that_a_full_credit_balance_lasts_are_the_classs() -> None:
    medium = instance_class("db.t3.medium")
    assert medium.credits_per_hour == 24
    assert medium.credit_balance_maximum == 576
    spent = medium.vcpus * 60
    assert spent == 120
    assert medium.credit_balance_maximum / (spent - medium.credits_per_hour) == 6
