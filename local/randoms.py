"""Provider of `random:*` that keeps its values in the state file: new ones only for new keepers."""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Mapping
from typing import Any

from recording.answers import filled, row_of
from recording.engine import EngineRefusal
from recording.recording import Registration, reveal


class KeptRandoms:
    """The provider of `random:*`. `kept` is the state's part by URN, secrets in plain text; what is made goes there."""

    def __init__(self, kept: dict[str, dict[str, Any]]) -> None:
        self._kept = kept

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        """The kept value, or a new one where there is none or keepers that count differ. Raises `EngineRefusal`."""
        make = _MAKERS.get(registration.type)
        if make is None:
            raise EngineRefusal(f"{registration.identity}: nobody makes this type here. Add it to local/randoms.py.")
        keepers = reveal(registration.inputs.get("keepers", {}))
        kept = self._kept.get(registration.urn)
        if kept is None or (kept["keepers"] != keepers and "keepers" not in registration.ignore_changes):
            kept = {"keepers": keepers, "value": make(registration.inputs)}
            self._kept[registration.urn] = kept
        return filled(row_of(registration), {"random": kept["value"]})

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """pulumi-random has no lookups."""
        raise EngineRefusal(f"{token} is looked up. Nothing may depend on a lookup; state it in the stack file.")


def password(inputs: Mapping[str, Any]) -> str:
    special = inputs["overrideSpecial"]
    needed = {
        string.ascii_lowercase: inputs["minLower"],
        string.ascii_uppercase: inputs["minUpper"],
        string.digits: inputs["minNumeric"],
        special: inputs["minSpecial"],
    }
    letters = [secrets.choice(alphabet) for alphabet, count in needed.items() for _ in range(count)]
    letters += [secrets.choice("".join(needed)) for _ in range(inputs["length"] - len(letters))]
    secrets.SystemRandom().shuffle(letters)
    return "".join(letters)


def _bytes(inputs: Mapping[str, Any]) -> str:
    return base64.b64encode(secrets.token_bytes(inputs["length"])).decode()


def _hex(inputs: Mapping[str, Any]) -> str:
    return secrets.token_hex(inputs["byteLength"])


_MAKERS = {
    "random:index/randomPassword:RandomPassword": password,
    "random:index/randomBytes:RandomBytes": _bytes,
    "random:index/randomId:RandomId": _hex,
}
