"""The engine's provider that creates what the program registers on a moto server, while the program runs."""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from local.aws import convert
from local.aws.clients import Clients
from local.aws.server import SEED, ServerError, seed
from local.aws.table import ELSEWHERE, IMPOSSIBLE, ROWS, VARIANTS, Call, Row
from recording.answers import Answers
from recording.archives import Archive
from recording.engine import EngineRefusal, Provider
from recording.recording import Registration, Secret, reveal

WITHHELD = "(secret)"
WARMING = (
    ("ec2", "describe_vpcs"),
    ("kms", "list_keys"),
    ("backup", "list_backup_vaults"),
    ("iam", "list_roles"),
    ("sns", "list_topics"),
    ("rds", "describe_db_parameter_groups"),
    ("secretsmanager", "list_secrets"),
    ("logs", "describe_log_groups"),
    ("cloudwatch", "describe_alarms"),
)


@dataclass(frozen=True)
class Made:
    """What a registration became: its id and the outputs that the program may use."""

    id: str
    outputs: Mapping[str, Any]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Made:
        """What `to_json` made."""
        return cls(value["id"], {**value["outputs"], **{key: Secret(it) for key, it in value["secrets"].items()}})

    def to_json(self) -> dict[str, Any]:
        """For a state file of mode 600: secrets are in plain text."""
        secrets = {key: it.value for key, it in self.outputs.items() if isinstance(it, Secret)}
        return {
            "id": self.id,
            "outputs": {key: it for key, it in self.outputs.items() if key not in secrets},
            "secrets": secrets,
        }


@dataclass
class Exceptional:
    """What the control plane does not do for this run: a row's shortfall, with those whom it concerns.

    `about` is an input or an output, empty for the whole type. `names` are logical ones.
    """

    type: str
    about: str
    reason: str
    names: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        what = f"{self.type} {self.about}".rstrip()
        return f"{what} ({len(self.names)}): {self.reason}"


class MotoProvider:
    """Creates every registration on the server at `endpoint`; `others` answers types that are not AWS's.

    The server should be empty: nothing is looked up or changed, all is made. Ids depend on a registration's URN alone,
    not on the order of calls or on what else there is, so that a rebuilt control plane has the ids of the one before.
    """

    def __init__(self, endpoint: str, region: str, others: Provider | None = None) -> None:
        self.made: dict[str, Made] = {}
        self._endpoint = endpoint
        self._clients = Clients(endpoint, region)
        self._others = others or Answers(region)
        # moto loads a service when it is first called, two seconds in all: meanwhile the program loads, too.
        self._warming = ThreadPoolExecutor(max_workers=1)
        self._warmed = self._warming.submit(self._warm)
        self._exceptions: dict[tuple[str, str], Exceptional] = {}
        self._lock = threading.Lock()  # the server draws ids from one source, which is set before each call

    @property
    def exceptions(self) -> list[Exceptional]:
        """What moto ignores, gets wrong or cannot do, of that which this run asked for; sorted by type."""
        return [self._exceptions[key] for key in sorted(self._exceptions)]

    @cached_property
    def _identity(self) -> Mapping[str, Any]:
        """Who we are. The first to ask waits until the server is warm: one who draws ids must be alone there.

        Raises `ServerError` if the server does not answer.
        """
        self._warming.shutdown()
        return self._warmed.result()

    def _warm(self) -> Mapping[str, Any]:
        try:
            for service, operation in WARMING:
                getattr(self._clients.get(service), operation)()
            return self._clients.account()
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            reason = f"The control plane at {self._endpoint} does not answer: {type(error).__name__}."
            raise ServerError(f"{reason} Its log may say why; start it again.") from None

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        """Create it. Raises `EngineRefusal` for a type or an input without a place in the table, or if moto refuses."""
        if registration.type.startswith(ELSEWHERE):
            made = Made(*self._others.create(registration))
        else:
            with self._lock:
                try:
                    made = self._create(registration, self._identity["Account"])
                except (convert.Misfit, BotoCoreError, ClientError, ResponseParserError) as error:
                    message = _without_secrets(_told(error), registration)
                    raise EngineRefusal(f"{registration.identity}: {message}.") from None
        self.made[registration.urn] = made
        return made.id, made.outputs

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of a lookup. Raises `EngineRefusal` for one that the control plane does not answer."""
        if token == "aws:index/getCallerIdentity:getCallerIdentity":
            account, arn, user = (self._identity[key] for key in ("Account", "Arn", "UserId"))
            return {"accountId": account, "arn": arn, "id": account, "userId": user}
        return self._others.invoke(token, arguments)

    def _create(self, registration: Registration, account: str) -> Made:
        row, kind = row_of(registration)
        inputs: dict[str, Any] = {
            key: value.zipped if isinstance(value, Archive) else value
            for key, value in reveal(registration.inputs).items()
            if value is not None
        }
        self._note(registration, row, kind, inputs)
        region = inputs.pop("region", self._clients.region)
        client = self._clients.get(row.service, region)
        values = {key: value for key, value in inputs.items() if isinstance(value, str)}
        values |= {"region": region, "account": account, "token": _token(registration)}
        if row.named:
            values["name"] = inputs.pop("name", None) or physical_name(registration)
        spent = {key for call in row.after for key in (*call.takes, call.switch)} | set(row.own)
        given = _parameters(client, row.create, {k: v for k, v in inputs.items() if k not in spent}, values)
        if row.named:
            convert.put(given, row.named, values["name"])
        self._check(client, row.create, given)
        if row.unable or row.later:
            return Made(row.id.format_map(values), {})
        if any("{" not in where for where in (row.id, *row.outputs.values())):
            self._seed(registration)
        reply = self._send(client, row.create, given)
        outputs: dict[str, str] = {}
        for key, where in (("id", row.id), *row.outputs.items()):
            if "{" not in where:
                outputs[key] = values[key] = str(convert.found(reply, where))
        for key, where in (("id", row.id), *row.outputs.items()):
            if "{" in where:
                outputs[key] = values[key] = where.format_map(values)
        for call in row.after:
            taken = {key: inputs[key] for key in call.takes if key in inputs}
            if (call.takes and not taken) or (call.switch and not inputs.get(call.switch)):
                continue
            more = _parameters(client, call, taken, values)
            self._check(client, call, more)
            self._send(client, call, more)
        return Made(outputs.pop("id"), outputs)

    def _check(self, client: Any, call: Call, given: Mapping[str, Any]) -> None:
        convert.check(_operation(client, call), given)

    def _seed(self, registration: Registration) -> None:
        seed(self._endpoint, int.from_bytes(_digest(registration)[:8], "big"))

    def _send(self, client: Any, call: Call, given: Mapping[str, Any]) -> Any:
        return getattr(client, call.operation)(**given)

    def _note(self, registration: Registration, row: Row, kind: str, inputs: Mapping[str, Any]) -> None:
        shortfalls = [(it.about, it.reason) for it in row.shortfalls if concerns(it.about, row, inputs)]
        for about, reason in [("", row.unable), *shortfalls] if row.unable else shortfalls:
            found = self._exceptions.setdefault((kind, about), Exceptional(kind, about, reason))
            found.names.append(registration.name)


class Remembered:
    """Answers as an earlier run was answered: for reading back, and for seeing what has changed since.

    `made` by URN; `others` answers registrations that are new.
    """

    def __init__(self, made: Mapping[str, Made], others: Provider) -> None:
        self._made, self._others = made, others

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        """What it became then."""
        made = self._made.get(registration.urn)
        return (made.id, made.outputs) if made else self._others.create(registration)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Asks the others: the account is the same one on every control plane."""
        return self._others.invoke(token, arguments)


def row_of(registration: Registration) -> tuple[Row, str]:
    """The row for a registration and its key in the table. Raises `EngineRefusal` for what has none."""
    kind = registration.type
    for name, reason in IMPOSSIBLE.get(kind, {}).items():
        if name in registration.inputs:
            raise EngineRefusal(f"{registration.identity}: {name}: {reason}.")
    for name, variant in VARIANTS.get(kind, {}).items():
        if name in registration.inputs:
            kind = variant
    if kind not in ROWS:
        raise EngineRefusal(
            f"{registration.identity}: nobody knows how to create this type. Add it to local/aws/table.py."
        )
    return ROWS[kind], kind


def concerns(about: str, row: Row, inputs: Mapping[str, Any]) -> bool:
    """Whether a shortfall is one of this resource's: its input is given, or it is one of the outputs."""
    return about.split(".")[0] in inputs or about in row.outputs or not about


def physical_name(registration: Registration) -> str:
    """The name asked for, or as Pulumi makes one up: the logical name and seven digits, here always the same."""
    digits = hashlib.sha256(registration.urn.encode()).hexdigest()[:7]
    return str(registration.inputs.get("name") or f"{registration.name}-{digits}")


def _parameters(client: Any, call: Call, inputs: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    given = convert.parameters(_operation(client, call), inputs, call.takes)
    for path, value in call.gives.items():
        convert.put(given, path, _filled(value, values))
    return given


def _operation(client: Any, call: Call) -> Any:
    return client.meta.service_model.operation_model(client.meta.method_to_api_mapping[call.operation])


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return value.format_map(values)
    if isinstance(value, Mapping):
        return {key: _filled(item, values) for key, item in value.items()}
    return [_filled(item, values) for item in value] if isinstance(value, list) else value


def _told(error: Exception) -> str:
    if isinstance(error, ResponseParserError):
        return "the control plane failed instead of answering, as moto does for what it does not know; see its log"
    if isinstance(error, ClientError):
        reason = error.response["Error"]
        return f"the control plane refused {error.operation_name}: {reason['Message'].rstrip('. ')} ({reason['Code']})"
    return str(error)


def _digest(registration: Registration) -> bytes:
    return hashlib.sha256(f"{SEED} {registration.urn}".encode()).digest()


def _token(registration: Registration) -> str:
    """For operations that tell a repetition by a token, which botocore would draw anew each time."""
    return str(uuid.UUID(bytes=_digest(registration)[:16], version=4))


def _without_secrets(message: str, registration: Registration) -> str:
    """A report of botocore's shows the value that it does not like."""
    for secret in sorted(_secrets(registration.inputs), key=len, reverse=True):
        message = message.replace(secret, WITHHELD)
    return message.rstrip(". ")


def _secrets(value: Any, inside: bool = False) -> Iterator[str]:
    if isinstance(value, Secret):
        yield from _secrets(value.value, True)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _secrets(item, inside)
    elif isinstance(value, list):
        for item in value:
            yield from _secrets(item, inside)
    elif inside and value != "":
        yield str(value)
        yield json.dumps(value)[1:-1] if isinstance(value, str) else str(value)
        yield repr(value)
