"""The regions that this program can serve; `regions.json` names its sources."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from blueprint.problems import Refused

PARTITION: Final = "aws"  # of the ARNs that this program writes


@dataclass(frozen=True, kw_only=True)
class RegionRow:
    """One region. `copies`: where automated backups can go as AWS listed it in 2023; None: the region is newer."""

    name: str
    partition: str
    zones: str
    copies: tuple[str, ...] | None
    certificates: bool


def _table() -> dict[str, RegionRow]:
    rows = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))["regions"]
    return {
        name: RegionRow(
            name=name,
            partition=row["partition"],
            zones=row["zones"],
            copies=None if row["copies"] is None else tuple(row["copies"]),
            certificates=row["certificates"],
        )
        for name, row in rows.items()
    }


REGIONS: Final = _table()


def check_region(name: str) -> None:
    """A region of AWS's own partition. Raises Refused for another word and for GovCloud and China."""
    row = REGIONS.get(name)
    if row is None:
        close = difflib.get_close_matches(name, REGIONS, n=1)
        raise Refused(
            "is not a region with RDS for PostgreSQL that this program knows",
            f"Write {close[0]} if that is meant" if close else "Write it like ap-northeast-3",
        )
    if row.partition != PARTITION:
        raise Refused(
            f"is in the partition {row.partition}, and this program has ARNs and certificates of {PARTITION} only",
            "Choose a region outside GovCloud and China",
        )


def check_served(name: str) -> None:
    """`check_region`, for a region of its own: with the certificates by which its servers are verified."""
    check_region(name)
    if not REGIONS[name].certificates:
        raise Refused(
            "has root certificates that certs/ lacks, and without them functions, hosts and applications cannot verify "
            "the servers",
            "Add them as certs/README.md says, or choose another region, like ap-northeast-1",
        )
