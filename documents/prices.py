"""Unit prices, on-demand, in US dollars before tax, each with its source and date.

A price that was not found is None and is said to be unknown; it is never guessed. Whoever knows it puts it in, with
where it is from: the tables of docs/cost.md follow. Exact ones are in AWS's public price list,
https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonRDS/current/ap-northeast-1/index.json for RDS, under the
usage type, with databaseEngine PostgreSQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

HOURS_A_MONTH = 730  # AWS's own convention for monthly estimates

_LIST = "AWS Price List API, ap-northeast-1"
_LIST_DATE = "2026-09-23"  # when the list was downloaded
_SEARCHED = "not found in public sources"
_SEARCHED_DATE = "2026-11-21"


@dataclass(frozen=True, kw_only=True)
class Price:
    """The price of one unit. `usd` is for a `unit` of "hour", "month", "GB", ...; None: unknown.

    `usage_type`: what AWS's bill and price list call it; "" where that was not found either.
    """

    item: str
    usd: Decimal | None
    unit: str
    usage_type: str
    source: str
    date: str

    @property
    def monthly(self) -> Decimal | None:
        """US dollars a month for one that stands all month; None for what costs by volume, or is unknown."""
        if self.usd is None:
            return None
        return {"hour": self.usd * HOURS_A_MONTH, "month": self.usd}.get(self.unit)

    @property
    def standing(self) -> bool:
        """Whether it costs by time, used or not."""
        return self.unit in ("hour", "month", "GiB-month")


def _listed(item: str, usd: str, unit: str, usage_type: str) -> Price:
    return Price(item=item, usd=Decimal(usd), unit=unit, usage_type=usage_type, source=_LIST, date=_LIST_DATE)


def unknown(item: str, unit: str, usage_type: str = "") -> Price:
    """A price that somebody has to look up."""
    return Price(item=item, usd=None, unit=unit, usage_type=usage_type, source=_SEARCHED, date=_SEARCHED_DATE)


NAT_GATEWAY = _listed("NAT gateway", "0.062", "hour", "APN1-NatGateway-Hours")
INTERFACE_ENDPOINT = _listed("interface endpoint, in each zone", "0.014", "hour", "APN1-VpcEndpoint-Hours")
PUBLIC_ADDRESS = Price(
    item="public IPv4 address, of each NAT gateway",
    usd=Decimal("0.005"),
    unit="hour",
    usage_type="",
    source="AWS's announcement, the same in all regions, as reported by doit.com",
    date="2024-02-01",
)
SECRET = _listed("secret", "0.40", "month", "APN1-AWSSecretsManager-Secrets")
KEY = _listed("customer-managed key", "1.00", "month", "ap-northeast-1-KMS-Keys")
KEY_ELSEWHERE = unknown("customer-managed key in the second region", "month")
ALARM_METRIC = _listed("metric watched by an alarm", "0.10", "month", "APN1-CW:AlarmMonitorUsage")
COMPOSITE_ALARM = unknown("composite alarm", "month")
CUSTOM_METRIC = _listed("custom metric", "0.30", "month", "APN1-CW:MetricMonitorUsage")
DASHBOARD = unknown("dashboard", "month")
BUDGET = unknown("budget with notifications", "month")

BY_VOLUME = (
    _listed("NAT gateway, each GB through it", "0.062", "GB", "APN1-NatGateway-Bytes"),
    _listed("interface endpoint, each GB through it", "0.01", "GB", "APN1-VpcEndpoint-Bytes"),
    _listed("key, each request", "0.000003", "request", "ap-northeast-1-KMS-Requests"),
    _listed("logs taken in, each GB", "0.76", "GB", "APN1-DataProcessing-Bytes"),
    _listed("data out to the internet, each GB of the first 10 TB", "0.114", "GB", "APN1-DataTransfer-Out-Bytes"),
    unknown("logs kept, each GB", "GB-month"),
    unknown("data between zones, each GB", "GB"),
    unknown("RDS backup storage above the free part", "GB-month", "APN1-RDS:ChargedBackupUsage"),
    unknown("AWS Backup storage of RDS recovery points", "GB-month"),
    unknown("backups copied to the second region: storage and transfer", "GB"),
    unknown("surplus CPU credits of T classes", "vCPU-hour"),
    unknown("functions: requests and GB-seconds", "request"),
    unknown("schedule, queue, notifications, requests to secrets", "request"),
)


def instance(class_name: str, *, multi_az: bool) -> Price:
    """An instance's price by the hour. None was found for PostgreSQL in this region."""
    usage, how = ("Multi-AZUsage", "Multi-AZ") if multi_az else ("InstanceUsage", "single-AZ")
    return unknown(f"{class_name}, {how}", "hour", f"APN1-{usage}:{class_name}")


def volume(*, multi_az: bool) -> Price:
    """A GiB of gp3 for a month. Multi-AZ is known to cost twice as much as single-AZ, and neither was found."""
    usage, how = ("Multi-AZ-GP3-Storage", "Multi-AZ") if multi_az else ("GP3-Storage", "single-AZ")
    return unknown(f"GiB of gp3 storage, {how}", "GiB-month", f"APN1-RDS:{usage}")
