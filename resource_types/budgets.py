"""AWS Budgets."""

from __future__ import annotations

from typing import Any

from resource_types.model import Bill, Call, Into, MotoLimit, PhysicalName, ResourceType, key_value


def _cost_filters(filters: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["name"]: each["values"] for each in filters}


def _subscribers(arns: list[str]) -> list[dict[str, str]]:
    return [{"SubscriptionType": "SNS", "Address": arn} for arn in arns]


TYPES = (
    ResourceType(
        "aws:budgets/budget:Budget",
        tagged=True,
        bill=Bill.STANDING,
        create=Call(
            "budgets.create_budget",
            takes={
                "budgetType": "Budget.BudgetType",
                "timeUnit": "Budget.TimeUnit",
                "limitAmount": "Budget.BudgetLimit.Amount",
                "limitUnit": "Budget.BudgetLimit.Unit",
                "costFilters": Into("Budget.CostFilters", _cost_filters),
                "notifications": "NotificationsWithSubscribers",
                "notifications.notificationType": "Notification.NotificationType",
                "notifications.comparisonOperator": "Notification.ComparisonOperator",
                "notifications.threshold": "Notification.Threshold",
                "notifications.thresholdType": "Notification.ThresholdType",
                "notifications.subscriberSnsTopicArns": Into("Subscribers", _subscribers),
                "tags": Into("ResourceTags", key_value),
            },
            gives={"AccountId": "{account}"},
        ),
        id="{account}:{name}",
        outputs={"arn": "arn:aws:budgets::{account}:budget/{name}", "name": "{name}"},
        named=PhysicalName("Budget.BudgetName"),
        moto_limits=(
            MotoLimit(
                "notifications.subscriberSnsTopicArns",
                "moto takes them and tells nobody, since it cannot list a notification's subscribers",
            ),
            MotoLimit("tags", "moto drops them"),
        ),
    ),
)
