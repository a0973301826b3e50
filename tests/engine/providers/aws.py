"""The plugin `aws`: what Pulumi's bridge does with a program's resources, over the simulated cloud."""

from __future__ import annotations

import functools
import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2
from google.rpc import status_pb2
from pulumi.runtime.proto import provider_pb2

from recording.answers import ACCOUNT, Answers
from recording.engine import EngineRefusal
from recording.recording import Registration, Unknown, unknown_paths
from resource_types import TYPES
from resource_types.replacement import plans
from tests.engine.providers import rds, secrets, wire
from tests.engine.providers.cloud import Call, Cloud, Resource
from tests.engine.providers.plugin import Plugin
from tests.engine.providers.rds import INSTANCE, Refused
from tests.engine.providers.rules import refuse_create, refuse_delete, refuse_update
from tests.engine.providers.secrets import SECRET, VERSION
from tests.unsent import Unsent

DEFAULTS = "__defaults"  # where the bridge keeps which inputs it has made up
LOWER_CASE = ("aws:rds/",)
PREFIXES = {"aws:kms/alias:Alias": "alias/"}
DELETED_FIRST = {"aws:iam/rolePolicyAttachment:RolePolicyAttachment"}  # pulumi-aws, provider/resource_overrides.go
DESCRIBED = {  # as above
    "aws:ec2/securityGroup:SecurityGroup", "aws:rds/parameterGroup:ParameterGroup", "aws:rds/subnetGroup:SubnetGroup",
}  # fmt: skip

# What AWS does not tell: a refresh leaves in the state what is there (beside a row's `own`, which AWS never hears of).
UNTOLD = {INSTANCE: {"password"}}

Diff = provider_pb2.DiffResponse
Kind = provider_pb2.PropertyDiff


def _refusals_told(method: Callable[..., Any]) -> Callable[..., Any]:
    """What the cloud refuses is the error of the call, and stands in the journal."""

    @functools.wraps(method)
    def told(self: AwsProvider, request: Any, context: Any) -> Any:
        try:
            return method(self, request, context)
        except Refused as refusal:
            call, urn = method.__name__.lower(), getattr(request, "urn", "")
            self.cloud.journal.append(Call(call=call, type=_type(urn), name=_name(urn), refused=str(refusal)))
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))

    return told


class AwsProvider(Plugin):
    """One provider of one region; a resource's own `region` overrides it, as since pulumi-aws 7."""

    def __init__(self, cloud: Cloud, version: str) -> None:
        super().__init__(version)
        self.cloud = cloud
        self._region = "ap-northeast-1"
        self._models, self._models_lock = Unsent(), threading.Lock()

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802 - the interface's names
        self._region = wire.plain(request.args).get("region", self._region)
        # As the bridge: the engine opens secrets for it, and marks again what was one.
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    @_refusals_told
    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        answer = Answers(self._region).invoke(request.tok, wire.plain(request.args))
        return provider_pb2.InvokeResponse(**{"return": wire.struct(answer)})

    @_refusals_told
    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        type_, news, olds = _type(request.urn), wire.plain(request.news), wire.plain(request.olds)
        if type_ not in TYPES:
            raise Refused(f"{type_} has no row. Add it to resource_types.")
        known = plans(type_)
        named = TYPES[type_].named
        made_up: dict[str, Any] = {}
        if named is not None and named.input not in news:
            if named.input in olds.get(DEFAULTS, []) and olds.get(named.input):
                made_up[named.input] = olds[named.input]
            else:
                made_up[named.input] = _autoname(type_, _name(request.urn), request.randomSeed)
        if type_ in DESCRIBED and "description" not in news:
            made_up["description"] = "Managed by Pulumi"
        failures = [
            provider_pb2.CheckFailure(property=key, reason=f"{key} is no property of {type_}")
            for key in news
            if key not in known and not key.startswith("__")
        ]
        failures += [
            provider_pb2.CheckFailure(property=key, reason=f"{key} is required")
            for key, plan in known.items()
            if plan.set == "required" and key not in news and key not in made_up
        ]
        if not failures:
            failures = [
                provider_pb2.CheckFailure(reason=it) for it in self._misfits(request.urn, type_, news | made_up)
            ]
        inputs = wire.struct(made_up | {DEFAULTS: sorted(made_up)}, over=request.news)
        return provider_pb2.CheckResponse(inputs=inputs, failures=failures)

    def _misfits(self, urn: str, type_: str, inputs: Mapping[str, Any]) -> Iterator[str]:
        """What botocore's service models would not take: a value's type, or one that is in no enumeration.

        Inputs with unknown values are checked when they are known.
        """
        inputs = {key: value for key, value in inputs.items() if key != DEFAULTS}  # which an import has
        if any(True for _ in unknown_paths(inputs)):
            return
        with self._models_lock:
            try:
                self._models.create(_registration(urn, type_, inputs))
            except EngineRefusal as refusal:
                yield str(refusal)

    @_refusals_told
    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        type_, news, olds = _type(request.urn), wire.plain(request.news), wire.plain(request.olds)
        asked = wire.plain(request.old_inputs)
        ignored = {_camel(re.split(r"[.\[]", path)[0]) for path in request.ignoreChanges}
        found = {
            key: effect
            for key in sorted({*asked, *news} - {DEFAULTS} - ignored)
            if (effect := _effect(type_, key, olds.get(key, asked.get(key)), news.get(key))) != "none"
            and not _grown(type_, key, olds, news)
        }
        if not found:
            return Diff(changes=Diff.DIFF_NONE, hasDetailedDiff=True)
        replaces = [key for key, effect in found.items() if effect == "replace"]
        response = Diff(changes=Diff.DIFF_SOME, diffs=list(found), replaces=replaces, hasDetailedDiff=True)
        for key, effect in found.items():
            old, new = olds.get(key, asked.get(key)), news.get(key)
            how = "ADD" if wire.same(old, None) else "DELETE" if wire.same(new, None) else "UPDATE"
            kind = Kind.Kind.Value(f"{how}_REPLACE" if effect == "replace" else how)
            response.detailedDiff[key].CopyFrom(Kind(kind=kind))
        named = TYPES[type_].named
        if replaces:
            fixed = named is not None and named.input not in news.get(DEFAULTS, []) and named.input not in found
            response.deleteBeforeReplace = type_ in DELETED_FIRST or fixed
        return response

    @_refusals_told
    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        type_, inputs = _type(request.urn), wire.plain(request.properties)
        if request.preview:
            unknown = {key: wire.UNKNOWN for key in TYPES[type_].outputs if key not in inputs}
            return provider_pb2.CreateResponse(properties=wire.struct(unknown, over=request.properties))
        with self.cloud.locked():
            self._fail_on_demand("create", request.urn)
            region = inputs.get("region", self._region)
            id_, outputs = self._answer(request.urn, type_, inputs, region)
            properties = {key: value for key, value in inputs.items() if key != DEFAULTS} | outputs
            made = Resource(type=type_, id=id_, urn=request.urn, region=region, properties=properties)
            refuse_create(self.cloud, made)
            made = filled(made, self.cloud.all())
            if type_ == VERSION:
                made = secrets.with_labels(made, inputs.get(secrets.STAGES) or [secrets.CURRENT])
                secrets.put_by_program(self.cloud, made)
            else:
                self.cloud.put(made)
            self._note("create", request.urn, ())
        # The provider reads what it has made: of a restored instance not all is as it was asked for.
        added = {key: value for key, value in made.properties.items() if key not in inputs or value != inputs[key]}
        return provider_pb2.CreateResponse(id=id_, properties=wire.struct(added, over=request.properties))

    @_refusals_told
    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        type_, news, olds = _type(request.urn), wire.plain(request.news), wire.plain(request.olds)
        kept = {
            key: value for key, value in olds.items() if key not in plans(type_) or plans(type_)[key].unset == "none"
        }
        asked = wire.struct({key: value for key, value in kept.items() if key not in news}, over=request.news)
        ignored = {_camel(re.split(r"[.\[]", path)[0]) for path in request.ignoreChanges}
        changed = [key for key in sorted({*news, *olds}) if key in plans(type_) and key not in ignored]
        changed = [key for key in changed if _effect(type_, key, olds.get(key), news.get(key)) == "update"]
        changed = [key for key in changed if not _grown(type_, key, olds, news)]
        if request.preview or not changed:  # what the state says is so already asks the cloud for nothing
            return provider_pb2.UpdateResponse(properties=asked)
        with self.cloud.locked():
            region = olds.get("region", self._region)
            found = self.cloud.get(type_, request.id, region)
            try:
                self._fail_on_demand("update", request.urn)
                if found is None:
                    raise Refused(f"{request.id} does not exist")
                properties = {key: value for key, value in found.properties.items() if key not in changed}
                properties |= {key: news[key] for key in changed if key in news}
                after = replace(found, urn=request.urn, properties=properties)  # an alias may have renamed it
                refuse_update(self.cloud, found, after, changed)
                if type_ == INSTANCE:
                    after = rds.modified(self.cloud, found, news, changed, olds)
            except Refused as refusal:
                # As the bridge does (pulumi #21458): the state keeps what was asked for, although nothing was done.
                self._note("update", request.urn, changed, refused=str(refusal))
                self._partly(context, request.id, asked, request.news, str(refusal))
            self.cloud.put(after)
            for replica in rds.upgraded(self.cloud, found, after) if type_ == INSTANCE else ():
                self.cloud.put(replica)
            self._note("update", request.urn, changed)
        # The provider reads what it has changed: what waits for the window is what it was.
        packed = wire.archives(request.news)
        real = {
            key: value
            for key, value in after.properties.items()
            if key not in packed and not wire.same(news.get(key), value)
        }
        return provider_pb2.UpdateResponse(properties=wire.struct(real, over=asked))

    @_refusals_told
    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        type_, olds = _type(request.urn), wire.plain(request.properties)
        # Of an import, `<id>@<region>`: since Terraform's AWS provider 6, "Enhanced Region Support".
        id_, _, region = (request.id, "", "") if olds else request.id.partition("@")
        with self.cloud.locked():
            found = self.cloud.get(type_, id_, region or olds.get("region", self._region))
        if found is None:
            return provider_pb2.ReadResponse()
        inputs = wire.plain(request.inputs)
        known = plans(type_)
        untold = UNTOLD.get(type_, set()) | set(TYPES[type_].own)
        told = {key: value for key, value in found.properties.items() if key not in untold}
        if not olds:  # an import: everything that is an input
            values = {key: value for key, value in told.items() if key in known}
            return provider_pb2.ReadResponse(
                id=found.id, properties=wire.struct(told), inputs=wire.struct(values | {DEFAULTS: []})
            )
        if str(told.get("engineVersion", "")).startswith(f"{olds.get('engineVersion')}."):
            told["engineVersion"] = olds["engineVersion"]  # a minor of the major that was asked for
        packed = wire.archives(request.properties)
        drifted = {
            key
            for key in inputs
            if key in known and key not in packed | untold and not wire.same(olds.get(key), told.get(key))
        }
        given = {key: told.get(key) for key in drifted}
        state = {key: value for key, value in told.items() if key not in packed and not wire.same(olds.get(key), value)}
        gone = {key: None for key in olds if key in known and key not in told and key not in untold}
        return provider_pb2.ReadResponse(
            id=found.id,
            properties=wire.struct(state | gone, over=request.properties),
            inputs=wire.struct(given, over=request.inputs),
        )

    @_refusals_told
    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        type_, olds = _type(request.urn), wire.plain(request.properties)
        with self.cloud.locked():
            self._fail_on_demand("delete", request.urn)
            found = self.cloud.get(type_, request.id, olds.get("region", self._region))
            if found is not None:
                # What deletion does is in the state: whether it leaves a snapshot, how long a secret can be restored.
                waits = refuse_delete(self.cloud, found, olds)
                for replica in rds.promoted(self.cloud, found) if type_ == INSTANCE else ():
                    self.cloud.put(replica)
                for value in secrets.versions(self.cloud, found.id) if type_ == SECRET else ():
                    self.cloud.drop(value)
                if type_ == VERSION:
                    secrets.delete_version(self.cloud, found, olds)
                else:
                    self.cloud.put(replace(found, deleted=True)) if waits else self.cloud.drop(found)
            self._note("delete", request.urn, ())
        return empty_pb2.Empty()

    def _answer(self, urn: str, type_: str, inputs: Mapping[str, Any], region: str) -> tuple[str, dict[str, Any]]:
        """Id and outputs; those of a replacement are others."""
        times = self.cloud.times_made(urn)
        id_, outputs = Answers(self._region).create(
            _registration(f"{urn}{f'#{times}' if times else ''}", type_, inputs)
        )
        # AWS has no such thing as an invocation, so that nothing stands in the way of the next one.
        return f"{id_}-{times}" if times and type_ == "aws:lambda/invocation:Invocation" else id_, dict(outputs)

    def _fail_on_demand(self, call: str, urn: str) -> None:
        message = self.cloud.fault(call, _name(urn))
        if message is not None:
            raise Refused(message)

    def _note(self, call: str, urn: str, changed: Any, refused: str = "") -> None:
        self.cloud.journal.append(
            Call(call=call, type=_type(urn), name=_name(urn), changed=tuple(changed), refused=refused)
        )

    @staticmethod
    def _partly(context: Any, id_: str, properties: Any, inputs: Any, reason: str) -> NoReturn:
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=reason)
        detail = provider_pb2.ErrorResourceInitFailed(id=id_, properties=properties, reasons=[reason], inputs=inputs)
        status.details.add().Pack(detail, type_url_prefix="type.googleapis.com")
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, reason)
        raise AssertionError("abort raises")


def _effect(type_: str, key: str, old: Any, new: Any) -> str:
    """`update`, `replace` or `none`: what the provider plans for a property that was `old` and is asked to be `new`."""
    if wire.same(old, new):
        return "none"
    plan = plans(type_)[key]
    if isinstance(new, Unknown):
        return plan.planned(was_set=True, left_out=False)
    # No and zero are values: what has a default of its own is not left out by them.
    left_out = wire.same(new, None) and not isinstance(new, bool | int)
    return plan.planned(was_set=not wire.same(old, None), left_out=left_out)


def _grown(type_: str, key: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether storage that autoscaling has enlarged is left alone: the provider's DiffSuppressFunc."""
    if (type_, key) != (INSTANCE, "allocatedStorage") or not isinstance(news.get(key), int):
        return False
    return bool(news[key] < olds.get(key, 0) and news.get("maxAllocatedStorage", 0) > news[key])


def filled(made: Resource, others: Iterable[Resource]) -> Resource:
    """With what AWS fills in, among other resources."""
    if made.type != INSTANCE:
        return made
    there = list(others)
    zones = {it.id: it.properties["availabilityZone"] for it in there if it.type == "aws:ec2/subnet:Subnet"}
    groups = {it.properties["name"]: it.properties["subnetIds"] for it in there if it.type == rds.SUBNET_GROUP}
    return replace(made, properties={**made.properties, **rds.computed(made, there, zones, groups)})


def _registration(urn: str, type_: str, inputs: Mapping[str, Any]) -> Registration:
    return Registration(
        urn=urn, type=type_, name=urn.split("::")[-1].partition("#")[0], parent="", custom=True, inputs=inputs,
        protect=False, retain_on_delete=False, delete_before_replace=False, ignore_changes=(), aliases=0,
        dependencies=frozenset(), property_dependencies={}, secret_outputs=(),
    )  # fmt: skip


def _autoname(type_: str, name: str, seed: bytes) -> str:
    made = f"{PREFIXES.get(type_, '')}{name}-{hashlib.sha256(seed).hexdigest()[:7]}"
    return made.lower() if type_.startswith(LOWER_CASE) else made


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2] if urn else ""


def _name(urn: str) -> str:
    return urn.split("::")[-1]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


__all__ = ["ACCOUNT", "AwsProvider"]
