"""The pack's entry point: `pulumi preview --policy-pack policy` runs this folder and asks it over gRPC.

The engine runs it from inside the folder and tells the stack in PULUMI_STACK, as it tells a program. Without it every
rule has its own enforcement level and no exception.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project, so that `policy` is a package here too

from pulumi_policy import EnforcementLevel, PolicyPack

from policy.configuration import for_stack
from policy.pack import NAME, initial_config, policies
from policy.rules import RULES

PolicyPack(
    name=NAME,
    policies=policies(),
    enforcement_level=EnforcementLevel.MANDATORY,
    initial_config=initial_config(for_stack(os.environ.get("PULUMI_STACK", ""), RULES)),
)
