"""Unit prices, on-demand, in US dollars before tax, each with its source and date: data beside this file.

A price that was not found is None and is said to be unknown; it is never guessed. Whoever knows it puts it in, with
where it is from: previews and the tables of docs/cost.md follow. Exact ones are in AWS's public price list,
https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonRDS/current/ap-northeast-1/index.json for RDS, under the
usage type, with databaseEngine PostgreSQL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

HOURS_A_MONTH = 730  # AWS's own convention for monthly estimates
HOURS_A_WEEK: Final = 168
MULTI_AZ: Final = 2  # RDS user guide, "On-demand DB instances": about twice; checked for one class in 2026

_SEARCHED = "not found in public sources"
_SEARCHED_DATE = "2026-11-29"
_DATA: Final[Mapping[str, Any]] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
REGION: Final[str] = _DATA["region"]


@dataclass(frozen=True, kw_only=True)
class Price:
    """The price of one unit. `usd` is for a `unit` of "hour", "month", "GB", ...; None: unknown.

    `usage_type`: what AWS's bill and price list call it; "" where that was not found either. `confidence`: how sure.
    `key`: under which a team states its own (`preview.own_prices`), of which this one is so many `times`.
    """

    item: str
    usd: Decimal | None
    unit: str
    usage_type: str
    source: str
    date: str
    confidence: str = "unknown"
    key: str = ""
    times: Decimal = Decimal(1)

    @property
    def monthly(self) -> Decimal | None:
        """US dollars a month for one that stands all month; None for what costs by volume, or is unknown."""
        if self.usd is None or not self.standing:
            return None
        return self.usd * HOURS_A_MONTH if self.unit == "hour" else self.usd

    @property
    def standing(self) -> bool:
        """Whether it costs by time, used or not."""
        return self.unit in ("hour", "month", "GiB-month", "IOPS-month", "MiB/s-month")

    @property
    def own(self) -> bool:
        """Whether a team has stated it, for whatever region its stacks are in."""
        return self.source == OWN

    def stated(self, usd: Decimal) -> Price:
        """The same with a team's own price for its key."""
        return replace(self, usd=usd * self.times, source=OWN, confidence="own")


OWN: Final = "prices.yaml"


def unknown(item: str, unit: str, usage_type: str = "", *, key: str, times: Decimal = Decimal(1)) -> Price:
    """A price that somebody has to look up."""
    return Price(item=item, usd=None, unit=unit, usage_type=usage_type, source=_SEARCHED, date=_SEARCHED_DATE,
                 key=key, times=times)  # fmt: skip


def _price(row: Mapping[str, str], key: str = "") -> Price:
    return Price(
        item=row["item"], usd=Decimal(row["usd"]), unit=row["unit"], usage_type=row["usageType"], source=row["source"],
        date=row["date"], confidence=row["confidence"], key=key,
    )  # fmt: skip


_STANDING: Final = {key: _price(row, key) for key, row in _DATA["standing"].items()}
NAT_GATEWAY = _STANDING["NAT_GATEWAY"]
INTERFACE_ENDPOINT = _STANDING["INTERFACE_ENDPOINT"]
PUBLIC_ADDRESS = _STANDING["PUBLIC_ADDRESS"]
SECRET = _STANDING["SECRET"]
KEY = _STANDING["KEY"]
KEY_ELSEWHERE = _STANDING["KEY_ELSEWHERE"]
ALARM_METRIC = _STANDING["ALARM_METRIC"]
COMPOSITE_ALARM = unknown("composite alarm", "month", key="COMPOSITE_ALARM")
CUSTOM_METRIC = _STANDING["CUSTOM_METRIC"]
DASHBOARD = _STANDING["DASHBOARD"]
BUDGET = _STANDING["BUDGET"]
DATABASE_INSIGHTS = unknown("Database Insights in advanced mode, by the vCPU", "hour", key="DATABASE_INSIGHTS")
RESTORE_TEST = unknown("restore test of AWS Backup, one a month", "month", key="RESTORE_TEST")
KEYS: Final = (*_STANDING, COMPOSITE_ALARM.key, DATABASE_INSIGHTS.key, RESTORE_TEST.key)
BY_VOLUME = tuple(_price(row) for row in _DATA["byVolume"])


def instance(class_name: str, *, multi_az: bool) -> Price:
    """An instance's price by the hour. A team states the one of a single-AZ instance."""
    times = Decimal(MULTI_AZ if multi_az else 1)
    usage, how = ("Multi-AZUsage", "Multi-AZ") if multi_az else ("InstanceUsage", "single-AZ")
    item, usage_type = f"{class_name}, {how}", f"APN1-{usage}:{class_name}"
    for group in _DATA["instances"]:
        if class_name in group["usdAnHour"]:
            usd = Decimal(group["usdAnHour"][class_name]) * times
            return Price(item=item, usd=usd, unit="hour", usage_type=usage_type, source=group["source"],
                         date=group["date"], confidence=group["confidence"], key=class_name, times=times)  # fmt: skip
    return unknown(item, "hour", usage_type, key=class_name, times=times)


def for_hours(price: Price, hours_a_week: float) -> Price:
    """The price by the hour of an instance that runs for so many hours of a week."""
    part = Decimal(str(hours_a_week)) / HOURS_A_WEEK
    return replace(
        price,
        item=f"{price.item}, {hours_a_week:g} of {HOURS_A_WEEK} hours a week",
        usd=None if price.usd is None else price.usd * part,
        times=price.times * part,
    )


def volume(*, multi_az: bool) -> Price:
    """A GiB of gp3 for a month."""
    return _STANDING["VOLUME_MULTI_AZ" if multi_az else "VOLUME"]


def performance(key: str) -> Price:
    """One of "IOPS" or "THROUGHPUT" above gp3's baseline for a month, single-AZ."""
    return _STANDING[key]
