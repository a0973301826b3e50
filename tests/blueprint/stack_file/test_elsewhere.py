"""What other tools call a setting: the rule and the way out, before any guess by likeness."""

from __future__ import annotations

from typing import Any

import pytest

from blueprint.settings import SECTIONS
from blueprint.stack_file import elsewhere
from blueprint.stack_file.load import StackFileRefused, load
from tests.blueprint.stack_file.test_ways_out import PLACES
from tests.recordings import merged, sections


def refused(changes: dict[str, Any]) -> list[str]:
    with pytest.raises(StackFileRefused) as refusal:
        load(merged(sections("prod"), changes), environment="prod", region="ap-northeast-1")
    return [str(problem) for problem in refusal.value.problems]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"database": {"dnsName": "db.example.com"}},
            "database.dnsName is no setting: RDS's certificate holds only the endpoint's own name, so that verify-full "
            "refuses a CNAME. Take it out; clients take the endpoints from the stack's outputs.",
        ),
        (
            {"database": {"publicly_accessible": False}},
            "database.publicly_accessible is always false: nobody reaches the database from the internet. Take it out; "
            "ways in are in docs/access.md.",
        ),
        ({"database": {"dbName": "shop"}}, "database.dbName is name in this program. Write name instead."),
        (
            {"database": {"skipFinalSnapshot": True}},
            "database.skipFinalSnapshot is deletionPolicy in this program (protected guards and snapshots at the end, "
            "disposable does neither). Write deletionPolicy instead.",
        ),
        (
            {"database": {"backupRetentionPeriod": 7}},
            "database.backupRetentionPeriod is backups.retentionDays in this program. "
            "Write backups.retentionDays instead.",
        ),
        (
            {"database": {"caCertIdentifier": "rds-ca-rsa4096-g1"}},
            "database.caCertIdentifier is caCertificate in this program. Write caCertificate instead.",
        ),
        (
            {"backups": {"backup_retention_period": 7}},
            "backups.backup_retention_period is retentionDays in this program. Write retentionDays instead.",
        ),
        (
            {"replicas": [{"number": 1, "zone": "ap-northeast-1c", "nodeType": "db.t3.medium"}]},
            "replicas[0].nodeType is instanceClass in this program. Write instanceClass instead.",
        ),
        (
            {"readReplicas": 2},
            "readReplicas is replicas in this program (each is an item with a number of its own). Write replicas "
            "instead.",
        ),
        (
            {"kmsKeyId": "x"},
            "kmsKeyId is encryption.keys in this program (the stack makes its keys, or AWS's own are used). Write "
            "encryption.keys instead.",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_a_name_of_another_tool_is_answered_with_ours_or_with_the_reason(
    changes: dict[str, Any], sentence: str
) -> None:
    assert sentence in refused(changes)


# Every setting and section by its path.
ALL = {".".join(str(part) for part in place if not isinstance(part, int)) for place in PLACES}


def test_every_name_here_is_a_setting() -> None:
    assert set(elsewhere.RENAMED.values()) <= ALL
    assert set(elsewhere.NOTES) <= set(elsewhere.RENAMED.values())


def test_no_name_of_ours_is_answered_as_if_it_were_anothers() -> None:
    """The table is asked only of keys that are none of ours where they stand; a section's own name would be odd."""
    ours = {key.lower() for key in SECTIONS}
    assert ours & {*elsewhere.REFUSED, *elsewhere.RENAMED} == {"encryption"}  # as in database.encryption: true


@pytest.mark.parametrize("name", sorted({*elsewhere.REFUSED, *elsewhere.RENAMED}))
def test_every_name_is_written_as_it_is_looked_up_and_answered_in_half_sentences(name: str) -> None:
    assert name == "".join(c for c in name.lower() if c.isalnum())
    rule, way_out = elsewhere.answer(name, ()) or ("", "")
    assert rule.startswith("is ")
    assert way_out.startswith(("Take it out", "Write "))
    assert not (rule + way_out).endswith(".")


def test_each_is_one_problem_so_that_taking_it_out_passes() -> None:
    for name in elsewhere.REFUSED:
        assert len(refused({"database": {name: True}})) == 1, name
