"""boto3 clients of a control plane on loopback: nothing of the operator's own AWS configuration reaches them."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

# moto takes any credentials; with these a request that went astray would be refused by AWS.
CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
_CONFIG = Config(
    parameter_validation=False,  # convert.check has done it, and says which input is meant
    proxies={},  # a proxy of the environment is for the world, not for loopback
    retries={"total_max_attempts": 1},  # a second try would hide what the first one did
    connect_timeout=5,
    read_timeout=900,  # what a function of Lambda may take; other calls answer at once or not at all
)
# No profile and no file decides what is called here: AWS_PROFILE may name one that does not exist.
_NO_FILES = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}
_LOCK = threading.Lock()  # a session makes one client at a time


@cache
def _session() -> Any:
    """One for all: it keeps the models of services, whose reading is most of what a client costs."""
    return boto3.Session(botocore_session=botocore.session.Session(_NO_FILES))


class Clients:
    """One client a service and region, made when first asked for."""

    def __init__(self, endpoint: str, region: str) -> None:
        self.endpoint, self.region = endpoint, region
        self._made: dict[tuple[str, str], Any] = {}

    def get(self, service: str, region: str | None = None) -> Any:
        """The client of a service, such as `rds`; in the stack's region unless another one is named."""
        key = service, region or self.region
        with _LOCK:
            if key not in self._made:
                self._made[key] = _session().client(
                    service, region_name=key[1], endpoint_url=self.endpoint, config=_CONFIG, **CREDENTIALS
                )
            return self._made[key]

    def account(self) -> dict[str, Any]:
        """Who STS says that we are: `Account`, `Arn` and `UserId`."""
        answer: dict[str, Any] = self.get("sts").get_caller_identity()
        return answer
