"""The engine's provider that creates what the program registers on a moto server, while the program runs."""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from local.aws import convert
from local.aws.clients import Clients
from local.aws.server import SEED, ServerError, seed
from recording.answers import Answers, filled, row_of, template_values
from recording.archives import Archive
from recording.engine import EngineRefusal, Provider
from recording.recording import Registration, Secret, reveal
from resource_types.model import Call, MotoLimit, Reply, ResourceType

WITHHELD = "(secret)"
# What no row can say: moto keeps what it is told, and judges little of it.
UNPROVEN = (
    "moto takes any parameter name, value and apply method, any engine version, instance class and storage size, and "
    "asks no policy for permission: it proves that the calls fit together, not that AWS would take them. Nor does it "
    "ask who somebody is, so every user of this machine can read the secrets of this platform"
)
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
class Created:
    """A resource that was created: its id and the outputs that the program may use."""

    id: str
    outputs: Mapping[str, Any]

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Created:
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
class Shortfall:
    """What the control plane does not do for this run: a limit of moto's, with the resources that it concerns.

    `type` is the label of a row; `about` an input or an output, empty for the whole type. `names` are logical ones.
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
        self.created: dict[str, Created] = {}
        self._endpoint = endpoint
        self._clients = Clients(endpoint, region)
        self._others = others or Answers(region)
        # moto loads a service when it is first called, two seconds in all: meanwhile the program loads, too.
        self._warmed: Future[Mapping[str, Any]] = Future()
        # A daemon: whoever interrupts does not wait for a server that does not answer.
        threading.Thread(target=self._warm_up, daemon=True).start()
        self._shortfalls: dict[tuple[str, str], Shortfall] = {}
        self._lock = threading.Lock()  # the server draws ids from one source, which is set before each call

    @property
    def shortfalls(self) -> list[Shortfall]:
        """What moto ignores, gets wrong or cannot do, of that which this run asked for; sorted by type."""
        return [self._shortfalls[key] for key in sorted(self._shortfalls)]

    @cached_property
    def _identity(self) -> Mapping[str, Any]:
        """Who we are. The first to ask waits until the server is warm: one who draws ids must be alone there.

        Raises `ServerError` if the server does not answer.
        """
        try:
            return self._warmed.result()
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            reason = f"The control plane at {self._endpoint} does not answer: {type(error).__name__}."
            raise ServerError(f"{reason} Its log may say why; start it again.") from None

    def _warm_up(self) -> None:
        try:
            self._warmed.set_result(self._warm())
        except Exception as error:
            self._warmed.set_exception(error)

    def _warm(self) -> Mapping[str, Any]:
        for service, operation in WARMING:
            getattr(self._clients.get(service), operation)()
        return self._clients.account()

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        """Create it. Raises `EngineRefusal` for a type without a row, an input without a place in it, or moto's no."""
        row = row_of(registration)
        if row.create is None:
            created = Created(*self._others.create(registration))
        else:
            with self._lock:
                try:
                    created = self._create(registration, row, row.create, self._identity["Account"])
                except (convert.Misfit, BotoCoreError, ClientError, ResponseParserError) as error:
                    message = _without_secrets(_reason(error), registration)
                    raise EngineRefusal(f"{registration.identity}: {message}.") from None
        self.created[registration.urn] = created
        return created.id, created.outputs

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The result of a lookup. Raises `EngineRefusal` for one that the control plane does not answer."""
        if token == "aws:index/getCallerIdentity:getCallerIdentity":
            account, arn, user = (self._identity[key] for key in ("Account", "Arn", "UserId"))
            return {"accountId": account, "arn": arn, "id": account, "userId": user}
        return self._others.invoke(token, arguments)

    def _create(self, registration: Registration, row: ResourceType, create: Call, account: str) -> Created:
        inputs: dict[str, Any] = {
            key: value.zipped if isinstance(value, Archive) else value
            for key, value in reveal(registration.inputs).items()
            if value is not None
        }
        self._note(registration, row, inputs)
        values = template_values(row, registration, self._clients.region, account) | {"token": _token(registration)}
        spent = {key for call in row.after for key in (*call.takes, call.switch)} | {"region", *row.own}
        spent |= {row.named.input} if row.named else set()
        client = self._clients.get(create.service, values["region"])
        given = _parameters(client, create, {key: it for key, it in inputs.items() if key not in spent}, values)
        if row.named:
            convert.put(given, row.named.parameter, values["name"])
        self._check(client, create, given)
        if row.not_in_moto or row.sent_later:
            return Created(*filled(row, values))
        if any(isinstance(place, Reply) for place in (row.id, *row.outputs.values())):
            self._seed(registration)
        reply = self._send(client, create, given)
        created = Created(*filled(row, values, lambda path: str(convert.found(reply, path))))
        for call in row.after:
            taken = {key: inputs[key] for key in call.takes if key in inputs}
            if (call.takes and not taken) or (call.switch and not inputs.get(call.switch)):
                continue
            client = self._clients.get(call.service, values["region"])
            given = _parameters(client, call, taken, values)
            self._check(client, call, given)
            self._send(client, call, given)
        return created

    def _check(self, client: Any, call: Call, given: Mapping[str, Any]) -> None:
        convert.check(_operation(client, call), given)

    def _seed(self, registration: Registration) -> None:
        seed(self._endpoint, int.from_bytes(_digest(registration)[:8], "big"))

    def _send(self, client: Any, call: Call, given: Mapping[str, Any]) -> Any:
        return getattr(client, call.method)(**given)

    def _note(self, registration: Registration, row: ResourceType, inputs: Mapping[str, Any]) -> None:
        limits = [MotoLimit("", row.not_in_moto)] if row.not_in_moto else []
        # Of this resource: an input that is given, one of the outputs, or all of it.
        limits += [it for it in row.moto_limits if it.about.split(".")[0] in {*inputs, *row.outputs, ""}]
        for limit in limits:
            found = Shortfall(row.label, limit.about, limit.reason)
            self._shortfalls.setdefault((row.label, limit.about), found).names.append(registration.name)


class KeptAnswers:
    """Answers with the ids and outputs of the last `up`, to see what has changed since.

    `created` by URN; `others` answers registrations that are new.
    """

    def __init__(self, created: Mapping[str, Created], others: Provider) -> None:
        self._created, self._others = created, others

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        """What it became then; outputs that its row has had only since are the others'."""
        id_, outputs = self._others.create(registration)
        created = self._created.get(registration.urn)
        return (created.id, {**outputs, **created.outputs}) if created else (id_, outputs)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Asks the others: the account is the same one on every control plane."""
        return self._others.invoke(token, arguments)


def _parameters(client: Any, call: Call, inputs: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    given = convert.parameters(_operation(client, call), inputs, call.takes)
    for path, value in call.gives.items():
        convert.put(given, path, _with_values(value, values))
    return given


def _operation(client: Any, call: Call) -> Any:
    return client.meta.service_model.operation_model(client.meta.method_to_api_mapping[call.method])


def _with_values(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return value.format_map(values)
    if isinstance(value, Mapping):
        return {key: _with_values(item, values) for key, item in value.items()}
    return [_with_values(item, values) for item in value] if isinstance(value, list) else value


def _reason(error: Exception) -> str:
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
