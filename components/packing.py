"""What a function is deployed as: its own code, the certificates, its definition and the packages it imports.

There is no build step: files are taken as they stand in this repository and in the environment that `pulumi up` runs
in, so that a fresh clone can deploy and the same code always makes the same archive.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

ROOT = Path(__file__).parents[1]
DEFINITION = "definition.json"
# pg8000 and what it imports, all of it pure Python, pinned in requirements.txt. boto3 is part of Lambda's runtime.
PACKAGES = ("asn1crypto", "pg8000", "python-dateutil", "scramp", "six")


@dataclass(frozen=True)
class Package:
    """An archive, and a digest that changes with every file in it."""

    archive: pulumi.AssetArchive
    digest: str


def certificates(region: str) -> str:
    """The root certificates of RDS in a region, by their path in the project and in a package."""
    return f"certs/{region}-bundle.pem"


def pack(function: str, definition: Mapping[str, Any], region: str) -> Package:
    """The package of `functions/<function>`, with the certificates of its region.

    Raises `pulumi.RunError` if a package of `PACKAGES` is not installed.
    """
    text = json.dumps(definition, indent=1, sort_keys=True)
    files = dict(sorted([*_own(function, region), *_installed()]))
    # Relative to the project, so that no machine's path gets into the state; the engine hashes contents.
    assets: dict[str, pulumi.Asset | pulumi.Archive] = {
        name: pulumi.FileAsset(os.path.relpath(path, ROOT)) for name, path in files.items()
    }
    digest = hashlib.sha256(text.encode())
    for name, path in files.items():
        digest.update(f"\n{name} {hashlib.sha256(path.read_bytes()).hexdigest()}".encode())
    assets[DEFINITION] = pulumi.StringAsset(text)
    return Package(pulumi.AssetArchive(assets), digest.hexdigest())


def _own(function: str, region: str) -> Iterator[tuple[str, Path]]:
    folder = ROOT / "functions"
    for path in (*folder.glob("*.py"), *(folder / function).glob("*.py"), ROOT / certificates(region)):
        yield path.relative_to(ROOT).as_posix(), path


def _installed() -> Iterator[tuple[str, Path]]:
    """Sources, and each package's METADATA: pg8000 and scramp ask for their own version when they are imported."""
    for name in PACKAGES:
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            raise pulumi.RunError(
                f"{name} is not installed, and the functions are packed with it: pip install -r requirements.txt"
            ) from None
        for file in found.files or ():
            if file.suffix == ".py" or (file.name == "METADATA" and file.parent.name.endswith(".dist-info")):
                yield file.as_posix(), Path(str(found.locate_file(file)))
