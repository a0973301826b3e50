"""Each function imports from its archive alone: it is unpacked, and nothing of this environment helps."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.recordings import ROOT, recording

FUNCTION = "aws:lambda/function:Function"
# What Lambda's Python runtime has beside its standard library: boto3 and what that needs.
RUNTIME = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
# Of what Lambda sets; without credentials boto3 would ask the network for some.
LAMBDA = {"AWS_DEFAULT_REGION": "ap-northeast-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}

# Whatever asks for the network while it is imported, or when a client is only made, ends the run.
PROGRAM = """
import importlib, json, sys, sysconfig
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.bind", "urllib.Request")
def hook(event, arguments):
    if event in NETWORK:
        raise RuntimeError(f"{event} {arguments[1:]}")
sys.addaudithook(hook)
sys.path[:0] = sys.argv[1:3]
module, _, name = sys.argv[3].rpartition(".")
found = getattr(importlib.import_module(module), name)
at_import = sorted(name for name in sys.modules if name.startswith("boto"))
importlib.import_module("functions.connection").secrets_manager()
files = {n: m.__file__ for n, m in sys.modules.items() if getattr(m, "__file__", None)}
print(json.dumps({
    "callable": callable(found), "at import": at_import, "files": files,
    "library": [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")],
}))
"""


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links to the runtime's packages and nothing else."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        found = importlib.util.find_spec(name)
        assert found is not None and found.origin is not None, f"{name} is missing: pip install -r requirements.txt"
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)
    return folder


def unpack(function: str, folder: Path) -> str:
    """Write the registered archive into a folder, as Lambda does; the handler's name."""
    registration = recording("prod").one(FUNCTION, f"langpont-prod-functions-{function}")
    for name, content in registration.inputs["code"].files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    handler: str = registration.inputs["handler"]
    return handler


def run(package: Path, runtime: Path, handler: str) -> subprocess.CompletedProcess[str]:
    """-I and -S: neither this folder, nor the environment, nor site-packages are seen. -B: nothing is written there."""
    argv = [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, str(package), str(runtime), handler]
    return subprocess.run(argv, capture_output=True, text=True, env=LAMBDA, check=False)


@pytest.mark.parametrize("function", ["roles", "metrics"])
def test_a_function_imports_from_its_archive_the_runtime_and_pythons_library_alone(
    function: str, tmp_path: Path, runtime: Path
) -> None:
    """And asks for no network meanwhile: a cold start must not depend on one that is not there yet."""
    handler = unpack(function, tmp_path)
    result = run(tmp_path, runtime, handler)
    assert result.returncode == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    assert told["callable"] is True
    assert told["at import"] == [], "boto3 costs a second: it is imported when a secret is read"
    allowed = (f"{tmp_path}/", f"{runtime}/", *(f"{folder}/" for folder in told["library"]))
    assert {name: file for name, file in told["files"].items() if not file.startswith(allowed)} == {}
    assert not [file for file in told["files"].values() if "/site-packages/" in file]
    own = {name for name, file in told["files"].items() if file.startswith(f"{tmp_path}/")}
    assert {f"functions.{function}.handler", "functions.connection", "pg8000", "scramp", "asn1crypto"} <= own
    shared = [f"functions.{file.stem}" for file in (ROOT / "functions").glob("*.py")]
    assert not {name for name in own if name.startswith("functions.")} - {
        name for name in own if name.startswith((f"functions.{function}", *shared))
    }


def test_what_is_not_in_the_archive_is_not_found(tmp_path: Path, runtime: Path) -> None:
    """The run above would find nothing missing if this environment helped."""
    handler = unpack("metrics", tmp_path)
    for file in (tmp_path / "scramp").iterdir():
        file.unlink()
    (tmp_path / "scramp").rmdir()
    result = run(tmp_path, runtime, handler)
    assert result.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'scramp'"


def test_a_package_that_connects_while_it_is_imported_shows(tmp_path: Path, runtime: Path) -> None:
    handler = unpack("metrics", tmp_path)
    (tmp_path / "functions" / "__init__.py").write_text("import socket\nsocket.create_connection(('127.0.0.1', 9))\n")
    result = run(tmp_path, runtime, handler)
    assert result.stderr.splitlines()[-1].startswith("RuntimeError: socket.getaddrinfo")
