"""What the providers say of a resource type: their own Python classes, asked under the wire's names."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import cache
from typing import Any


@cache
def _class(token: str) -> Any:
    package, module, name = token.split(":")
    folder = module.split("/")[0]
    folder = {"index": "", "lambda": ".lambda_"}.get(folder, f".{folder}")
    return getattr(importlib.import_module(f"pulumi_{package}{folder}"), name)


@cache
def inputs(token: str) -> frozenset[str]:
    """Inputs of a type, such as `vpcId`."""
    own = {"__self__", "__props__", "resource_name", "opts"}
    names = set(inspect.signature(_class(token)._internal_init).parameters) - own
    return frozenset(re.sub(r"_([a-z0-9])", lambda part: part[1].upper(), name) for name in names)


@cache
def outputs(token: str) -> frozenset[str]:
    """Outputs of a type, which all inputs are among."""
    getters = [value.fget for value in vars(_class(token)).values() if isinstance(value, property)]
    return frozenset(str(getter._pulumi_name) for getter in getters if getter is not None)  # type: ignore[attr-defined]
