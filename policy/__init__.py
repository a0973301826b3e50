"""The Pulumi policy pack (CrossGuard): rules that every stack must fulfil, evaluated by the engine, preview and tests.

`pulumi preview --policy-pack policy` runs it. The rules are pure functions over registrations. This package imports
nothing of ours; only `policy.pack` imports Pulumi's SDK.
"""

from policy.configuration import Configuration, ConfigurationRefused, Excepted, for_stack
from policy.evaluate import evaluate_stack, exceptions
from policy.model import Level, Violation
from policy.rules import RULES

__all__ = [
    "RULES",
    "Configuration",
    "ConfigurationRefused",
    "Excepted",
    "Level",
    "Violation",
    "evaluate_stack",
    "exceptions",
    "for_stack",
]
