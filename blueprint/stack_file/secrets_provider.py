"""What encrypts the secrets in a stack's state, as the keys beside `config` in its file say."""

from __future__ import annotations

import re


def under_passphrase(text: str) -> bool:
    """Whether a passphrase encrypts the state of the stack whose file has this text.

    The Pulumi CLI writes `encryptionsalt` where it finds no `secretsprovider` and a passphrase in the environment; it
    takes `secretsprovider: passphrase` for the same and drops the line. It writes these keys at the beginning of lines.
    """
    values = dict(re.findall(r"^[\"']?(encryptionsalt|secretsprovider)[\"']?[ \t]*:[ \t]*(.*?)[ \t]*$", text, re.M))
    provider = values.get("secretsprovider", "").split(" #")[0].strip("\"' ")
    return "encryptionsalt" in values and provider in ("", "~", "null", "passphrase")
