"""The policy pack for Pulumi's SDK (pulumi_policy): each rule as a resource or stack validation policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policy.configuration import EXCEPTIONS_KEY, LEVEL_KEY, Configuration, is_excepted
from policy.evaluate import plain
from policy.model import UNKNOWN, Resource, ResourceRule, Rule, Stack, StackRule
from policy.rules import RULES

NAME = "langpont-database"
SCHEMA = {
    EXCEPTIONS_KEY: {
        "type": "object",
        "description": "Why a resource is not judged, by a pattern of logical names.",
        "additionalProperties": {"type": "string", "minLength": 1},
    }
}


def policies() -> list[Policy]:
    """A ResourceValidationPolicy or StackValidationPolicy for each rule."""
    return [_resource_policy(rule) if isinstance(rule, ResourceRule) else _stack_policy(rule) for rule in RULES]


def initial_config(configuration: Configuration) -> dict[str, EnforcementLevel | dict[str, Any]]:
    """The pack's initial configuration; the CLI lays `--policy-pack-config` over it.

    Every rule states its level: an entry without one arrives at the engine as advisory.
    """
    return {
        name: {LEVEL_KEY: EnforcementLevel(setting.level.value), EXCEPTIONS_KEY: dict(setting.exceptions)}
        for name, setting in configuration.settings.items()
    }


def _resource_policy(rule: ResourceRule) -> Policy:
    def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
        if not rule.applies(args.resource_type) or is_excepted(args.name, args.get_config().get(EXCEPTIONS_KEY, {})):
            return
        resource = Resource(
            urn=args.urn,
            type=args.resource_type,
            name=args.name,
            inputs=plain_properties(args.props),
            ignores=frozenset(args.opts.ignore_changes),
        )
        for finding in rule.check(resource):
            if not finding.excepted:
                report(rule.violation(resource, finding, rule.level).message, args.urn)

    return ResourceValidationPolicy(validate=validate, **_about(rule))


def _stack_policy(rule: Rule) -> Policy:
    assert isinstance(rule, StackRule), rule.name

    def validate(args: StackValidationArgs, report: ReportViolation) -> None:
        exceptions = args.get_config().get(EXCEPTIONS_KEY, {})
        stack = Stack(_resource(resource) for resource in args.resources)
        for resource in stack.by_urn.values():
            if rule.applies(resource.type) and not is_excepted(resource.name, exceptions):
                for finding in rule.check(resource, stack):
                    if not finding.excepted:
                        report(rule.violation(resource, finding, rule.level).message, resource.urn)

    return StackValidationPolicy(validate=validate, **_about(rule))


def _about(rule: Rule) -> dict[str, Any]:
    return {
        "name": rule.name,
        "description": rule.description,
        "enforcement_level": EnforcementLevel(rule.level.value),
        "config_schema": PolicyConfigSchema(SCHEMA),
    }


def _resource(resource: PolicyResource) -> Resource:
    return Resource(
        urn=resource.urn,
        type=resource.resource_type,
        name=resource.name,
        inputs=plain_properties(resource.props),
        depends={
            key: frozenset(source.urn for source in sources) for key, sources in resource.property_dependencies.items()
        },
        ignores=frozenset(resource.opts.ignore_changes),
    )


def plain_properties(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The SDK's properties as plain values, with `UNKNOWN` where the SDK would raise UnknownValueError.

    The SDK skips a policy that raises it: the resource would not be evaluated at all.
    """
    values: dict[str, Any] = plain(_plain(properties))
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_item(value, index) for index in range(len(value))]
    return value


def _item(holder: Any, key: Any) -> Any:
    try:
        return _plain(holder[key])
    except UnknownValueError:
        return UNKNOWN
