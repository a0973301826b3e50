"""Costs: every type is classified, quantities are counted right, prices have source and date."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from documents import cost as tables
from preview import cost, prices
from preview.cost import Line, lines
from recording.recording import Recording, Registration
from resource_types import TYPES
from resource_types.model import Bill
from tests.docs import read, table
from tests.documents import deployed, stack
from tests.recordings import DEPLOYABLE, REGION, record_with, recording


def resource(type_: str, name: str, **inputs: Any) -> Registration:
    return Registration(
        urn=f"urn:pulumi:test::langpont-database::{type_}::{name}", type=type_, name=name, parent="", custom=True,
        inputs=inputs, protect=False, retain_on_delete=False, delete_before_replace=False, ignore_changes=(), aliases=0,
        dependencies=frozenset(), property_dependencies={}, secret_outputs=(),
    )  # fmt: skip


def recorded(*resources: Registration) -> Recording:
    return Recording(
        stack="test", project="langpont-database", preview=False, registrations={each.urn: each for each in resources}
    )


INSTANCE, ENDPOINT = "aws:rds/instance:Instance", "aws:ec2/vpcEndpoint:VpcEndpoint"
ALARM, KEY = "aws:cloudwatch/metricAlarm:MetricAlarm", "aws:kms/key:Key"


def test_a_gateway_costs_its_hours_and_its_address() -> None:
    found = lines(
        recorded(
            resource("aws:ec2/natGateway:NatGateway", "a"),
            resource("aws:ec2/natGateway:NatGateway", "c"),
            resource("aws:ec2/eip:Eip", "a"),
        ),
        REGION,
    )
    assert found == [Line(prices.NAT_GATEWAY, 2), Line(prices.PUBLIC_ADDRESS, 1)]
    assert [line.price.monthly for line in found] == [Decimal("45.260"), Decimal("3.650")]


def test_a_replica_has_as_much_storage_as_its_source_and_multi_az_is_priced_apart() -> None:
    found = lines(
        recorded(
            resource(INSTANCE, "p", identifier="p", instanceClass="db.t3.medium", multiAz=True, allocatedStorage=100),
            resource(INSTANCE, "r", identifier="r", instanceClass="db.t3.medium", replicateSourceDb="p"),
        ),
        REGION,
    )  # fmt: skip
    assert [(line.price.item, line.quantity, line.price.monthly) for line in found] == [
        ("db.t3.medium, Multi-AZ", 1, Decimal("163.520")),
        ("GiB of gp3 storage, Multi-AZ", 100, Decimal("0.276")),
        ("db.t3.medium, single-AZ", 1, Decimal("81.760")),
        ("GiB of gp3 storage, single-AZ", 100, Decimal("0.138")),
    ]


def scheduled(action: str, expression: str, identifier: str = "p") -> Registration:
    target = {"arn": f"arn:aws:scheduler:::aws-sdk:rds:{action}DBInstance",
              "input": f'{{"DbInstanceIdentifier": "{identifier}"}}'}  # fmt: skip
    return resource("aws:scheduler/schedule:Schedule", action, scheduleExpression=expression, target=target)


def test_an_instance_that_sleeps_costs_its_hours_awake_and_its_storage_all_of_them() -> None:
    """13 hours on five days: 65 of 168. RDS user guide, "Stopping an Amazon RDS DB instance temporarily"."""
    instance = resource(INSTANCE, "p", identifier="p", instanceClass="db.t3.medium", allocatedStorage=100)
    both = scheduled("stop", "cron(0 13 * * ? *)"), scheduled("start", "cron(0 0 ? * MON,TUE,WED,THU,FRI *)")
    found = lines(recorded(instance, *both), REGION)
    assert [(line.price.item, line.quantity, round(line.price.monthly or 0, 3)) for line in found] == [
        ("db.t3.medium, single-AZ, 65 of 168 hours a week", 1, round(Decimal("81.760") * 65 / 168, 3)),
        ("GiB of gp3 storage, single-AZ", 100, Decimal("0.138")),
    ]


def test_a_schedule_of_another_instance_or_without_its_stop_changes_no_price() -> None:
    instance = resource(INSTANCE, "p", identifier="p", instanceClass="db.t3.medium", allocatedStorage=100)
    start = "cron(0 0 ? * MON *)"
    others = scheduled("stop", "cron(0 13 * * ? *)", "q"), scheduled("start", start, "q")
    for schedules in (others, (scheduled("start", start),)):
        assert lines(recorded(instance, *schedules), REGION) == lines(recorded(instance), REGION)


@pytest.mark.parametrize(
    ("testing", "tests", "hours"),
    [({}, 1, "0.46"), ({"validationHours": 5}, 1, "1.38"), ({"every": "week"}, 5, "2")],
)
def test_a_restore_test_costs_an_unknown_charge_and_the_hours_of_its_instance(
    testing: dict[str, Any], tests: int, hours: str
) -> None:
    before = lines(recording("prod"), REGION)
    added = [
        it for it in lines(record_with("prod", {"backups": {"restoreTesting": testing}}), REGION) if it not in before
    ]
    usd = round(Decimal("0.112") * Decimal(hours) / 168, 6)
    assert [(it.price.item, it.price.usd, it.quantity) for it in added] == [
        ("restore test of AWS Backup, one a month", None, tests),
        (f"restore test: db.t3.medium, single-AZ, {hours} of 168 hours a week", usd, 1),
    ]


def test_an_interface_endpoint_counts_its_zones_and_a_gateway_endpoint_nothing() -> None:
    both = recorded(
        resource(ENDPOINT, "secrets", vpcEndpointType="Interface", subnetIds=["a", "c"]),
        resource(ENDPOINT, "s3", vpcEndpointType="Gateway", routeTableIds=["r"]),
    )
    assert lines(both, REGION) == [Line(prices.INTERFACE_ENDPOINT, 2)]


def test_an_alarm_counts_the_metrics_that_it_watches() -> None:
    queries = [{"id": "watched", "expression": "a + b"}, {"id": "a", "metric": {}}, {"id": "b", "metric": {}}]
    both = recorded(resource(ALARM, "plain", metricName="CPU"), resource(ALARM, "math", metricQueries=queries))
    assert lines(both, REGION) == [Line(prices.ALARM_METRIC, 3)]


def test_a_key_of_another_region_has_a_price_of_its_own() -> None:
    both = recorded(resource(KEY, "here"), resource(KEY, "there", region="ap-northeast-3"))
    assert lines(both, REGION) == [Line(prices.KEY, 1), Line(prices.KEY_ELSEWHERE, 1)]
    assert prices.KEY_ELSEWHERE.usage_type.startswith("ap-northeast-3")


def test_what_costs_by_time_has_a_meter_and_the_schedule_which_has_metrics_published() -> None:
    standing = {token for token, row in TYPES.items() if row.bill is Bill.STANDING}
    assert set(cost.METERS) == standing | {"aws:scheduler/schedule:Schedule"}


def test_a_type_that_costs_by_time_and_has_no_meter_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TYPES, "aws:sqs/queue:Queue", replace(TYPES["aws:sqs/queue:Queue"], bill=Bill.STANDING))
    with pytest.raises(LookupError, match=r"^aws:sqs/queue:Queue: no meter. Add one to METERS in preview/cost.py.$"):
        lines(recorded(resource("aws:sqs/queue:Queue", "q")), REGION)


@pytest.mark.parametrize("name", DEPLOYABLE)
def test_counted_instances_gateways_secrets_and_keys_are_those_of_the_table_of_stacks(name: str) -> None:
    column = 1 + DEPLOYABLE.index(name)
    counted = {row[0]: int(row[column]) for row in table(read("docs/stacks.md"), "what", *DEPLOYABLE)[:-1]}
    found = lines(deployed(name).recording, REGION)

    def total(*wanted: str) -> int:
        return sum(line.quantity for line in found if line.price.item.startswith(wanted))

    assert total("db.") == counted["database instances"]
    assert total("NAT gateway") == counted["NAT gateways"] == total("public IPv4")
    assert total("customer-managed key") == counted["customer-managed keys"]
    assert total("secret") == counted["secrets"]
    assert (
        total("custom metric") == counted["log metrics"] + counted["custom metrics of the function"] + cost.HOST_METRICS
    )


def test_the_metrics_of_a_host_are_counted_as_it_publishes_them() -> None:
    """Two of clients that wait, and one by version of what runs; those of a rotation do not last."""
    published = re.findall(r'^ +\("Client|"MetricName": VERSION_METRIC', read("langpont_db/pgbouncer/stack.py"), re.M)
    assert len(published) == cost.HOST_METRICS


ROWS = table(read("docs/cost.md"), "item", "USD", "per", "usage type", "source", "date", "how sure", "key")


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_every_price_has_a_source_and_a_date_and_an_unknown_one_has_no_number(row: tuple[str, ...]) -> None:
    _, usd, unit, _, source, date, confidence, _ = row
    assert usd == "unknown" or Decimal(usd) >= 0
    assert unit
    assert source
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", date)
    assert (usd == "unknown") is (source == "not found in public sources") is (confidence == "unknown")


def test_the_saving_of_a_single_gateway_is_that_of_the_prices() -> None:
    assert prices.NAT_GATEWAY.monthly is not None
    assert prices.PUBLIC_ADDRESS.monthly is not None
    saved = 2 * (prices.NAT_GATEWAY.monthly + prices.PUBLIC_ADDRESS.monthly)
    assert f"two gateways with their addresses, {saved:.2f} USD" in read("docs/cost.md")


def test_a_stack_s_counts_stand_beside_the_price_of_one_and_their_sum() -> None:
    rows = {what: cells for what, *cells in table(
        tables.stacks_table([stack("dev"), stack("prod")]), "what stands all month", "one, USD a month", "dev", "prod"
    )}  # fmt: skip
    assert rows["NAT gateway"] == ["45.26", "-", "3"]
    assert rows["GiB of gp3 storage, single-AZ"] == ["0.14", "20", "200"]
    assert rows["db.t3.large, single-AZ"] == ["163.52", "-", "1"]
    assert rows["of that RDS, which the budget counts"] == ["", "21.01", "464.00"]


def test_the_month_of_prod_is_the_sum_by_hand() -> None:
    """What is registered for the fixture of prod, without what has no price."""
    month = 730
    instances = (2 * 0.112 + 0.112 + 0.224) * month  # db.t3.medium with a standby, one without, db.t3.large
    storage = 100 * 0.276 + 200 * 0.138
    network = 3 * (0.062 + 0.005) * month
    keys, dashboard = 7 * 1.00, 3.00
    secrets = len(recording("prod").of_type("aws:secretsmanager/secret:Secret")) * 0.40
    found, counted = cost.estimate(recording("prod"), REGION), lines(recording("prod"), REGION)
    alarms = sum(line.quantity for line in counted if line.price == prices.ALARM_METRIC) * 0.10
    metrics = sum(line.quantity for line in counted if line.price == prices.CUSTOM_METRIC) * 0.30
    assert float(found.database) == pytest.approx(instances + storage)
    assert float(found.usd) == pytest.approx(
        instances + storage + network + keys + secrets + dashboard + metrics + alarms
    )
    assert set(found.unknown) == {"composite alarm"}


def test_what_is_provisioned_above_the_baseline_of_gp3_costs_twice_with_a_standby() -> None:
    inputs = {"identifier": "p", "instanceClass": "db.t3.medium", "allocatedStorage": 400, "iops": 13000}
    single, double = (
        cost.estimate(recorded(resource(INSTANCE, "p", multiAz=standby, **inputs)), REGION) for standby in (False, True)
    )
    without = cost.estimate(recorded(resource(INSTANCE, "p", **inputs | {"iops": 12000})), REGION)
    assert (single - without).usd == 24
    assert double.usd == 2 * single.usd


def test_in_another_region_nothing_has_a_price() -> None:
    found = cost.estimate(recorded(resource("aws:ec2/natGateway:NatGateway", "a")), "us-east-1")
    assert found == cost.Estimate(Decimal(0), Decimal(0), {"NAT gateway": 1})
