"""The policy pack: what every stack must fulfil, judged by Pulumi (`--policy-pack policy`), the preview and the tests.

The rules are pure functions over registrations. This package imports nothing of ours; only `policy.pack` imports
Pulumi's SDK.
"""

from policy.configuration import Configuration, ConfigurationRefused, Excepted, for_stack
from policy.evaluate import judge
from policy.model import Level, Violation
from policy.rules import RULES

__all__ = [
    "RULES",
    "Configuration",
    "ConfigurationRefused",
    "Excepted",
    "Level",
    "Violation",
    "for_stack",
    "judge",
]
