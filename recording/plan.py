"""What an update would do to what stands: the program run once more, and each registration compared as the engine does.

The run answers as a preview does: with the ids and outputs of what stays, and with unknown ones for what is made or
replaced, so that what follows upon a replacement follows here as it does there. Whether a changed property updates or
replaces is the measured data of `resource_types.replacement`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from recording.archives import Archive
from recording.engine import Provider, record
from recording.recording import UNKNOWN, Recording, Registration, Secret, Unknown, unknown_paths
from recording.stack_files import StackFile
from resource_types import TYPES
from resource_types.replacement import Plans, canonical, plans
from resource_types.replacement import source as source

# pulumi-aws, provider/resource_overrides.go
_DELETED_FIRST: Final = frozenset({"aws:iam/rolePolicyAttachment:RolePolicyAttachment"})
# Every input of pulumi-random's makes another value.
_RANDOM: Final = Plans("replace", "replace", "replace")

Key = tuple[str, str]
"""Type and logical name."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A resource that stands. `inputs`: a digest by input, without those that are empty; `trigger`: its own digest.

    `values`: inputs that are known, for those that the program asks to leave alone. `answer`: its id and outputs where
    they are known, as in a state. Inputs in `sealed` are encrypted: whether they differ is not known.
    """

    type: str
    name: str
    inputs: Mapping[str, str]
    trigger: str | None
    protect: bool
    retain_on_delete: bool
    values: Mapping[str, Any] = field(default_factory=dict)
    answer: tuple[str, Mapping[str, Any]] | None = None
    sealed: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Step:
    """One operation: "create", "update", "replace" or "delete".

    `properties`: the inputs that differ; none where something else replaces it, which `because` says: "trigger", or
    the logical name of the resource that it is replaced with. `unsure`: inputs whose effect was not measured; of a type
    that is not in the data, all. `refused`: Pulumi would not do it, since the resource is protected.
    """

    call: str
    type: str
    name: str
    properties: tuple[str, ...] = ()
    because: str = ""
    deleted_first: bool = False
    unsure: tuple[str, ...] = ()
    refused: bool = False
    retained: bool = False
    registration: Registration | None = None

    @property
    def key(self) -> Key:
        """Type and logical name."""
        return self.type, self.name


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that an update would do, in the order in which the program registers; deletions last.

    `sealed`: inputs by resource of which nobody here can say whether they differ.
    """

    steps: tuple[Step, ...]
    sealed: Mapping[Key, tuple[str, ...]]
    recording: Recording


def digest(value: Any) -> str | None:
    """What tells one value of an input from another, whatever is secret in it; None for an empty one."""
    bare = canonical(_bare(value))
    if bare is None:
        return None
    return hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()[:16]


def digests(inputs: Mapping[str, Any]) -> dict[str, str]:
    """A digest by input, without those that are empty."""
    found = {key: digest(value) for key, value in sorted(inputs.items())}
    return {key: each for key, each in found.items() if each is not None}


def _bare(value: Any) -> Any:
    if isinstance(value, Secret):
        return _bare(value.value)
    if isinstance(value, Archive):
        return value.digest
    if isinstance(value, Unknown):
        return {"unknown": True}
    if isinstance(value, Mapping):
        return {key: _bare(item) for key, item in value.items()}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def plan(file: StackFile, standing: Mapping[Key, Standing], provider: Provider) -> Plan:
    """What `pulumi up` of this stack file would do where `standing` stands.

    `provider` answers for what stands and has no answer of its own. Raises what `recording.engine.record` raises.
    """
    planner = _Planner(standing, provider)
    recording = record(file, planner, preview=True, asked=True)
    return Plan(steps=(*planner.steps, *planner.deletions()), sealed=planner.sealed, recording=recording)


@dataclass
class _Planner:
    standing: Mapping[Key, Standing]
    provider: Provider
    steps: list[Step] = field(default_factory=list)
    sealed: dict[Key, tuple[str, ...]] = field(default_factory=dict)
    _seen: set[Key] = field(default_factory=set)
    _replaced: dict[str, str] = field(default_factory=dict)  # logical names by URN
    _deleted_first: set[str] = field(default_factory=set)

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return self.provider.invoke(token, arguments)

    def create(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        former = self._former(registration)
        if former is None:
            self.steps.append(Step(call="create", type=registration.type, name=registration.name,
                                   registration=registration))  # fmt: skip
            return self._unknown(registration)
        self._seen.add((former.type, former.name))
        step = self._step(registration, former)
        if step is not None:
            self.steps.append(step)
        if step is not None and step.call == "replace":
            self._replaced[registration.urn] = registration.name
            if step.deleted_first:
                self._deleted_first.add(registration.urn)
            return self._unknown(registration)
        kept = {key: former.values[key] for key in map(_camel, registration.ignore_changes) if key in former.values}
        # One that stood under another name has the id that it had.
        urn = registration.urn.removesuffix(registration.name) + former.name
        id_, outputs = self.provider.create(replace(registration, urn=urn))
        if former.answer is not None:  # what is encrypted there stays made up
            id_, real = former.answer
            outputs = {**outputs, **{key: value for key, value in real.items() if key not in registration.inputs}}
        return id_, {**outputs, **kept}

    def deletions(self) -> Iterator[Step]:
        """What stands and is registered no more."""
        for key, each in self.standing.items():
            if key not in self._seen:
                yield Step(call="delete", type=each.type, name=each.name, refused=each.protect,
                           retained=each.retain_on_delete)  # fmt: skip

    def _former(self, registration: Registration) -> Standing | None:
        names = (registration.name, *registration.former_names)
        return next((self.standing[key] for name in names if (key := (registration.type, name)) in self.standing), None)

    def _step(self, registration: Registration, former: Standing) -> Step | None:
        effects, unsure = self._effects(registration, former)
        because = self._because(registration, former)
        own = [key for key, effect in effects.items() if effect == "replace"]
        if not effects and not because:
            return None
        call = "replace" if own or because else "update"
        return Step(
            call=call,
            type=registration.type,
            name=registration.name,
            properties=() if because else tuple(effects),
            because=because,
            deleted_first=call == "replace" and self._ends_first(registration, effects, because),
            unsure=unsure,
            refused=call == "replace" and former.protect,
            retained=call == "replace" and former.retain_on_delete,
            registration=registration,
        )

    def _effects(self, registration: Registration, former: Standing) -> tuple[dict[str, str], tuple[str, ...]]:
        """`update` or `replace` by changed input, and the inputs whose effect was not measured."""
        ignored = {_camel(path) for path in registration.ignore_changes}
        known = _plans_of(registration.type)
        effects, unsure, sealed = {}, [], []
        for key in sorted({*former.inputs, *registration.inputs} - ignored):
            new = registration.inputs.get(key)
            unknown = any(True for _ in unknown_paths(new))
            if key in former.sealed:
                if not unknown:
                    sealed.append(key)
                    continue
            elif not unknown and former.inputs.get(key) == digest(new):
                continue
            planned = known.get(key) if known is not None else None
            left_out = not unknown and digest(new) is None and not isinstance(new, bool | int)
            asked = Plans("update", "update", "update") if planned is None else planned
            was_set = unknown or key in former.inputs
            effect = asked.planned(was_set=was_set, left_out=left_out)
            if effect == "none":
                continue
            if planned is None or planned.unsure(was_set=was_set, left_out=left_out):
                unsure.append(key)
            effects[key] = "replace" if key in map(_camel, registration.replace_on_changes) else effect
        if sealed:
            self.sealed[registration.type, registration.name] = tuple(sealed)
        return effects, tuple(unsure)

    def _because(self, registration: Registration, former: Standing) -> str:
        """What replaces it beside its own inputs."""
        trigger = digest(registration.replacement_trigger)
        if None not in (former.trigger, trigger) and former.trigger != trigger:
            return "trigger"
        for urn in sorted(registration.replace_with & self._replaced.keys()):
            return self._replaced[urn]
        # What is deleted before it is replaced takes along whatever it would replace if its outputs were others.
        known = _plans_of(registration.type) or {}
        for key, urns in sorted(registration.property_dependencies.items()):
            gone = urns & self._deleted_first
            if gone and key in known and known[key].planned(was_set=True, left_out=False) == "replace":
                return self._replaced[min(gone)]
        return ""

    def _ends_first(self, registration: Registration, effects: Mapping[str, str], because: str) -> bool:
        named = TYPES[registration.type].named if registration.type in TYPES else None
        fixed = named is not None and named.input in registration.inputs and named.input not in effects
        follows = because in {self._replaced[urn] for urn in self._deleted_first}
        return registration.delete_before_replace or registration.type in _DELETED_FIRST or fixed or follows

    def _unknown(self, registration: Registration) -> tuple[str, Mapping[str, Any]]:
        row = TYPES.get(registration.type)
        outputs = {} if row is None else dict.fromkeys(row.outputs, UNKNOWN)
        if row is not None and row.named is not None:
            outputs[row.named.input] = UNKNOWN
        return "", {key: value for key, value in outputs.items() if key not in registration.inputs}


def _plans_of(type_: str) -> Mapping[str, Plans] | None:
    """Effects by input; None for a type that was not measured."""
    if type_.startswith("random:"):
        return _Random()
    try:
        return plans(type_)
    except KeyError:
        return None


class _Random(dict[str, Plans]):
    def get(self, key: str, default: Any = None) -> Plans:
        return _RANDOM


def _camel(path: str) -> str:
    """The input of an option's path, as the wire calls it."""
    first, *rest = re.split(r"[.\[]", path)[0].split("_")
    return first + "".join(part.capitalize() for part in rest)
