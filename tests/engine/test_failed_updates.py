"""An update that AWS refuses in the middle: what the next one does.

The state keeps what a failed update asked for (https://github.com/pulumi/pulumi/issues/21458), so that only a refresh
shows it: Pulumi.yaml asks for one each time, and `--refresh=false` shows what it would be without.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine import passwords
from tests.engine.conftest import Open
from tests.recordings import recording

EDIT: dict[str, Any] = {
    "credentials": {"passwordVersions": {"langpont_app": 2}},
    "monitoring": {"logRetentionDays": 14, "monthlyBudgetUsd": 70},
    "network": {"vpc": {"flowLogRetentionDays": 14}},
}
UPDATES = ("langpont-dev-functions-metrics-log", "langpont-dev-monitoring-budget", "langpont-dev-network-flow-logs")
CREATES = ("langpont-dev-functions-make-roles", "langpont-dev-secret-values-langpont_app")
SENT = [
    "update Budget langpont-dev-monitoring-budget (limitAmount)",
    "update LogGroup langpont-dev-functions-metrics-log (retentionInDays)",
    "update LogGroup langpont-dev-network-flow-logs (retentionInDays)",
]
NEW_PASSWORD = {"credentials": {"passwordVersions": {"langpont_admin": 2, "langpont_app": 2}}}


def test_failed_creates_are_repeated_and_failed_updates_are_forgotten_until_a_refresh(deployed: Open) -> None:
    workplace = deployed("dev")
    listed = passwords.listed(workplace.cloud)
    workplace.edit(EDIT)
    workplace.cloud.fail("update", *UPDATES)
    workplace.cloud.fail("create", *CREATES)

    first = workplace.up("--continue-on-error", code=None)
    assert first.code != 0
    refused = sorted(line for line in workplace.cloud.told() if "asked for by a test" in line)
    assert refused == sorted(
        f"{line}: InternalFailure: asked for by a test"
        for line in [*SENT, "create SecretVersion langpont-dev-secret-values-langpont_app"]
    )

    since = len(workplace.cloud.journal)
    second = workplace.up("--continue-on-error", "--refresh=false", code=None)
    assert second.code != 0
    told = workplace.cloud.told(since)
    assert "create SecretVersion langpont-dev-secret-values-langpont_app" in told
    assert "create Invocation langpont-dev-functions-make-roles: InternalFailure: asked for by a test" in told
    assert [line for line in told if line.startswith("update")] == []  # and the operation shows as done
    # The roles function has not run: hosts keep the passwords that the database has.
    assert passwords.listed(workplace.cloud) == listed

    since = len(workplace.cloud.journal)
    workplace.up()
    told = workplace.cloud.told(since)
    assert sorted(line for line in told if line.startswith("update")) == SENT
    made = "create Invocation langpont-dev-functions-make-roles"
    assert told.index(made) < told.index("create SecretVersion langpont-dev-pooler-files")
    assert passwords.listed(workplace.cloud) != listed
    assert passwords.differing(workplace.cloud) == []


@pytest.mark.long
def test_without_a_refresh_a_forgotten_update_is_green_and_shown_by_no_preview(deployed: Open) -> None:
    workplace = deployed("dev")
    workplace.edit({"database": {"parameters": {"work_mem": "8MB"}}})
    workplace.cloud.fail("update", "langpont-dev-db-primary")
    assert workplace.up(code=None).code != 0
    since = len(workplace.cloud.journal)
    workplace.up("--refresh=false")
    assert workplace.preview("--refresh=false") == []
    assert workplace.cloud.told(since) == []
    assert workplace.preview() == ["update rds/parameterGroup:ParameterGroup langpont-dev-db-primary (parameters)"]
    workplace.up()
    assert workplace.cloud.told(since) == ["update ParameterGroup langpont-dev-db-primary (parameters)"]
    assert workplace.preview() == []


@pytest.mark.long
def test_a_first_update_that_fails_once_at_each_resource_converges(empty: Open) -> None:
    workplace = empty("dev")
    registered = recording("dev").registrations.values()
    workplace.cloud.fail("create", *(each.name for each in registered if each.type.startswith("aws:")))
    left = len(workplace.cloud.faults)
    while workplace.up("--continue-on-error", code=None).code != 0:
        unspent = sum(fault.times for fault in workplace.cloud.faults)
        assert unspent < left
        left = unspent
    assert sum(fault.times for fault in workplace.cloud.faults) == 0
    assert workplace.preview() == []
    assert passwords.differing(workplace.cloud) == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("call", "name"),
    [
        ("create", "langpont-dev-secret-values-langpont_admin"),
        ("create", "langpont-dev-secret-values-langpont_app"),
        ("create", "langpont-dev-pooler-files"),
        ("create", "langpont-dev-functions-make-roles"),
        ("delete", "langpont-dev-secret-values-langpont_admin"),
        ("delete", "langpont-dev-secret-values-langpont_app"),
        ("delete", "langpont-dev-pooler-files"),
    ],
)
def test_a_change_of_passwords_that_fails_ends_with_one_password_everywhere(
    deployed: Open, call: str, name: str
) -> None:
    workplace = deployed("dev")
    before = passwords.values(workplace.cloud)
    workplace.edit(NEW_PASSWORD)
    workplace.cloud.fail(call, name)
    assert workplace.up(code=None).code != 0
    workplace.up()
    assert workplace.preview() == []
    assert passwords.differing(workplace.cloud) == []
    after = passwords.values(workplace.cloud)
    assert {role for role in after if after[role] != before[role]} == {"langpont_admin", "langpont_app"}


@pytest.mark.long
def test_a_masters_password_that_rds_did_not_take_is_lost_until_it_is_changed_again(deployed: Open) -> None:
    workplace = deployed("dev")
    workplace.edit(NEW_PASSWORD)
    workplace.cloud.fail("update", "langpont-dev-db-primary")
    assert workplace.up(code=None).code != 0
    assert passwords.differing(workplace.cloud) == []
    # Nothing sends it again, as RDS tells no password: the secret has one that the instance does not take, and the
    # roles function cannot log in. docs/runbook.md, "Changing a password on purpose": raise that version once more.
    workplace.up()
    assert workplace.preview() == []
    assert passwords.differing(workplace.cloud) == ["langpont-dev-db-primary: langpont_admin"]
    workplace.edit({"credentials": {"passwordVersions": {"langpont_admin": 3}}})
    workplace.up()
    assert workplace.preview() == []
    assert passwords.differing(workplace.cloud) == []
