"""moto's server, with two things that it does not do: functions really run, and snapshots hold what the servers have.

    python -I moto_server.py <functions file> -H <host> -p <port>

A function's own package is unpacked and run by `lambda_runtime.py`, in a process that sees the package, boto3 (which
Lambda's runtime has too) and Python's library. The functions file, JSON that may come later, says what stands in for
AWS: `hosts` and `authority`, the certificates' file, None where the servers here have no TLS. Beside it is what was
rotated, `rotated.json`.
"""

import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import uuid
import zipfile
from pathlib import Path
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.server import main

RUNTIME = Path(__file__).with_name("lambda_runtime.py")
RUNTIME_PACKAGES = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
CERTIFICATES = "certs/*-bundle.pem"
FOLLOW_SECONDS = 60

functions_file = Path(sys.argv[1])
arguments = sys.argv[2:]
endpoint = f"http://{arguments[arguments.index('-H') + 1]}:{arguments[arguments.index('-p') + 1]}"


def invoke(function: Any, event: Any = None) -> tuple[str, bool, str]:
    """In the place of moto's own: the answer's text, whether it is an error, and what was written before it."""
    try:
        stand_ins = json.loads(functions_file.read_text())
    except FileNotFoundError:
        return json.dumps({"errorType": "NotUp", "errorMessage": "The database is not up here yet."}), True, ""
    with tempfile.TemporaryDirectory(prefix="langpont-function-") as folder:
        package, runtime = Path(folder, "package"), Path(folder, "runtime")
        with zipfile.ZipFile(io.BytesIO(function.code_bytes)) as code:
            code.extractall(package)
        if stand_ins["authority"]:
            for file in package.glob(CERTIFICATES):
                file.write_bytes(Path(stand_ins["authority"]).read_bytes())
        _runtime_packages(runtime)
        request = {
            "handler": function.handler,
            "event": event or {},
            "function": function.function_name,
            "memory_mib": function.memory_size,
            "id": str(uuid.uuid4()),
            "hosts": stand_ins["hosts"],
            "tls": bool(stand_ins["authority"]),
        }
        try:
            ran = subprocess.run(
                [sys.executable, "-I", "-S", str(RUNTIME), str(package), str(runtime)],
                input=json.dumps(request), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                env=_environment(function), cwd=package, timeout=int(function.timeout), check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            message = f"Task timed out after {function.timeout} seconds"
            return json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": message}), True, message
    lines = ran.stdout.rstrip("\n").split("\n")
    written = "\n".join(line for line in lines[:-1] if line)
    function.logs_backend.ensure_log_group(function.logs_group_name)
    if written:
        function.save_logs(written)
    return lines[-1], ran.returncode != 0, written


def _runtime_packages(folder: Path) -> None:
    """Links to what Lambda's Python runtime has beside its standard library, and to nothing else of this one's."""
    folder.mkdir()
    for name in RUNTIME_PACKAGES:
        found = importlib.util.find_spec(name)
        assert found is not None and found.origin is not None, name
        origin = Path(found.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (folder / source.name).symlink_to(source)


def _environment(function: Any) -> dict[str, str]:
    own: dict[str, str] = function.environment_vars
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    aws = {
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return kept | aws | own


def _beside(name: str) -> Any:
    """A module of this folder: nothing of the project is to be imported here, since -I keeps it away."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def follow(what: dict[str, Any]) -> None:
    """Have this machine's PgBouncer do what each host's does in a rotation: see `local/follow.py`.

    Raises RuntimeError with its last words where it does not.
    """
    command = json.loads(functions_file.read_text()).get("follow")
    if command and any(what.values()):
        project = Path(__file__).parents[2]
        done = subprocess.run(
            command, input=json.dumps(what), stderr=subprocess.PIPE, text=True, cwd=project,
            timeout=FOLLOW_SECONDS, check=False,
        )  # fmt: skip
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it gave no reason"]
            raise RuntimeError(f"{said[-1].rstrip('.')}. make up starts it.")


setattr(LambdaFunction, "_invoke_lambda", invoke)  # noqa: B010 - a type checker refuses a plain assignment
_beside("moto_snapshots").install(functions_file)
moto_secrets = _beside("moto_secrets")
moto_secrets.hosts = follow
moto_secrets.kept = functions_file.with_name("rotated.json")
with moto_secrets.installed():
    main(arguments)
