"""Instances and their alarms, planned from sections alone, without a stack file."""

from __future__ import annotations

import pytest

from blueprint.instances import instance_alarms, plan_instances
from blueprint.platform import Platform
from blueprint.settings import Backups, Database, Replica
from blueprint.stack_file.load import load
from tests.recordings import REGION, sections

DATABASE = {"instanceClass": "db.m6g.large", "allocatedStorageGib": 100}


def test_the_primary_stands_first_and_replicas_by_number() -> None:
    replicas = [Replica(number=n, instanceClass="db.m6g.large", zone="eu-central-1a") for n in (2, 1)]
    instances = plan_instances(Database.model_validate(DATABASE), replicas)
    assert [(each.role, each.number, each.zone) for each in instances] == [
        ("primary", None, None),
        ("replica-1", 1, "eu-central-1a"),
        ("replica-2", 2, "eu-central-1a"),
    ]


def test_a_replica_may_have_a_maintenance_window_of_its_own() -> None:
    sizes = {"instanceClass": "db.m6g.large", "zone": "eu-central-1b"}
    own = Replica.model_validate({"number": 1, "maintenanceWindow": "tue:01:00-tue:02:00"} | sizes)
    backups = Backups.model_validate({"window": "15:00-16:00", "vaultTime": "22:30"})
    planned = plan_instances(
        Database.model_validate(DATABASE), [own, Replica.model_validate({"number": 2} | sizes)], backups
    )
    assert {each.role: str(each.maintenance_window) for each in planned} == {
        "primary": "sat:18:00-sat:19:00",
        "replica-1": "tue:01:00-tue:02:00",
        "replica-2": "sat:13:00-sat:13:30",
    }


def test_every_parameter_that_rds_would_refuse_is_named() -> None:
    parameters = {"work_mem": "16 elephants", "max_connection": 5}
    with pytest.raises(ValueError) as refused:
        plan_instances(Database.model_validate(DATABASE | {"parameters": parameters}))
    first, second = str(refused.value).splitlines()
    assert first.startswith("database.parameters.max_connection 5 ")
    assert second.startswith("database.parameters.work_mem 16 elephants ")


def test_a_replicas_own_parameter_is_named_as_its_own() -> None:
    replica = Replica(number=3, instanceClass="db.m6g.large", zone="eu-central-1a", parameters={"work_mem": "much"})
    with pytest.raises(ValueError, match=r"^replica-3\.parameters\.work_mem much "):
        plan_instances(Database.model_validate(DATABASE), [replica])


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_without_a_stack_file_the_alarms_are_those_of_a_stack_with_the_same_sections(stack: str) -> None:
    settings = load(sections(stack), environment=stack, region=REGION)
    platform = Platform(settings)
    instances = plan_instances(settings.database, settings.replicas)
    alone = instance_alarms(instances, settings.database, connection_alarm=platform.budget.alarm_threshold)
    assert instances == platform.instances
    assert alone == platform.alarms[: len(alone)]
    assert all(alarm.namespace != "AWS/RDS" for alarm in platform.alarms[len(alone) :])  # what the platform publishes
