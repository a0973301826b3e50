"""All rules, in the order in which violations are reported."""

from __future__ import annotations

from typing import Final

from policy.model import Rule
from policy.rules import encryption, functions, iam, instances, network, resources, surroundings

RULES: Final[tuple[Rule, ...]] = (
    *instances.RULES,
    *surroundings.RULES,
    *encryption.RULES,
    *network.RULES,
    *functions.RULES,
    *iam.RULES,
    *resources.RULES,
)
