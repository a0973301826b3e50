"""Rules of the product file about the custom metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from blueprint import explain
from blueprint.monitoring import metrics
from blueprint.problems import Problem, Refused
from blueprint.product.checks import checked, twice
from blueprint.product.file import Product

LONGEST_SQL: Final = 4000  # judgement: a definition is read by people
# Judgement: the function has 120 s for all of them, for each instance, and for hosts that do not answer.
SECONDS_OF_ALL: Final = 60
MOST_QUERIES: Final = 90  # of the 100 metrics that one line in CloudWatch's embedded metric format may have
# What the function publishes by itself.
OWN_METRICS: Final = frozenset(
    (metrics.FAILED_STATEMENTS, metrics.CERTIFICATE_DAYS, *(metric.name for metric in metrics.INSTANCE_METRICS))
)


def role_of_metrics(p: Product) -> Iterator[Problem]:
    """Who asks logs in, and sees everybody's sessions."""
    field, name = "metrics.role", p.metrics.role
    role = next((role for role in p.roles if role.name == name), None)
    if role is None or role.login != "password":
        known = [role.name for role in p.roles if role.login == "password"]
        yield Problem(
            field=field, value=name, rule="is not one of the roles with a password",
            way_out=explain.choose(name, known) if known else "Add one to roles, like shop_metrics",
        )  # fmt: skip
    elif "pg_monitor" not in role.member_of:
        yield Problem(
            field=field, value=name, rule="is no member of pg_monitor, so that it sees nobody's sessions but its own",
            way_out="Write memberOf: [pg_monitor] at the role",
        )  # fmt: skip


def queries(p: Product) -> Iterator[Problem]:
    """Each is one SELECT, and a run has time and room for all."""
    rows = p.metrics.queries
    for index, row in enumerate(rows):
        field = f"metrics.queries[{index}]"
        yield from checked(f"{field}.name", row.name, _check_metric)
        yield from checked(f"{field}.sql", row.sql, _check_sql)
        if row.name == metrics.DATABASE_SIZE and row.unit != "Megabytes":
            yield Problem(
                field=f"{field}.unit", value=row.unit, way_out="Set it to Megabytes, or give the metric another name",
                rule=f"is the unit of {row.name}, which the alarm size-near-ceiling reads as MiB",
            )  # fmt: skip
    yield from twice("metrics.queries", (row.name for row in rows))
    seconds = sum(row.timeout_seconds for row in rows)
    if seconds > SECONDS_OF_ALL:
        yield Problem(
            field="metrics.queries", value="", way_out="Lower some timeoutSeconds",
            rule=f"may take {seconds} s together, and a run leaves them {SECONDS_OF_ALL}",
        )  # fmt: skip
    if len(rows) > MOST_QUERIES:
        yield Problem(
            field="metrics.queries", value="", way_out="Have fewer",
            rule=f"has {len(rows)} rows, and {MOST_QUERIES} are what a run publishes",
        )  # fmt: skip


def _check_metric(name: str) -> None:
    way_out = "Write it like orders_1h"
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,99}", name):
        raise Refused("is not a lower-case letter followed by at most 99 letters, digits and underscores", way_out)
    if name in OWN_METRICS:
        raise Refused("is a metric that the function publishes by itself", way_out)


def _check_sql(sql: str) -> None:
    bare = re.sub(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", "''", sql)
    if not re.match(r"\s*(select|with)\b", bare, re.IGNORECASE):
        raise Refused("is no SELECT, and the function reads", "Write one SELECT that answers one number")
    if ";" in bare:
        raise Refused("has a semicolon, and is sent as one statement", "Take it out; a metric is one SELECT")
    if "--" in bare or "/*" in bare:
        raise Refused(
            "has a comment of SQL, which hides what follows where YAML folds lines", "Write it as a comment of YAML"
        )
    if re.search(r"(?<!:):(?![:=])|\$[0-9]", bare):
        raise Refused(
            "has a colon that is no cast, or a dollar with a number, which pg8000 takes for a value that is due",
            "Write it otherwise, or make a view in a migration",
        )
    if len(sql) > LONGEST_SQL:
        raise Refused(f"has {len(sql)} characters, and {LONGEST_SQL} are what fits", "Make a view in a migration")
