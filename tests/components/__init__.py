"""Components as the recording engine sees them."""

from __future__ import annotations

from typing import Any

# Prod with other values all over the stack file: recorded once, and each test reads the setting that it is about.
OTHER: dict[str, Any] = {
    "access": {"sshNetworks": ["198.18.0.0/16"], "databaseNetworks": ["10.8.0.0/24", "192.168.7.0/24"]},
    "encryption": {"deletionWindowDays": 7},
    "database": {
        "port": 6000,
        "name": "translations",
        "masterUsername": "root_of_prod",
        "engineVersion": "16.14",
        "instanceClass": "db.m7g.large",
        "allocatedStorageGib": 500,
        "iops": 14000,
        "storageThroughputMibps": 600,
    },
    "pooler": {
        "listenPort": 6500,
        "maxClientConn": 400,
        "defaultPoolSize": 20,
        "minPoolSize": 2,
        "reservePoolSize": 4,
    },
    "backups": {"vaultTime": "09:05"},
    "monitoring": {
        "alertEmails": ["a@langpont.example", "b@langpont.example"],
        "databaseInsights": "advanced",
        "encryptEventsTopic": True,
    },
}
# Three replicas out of order, the first of them for analytics.
MIXED: dict[str, Any] = {
    "replicas": [
        {"number": 3, "instanceClass": "db.t3.medium", "zone": "ap-northeast-1a"},
        {"number": 1, "instanceClass": "db.t3.medium", "zone": "ap-northeast-1c", "purpose": "analytics"},
        {"number": 2, "instanceClass": "db.t3.medium", "zone": "ap-northeast-1d"},
    ]
}
ZONES = ("ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d")


def replicas(count: int) -> dict[str, Any]:
    """The change to a stack file that gives it so many replicas, over all zones."""
    numbers = range(1, count + 1)
    return {"replicas": [{"number": n, "instanceClass": "db.t3.medium", "zone": ZONES[n % 3]} for n in numbers]}
