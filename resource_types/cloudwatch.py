"""CloudWatch and CloudWatch Logs: alarms, dashboards, log groups and their metric filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from resource_types.model import TAGS, Bill, Call, Into, MotoLimit, PhysicalName, ResourceType


def _dimensions(dimensions: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in sorted(dimensions.items())]


def _suppressor(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ActionsSuppressor": given["alarm"],
        "ActionsSuppressorWaitPeriod": given["waitPeriod"],
        "ActionsSuppressorExtensionPeriod": given["extensionPeriod"],
    }


TYPES = (
    ResourceType(
        "aws:cloudwatch/logGroup:LogGroup",
        tagged=True,
        bill=Bill.VOLUME,
        create=Call("logs.create_log_group"),
        id="{name}",
        outputs={"name": "{name}", "arn": "arn:aws:logs:{region}:{account}:log-group:{name}"},
        named=PhysicalName("logGroupName"),
        after=(
            Call(
                "logs.put_retention_policy",
                takes={"retentionInDays": "retentionInDays"},
                gives={"logGroupName": "{name}"},
            ),
        ),
    ),
    ResourceType(
        "aws:cloudwatch/logMetricFilter:LogMetricFilter",
        bill=Bill.STANDING,
        create=Call(
            "logs.put_metric_filter",
            takes={
                "pattern": "filterPattern",
                "metricTransformation": "metricTransformations.0",
                "metricTransformation.namespace": "metricNamespace",
                "metricTransformation.name": "metricName",
                "metricTransformation.value": "metricValue",
                # A text for the provider, which knows "" from 0; a number for the API.
                "metricTransformation.defaultValue": Into("defaultValue", float),
            },
        ),
        id="{name}",
        named=PhysicalName("filterName"),
    ),
    ResourceType(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        tagged=True,
        bill=Bill.STANDING,
        create=Call(
            "cloudwatch.put_metric_alarm",
            takes={
                "dimensions": Into("Dimensions", _dimensions),
                "metricQueries": "Metrics",
                "metricQueries.metric": "MetricStat",
                "metricQueries.metric.namespace": "Metric.Namespace",
                "metricQueries.metric.metricName": "Metric.MetricName",
                "metricQueries.metric.dimensions": Into("Metric.Dimensions", _dimensions),
                "tags": TAGS,
            },
        ),
        id="{name}",
        outputs={"name": "{name}", "arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{name}"},
        named=PhysicalName("AlarmName"),
        moto_limits=(MotoLimit("", "moto never evaluates one; each says OK where AWS begins with INSUFFICIENT_DATA"),),
    ),
    ResourceType(
        "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        tagged=True,
        bill=Bill.STANDING,
        create=Call(
            "cloudwatch.put_composite_alarm",
            takes={
                "actionsSuppressor": Into("", _suppressor),
                "tags": TAGS,
            },
        ),
        id="{alarmName}",
        outputs={"alarmName": "{alarmName}", "arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{alarmName}"},
        not_in_moto="moto has no composite alarms",
    ),
    ResourceType(
        "aws:cloudwatch/dashboard:Dashboard",
        bill=Bill.STANDING,
        create=Call("cloudwatch.put_dashboard"),
        id="{dashboardName}",
    ),
)
