"""Ordinary edits of the deployable stack files, as people make them."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.changes import Copy

PROJECT = "langpont-database"
Sections = dict[str, Any]


def edit(copy: Copy) -> list[str]:
    """A dozen edits of every deployable stack file at once. Returns what was done, one line an edit."""
    done: list[str] = []
    for path in sorted(copy.root.glob("Pulumi.*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        sections = {key: value for key, value in document["config"].items() if key.startswith(f"{PROJECT}:")}
        stack = path.name.split(".")[1]
        done += [f"{stack}: {line}" for line in _edited(sections)]
        document["config"] |= sections
        first = path.read_text(encoding="utf-8").splitlines()[0]  # for editors: where the schema is
        path.write_text(f"{first}\n{yaml.safe_dump(document, sort_keys=False)}", encoding="utf-8")
    return done


def _edited(sections: Sections) -> list[str]:
    def section(name: str) -> Any:
        return sections.setdefault(f"{PROJECT}:{name}", {})

    database, replicas = section("database"), sections.setdefault(f"{PROJECT}:replicas", [])
    zones = section("network")["vpc"]["zones"]
    database["instanceClass"] = "db.m7g.large"
    database["allocatedStorageGib"] += 30
    database["maintenanceWindow"] = "sun:18:00-sun:19:00"
    database["parameters"] = database.get("parameters", {}) | {"work_mem": "8MB", "max_connections": 400}
    lines = ["primary db.m7g.large", "30 GiB more", "maintenance on Sunday", "work_mem 8MB", "400 connections"]
    if len(replicas) > 1:
        replicas.pop()
        lines.append("the last replica removed")
    else:
        number = max((replica["number"] for replica in replicas), default=0) + 1
        replicas.append({"number": number, "purpose": "reads", "instanceClass": "db.t3.large", "zone": zones[-1]})
        lines.append(f"replica {number} added")
    section("application")["hosts"] = section("application").get("hosts", 2) + 1
    section("backups")["retentionDays"] = 14
    section("monitoring")["alertEmails"] = ["somebody@langpont.example", "else@langpont.example"]
    section("monitoring")["monthlyBudgetUsd"] += 111
    section("monitoring")["logRetentionDays"] = 60
    section("access")["databaseNetworks"] = ["10.99.0.0/24"]
    section("credentials")["passwordVersions"] = {"langpont_app": 2}
    return [
        *lines, "one host more", "backups kept 14 days", "two alert addresses", "another budget", "logs kept 60 days",
        "administrators' network", "a new password of langpont_app",
    ]  # fmt: skip


def add_stack(copy: Copy, name: str = "qa", like: str = "staging") -> None:
    """A stack of its own beside the others: its file, its job and its row for drift."""
    text = copy.read(f"Pulumi.{like}.yaml")
    document = yaml.safe_load(text)
    network = document["config"][f"{PROJECT}:network"]["vpc"]
    text = text.replace(network["cidr"], "10.99.0.0/16")
    copy.write(f"Pulumi.{name}.yaml", text)
    deploy, drift = ".github/workflows/deploy.yml", ".github/workflows/drift.yml"
    [job] = re.findall(r"^  dev:\n(?:(?:    .*)?\n)+", copy.read(deploy), re.MULTILINE)
    copy.write(deploy, copy.read(deploy) + "\n" + re.sub(r"\bdev\b", name, job).rstrip("\n") + "\n")
    copy.write(drift, re.sub(r"^( +stack: \[)(.+)\]$", rf"\1\2, {name}]", copy.read(drift), flags=re.MULTILINE))
