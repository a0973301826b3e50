"""Stacks that are right and unusual: whatever the loader takes must pass every further part."""

from __future__ import annotations

import ipaddress
import json
import random
import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import policy
from blueprint.aws.instance_classes import INSTANCE_CLASSES
from blueprint.names import LONGEST_ENVIRONMENT
from blueprint.postgres.catalogue import catalogue
from preview.report import check_same_resources
from recording.answers import Answers
from recording.engine import record
from recording.stack_files import StackFile
from tests.fuzz.faults import REGION, Fault, Refusals
from tests.fuzz.limits import exceeded
from tests.recordings import STACKS, changed, frozen, merged
from tests.unsent import Unsent

Edit = Callable[[random.Random], dict[str, Any]]
ZONES = tuple(f"{REGION}{letter}" for letter in "acd")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
ROLES = ("langpont_admin", "langpont_app", "langpont_metrics", "langpont_migrator", "langpont_readonly")


def _name(chance: random.Random, longest: int) -> str:
    return chance.choice("abcxyz") + "".join(chance.choice("abz09_") for _ in range(chance.randrange(longest)))


def _hex(chance: random.Random, kind: str) -> str:
    return f"{kind}-{chance.randrange(16**17):017x}"


def _network(chance: random.Random, *sizes: int) -> str:
    base = chance.choice(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
    inside = ipaddress.IPv4Network(base)
    size = max(chance.choice(sizes), inside.prefixlen)
    first = int(inside.network_address) + chance.randrange(2 ** (size - inside.prefixlen)) * 2 ** (32 - size)
    return str(ipaddress.IPv4Network((first, size)))


def _daily(chance: random.Random) -> str:
    begin, length = chance.randrange(1440), chance.choice((30, 60, 240))
    return "-".join(f"{m // 60 % 24:02}:{m % 60:02}" for m in (begin, begin + length))


def _weekly(chance: random.Random) -> str:
    begin, length = chance.randrange(7 * 1440), chance.choice((30, 60, 240))
    return "-".join(f"{DAYS[m // 1440 % 7]}:{m // 60 % 24:02}:{m % 60:02}" for m in (begin, begin + length))


def _parameters(chance: random.Random) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for parameter in chance.sample(sorted(catalogue(16).values(), key=lambda each: each.name), chance.randrange(1, 9)):
        if parameter.values:
            made[parameter.name] = chance.choice(parameter.values)
        elif parameter.minimum is not None and parameter.maximum is not None:
            low, high = int(parameter.minimum), int(parameter.maximum)
            made[parameter.name] = chance.choice((low, high, chance.randint(low, high), min(high, low + 100)))
    return made


def _replicas(chance: random.Random) -> list[dict[str, Any]]:
    numbers = chance.sample(range(1, 100), chance.choice((0, 1, 2, 3, 5, 15)))
    return [
        {
            "number": number,
            "zone": chance.choice(ZONES),
            "instanceClass": chance.choice(sorted(INSTANCE_CLASSES)),
            "purpose": chance.choice(("reads", "analytics")),
            **({"maintenanceWindow": _weekly(chance)} if chance.random() < 0.3 else {}),
        }
        for number in numbers
    ]


def _network_of_its_own(chance: random.Random) -> dict[str, Any]:
    zones = chance.sample(ZONES, chance.choice((2, 3)))
    services = ("secretsmanager", "ssm", "ssmmessages", "ec2messages", "logs", "monitoring")
    endpoints = {"services": chance.sample(services, chance.randint(1, 6)), "zones": zones[: chance.randint(1, 2)]}
    return {
        "cidr": _network(chance, 16, 17, 20, 22, 24),
        "zones": zones,
        "natGateways": chance.choice(("none", "single", "perZone")),
        "flowLogRetentionDays": chance.choice(LOG_DAYS),
        "interfaceEndpoints": chance.choice((None, endpoints)),
    }


def _network_of_others(chance: random.Random) -> dict[str, Any]:
    zones = chance.sample(ZONES, chance.choice((2, 3)))
    tiers = ("applicationSubnets", "databaseSubnets", "publicSubnets")[: chance.randint(2, 3)]
    return {"vpcId": _hex(chance, "vpc"), **{tier: {z: _hex(chance, "subnet") for z in zones} for tier in tiers}}


def _storage(chance: random.Random) -> dict[str, Any]:
    size = chance.choice((20, 99, 399, 400, 401, 1000, 16384, 65536))
    return {
        "allocatedStorageGib": size,
        "maxAllocatedStorageGib": chance.choice((None, size * 2, size * 11 // 10 + 1, 65536)),
        "iops": chance.choice((None, 3000, 12000, 16000, 64000)),
        "storageThroughputMibps": chance.choice((None, 125, 500, 1000, 4000)),
    }


def _generation(chance: random.Random) -> dict[str, Any]:
    time = f"2026-{chance.randint(1, 11):02}-{chance.randint(1, 28):02}T{chance.randrange(24):02}:00:00Z"
    snapshot = f"s{'-a1' * chance.randrange(1, 80)}"
    return {
        "generation": chance.randint(1, 99),
        "keepPrevious": chance.random() < 0.5,
        "restoreFrom": chance.choice(({"time": time}, {"snapshot": snapshot})),
    }


def _schedule(chance: random.Random) -> dict[str, Any]:
    start, awake = chance.randrange(1440), chance.choice((119, 120, 300, 780, 1380, 1381))
    stop = (start + awake) % 1440
    return {
        "start": f"{start // 60:02}:{start % 60:02}",
        "stop": f"{stop // 60:02}:{stop % 60:02}",
        "days": chance.sample(DAYS, chance.randint(0, 7)),
    }


EDITS: tuple[Edit, ...] = (
    lambda chance: {"database": {"instanceClass": chance.choice(sorted(INSTANCE_CLASSES))}},
    lambda chance: {"database": _storage(chance)},
    lambda chance: {"database": _generation(chance)},
    lambda chance: {"database": {"parameters": _parameters(chance)}},
    lambda chance: {"database": {"multiAz": chance.random() < 0.5, "deletionPolicy": "disposable"}},
    lambda chance: {"database": {"name": _name(chance, 62), "masterUsername": _name(chance, 62)}},
    lambda chance: {"database": {"port": chance.randint(1150, 65535), "maintenanceWindow": _weekly(chance)}},
    lambda chance: {"database": {"caCertificate": chance.choice(("rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"))}},
    lambda chance: {"replicas": _replicas(chance)},
    lambda chance: {"replicas": [], "schedule": _schedule(chance)},
    lambda chance: {"network": {"vpc": _network_of_its_own(chance), "existingVpc": None}},
    lambda chance: {"network": {"vpc": None, "existingVpc": _network_of_others(chance)}},
    lambda chance: {"access": {"databaseNetworks": _networks(chance)}},
    lambda chance: {"access": {"sshNetworks": _networks(chance)}},
    lambda chance: {"access": {"databaseSecurityGroups": [_hex(chance, "sg") for _ in range(chance.randrange(1, 30))]}},
    lambda chance: {"backups": {"retentionDays": chance.randint(0, 35), "window": _daily(chance)}},
    lambda chance: {"backups": {"vaultTime": _daily(chance)[:5], "dailyRetentionDays": chance.randint(1, 36500)}},
    lambda chance: {"backups": {"replicateToRegion": chance.choice((None, "ap-northeast-3", "us-west-2"))}},
    lambda chance: {"monitoring": {"alertEmails": _mails(chance), "monthlyBudgetUsd": chance.randint(1, 10**6)}},
    lambda chance: {"monitoring": {"logRetentionDays": chance.choice(LOG_DAYS), "encryptEventsTopic": True}},
    lambda chance: {"monitoring": {"enhancedMonitoringSeconds": chance.choice((0, 1, 60))}},
    lambda chance: {"monitoring": {"databaseInsights": chance.choice(("standard", "advanced"))}},
    lambda chance: {"encryption": {"keys": chance.choice(("customerManaged", "awsManaged")), "deletionWindowDays": 7}},
    lambda chance: {"credentials": {"passwordVersions": {chance.choice(ROLES): chance.randint(1, 10**6)}}},
    lambda chance: {"application": {"hosts": chance.randint(1, 20), "processesPerHost": chance.randint(1, 9)}},
    lambda chance: {"pooler": {"defaultPoolSize": chance.randint(5, 60), "listenPort": chance.randint(1024, 65535)}},
)  # fmt: skip


def _networks(chance: random.Random) -> list[str]:
    number = chance.choice((1, 2, 10, 40, 55, 57, 58, 60))
    return list(dict.fromkeys(_network(chance, 16, 24, 32) for _ in range(number)))


def _mails(chance: random.Random) -> list[str]:
    return [f"{'a' * chance.randint(1, 40)}{n}@langpont.example" for n in range(chance.randint(0, 10))]


def accepted(chance: random.Random) -> tuple[StackFile, list[dict[str, Any]]]:
    """A stack file that the loader takes, and the edits that made it; an edit that is refused is left out."""
    refusals = Refusals()
    file, made = frozen(chance.choice(STACKS)), list[dict[str, Any]]()
    if chance.random() < 0.3:
        file = replace(file, stack=_environment(chance))
    for edit in chance.sample(EDITS, chance.randint(1, 9)):
        changes = edit(chance)
        tried = changed(file, changes)
        if not refusals.of(tried.sections(), file.stack):  # a crash is told by what walks the stack
            file = tried
            made.append(changes)
    return file, made


def _environment(chance: random.Random) -> str:
    return "".join(chance.choice("abz") for _ in range(chance.randint(1, LONGEST_ENVIRONMENT)))


def faults(seed: int, number: int) -> Iterator[Fault | None]:
    """One item for each of so many stacks: None, or where a further part does not take it."""
    chance = random.Random(seed)
    for _ in range(number):
        file, made = accepted(chance)
        together: Any = {}
        for changes in made:
            together = merged(together, changes)
        came = next(_wrong(file), None)
        yield Fault(f"{file.stack} with {json.dumps(made)}", came) if came else None


def _wrong(file: StackFile) -> Iterator[str]:
    try:
        update = record(file, Answers(REGION), preview=False)
        first = record(file, Answers(REGION), preview=True)
        check_same_resources(first, update)
        calls = Unsent()  # botocore checks every call that an update would make
        for each in update.registrations.values():
            if each.custom:
                calls.create(each)
        yield from exceeded(update)
        for recorded in (first, update):
            for violation in policy.evaluate_stack(recorded):
                if not re.fullmatch(r"\S.+\. [A-Z].+\.", violation.message):
                    yield f"the policy says no way out: {violation.message}"
    except Exception:
        yield traceback.format_exc(limit=-6)
