"""What a month costs in the preview: public prices, a team's own, and the budget beside it."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from blueprint.platform import Platform
from blueprint.problems import FileRefused
from preview import own_prices, prices
from preview.__main__ import app
from preview.cost import estimate, lines
from preview.html.page import page
from preview.report import Report, over_budget, settings
from preview.text import show
from recording.stack_files import StackFileError
from tests.preview.test_html import against, part, rows, words
from tests.preview.test_preview import machine, project, report, text
from tests.recordings import REGION, changed, frozen, record_with, recording

__all__ = ["project"]
SECRET = "aws:secretsmanager/secret:Secret"


def previewed(stack: str, changes: Mapping[str, Any], own: Mapping[str, Decimal]) -> Report:
    return Report(
        platform=Platform(settings(changed(frozen(stack), changes))),
        first=record_with(stack, changes, preview=True),
        update=record_with(stack, changes),
        prices=own,
    )


def test_the_month_of_prod_in_the_preview_is_the_sum_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    counted: Counter[prices.Price] = Counter()
    for line in lines(recording("prod"), REGION):
        counted[line.price] += line.quantity
    database = (
        2 * 0.112 * 730  # db.t3.medium with its standby
        + 0.112 * 730  # replica 1, db.t3.medium
        + 0.224 * 730  # replica 2, db.t3.large
        + 100 * 0.276  # GiB of the primary and its standby
        + 2 * 100 * 0.138  # GiB of the replicas
    )
    around = (
        3 * 0.062 * 730  # NAT gateways
        + 3 * 0.005 * 730  # with a public address each
        + 6 * 1.00  # customer-managed keys
        + 1 * 1.00  # and the one in the second region
        + len(recording("prod").of_type(SECRET)) * 0.40
        + counted[prices.ALARM_METRIC] * 0.10  # metrics that alarms watch
        + counted[prices.CUSTOM_METRIC] * 0.30  # metrics of the function, of logs, and three of PgBouncer
        + 3.00  # dashboard
    )
    composites = len(recording("prod").of_type("aws:cloudwatch/compositeAlarm:CompositeAlarm"))
    told = " ".join(text(report("prod"), capsys, everything=False).split())
    assert (
        f"cost {database + around:,.2f} USD a month for what stands, traffic, logs and backups beside it; without "
        f"{composites} x composite alarm, of unknown price; RDS {database:,.2f} budget 600 USD"
    ) in told
    assert machine("prod")["cost"] == {
        "usdAMonth": pytest.approx(database + around),
        "databaseUsdAMonth": pytest.approx(database),
        "budgetUsdAMonth": 600,
        "unknown": {"composite alarm": composites},
    }


def test_a_change_of_the_class_costs_the_difference_of_its_hours() -> None:
    made = against("prod", {"database": {"instanceClass": "db.m6i.large"}})
    assert float(made.cost.usd) == pytest.approx(2 * (0.247 - 0.112) * 730)
    assert made.cost.usd == made.cost.database == sum(line.cost.usd for line in made.lines if line.cost)


def test_advanced_insights_have_an_unknown_price_by_the_vcpu() -> None:
    made = record_with("prod", {"monitoring": {"databaseInsights": "advanced"}})
    found = estimate(made, REGION)
    assert found.unknown["Database Insights in advanced mode, by the vCPU"] == 2
    known = estimate(
        record_with("prod", {"monitoring": {"databaseInsights": "advanced"}}),
        REGION,
        {"DATABASE_INSIGHTS": Decimal("0.01")},
    )
    assert known.usd - found.usd == Decimal("0.01") * 730 * 2
    assert known.database == found.database  # CloudWatch bills it


# The budget


def test_a_budget_below_the_estimate_is_a_warning_that_says_how_far(capsys: pytest.CaptureFixture[str]) -> None:
    made = previewed("prod", {"monitoring": {"monthlyBudgetUsd": 400}}, {})
    sentence = (
        "monitoring.monthlyBudgetUsd 400 is below the estimate of 464.00 USD a month for RDS, which is 64.00 or 16 % "
        "above it: it would mail each month. Raise it, or make the stack smaller."
    )
    assert made.warnings[-1] == sentence
    show(made, everything=False)
    assert "; RDS 464.00, 64.00 above its budget" in " ".join(capsys.readouterr().out.split())
    shown = page(made, None, runbook=None)
    assert "RDS is 64.00 USD a month above its budget of 400." in words(part(shown, "cost"))


@pytest.mark.parametrize(("estimated", "warned"), [("464.01", True), ("464.00", False), ("1", False)])
def test_a_budget_that_is_met_exactly_is_none(estimated: str, warned: bool) -> None:
    assert bool(list(over_budget(Decimal(estimated), 464))) is warned


# A team's own prices


def test_a_team_s_prices_take_the_place_of_the_public_ones(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(
        "standing:\n  NAT_GATEWAY: 0.05\n  COMPOSITE_ALARM: 0.5\n  BUDGET: 0\ninstances:\n  db.t3.medium: 0.1\n"
    )
    own = own_prices.load(tmp_path)
    assert own == {
        "NAT_GATEWAY": Decimal("0.05"), "COMPOSITE_ALARM": Decimal("0.5"), "BUDGET": Decimal(0),
        "db.t3.medium": Decimal("0.1"),
    }  # fmt: skip
    public, found = report("prod").cost, previewed("prod", {}, own).cost
    composites = len(recording("prod").of_type("aws:cloudwatch/compositeAlarm:CompositeAlarm"))
    assert float(public.database - found.database) == pytest.approx(3 * 0.012 * 730)  # with a standby it counts twice
    assert float(public.usd - found.usd) == pytest.approx(3 * 0.012 * 730 + 3 * 0.012 * 730 - composites * 0.5)
    assert found.unknown == {}
    told = {row[0]: row[1:] for row in rows(part(page(previewed("prod", {}, own), None, runbook=None), "cost"))}
    assert told["NAT gateway by prices.yaml"] == ["3", "36.50", "109.50"]
    assert told["db.t3.medium, Multi-AZ by prices.yaml"] == ["1", "146.00", "146.00"]


def test_an_instance_that_sleeps_costs_its_part_of_a_team_s_price() -> None:
    price = prices.for_hours(prices.instance("db.t3.medium", multi_az=True), 84)
    assert price.stated(Decimal("0.1")).usd == pytest.approx(Decimal("0.1"))


def test_in_another_region_only_a_team_s_prices_are_known() -> None:
    found = estimate(recording("dev"), "eu-west-1", {"db.t4g.micro": Decimal("0.02")})
    assert float(found.usd) == float(found.database) == pytest.approx(0.02 * 730)
    assert "NAT gateway" not in found.unknown and found.unknown["secret"] == len(recording("dev").of_type(SECRET))


def test_without_the_file_or_with_an_empty_one_the_public_prices_hold(tmp_path: Path) -> None:
    assert own_prices.load(tmp_path) == {}
    for empty in ("", "standing:\n", "instances: {}\n"):
        (tmp_path / "prices.yaml").write_text(empty)
        assert own_prices.load(tmp_path) == {}


def test_every_key_that_may_be_stated_is_a_price_that_something_counts() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "cost.md").read_text(encoding="utf-8")
    unused = {"IOPS", "THROUGHPUT"}  # which no stack here has
    assert [key for key in prices.KEYS if f"`{key}`" not in documented and key not in unused] == []


def refused(folder: Path, content: str) -> str:
    (folder / "prices.yaml").write_text(content)
    with pytest.raises((FileRefused, StackFileError)) as found:
        own_prices.load(folder)
    return str(found.value)


def test_all_problems_of_the_prices_are_told_at_once_with_the_nearest_key(tmp_path: Path) -> None:
    content = (
        "standing:\n  NAT_GATEWAYS: 0.05\n  SECRET: '0.4'\n  KEY: -1\n  BUDGET: true\n"
        "instances:\n  db.t3.mediun: 0.1\n  db.t3.large:\nstandng: {}\n"
    )
    assert refused(tmp_path, content) == (
        "prices.yaml: 7 problems\n"
        "  1. standing.NAT_GATEWAYS is not a price that is counted. Write NAT_GATEWAY if that is meant.\n"
        "  2. standing.SECRET 0.4 is no number. Write US dollars, as in 0.112.\n"
        "  3. standing.KEY -1 is no price. Write 0 or more.\n"
        "  4. standing.BUDGET true is no number. Write US dollars, as in 0.112.\n"
        "  5. instances.db.t3.mediun is not a class that is known here. Write db.t3.medium if that is meant.\n"
        "  6. instances.db.t3.large null is no number. Write US dollars, as in 0.112.\n"
        "  7. standng is not a section. Write standing if that is meant."
    )
    assert refused(tmp_path, "standing: [1]\n") == (
        "prices.yaml: 1 problem\n  1. standing (a list) is no mapping of keys to prices. Write keys below it."
    )


def test_broken_yaml_of_prices_is_refused_with_its_place(tmp_path: Path) -> None:
    assert refused(tmp_path, "standing: [\n").startswith("prices.yaml line 2, column 1: not valid YAML")


def test_the_command_refuses_prices_as_it_does_a_stack_file(project: Path) -> None:
    (project / "prices.yaml").write_text("standing:\n  NAT: 1\n")
    done = CliRunner().invoke(app, ["dev", "--project", str(project)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("prices.yaml: 1 problem\n  1. standing.NAT is not a price that is counted. ")


def test_a_change_is_priced_by_the_team_on_both_sides(tmp_path: Path) -> None:
    file = changed(frozen("prod"), {"database": {"instanceClass": "db.m6i.large"}})
    shutil.copy(file.root / "Pulumi.yaml", tmp_path)
    made = against("prod", {"database": {"instanceClass": "db.m6i.large"}})
    own = {"db.t3.medium": Decimal("0.1"), "db.m6i.large": Decimal("0.2")}
    stated = dataclasses.replace(made, report=dataclasses.replace(made.report, prices=own))
    assert float(stated.cost.usd) == pytest.approx(2 * 0.1 * 730)
