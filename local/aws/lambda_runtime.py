"""Lambda's part on this machine: runs one deployed package once. Alone in its process, with nothing of ours to import.

    python -I -S lambda_runtime.py <folder of the package> <folder of the runtime's own packages> < request

The request is JSON: `handler`, `event`, and what stands in for AWS: `hosts` (address and port here, by host name) and
`tls` (whether the servers behind them have it). The answer is the last line of the output, as JSON: what the handler
returned, or `errorType` and `errorMessage` with exit code 1.
"""

import importlib
import json
import socket
import sys
import traceback
from typing import Any

request = json.load(sys.stdin)
sys.path[:0] = sys.argv[1:3]


class Context:
    """What a handler may ask of its context."""

    function_name = request["function"]
    memory_limit_in_mb = request["memory_mib"]
    aws_request_id = request["id"]


def _connect_here(connect: Any) -> Any:
    """Name resolution of the VPC: an instance's name leads to its server on this machine."""

    def create_connection(address: tuple[str, int], *args: Any, **options: Any) -> Any:
        host, port = address
        here = request["hosts"].get(host)
        return connect((here[0], here[1]) if here else (host, port), *args, **options)

    return create_connection


socket.create_connection = _connect_here(socket.create_connection)
try:
    if not request["tls"]:
        vars(importlib.import_module("functions.connection"))["tls_context"] = lambda: None
    module, _, name = request["handler"].rpartition(".")
    answer, code = getattr(importlib.import_module(module), name)(request["event"], Context()), 0
except Exception as error:
    traceback.print_exc(file=sys.stdout)
    answer, code = {"errorType": type(error).__name__, "errorMessage": str(error)}, 1
print()
print(json.dumps(answer))
sys.exit(code)
