"""boto3, as the commands use it: the usual chain of credentials, region and endpoint, with patience that has an end."""

from __future__ import annotations

import threading
from typing import Any, Final

import boto3
from botocore.config import Config

from ops.errors import OpsError

_USUAL: Final = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
# A second invocation would do the work twice. Lambda's longest timeout is 900 s; NAT gateways forget a silent
# connection after 350 s, so it must not be silent.
_PATIENT: Final = Config(
    connect_timeout=5, read_timeout=930, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)


class Aws:
    """Clients of one region, made when first asked for, from any thread."""

    def __init__(self) -> None:
        self._session = boto3.Session()
        self._lock = threading.Lock()  # a session makes one client at a time
        self._made: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of a service such as `rds`. Calls are tried three times, an invocation of a function once."""
        with self._lock:
            if service not in self._made:
                try:
                    self._made[service] = self._session.client(
                        service, config=_PATIENT if service == "lambda" else _USUAL
                    )
                except ValueError as error:  # AWS_ENDPOINT_URL is no URL
                    raise OpsError(f"{error}. Write AWS_ENDPOINT_URL like http://127.0.0.1:5000.") from None
            return self._made[service]

    @property
    def region(self) -> str:
        """The region that is asked."""
        region: str = self.client("rds").meta.region_name
        return region

    def all(self, service: str, operation: str, key: str, **parameters: Any) -> list[Any]:
        """Every item of a list that comes in pages."""
        pages = self.client(service).get_paginator(operation).paginate(**parameters)
        return [item for page in pages for item in page.get(key) or ()]


def tags_of(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags by key, from AWS's list of pairs."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags or ()}
