"""An alarm, and a component with a new resource type, added as CONTRIBUTING.md says."""

from __future__ import annotations

from tests.changes import Copy

ALARMS, RUNBOOK = "blueprint/monitoring/alarms.py", "docs/runbook.md"
SCENARIOS = "documents/backtest/loud.py"
NEW_ALARM = """    yield w.warning(
        "writes-high",
        when("WriteThroughput", "Average", ABOVE, 10**9, periods=3, of=300, no_data=IGNORE, unit="bytes"),
        "More than a gigabyte a second is written.",
        "look for a bulk load.",
    )
"""
ALARM_TEST = """

def test_a_flood_of_writes_is_a_warning() -> None:
    assert one(PRIMARY, "writes-high").severity is Severity.WARNING
"""
SCENARIO = """    Scenario(
        key="flood",
        title="1.5 GB a second are written",
        shape=since_beginning(lambda _, load, __: replace(load, written_mb=1500.0)),
        fires=frozenset({"writes-high"}), within=lambda _: 20,
    ),
"""
SECTION = """## writes-high

**Means** that much is written.

**Look at** WriteLatency, as for [write-latency-high](#write-latency-high).

**Do** what it says.

**Escalate** after an hour.
"""

TYPE = "aws:cloudwatch/compositeAlarm:CompositeAlarm"
COMPONENT = '''"""Health: one alarm for a status page, that fires with any of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from blueprint.names import Naming
from components.base import Component


@dataclass(frozen=True, kw_only=True)
class HealthArgs:
    """`alarm_names` are those of the alarms that it sums up."""

    naming: Naming
    alarm_names: Sequence[str]


class Health(Component):
    """A composite alarm without actions of its own: the alarms in it tell somebody."""

    def __init__(self, name: str, args: HealthArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        aws.cloudwatch.CompositeAlarm(
            f"{name}-any",
            alarm_name=f"{name}-any",
            alarm_rule=" OR ".join(f'ALARM("{alarm}")' for alarm in args.alarm_names),
            actions_enabled=False,
            tags=self.child_tags(f"{name}-any"),
            opts=self.child_options(),
        )
        self.register_outputs({})
'''
ROW = """    ResourceType(
        "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        tagged=True,
        bill=Bill.FREE,
        create=Call("cloudwatch.put_composite_alarm", takes={"tags": TAGS}),
        id="{alarmName}",
        outputs={"arn": "arn:aws:cloudwatch:{region}:{account}:alarm:{alarmName}"},
    ),
"""
RULE = """    ResourceRule(
        name="composite-alarm-quiet", wants="alarms that tell somebody once", check=_quiet,
        applies=of("aws:cloudwatch/compositeAlarm:CompositeAlarm"),
    ),
"""
CHECK = """def _quiet(alarm: Resource) -> Iterator[Finding]:
    yield from expect(alarm, "actionsEnabled", lambda value: value is False, "Write actions_enabled=False")


"""
CASES = """    *passing("composite-alarm-quiet", resource(COMPOSITE, {"actionsEnabled": False})),
    violating(
        "composite-alarm-quiet", resource(COMPOSITE, {"actionsEnabled": True}),
        "cloudwatch.CompositeAlarm it: actionsEnabled is true. composite-alarm-quiet wants alarms that tell somebody "
        "once. Write actions_enabled=False.",
    ),
    missing(
        "composite-alarm-quiet", resource(COMPOSITE, {}),
        "cloudwatch.CompositeAlarm it: actionsEnabled is not stated. composite-alarm-quiet wants alarms that tell "
        "somebody once. Write actions_enabled=False.",
    ),
"""
CALL = """c.Health(
    f"{prefix}-health",
    c.HealthArgs(naming=platform.naming, alarm_names=[f"{prefix}-{alarm.name}" for alarm in platform.alarms[:3]]),
)
"""
COMPONENT_TEST = '''"""Health: one alarm over others."""

from __future__ import annotations

from tests.recordings import inputs, recording


def test_it_fires_with_any_of_the_alarms() -> None:
    made = inputs(recording("dev"), "aws:cloudwatch/compositeAlarm:CompositeAlarm", "langpont-dev-health-any")
    assert 'ALARM("langpont-dev-primary-cpu-high")' in made["alarmRule"]
'''


def add_alarm(copy: Copy) -> None:
    """A row, the runbook's section, a scenario in which it fires, and a test of what it means."""
    _before(copy, ALARMS, '    yield w.warning(\n        "read-latency-high",', NEW_ALARM)
    _before(copy, RUNBOOK, "## read-latency-high\n", f"{SECTION}\n")
    _before(copy, SCENARIOS, '    Scenario(\n        key="long-lock",', SCENARIO)
    test = "tests/blueprint/monitoring/test_alarms.py"
    copy.write(test, copy.read(test) + ALARM_TEST)


def add_component(copy: Copy) -> None:
    """A component with a resource type that nobody registers yet, its row, its rule and their tests."""
    copy.write("components/health.py", COMPONENT)
    _before(
        copy, "components/__init__.py", "from components.ids ", "from components.health import Health, HealthArgs\n"
    )
    _before(copy, "components/__init__.py", '    "InstanceKeys",\n', '    "Health",\n    "HealthArgs",\n')
    _before(copy, "__main__.py", "\napplication = settings.application\n", CALL)
    _before(copy, "pyproject.toml", '    "components.keys",\n', '    "components.health",\n')
    copy.write("tests/components/test_health.py", COMPONENT_TEST)
    row = "resource_types/cloudwatch.py"
    _before(copy, row, '    ResourceType(\n        "aws:cloudwatch/metricAlarm:MetricAlarm",', ROW)
    _before(copy, "policy/rules/surroundings.py", "RULES: Final", CHECK)
    _after(copy, "policy/rules/surroundings.py", "RULES: Final[tuple[Rule, ...]] = (\n", RULE)
    cases = "tests/policy/cases_surroundings.py"
    _after(copy, cases, "    *SUBNET_CASES,\n", CASES)
    _before(copy, cases, "\nCASES: Final", f'\nCOMPOSITE = "{TYPE}"\n')
    _before(copy, "docs/components.md", "| `Functions` |", "| `Health` | none | one alarm over others |\n")


def _before(copy: Copy, name: str, anchor: str, text: str) -> None:
    _replace(copy, name, anchor, text + anchor)


def _after(copy: Copy, name: str, anchor: str, text: str) -> None:
    _replace(copy, name, anchor, anchor + text)


def _replace(copy: Copy, name: str, old: str, new: str) -> None:
    before = copy.read(name)
    if before.count(old) != 1:
        raise ValueError(f"{name} has {before.count(old)} times {old!r}: the change is made there. Mend tests/changes.")
    copy.write(name, before.replace(old, new))
