"""An edit of a stack file there and back on the engine: what is planned, what the cloud sees, and what is left.

Which operations an update has done when it stops at a failure depends on timing. So it goes on here with all that does
not depend on what failed (`--continue-on-error`), which a person's `pulumi up` does not.
The cloud is compared with what a new stack of the edited file would have, and, after the way back, with itself before.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from recording.answers import Answers
from recording.recording import reveal
from resource_types import TYPES
from tests.engine.providers import rds
from tests.engine.providers.aws import filled
from tests.engine.providers.cloud import Call, Cloud, Resource
from tests.engine.providers.rules import missing
from tests.engine.providers.wire import same
from tests.engine.workplace import QUIET, Done, Failed, Workplace
from tests.recordings import PROJECT, REGION, merged, record_with

RIGHT = "as it should be"
STEADILY = ("--continue-on-error",)
ADDRESS = "aws:ec2/eip:Eip"
NAMES_SHOWN = 8
NAMES_WIDTH = 100
# Values that are random in each run, labels that AWS gives, or the content of a package.
UNCOMPARED = frozenset({"password", "secretString", "versionStages", "code", "urn"})
# What the CLI says of the end of a run, and of what else was under way.
UNSAID = ("preview failed", "update failed", "an unhandled", "Resource monitor has terminated")
_FINAL = re.compile(r"(?<=-final-)[0-9a-f]{8}$")
_RANDOM = re.compile(r"(?i)[0-9a-f]{7}")


@dataclass(frozen=True, kw_only=True)
class Edit:
    """An edit of a fixture stack. `changes` as `Workplace.edit` takes them; `before`: what else its file has.

    `wrong` says what goes wrong today; `because`, why something differs afterwards although all is right. With
    `window` the maintenance window opens when something waits for it. Without `back` the way back is not gone: after an
    update that stopped half way, what it does depends on timing.
    """

    stack: str
    changes: Mapping[str, Any]
    why: str
    before: Mapping[str, Any] = field(default_factory=dict)
    wrong: str = ""
    because: str = ""
    window: bool = True
    back: bool = True


@dataclass
class Rehearsal:
    """What happened, as text, and what of it is not as it should be."""

    edit: Edit
    lines: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """A golden file."""
        return "\n".join(self.lines) + "\n"

    def section(self, title: str, lines: Iterable[str], *, fault: bool = False) -> None:
        """A heading with lines below it; all of them faults, if they are."""
        found = list(lines)
        self.lines += [title, *(f"  {line}" for line in found)] if found else [f"{title}: nothing"]
        self.faults += [f"{title}: {line}" for line in found] if fault else []


def header(edit: Edit) -> list[str]:
    """What a golden begins with."""
    lines = [f"{edit.stack}: {_shown(edit.changes)}", f"Why: {edit.why}"]
    if edit.before:
        lines.append(f"Of a stack with: {_shown(edit.before)}")
    return lines + [f"{title}: {text}" for title, text in (("WRONG", edit.wrong), ("Differs", edit.because)) if text]


def rehearse(edit: Edit, workplace: Workplace, *, brief: bool = False) -> Rehearsal:
    """Edit, preview, up, preview, and all of it back. The stack is deployed, with `edit.before`.

    `brief`: no more than preview and up; the text is the golden's beginning.
    """
    done = Rehearsal(edit, header(edit))
    before, original = cloud_of(workplace.cloud), workplace.file.read_text(encoding="utf-8")
    addresses = workplace.cloud.all(ADDRESS)
    workplace.edit(edit.changes)
    if _preview(done, workplace, "preview"):
        _up(done, workplace, "up")
        if brief:
            return done
        _there(done, workplace)
        there = {it.id for it in workplace.cloud.all(ADDRESS)}
        lost = [it.logical_name.removeprefix(_prefix(edit.stack)) for it in addresses if it.id not in there]
        if there and lost:
            done.section("public addresses that others may allow are gone", sorted(lost), fault=True)
        if edit.back:
            workplace.file.write_text(original, encoding="utf-8")
            if not _refused(done, workplace, "back"):
                _up(done, workplace, "back: up")
                _preview(done, workplace, "preview", fault=True)
            done.section("not as before", differences(cloud_of(workplace.cloud), before, "before"), fault=True)
    else:
        _check(done, workplace)
    count = len(done.faults)
    done.lines.append(f"Result: {f'{count} of the lines above should not be there' if count else RIGHT}")
    return done


def _there(done: Rehearsal, workplace: Workplace) -> None:
    _preview(done, workplace, "preview again", fault=True)
    if done.edit.window and (happened := rds.open_window(workplace.cloud)):
        prefix = _prefix(workplace.stack)
        done.section("the maintenance window opens", [line.removeprefix(prefix) for line in happened])
        _up(done, workplace, "up")
        _preview(done, workplace, "preview again", fault=True)
    _check(done, workplace)


def _shown(changes: Mapping[str, Any]) -> str:
    return json.dumps(changes).replace('"', "").replace("null", "(left out)")[1:-1]


def _preview(done: Rehearsal, workplace: Workplace, title: str, *, fault: bool = False) -> bool:
    """Whether there is something to do, and it may be done."""
    run = _ended(workplace.run("preview", "--json", code=None))
    if run.code:
        done.section(f"{title}: refused", refusals(run, workplace.stack), fault=fault)
        return False
    found = steps(json.loads(run.stdout))
    done.section(title, grouped(found, workplace.stack), fault=fault)
    return bool(found)


def _refused(done: Rehearsal, workplace: Workplace, title: str) -> bool:
    """Whether `pulumi up` would end with the preview that it begins with."""
    run = _ended(workplace.run("preview", "--json", code=None))
    if run.code:
        done.section(f"{title}: refused", refusals(run, workplace.stack))
    return bool(run.code)


def _ended(run: Done) -> Done:
    """A command that ended by itself; raises `Failed` for one that was killed, of which a golden must not tell."""
    if run.code < 0:
        raise Failed(f"ended by signal {-run.code}\n{run.text}")
    return run


def _up(done: Rehearsal, workplace: Workplace, title: str) -> None:
    """`up`, and once more if it fails: as a person would."""
    for heading in (title, f"{title} again"):
        since, known = len(workplace.cloud.journal), _needs(workplace)
        run = _ended(workplace.up(*STEADILY, code=None))
        calls = [_step(call) for call in workplace.cloud.journal[since:]]
        lines = _waves(calls, known | _needs(workplace), workplace.stack)
        done.section(heading, lines)
        if not run.code:
            return
        stopped = [line for line in lines if "REFUSED" in line]
        if not stopped:
            stopped = refusals(run, workplace.stack)
            done.section(f"{heading}: stopped", stopped)
        done.faults += [f"{heading}: {line}" for line in stopped]


def _check(done: Rehearsal, workplace: Workplace) -> None:
    """What the cloud has against what the file says, and what names something that is gone."""
    edits = [done.edit.before, done.edit.changes]
    asked: Mapping[str, Any] = reduce(merged, [each for each in edits if each], {})
    if any(line.startswith("preview: refused") for line in done.lines):
        asked = done.edit.before
    found = differences(cloud_of(workplace.cloud), expected(done.edit.stack, asked), "by the file")
    done.section("not as the file says", found, fault=True)
    cloud, prefix = workplace.cloud, _prefix(workplace.stack)
    gone = [
        f"{_short(it.type)} {it.logical_name.removeprefix(prefix)}: {_named(problem, prefix)}"
        for it in cloud.all()
        for problem in missing(cloud, it)
    ]
    done.section("names what is gone", sorted(set(gone)), fault=True)


# Operations


@dataclass(frozen=True)
class Step:
    """One operation of a plan or of the journal."""

    call: str
    type: str
    name: str
    changed: tuple[str, ...] = ()
    refused: str = ""


def _step(call: Call) -> Step:
    return Step(call.call, call.type, call.name, call.changed, call.refused)


def steps(preview: Mapping[str, Any]) -> list[Step]:
    """A preview's operations, a replacement as one of them, sorted."""
    found, deleted = [], set()
    for step in preview.get("steps", []):
        op, urn = step["op"], step["urn"]
        if op == "delete-replaced":
            deleted.add(urn)
        if op in QUIET or op in ("create-replacement", "delete-replaced"):
            continue
        type_, name = urn.split("::")[-2].rpartition("$")[2], urn.split("::")[-1]
        if type_.startswith("langpont:"):  # a component, of which no cloud knows
            continue
        changed = sorted({re.split(r"[.\[]", path)[0] for path in step.get("detailedDiff") or {}})
        found.append(Step(op, type_, name, tuple(changed or sorted(step.get("diffReasons") or []))))
    return sorted(found, key=lambda it: (it.call, it.type, it.changed, it.name))


def grouped(steps: Sequence[Step], stack: str) -> list[str]:
    """A line for each kind of operation, in the order of the first of its kind."""
    prefix, groups = _prefix(stack), dict[tuple[str, str, tuple[str, ...], str], list[str]]()
    for it in steps:
        key = (it.call, _short(it.type), it.changed, _named(it.refused, prefix))
        groups.setdefault(key, []).append(it.name.removeprefix(prefix))
    return [_line(*key, names) for key, names in groups.items()]


Needs = dict[tuple[str, str], set[tuple[str, str]]]


def _needs(workplace: Workplace) -> Needs:
    """What each resource of the state depends on, by types and logical names."""
    path = workplace.folder / "state" / ".pulumi" / "stacks" / PROJECT / f"{workplace.stack}.json"
    found: Needs = {}
    for it in json.loads(path.read_text(encoding="utf-8"))["checkpoint"]["latest"]["resources"]:
        found.setdefault(_identity(it["urn"]), set()).update(map(_identity, it.get("dependencies") or []))
    return found


def _identity(urn: str) -> tuple[str, str]:
    return urn.split("::")[2].rpartition("$")[2], urn.split("::")[-1]


def _waves(steps: Sequence[Step], needs: Needs, stack: str) -> list[str]:
    """Operations by what they wait for: those of one number may happen at the same time.

    Deletions come last, in the opposite order, but for those that a name is needed again after.
    """
    last_step = {(it.type, it.name): it for it in steps}
    ends = [it for it in steps if it.call == "delete" and last_step[it.type, it.name] is it]
    goes_on = [it for it in steps if it not in ends]
    depths, heights = (_depths(needs, {(it.type, it.name) for it in part}) for part in (goes_on, ends))
    first = 1 + max((depths[it.type, it.name] for it in goes_on), default=0)
    most = max((heights[it.type, it.name] for it in ends), default=0)
    numbered = [(depths[it.type, it.name], it) for it in goes_on]
    numbered += [(first + most - heights[it.type, it.name], it) for it in ends]
    lines = []
    for number in sorted({number for number, _ in numbered}):
        wave = [it for at, it in numbered if at == number]
        ordered = sorted(wave, key=lambda it: (it.call != "delete", it.call, it.type, it.changed, it.refused, it.name))
        lines += [f"{number} {line}" for line in grouped(ordered, stack)]
    return lines


def _depths(needs: Needs, counted: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """How many of `counted` follow upon each other up to and with each of them."""
    found: dict[tuple[str, str], int] = {}

    def depth(one: tuple[str, str]) -> int:
        if one not in found:
            found[one] = max((depth(it) for it in needs.get(one, ())), default=0) + (one in counted)
        return found[one]

    for one in counted:
        depth(one)
    return found


def _line(call: str, type_: str, changed: tuple[str, ...], refused: str, names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names))
    if len(names) > NAMES_SHOWN or (len(names) > 2 and len(shown) > NAMES_WIDTH):
        shown = f"{min(names)} ... {max(names)}"
    times = f" x {len(names)}" if len(names) > 1 else ""
    properties = f" ({', '.join(changed)})" if changed else ""
    return f"{call} {type_}{times}{properties}: {shown}{f' REFUSED {refused}' if refused else ''}"


def refusals(run: Done, stack: str) -> list[str]:
    """Why a command ended badly, a line for each reason."""
    text = run.text.replace("\\n", " ").replace('\\"', '"')
    said = re.findall(r"(?:error|Error|nable to [a-z]+ resource)[: ](.+)", text) or [text.strip()[-200:]]
    lines = {_named(re.sub(r'"?urn:[^"\s]*::([^"\s]+)"?', r"\1", line), _prefix(stack)) for line in said}
    lines = {line.strip(' ",').partition(". ")[0] for line in lines}
    return sorted(line for line in lines if not line.startswith(UNSAID))


def _short(type_: str) -> str:
    return type_.removeprefix("aws:").rpartition(":")[0] or type_


def _prefix(stack: str) -> str:
    return f"langpont-{stack}-"


def _named(text: str, prefix: str) -> str:
    """A sentence of the cloud without the stack's prefix and without random digits."""
    text = re.sub(r"(?<=DependencyViolation: )aws:\S+ \S+ is in use by aws:(\S+):\w+", r"in use by \1", text)
    text = re.sub(r"arn:aws:[^\s]*[:/]", "", text.replace(prefix, ""))
    return re.sub(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|(?<=-)(?:[0-9a-f]{7}|[0-9a-f]{17})\b", "...", text)


# The cloud

Properties = Mapping[str, Mapping[str, Any]]


def cloud_of(cloud: Cloud) -> Properties:
    """Properties by type and logical name; whatever is random stands there by the name of its resource."""
    with cloud.locked():
        found, ending = cloud.all(), [it for type_ in TYPES for it in cloud.waiting(type_)]
    names = {text: f"<{it.logical_name}, pending deletion>" for it in ending for text in _identities(it)}
    return _normal(found, names)


def expected(stack: str, changes: Mapping[str, Any]) -> Properties:
    """What a new stack of the edited file would have."""
    made: list[Resource] = []
    names = {}
    for registration in record_with(stack, changes).registrations.values():
        if not registration.type.startswith("aws:"):
            continue
        id_, outputs = Answers(REGION).create(registration)
        region = str(registration.inputs.get("region", REGION))
        properties = {**reveal(registration.inputs), **reveal(outputs)}
        one = Resource(type=registration.type, id=id_, urn=registration.urn, region=region, properties=properties)
        made.append(filled(one, made))
        if "address" in outputs:  # which the program was told, and which is another one
            names[str(outputs["address"])] = f"<{one.logical_name}>"
    return _normal(made, names)


def _normal(found: Sequence[Resource], names: Mapping[str, str]) -> Properties:
    known = dict(names) | {text: f"<{it.logical_name}>" for it in found for text in _identities(it)}
    pattern = re.compile("|".join(re.escape(text) for text in sorted(known, key=len, reverse=True)) or "(?!)")

    def normal(value: Any) -> Any:
        if isinstance(value, str):
            return _FINAL.sub("...", pattern.sub(lambda match: known[match[0]], value))
        if isinstance(value, Mapping):
            return {key: normal(item) for key, item in value.items()}
        return [normal(item) for item in value] if isinstance(value, list | tuple) else value

    result: dict[str, Mapping[str, Any]] = {}
    for it in found:
        name = f"{_short(it.type)} {it.logical_name}"
        while name in result:  # an old one beside its successor
            name += " (another)"
        result[name] = {key: normal(value) for key, value in it.properties.items() if key not in UNCOMPARED}
    return result


def _identities(it: Resource) -> set[str]:
    texts = {it.id, *(value for value in it.properties.values() if isinstance(value, str))}
    own = {it.properties.get(key) for key in TYPES[it.type].outputs} | {it.id}
    own |= {it.properties.get(named.input)} if (named := TYPES[it.type].named) else set()
    return {text for text in texts & own if text and len(text) > 10 and _RANDOM.search(text)}


def differences(found: Properties, wanted: Properties, by: str) -> list[str]:
    """What differs, a line for each resource; short values are shown."""
    lines = [f"{name} is there" for name in found.keys() - wanted.keys()]
    lines += [f"{name} is not there" for name in wanted.keys() - found.keys()]
    for name in found.keys() & wanted.keys():
        one, other = found[name], wanted[name]
        # Defaults of the bridge (names, descriptions) are in the cloud alone.
        keys = [
            key for key in {*one, *other} if not same(one.get(key), other.get(key)) and not _default(key, one, other)
        ]
        lines += [f"{name}: {_value(key, one.get(key), other.get(key), by)}" for key in sorted(keys)]
    return sorted(line.replace(f"{PROJECT}", "").replace("langpont-", "") for line in lines)


def _default(key: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    inherited = key in rds.INHERITED  # from a source that is gone
    return other.get(key) in (None, "") and (key == "name" or inherited or one.get(key) == "Managed by Pulumi")


def _value(key: str, one: Any, other: Any, by: str) -> str:
    short = all(it is None or len(str(it)) < 60 for it in (one, other))
    return f"{key} {one}, {by} {other}" if short else f"{key} is another one {by}"
