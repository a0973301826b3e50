"""What AWS would have computed: for each registration, the id and the outputs that its type's row names.

Answers are functions of the registration, so that the same program gives the same recording. Everything is made up,
but for its form: identifiers, ARNs and host names look as AWS's do.
"""

from __future__ import annotations

import base64
import hashlib
import string
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from blueprint.postgres.secret_document import PASSWORD_SPECIAL
from recording.engine import EngineRefusal
from recording.recording import Registration, Secret, reveal
from resource_types import TYPES, file_of
from resource_types.model import Reply, ResourceType

ACCOUNT = "123456789012"  # AWS's own placeholder in its documentation


class Answers:
    """The provider of previews and tests."""

    def __init__(self, region: str) -> None:
        self.region = region

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        """Id and outputs of a new resource. Raises `EngineRefusal` for a type without a row."""
        row = row_of(registration)
        values = template_values(row, registration, self.region, ACCOUNT)
        return filled(row, values)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of a lookup. Raises `EngineRefusal` for one without an answer."""
        if token == "aws:index/getCallerIdentity:getCallerIdentity":
            return {
                "accountId": ACCOUNT,
                "arn": f"arn:aws:iam::{ACCOUNT}:user/preview",
                "id": ACCOUNT,
                "userId": "AIDA",
            }
        raise EngineRefusal(f"{token} is looked up. Nothing may depend on a lookup; state it in the stack file.")


def row_of(registration: Registration) -> ResourceType:
    """The row of its type, or the variant that its inputs ask for. Raises `EngineRefusal` for a type without a row."""
    row = TYPES.get(registration.type)
    if row is None:
        raise EngineRefusal(f"{registration.identity}: the type has no row. Add one to {file_of(registration.type)}.")
    return next((variant for name, variant in row.variants.items() if name in registration.inputs), row)


def template_values(row: ResourceType, registration: Registration, region: str, account: str) -> dict[str, str]:
    """What templates of a row are filled with. A resource's own region, if it states one, goes before `region`.

    Raises `EngineRefusal` for a type of pulumi-random's that nobody makes.
    """
    inputs, digits = reveal(registration.inputs), _hex(registration.urn)
    values = {"region": region} | {key: value for key, value in inputs.items() if isinstance(value, str)}
    values |= {"account": account, "hex": digits, "HEX": digits.upper(), "uuid": str(uuid.UUID(digits[:32]))}
    values["content"] = _hex(f"{registration.urn} {inputs}")
    if row.named:
        # As Pulumi makes one up: the logical name and seven digits, here always the same.
        values["name"] = inputs.get(row.named.input) or f"{registration.name}-{digits[:7]}"
    if row.create is None:
        if row.token not in _RANDOM:
            raise EngineRefusal(f"{registration.identity}: nobody makes its value. Add it to recording/answers.py.")
        # Stable for the same name and keepers, as the real one is within a stack's state; another for new keepers.
        seed = f"{registration.urn} {sorted(inputs.get('keepers', {}).items())}".encode()
        values["random"] = _RANDOM[row.token](inputs, seed)
    return values


def filled(
    row: ResourceType, values: dict[str, str], found: Callable[[str], str] | None = None
) -> tuple[str, dict[str, Any]]:
    """Id and outputs of a row: replies first, then templates in their order. `values` gets all of them.

    `found`: what is at a path of AWS's reply; without it that is made up.
    """
    places = {"id": row.id, **row.outputs}
    for key, place in places.items():
        if isinstance(place, Reply):
            values[key] = found(place.path) if found else place.made_up.format_map(values)
    for key, place in places.items():
        if isinstance(place, str):
            values[key] = place.format_map(values)
    outputs = {key: Secret(values[key]) if key in row.secret_outputs else values[key] for key in row.outputs}
    return values["id"], outputs


def _hex(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _password(inputs: Mapping[str, Any], seed: bytes) -> str:
    alphabet = string.ascii_letters + string.digits + PASSWORD_SPECIAL
    digest = b"".join(hashlib.sha512(seed + bytes([block])).digest() for block in range(4))
    return "aA1-" + "".join(alphabet[byte % len(alphabet)] for byte in digest[: inputs["length"] - 4])


def _bytes(inputs: Mapping[str, Any], seed: bytes) -> str:
    return base64.b64encode(hashlib.sha512(seed).digest()[: inputs["length"]]).decode()


def _random_id(inputs: Mapping[str, Any], seed: bytes) -> str:
    return hashlib.sha512(seed).hexdigest()[: 2 * inputs["byteLength"]]


_RANDOM: Mapping[str, Callable[[Mapping[str, Any], bytes], str]] = {
    "random:index/randomPassword:RandomPassword": _password,
    "random:index/randomBytes:RandomBytes": _bytes,
    "random:index/randomId:RandomId": _random_id,
}
