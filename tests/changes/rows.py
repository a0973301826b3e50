"""An alarm, a component with a new resource type, a role and a metric, added as CONTRIBUTING.md says."""

from __future__ import annotations

from documents.translated import sections
from tests.changes import Copy

ALARMS, RUNBOOK = "blueprint/monitoring/alarms.py", "docs/runbook.md"
TRANSLATION = "docs/runbook.ja.md"
BOUNDS, SCENARIOS = "blueprint/monitoring/thresholds.py", "documents/backtest/loud.py"
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
TRANSLATED = """## writes-high
<!-- translated: writes-high HASH -->

**意味** それだけ書き込まれています。

**見るもの** [write-latency-high](#write-latency-high) と同じく WriteLatency。

**対処** そのとおりにします。

**エスカレーション** 1 時間後。
"""

PRODUCT = "product.yaml"
ROLE = """  - name: langpont_batch
    login: password
    purpose: writes at night
    access: {analytics: write}
    statementTimeoutSeconds: 600
"""
METRIC = """    - name: sessions
      watches: Sessions of the database.
      sql: SELECT count(*) FROM pg_stat_activity
      unit: Count
      timeoutSeconds: 5
      empty: zero
      emptyReason: a count is never NULL
"""

TYPE = "aws:cloudwatch/queryDefinition:QueryDefinition"
COMPONENT = '''"""Queries: a saved query of CloudWatch Logs Insights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from blueprint.names import Naming
from components.base import Component


@dataclass(frozen=True, kw_only=True)
class QueriesArgs:
    """`log_groups` are the names of those that it reads."""

    naming: Naming
    log_groups: Sequence[str]


class Queries(Component):
    """The errors of all logs, for whoever looks."""

    def __init__(self, name: str, args: QueriesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args.naming, opts)
        aws.cloudwatch.QueryDefinition(
            f"{name}-errors",
            name=f"{name}-errors",
            query_string="fields @timestamp, @message | filter @message like /ERROR/",
            log_group_names=list(args.log_groups),
            opts=self.child_options(),
        )
        self.register_outputs({})
'''
ROW = """    ResourceType(
        "aws:cloudwatch/queryDefinition:QueryDefinition",
        bill=Bill.FREE,
        create=Call("logs.put_query_definition"),
        named=PhysicalName("name"),
        id="{name}",
        not_in_moto="moto has no saved queries",
    ),
"""
RULE = """    ResourceRule(
        name="query-reads", wants="saved queries that name their logs", check=_reads,
        applies=of("aws:cloudwatch/queryDefinition:QueryDefinition"),
    ),
"""
CHECK = """def _reads(query: Resource) -> Iterator[Finding]:
    yield from expect(query, "logGroupNames", lambda value: is_list(value) and value != [], "Name them")


"""
CASES = """    *passing("query-reads", resource(QUERY, {"logGroupNames": ["a"]})),
    violating(
        "query-reads", resource(QUERY, {"logGroupNames": []}),
        "cloudwatch.QueryDefinition it: logGroupNames is []. query-reads wants saved queries that name their logs. "
        "Name them.",
    ),
    missing(
        "query-reads", resource(QUERY, {}),
        "cloudwatch.QueryDefinition it: logGroupNames is not stated. query-reads wants saved queries that name their "
        "logs. Name them.",
    ),
"""
CALL = """c.Queries(
    f"{prefix}-queries",
    c.QueriesArgs(naming=platform.naming, log_groups=[platform.naming.log_group(prefix, "postgresql")]),
)
"""
COMPONENT_TEST = '''"""Queries: what is saved for whoever looks."""

from __future__ import annotations

from tests.recordings import inputs, recording


def test_errors_are_asked_for() -> None:
    made = inputs(recording("dev"), "aws:cloudwatch/queryDefinition:QueryDefinition", "langpont-dev-queries-errors")
    assert "/ERROR/" in made["queryString"]
'''


def add_alarm(copy: Copy) -> None:
    """A row, its bounds, the runbook's section, a scenario in which it fires, and a test of what it means."""
    _before(copy, ALARMS, '    yield w.warning(\n        "read-latency-high",', NEW_ALARM)
    bounds = '    "read-latency-high": Bounds('
    _before(copy, BOUNDS, bounds, '    "writes-high": Bounds("bytes", MIB, 1024 * GIB, "1GB"),\n')
    _before(copy, RUNBOOK, "## read-latency-high\n", f"{SECTION}\n")
    translated = TRANSLATED.replace("HASH", sections(SECTION)["writes-high"].hash)
    _before(copy, TRANSLATION, "## read-latency-high\n", f"{translated}\n")
    _before(copy, SCENARIOS, '    Scenario(\n        key="long-lock",', SCENARIO)
    test = "tests/blueprint/monitoring/test_alarms.py"
    copy.write(test, copy.read(test) + ALARM_TEST)


def add_component(copy: Copy) -> None:
    """A component with a resource type that nobody registers yet, its row, its rule and their tests."""
    copy.write("components/queries.py", COMPONENT)
    _before(
        copy, "components/__init__.py", "from components.ids ", "from components.queries import Queries, QueriesArgs\n"
    )
    _before(copy, "components/__init__.py", '    "InstanceKeys",\n', '    "Queries",\n    "QueriesArgs",\n')
    _before(copy, "__main__.py", "\napplication = settings.application\n", CALL)
    _before(copy, "pyproject.toml", '    "components.keys",\n', '    "components.queries",\n')
    copy.write("tests/components/test_queries.py", COMPONENT_TEST)
    row = "resource_types/cloudwatch.py"
    _before(copy, row, '    ResourceType(\n        "aws:cloudwatch/metricAlarm:MetricAlarm",', ROW)
    _before(copy, "policy/rules/surroundings.py", "RULES: Final", CHECK)
    _after(copy, "policy/rules/surroundings.py", "RULES: Final[tuple[Rule, ...]] = (\n", RULE)
    cases = "tests/policy/cases_surroundings.py"
    _after(copy, cases, "    *SUBNET_CASES,\n", CASES)
    _before(copy, cases, "\nCASES: Final", f'\nQUERY = "{TYPE}"\n')
    _before(copy, "docs/components.md", "| `Functions` |", "| `Queries` | none | a saved query |\n")


def add_role(copy: Copy) -> None:
    """A row of the product file, who reads the role's secret, and the lists of all roles."""
    _before(copy, PRODUCT, "  - name: langpont_metrics\n", ROLE)
    row = "| `langpont_batch` | no policy of this program | what writes at night |\n"
    _before(copy, "docs/outputs.md", "| `langpont_migrator` | `migrationPolicyArn`", row)
    roles = "tests/recordings.py"
    _replace(copy, roles, '"langpont_app", "langpont_metrics"', '"langpont_app", "langpont_batch", "langpont_metrics"')


def add_metric(copy: Copy) -> None:
    """A row of the product file and of the deviations, and the lists of all metrics."""
    _before(copy, PRODUCT, "    - name: database_size_mb", METRIC)
    deviations = "| E49 | `database_size_mb` |"
    _before(
        copy, "docs/deviations.md", deviations, "| E50 | `sessions` | `Count` | `zero` | a count of nobody is zero |\n"
    )
    shown = '    ("database_size_mb (Megabytes)", "database_size_mb"),\n'
    _before(copy, "tests/components/test_dashboard.py", shown, '    ("sessions (Count)", "sessions"),\n')
    defined = '        ("database_size_mb", "Megabytes", 10, "omit", "any"),\n'
    _before(copy, "tests/functions/test_definitions.py", defined, '        ("sessions", "Count", 5, "zero", "any"),\n')
    named = '        {"Name": "database_size_mb", "Unit": "Megabytes"},\n'
    _before(copy, "tests/functions/test_metrics.py", named, '        {"Name": "sessions", "Unit": "Count"},\n')


def _before(copy: Copy, name: str, anchor: str, text: str) -> None:
    _replace(copy, name, anchor, text + anchor)


def _after(copy: Copy, name: str, anchor: str, text: str) -> None:
    _replace(copy, name, anchor, anchor + text)


def _replace(copy: Copy, name: str, old: str, new: str) -> None:
    before = copy.read(name)
    if before.count(old) != 1:
        raise ValueError(f"{name} has {before.count(old)} times {old!r}: the change is made there. Mend tests/changes.")
    copy.write(name, before.replace(old, new))
