"""Regions: those that this program serves, and why it refuses the others."""

from __future__ import annotations

import pytest

from blueprint.aws.regions import REGIONS, check_region, check_served
from blueprint.problems import Refused
from blueprint.stack_file.load import StackFileRefused, load
from tests.recordings import sections


@pytest.mark.parametrize(
    ("region", "sentence"),
    [
        ("moon", "is not a region with RDS for PostgreSQL that this program knows. Write it like ap-northeast-3."),
        (
            "ap-northeast-9",
            "is not a region with RDS for PostgreSQL that this program knows. Write ap-northeast-3 if that is meant.",
        ),
        (
            "cn-north-1",
            "is in the partition aws-cn, and this program has ARNs and certificates of aws only. Choose a region "
            "outside GovCloud and China.",
        ),
        (
            "mx-central-1",
            "has root certificates that certs/ lacks, and without them functions, hosts and applications cannot verify "
            "the servers. Add them as certs/README.md says, or choose another region, like ap-northeast-1.",
        ),
    ],
)
def test_a_region_that_cannot_be_served_is_refused_by_name(region: str, sentence: str) -> None:
    with pytest.raises(Refused) as caught:
        check_served(region)
    assert str(caught.value) == sentence
    with pytest.raises(StackFileRefused) as refused:
        load(sections("prod"), environment="prod", region=region)
    assert [str(problem) for problem in refused.value.problems] == [f"aws:region {region} {sentence}"]


def test_28_regions_are_served_and_backups_can_go_to_others_of_the_partition() -> None:
    assert sum(row.certificates for row in REGIONS.values()) == 28
    assert {row.partition for row in REGIONS.values() if row.certificates} == {"aws"}
    check_region("mx-central-1")
