"""The tags that every taggable resource carries."""

from __future__ import annotations

PROJECT = "LangPont"


def tags(environment: str, name: str) -> dict[str, str]:
    """Name, Environment, Project and ManagedBy (S134-S154); `name` is what people read in the console."""
    return {"Name": name, "Environment": environment, "Project": PROJECT, "ManagedBy": "Pulumi"}
