"""Rules of the stack file about tags."""

from __future__ import annotations

from collections.abc import Iterator

from blueprint.names import MOST_TAGS, check_tag
from blueprint.problems import Problem, Refused
from blueprint.settings import Settings


def own_tags(s: Settings) -> Iterator[Problem]:
    """What AWS takes, and is not the program's own."""
    tags = s.tags.by_key
    for key, value in tags.items():
        try:
            check_tag(key, value)
        except Refused as refusal:
            yield refusal.problem(f"tags.{key}", value)
    for lower in sorted({key.lower() for key in tags}):
        same = [key for key in tags if key.lower() == lower]
        if len(same) > 1:
            yield Problem(
                field="tags", value=" and ".join(same), way_out="Keep one of them",
                rule="differ in case only, and IAM takes them for the same tag",
            )  # fmt: skip
    if len(tags) > MOST_TAGS:
        yield Problem(
            field="tags", value=f"({len(tags)} of them)", way_out=f"Keep {MOST_TAGS} at most",
            rule=f"are more than the {MOST_TAGS} that a resource has room for beside the program's own",
        )  # fmt: skip
