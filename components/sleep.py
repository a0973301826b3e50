"""Sleep: EventBridge Scheduler stops the instances and starts them again, by RDS's own API calls."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from blueprint.aws import policies
from blueprint.aws.sleep import Sleep as Hours
from blueprint.names import Naming, generation_suffix
from components.base import Component, document

# Universal targets, "arn:aws:scheduler:::aws-sdk:<service>:<apiAction>", whatever the region (EventBridge Scheduler
# user guide). Their input has the SDKs' names: DbInstanceIdentifier, where the API reference has DBInstanceIdentifier.
TARGETS: Mapping[str, str] = {
    "stop": "arn:aws:scheduler:::aws-sdk:rds:stopDBInstance",
    "start": "arn:aws:scheduler:::aws-sdk:rds:startDBInstance",
}
# RDS refuses a stop while it backs up or changes an instance. After an hour a start has its alarm, and a stop comes
# again on the next day: nothing is kept of a call that failed, which also one of an instance does that sleeps already.
RETRY_SECONDS, RETRIES = 3600, 20


@dataclass(frozen=True, kw_only=True)
class SleepArgs:
    """`primary_arns` by generation: all that stand. None may have a replica, which RDS would not stop."""

    naming: Naming
    hours: Hours
    primary_arns: Mapping[int, pulumi.Input[str]]
    account_id: pulumi.Input[str]


class Sleep(Component):
    """Two schedules for each instance, and a role that may stop and start these instances alone."""

    def __init__(self, name: str, args: SleepArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        hours = args.hours
        role = aws.iam.Role(
            f"{name}-role",
            assume_role_policy=document(
                lambda account: policies.trust("scheduler.amazonaws.com", account), args.account_id
            ),
            tags=self.child_tags(f"{name}-role"),
            opts=self.child_options(),
        )
        permission = aws.iam.RolePolicy(
            f"{name}-policy",
            role=role.name,
            policy=document(lambda *arns: policies.stop_and_start(arns), *args.primary_arns.values()),
            opts=self.child_options(),
        )
        for generation in args.primary_arns:
            identifier = args.naming.primary(generation)
            for action, expression in (("stop", hours.stop_expression), ("start", hours.start_expression)):
                aws.scheduler.Schedule(
                    f"{name}-primary{generation_suffix(generation)}-{action}",
                    name=args.naming.schedule(identifier, action),
                    description=self.described(f"{action}s {identifier}"),
                    schedule_expression=expression,
                    schedule_expression_timezone="UTC",
                    flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                    target=aws.scheduler.ScheduleTargetArgs(
                        arn=TARGETS[action],
                        role_arn=role.arn,
                        input=json.dumps({"DbInstanceIdentifier": identifier}),
                        retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                            maximum_event_age_in_seconds=RETRY_SECONDS, maximum_retry_attempts=RETRIES
                        ),
                    ),
                    opts=self.child_options(depends_on=[permission]),
                )
        self.register_outputs({})
