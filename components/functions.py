"""Functions: the Lambdas (roles, custom metrics, rotation), permissions, schedules, and the run that makes roles."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from blueprint.aws import policies
from blueprint.aws.sleep import Sleep
from blueprint.monitoring import metrics
from blueprint.names import Naming
from blueprint.postgres import roles
from blueprint.settings import Database
from components.base import Component, document
from components.packing import Package, pack

ROLES, METRICS, ROTATION = "roles", "metrics", "rotation"
PURPOSES: Mapping[str, str] = {
    ROLES: "makes and checks the database's roles",
    METRICS: "publishes the database's custom metrics",
    ROTATION: "changes the passwords of the database's roles",
}
RUNTIME = "python3.13"
MEMORY_MIB = 256
ROLES_TIMEOUT_SECONDS = 300  # grants on every table, and a wait for another run's lock
ROTATION_TIMEOUT_SECONDS = 900  # Lambda's longest: hosts follow within minutes, and CloudWatch tells later still
METRICS_TIMEOUT_SECONDS = 120  # each statement has its own, some seconds; hosts that do not answer come before them
FAILURES_KEPT_SECONDS = 14 * 86400  # SQS's longest
EVENT_AGE_SECONDS = 60  # Lambda's shortest: a run that could not start is overtaken by the next


@dataclass(frozen=True, kw_only=True)
class FunctionsArgs:
    """`secret_arns` by role, the master's among them; `secret_versions` of all that the run that makes roles reads.

    `security_group_id` must be known only when its members can reach the database and Secrets Manager.
    `released_group_id`: the group that a function's interfaces go to before it is deleted, as AWS releases them slowly;
    None where there is none to name. `hosts`: instances by the name that alarms have for them, in the order in which
    the metrics function tries them; it asks each about itself. `stack`: the dimension of the custom metrics. `sleep`:
    when the instances are stopped, of which functions that reach none say so.
    `rotate_every_days`: None for passwords that nobody changes.
    """

    naming: Naming
    region: str
    stack: str
    database: Database
    log_retention_days: int
    sleep: Sleep | None = None
    account_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    security_group_id: pulumi.Input[str]
    released_group_id: pulumi.Input[str] | None
    secret_arns: Mapping[str, pulumi.Input[str]]
    pooler_secret_arn: pulumi.Input[str]
    secret_versions: Mapping[str, pulumi.Input[str]]
    secrets_key_arn: pulumi.Input[str] | None
    logs_key_arn: pulumi.Input[str] | None
    primary_resource_id: pulumi.Input[str]
    hosts: Mapping[str, pulumi.Input[str]]
    rotate_every_days: int | None = None


class Functions(Component):
    """No concurrency is reserved: a new account has too little of it, and the handlers bear an overlap."""

    function_names: Mapping[str, pulumi.Output[str]]
    roles_made: pulumi.Resource

    def __init__(self, name: str, args: FunctionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        self._args = args
        database = args.database
        self._failures = aws.sqs.Queue(
            f"{name}-failures",
            sqs_managed_sse_enabled=True,
            message_retention_seconds=FAILURES_KEPT_SECONDS,
            tags=self.child_tags(f"{name}-failures"),
            opts=self.child_options(),
        )
        rotated = args.rotate_every_days is not None
        of_roles = self._packed(
            ROLES, roles.definition(database=database.name, master=database.master_username, rotated=rotated)
        )
        maker = self._function(
            ROLES,
            of_roles,
            ROLES_TIMEOUT_SECONDS,
            secrets=[*args.secret_arns.values(), args.pooler_secret_arn],
            environment={
                "SECRET_ARNS": pulumi.Output.json_dumps(dict(args.secret_arns)),
                "POOLER_SECRET_ARN": args.pooler_secret_arn,
                **(self._first_versions() if rotated else {}),
            },
            writes=self._rotated_secrets() if rotated else (),
        )
        publisher = self._function(
            METRICS,
            self._packed(METRICS, metrics.definition(stack=args.stack, database=database.name)),
            METRICS_TIMEOUT_SECONDS,
            secrets=[args.secret_arns[metrics.ROLE]],
            environment={
                "SECRET_ARN": args.secret_arns[metrics.ROLE],
                "HOSTS": pulumi.Output.json_dumps(dict(args.hosts)),
            },
        )
        self.roles_made = self._make_roles(maker, of_roles)
        self._schedule(publisher)
        self.function_names = {ROLES: maker.name, METRICS: publisher.name}
        if args.rotate_every_days is not None:
            self._rotate(args.rotate_every_days)
        self.register_outputs({"functionNames": self.function_names})

    def _packed(self, role: str, definition: Mapping[str, Any]) -> Package:
        """The function's archive with its definition, and when the instances are stopped."""
        sleep = self._args.sleep
        return pack(role, {**definition, **({"sleep": sleep.definition} if sleep else {})}, self._args.region)

    def _function(
        self,
        role: str,
        package: Package,
        timeout_seconds: int,
        *,
        secrets: Sequence[pulumi.Input[str]],
        environment: Mapping[str, pulumi.Input[str]],
        writes: Sequence[pulumi.Input[str]] = (),
    ) -> aws.lambda_.Function:
        """`secrets`: ARNs of those that it reads; `writes`: of those that it writes versions of."""
        args, label = self._args, f"{self._name}-{role}"
        naming, region, function_name = args.naming, args.region, args.naming.function(role)
        log_group = aws.cloudwatch.LogGroup(
            f"{label}-log",
            name=naming.function_log_group(role),
            retention_in_days=args.log_retention_days,
            kms_key_id=args.logs_key_arn,
            tags=self.child_tags(naming.function_log_group(role)),
            opts=self.child_options(),
        )
        execution = self._role(label, "lambda.amazonaws.com")

        def policy(
            account: str, log_group_arn: str, queue_arn: str, key_arn: str | None, read: Any, written: Any
        ) -> Any:
            arn = f"arn:aws:lambda:{region}:{account}:function:{function_name}"
            more = policies.write_versions(written, key_arn, region, arn if role == ROTATION else None)
            if role == ROTATION:
                more.append(policies.read_metrics())
            return policies.run_function(arn, log_group_arn, queue_arn, read, key_arn, region, *more)

        permission = aws.iam.RolePolicy(
            f"{label}-policy",
            role=execution.name,
            policy=document(
                policy,
                args.account_id, log_group.arn, self._failures.arn, args.secrets_key_arn, list(secrets), list(writes),
            ),
            opts=self.child_options(),
        )  # fmt: skip
        function = aws.lambda_.Function(
            label,
            name=function_name,
            description=self.described(PURPOSES[role]),
            runtime=RUNTIME,
            architectures=["arm64"],
            handler=f"functions.{role}.handler.handler",
            code=package.archive,
            role=execution.arn,
            timeout=timeout_seconds,
            memory_size=MEMORY_MIB,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=dict(environment)),
            vpc_config=aws.lambda_.FunctionVpcConfigArgs(
                subnet_ids=list(args.subnet_ids), security_group_ids=[args.security_group_id]
            ),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="Text", log_group=log_group.name),
            replace_security_groups_on_destroy=True if args.released_group_id is not None else None,
            replacement_security_group_ids=[args.released_group_id] if args.released_group_id is not None else None,
            tags=self.child_tags(function_name),
            # The role's ARN does not say that Lambda may already make network interfaces with it.
            opts=self.child_options(depends_on=[permission]),
        )
        aws.lambda_.FunctionEventInvokeConfig(
            f"{label}-failures",
            function_name=function.name,
            maximum_event_age_in_seconds=EVENT_AGE_SECONDS,
            maximum_retry_attempts=0,
            destination_config=aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
                on_failure=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(
                    destination=self._failures.arn
                )
            ),
            opts=self.child_options(),
        )
        return function

    def _role(self, label: str, service: str) -> aws.iam.Role:
        return aws.iam.Role(
            f"{label}-role",
            assume_role_policy=document(lambda account: policies.trust(service, account), self._args.account_id),
            tags=self.child_tags(f"{label}-role"),
            opts=self.child_options(),
        )

    def _make_roles(self, function: aws.lambda_.Function, package: Package) -> aws.lambda_.Invocation:
        """Run it once now, and again whenever what it makes, a password or the server is another one."""
        triggers: dict[str, Any] = {f"secret-{role}": version for role, version in self._args.secret_versions.items()}
        invocation = aws.lambda_.Invocation(
            f"{self._name}-make-roles",
            function_name=function.name,
            input=json.dumps({"action": "apply"}),
            lifecycle_scope="CREATE_ONLY",
            triggers=triggers | {"package": package.digest, "instance": self._args.primary_resource_id},
            opts=self.child_options(),
        )
        invocation.result.apply(lambda result: _tell(result, invocation, self._args.stack))
        return invocation

    def _rotated_secrets(self) -> list[pulumi.Input[str]]:
        return [self._args.secret_arns[role] for role in roles.PASSWORD_ROLES]

    def _first_versions(self) -> dict[str, pulumi.Input[str]]:
        """The versions that this program wrote, which functions label before they write others."""
        written = [self._args.secret_versions[role] for role in roles.PASSWORD_ROLES]
        return {"FIRST_VERSIONS": pulumi.Output.json_dumps(written)}

    def _rotate(self, days: int) -> None:
        """The function that Secrets Manager calls, and the schedule of each secret."""
        args, label = self._args, f"{self._name}-{ROTATION}"
        function = self._function(
            ROTATION,
            self._packed(ROTATION, roles.rotation_definition(stack=args.stack)),
            ROTATION_TIMEOUT_SECONDS,
            secrets=[args.secret_arns[args.database.master_username], *self._rotated_secrets()],
            environment={
                "MASTER_SECRET_ARN": args.secret_arns[args.database.master_username],
                "HOSTS": pulumi.Output.json_dumps(dict(args.hosts)),
                **self._first_versions(),
            },
            writes=self._rotated_secrets(),
        )
        self.function_names = {**self.function_names, ROTATION: function.name}
        permission = aws.lambda_.Permission(
            f"{label}-permission",
            action="lambda:InvokeFunction",
            function=function.name,
            principal="secretsmanager.amazonaws.com",
            source_account=args.account_id,
            opts=self.child_options(),
        )
        for role in roles.PASSWORD_ROLES:
            aws.secretsmanager.SecretRotation(
                f"{label}-{role}",
                secret_id=args.secret_arns[role],
                rotation_lambda_arn=function.arn,
                # Switching it on rotates nothing, and not a moment of ours but the days decide.
                rotate_immediately=False,
                rotation_rules=aws.secretsmanager.SecretRotationRotationRulesArgs(automatically_after_days=days),
                # Secrets Manager tries the function with the current login, which the run that makes roles gives.
                opts=self.child_options(depends_on=[permission, self.roles_made]),
            )

    def _schedule(self, function: aws.lambda_.Function) -> None:
        label = f"{self._name}-schedule"
        caller = self._role(label, "scheduler.amazonaws.com")
        permission = aws.iam.RolePolicy(
            f"{label}-policy",
            role=caller.name,
            policy=document(policies.invoke_function, function.arn),
            opts=self.child_options(),
        )
        aws.scheduler.Schedule(
            label,
            description=self.described(PURPOSES[METRICS]),
            schedule_expression=f"rate({metrics.INTERVAL_SECONDS // 60} minutes)",
            flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
            target=aws.scheduler.ScheduleTargetArgs(
                arn=function.arn,
                role_arn=caller.arn,
                retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                    maximum_event_age_in_seconds=EVENT_AGE_SECONDS, maximum_retry_attempts=0
                ),
            ),
            opts=self.child_options(depends_on=[permission]),
        )


def _tell(result: str | None, invocation: aws.lambda_.Invocation, stack: str) -> None:
    """Say what the run that made the roles last has left as it was; nobody reads its answer in the state.

    No warning: what a person has mended since would go on being warned of until the next such run.
    """
    for sentence in roles.left_as_it_was(json.loads(result or "{}"), stack):
        pulumi.log.info(sentence, invocation)
