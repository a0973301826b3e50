"""boto3 clients with timeouts and retries; credentials, region and endpoint come from boto3's own chain."""

from __future__ import annotations

import threading
from typing import Any, Final

import boto3
from botocore.config import Config

from ops.errors import OpsError

_CONFIG: Final = Config(connect_timeout=5, read_timeout=30, retries={"mode": "standard", "total_max_attempts": 3})
# A second invocation would do the work twice. Lambda's longest timeout is 900 s; NAT gateways forget a silent
# connection after 350 s, so it must not be silent.
_LAMBDA_CONFIG: Final = Config(
    connect_timeout=5, read_timeout=930, retries={"mode": "standard", "total_max_attempts": 1}, tcp_keepalive=True
)


class Aws:
    """boto3 clients of one region, created on first use; threads may share them."""

    def __init__(self) -> None:
        self._session = boto3.Session()
        self._lock = threading.Lock()  # a session makes one client at a time
        self._by_service: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of a service such as `rds`. Calls are tried three times, a Lambda invocation once."""
        with self._lock:
            if service not in self._by_service:
                try:
                    self._by_service[service] = self._session.client(
                        service, config=_LAMBDA_CONFIG if service == "lambda" else _CONFIG
                    )
                except ValueError as error:  # AWS_ENDPOINT_URL is no URL
                    raise OpsError(f"{error}. Write AWS_ENDPOINT_URL like http://127.0.0.1:5000.") from None
            return self._by_service[service]

    @property
    def region(self) -> str:
        """The AWS region of the clients."""
        region: str = self.client("rds").meta.region_name
        return region

    def all(self, service: str, operation: str, key: str, **parameters: Any) -> list[Any]:
        """All items of a paginated operation: those under `key` of every page."""
        pages = self.client(service).get_paginator(operation).paginate(**parameters)
        return [item for page in pages for item in page.get(key) or ()]


def tags_of(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """Tags as a dict, from AWS's list of Key and Value."""
    return {tag["Key"]: tag.get("Value", "") for tag in tags or ()}
