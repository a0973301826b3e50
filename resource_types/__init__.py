"""One row per resource type: all that the program's tools need to know of it. Pure data, no AWS and no Pulumi."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from resource_types.model import ResourceType

# Each file beside `model` has the types of a service, or of services that are used together.
_NAMES = {each.name for each in iter_modules(__path__)} - {"model", "replacement", "succession"}
_MODULES = [import_module(f"{__name__}.{name}") for name in sorted(_NAMES)]

TYPES: dict[str, ResourceType] = {row.token: row for module in _MODULES for row in module.TYPES}


def file_of(token: str) -> str:
    """The file where the row of a type is or belongs, such as `resource_types/kms.py`: one for its service, if none."""
    for module in _MODULES:
        if _service(token) in {_service(row.token) for row in module.TYPES}:
            return f"{module.__name__.replace('.', '/')}.py"
    return f"{__name__}/{_service(token)}.py"


def _service(token: str) -> str:
    package, module, _ = token.split(":")
    return module.partition("/")[0] if package == "aws" else package
