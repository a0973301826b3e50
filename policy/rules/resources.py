"""Rules on resources of every type: tags, and that the type is a known one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import yaml

from policy.model import MISSING, UNKNOWN, Finding, Resource, ResourceRule, Rule, of, show
from policy.rules.types import INSTANCE, SNAPSHOT, SUBNET_GROUP, TAGGED, UNTAGGED, is_cloud
from resource_types import file_of


def _project() -> str:
    """The product's tag; "" of a file that the program refuses."""
    try:
        product = yaml.safe_load(Path(__file__).parents[2].joinpath("product.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, LookupError, AttributeError, RecursionError, yaml.YAMLError):
        return ""
    return str(product.get("project", "")) if isinstance(product, Mapping) else ""


PROJECT: Final = _project()
MANAGED_BY: Final = "Pulumi"
TAG_WAY_OUT: Final = "Take the tags from child_tags of the component"
# Security Hub has a control of its own for each of these.
TAG_CONTROLS: Final = {INSTANCE: "RDS.30", SNAPSHOT: "RDS.32", SUBNET_GROUP: "RDS.33"}


def tagged(resource: Resource) -> Iterator[Finding]:
    """The four tags Name, Environment, Project and ManagedBy; Environment is the stack."""
    tags = resource.value("tags")
    if not isinstance(tags, Mapping):
        yield Finding(f"tags are {'known only after the deployment' if tags is UNKNOWN else 'not stated'}", TAG_WAY_OUT)
        return
    wanted = {"Name": None, "Environment": resource.stack, "Project": PROJECT, "ManagedBy": MANAGED_BY}
    for key, value in wanted.items():
        # By itself and not as a path: a tag's name may have dots.
        tag = tags.get(key) or MISSING
        if tag is MISSING:
            yield Finding(f"the tag {key} is not stated", TAG_WAY_OUT)
        elif value is not None and tag != value:
            yield Finding(f"the tag {key} is {show(tag)} and not {show(value)}", TAG_WAY_OUT)


def known_type(resource: Resource) -> Iterator[Finding]:
    """A resource type with a row in `resource_types`, or one that has rules before anybody registers it."""
    if resource.type not in TAGGED | UNTAGGED:
        way_out = f"Decide what it must fulfil, write the rule, and add its row to {file_of(resource.type)}"
        yield Finding(f"{resource.type} is new here", way_out)


_WANTS_TAGS: Final = "the tags Name, Environment, Project and ManagedBy"
RULES: Final[tuple[Rule, ...]] = (
    *(
        ResourceRule(
            name=f"rds-{control.removeprefix('RDS.')}-{what}-tagged",
            control=control,
            wants=_WANTS_TAGS,
            applies=of(type_),
            check=tagged,
        )
        for (type_, control), what in zip(TAG_CONTROLS.items(), ("instance", "snapshot", "subnet-group"), strict=True)
    ),
    ResourceRule(name="tagged", wants=_WANTS_TAGS, applies=(TAGGED - set(TAG_CONTROLS)).__contains__, check=tagged),
    ResourceRule(
        name="known-type",
        wants="no type of resource that no rule was considered for",
        applies=is_cloud,
        check=known_type,
    ),
)
