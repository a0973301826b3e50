"""From the raw values of a stack file to `Settings`, or to the list of everything that is wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from blueprint.aws.regions import check_served
from blueprint.explain import choose, inner_model, problem, shown
from blueprint.names import check_environment
from blueprint.problems import FileRefused, Problem, Refused
from blueprint.product.rules import check
from blueprint.settings import SECRET_SECTION, SECTIONS, Settings
from blueprint.stack_file import elsewhere
from blueprint.stack_file.rules import RULES

# Whose rules read the region.
OF_THE_REGION = ("network", "backups.replicateToRegion", "backups.copyToVaultArn", "database.restoreFrom")
_GO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}(\.[0-9]+)? [-+][0-9]{4} (UTC|[-+][0-9]{4})")


class StackFileRefused(FileRefused):
    """A stack file with problems."""

    def __init__(self, environment: str, problems: Sequence[Problem]) -> None:
        super().__init__(f"Pulumi.{environment}.yaml", problems)


def decoded(text: str) -> Any:
    """The value of a section as Pulumi hands it over: mappings and lists are JSON, and "" is a key without a value.

    Text that only begins like JSON stays text, which `load` refuses.
    """
    if not text:
        return None
    try:
        return json.loads(text) if text[0] in "{[" else text
    except ValueError:
        return text


def load(
    document: Mapping[str, Any],
    *,
    environment: str,
    region: str | None,
    account_ids: Any = None,
    under_passphrase: bool = False,
    secret: Collection[str] = (),
) -> Settings:
    """Check the project's values of a stack file (section key to value or JSON) and give them types.

    `environment` is the stack's name, `region` the value of `aws:region`, None if it is missing, `account_ids` the
    decoded one of `aws:allowedAccountIds`, `under_passphrase` what `blueprint.stack_file.secrets_provider` finds,
    `secret` the sections with a value that the CLI has decrypted. A section without a value has its defaults.
    Raises `StackFileRefused` with all problems at once: a rule between fields still speaks when other fields are wrong,
    unless one that it reads is. Raises `ProductRefused` for a product file with problems, before anything is read.
    """
    check()
    problems = [*_outside(document, environment, region, secret), *_accounts(account_ids), *_secrets(secret)]
    sections: dict[str, Any] = {}
    rewritten: list[Problem] = []
    broken = set() if region and _is_region(region) else set(OF_THE_REGION)
    for key, name in SECTIONS.items():
        raw = document.get(key)
        if key in secret and key != SECRET_SECTION:  # offline a stand-in is in its place
            broken.add(key)
            continue
        raw = decoded(raw) if isinstance(raw, str) else raw
        rewritten += _rewritten(key, raw)
        value, found = _section(name, key, raw)
        problems += found
        broken |= {_field(key, each.field) for each in found}
        if value is None:
            broken.add(key)
        else:
            sections[name] = value
    settings = Settings.model_construct(
        **sections,
        environment=environment,
        region=region or "",
        under_passphrase=under_passphrase,
        webhooks_encrypted=SECRET_SECTION in secret,
    )
    for rule in RULES:
        if not any(_touches(field, bad) for field in rule.fields for bad in broken):
            problems += rule.check(settings)
    problems = [_without_secret(each) for each in _with_rewritten(problems, rewritten)]
    if problems:
        raise StackFileRefused(environment, problems)
    return settings


def _without_secret(problem: Problem) -> Problem:
    """A problem of the section with secrets does not show the value."""
    return replace(problem, value="") if re.split(r"[.\[]", problem.field)[0] == SECRET_SECTION else problem


def _outside(
    document: Mapping[str, Any], environment: str, region: str | None, secret: Collection[str]
) -> Iterator[Problem]:
    try:
        check_environment(environment)
    except Refused as refusal:
        yield refusal.problem("stack", environment)
    if not region:
        yield Problem(field="aws:region", value="", rule="is missing", way_out="Write it under `config:`, at the top")
    else:
        try:
            check_served(region)
        except Refused as refusal:
            yield refusal.problem("aws:region", region)
    for key, value in document.items():
        section = re.split(r"[.\[]", key)[0]
        if key not in SECTIONS and section in SECTIONS:
            if section == SECRET_SECTION:
                again = f"--secret --path '{key}'"  # it asks for the value
            elif key in secret:
                again = f"--path '{key}' <value>"
            else:
                again = f"--path '{key}' '{value if isinstance(value, str) else json.dumps(value)}'"
            yield Problem(
                field=key, value="", rule="is a key by itself, which nothing reads: it was set without --path",
                way_out=f"Run pulumi config rm '{key}', then pulumi config set {again}",
            )  # fmt: skip
        elif key not in SECTIONS:
            rule, way_out = elsewhere.answer(key, SECTIONS) or ("is not a section", choose(key, list(SECTIONS)))
            yield Problem(field=key, value="", rule=rule, way_out=way_out)


def _is_region(text: str) -> bool:
    try:
        check_served(text)
    except Refused:
        return False
    return True


def _secrets(secret: Collection[str]) -> Iterator[Problem]:
    """What `pulumi config set --secret` encrypted stands in the clear in inputs and outputs."""
    for key in sorted(set(secret) - {SECRET_SECTION}):
        if re.split(r"[.\[]", key)[0] == SECRET_SECTION:
            continue  # which is a key by itself
        yield Problem(
            field=key, value="",
            rule=f"has an encrypted value, and of the settings only {SECRET_SECTION} are kept secret by this program",
            way_out="Set it anew with --plaintext instead of --secret",
        )  # fmt: skip


def _rewritten(path: str, value: Any) -> Iterator[Problem]:
    """Texts and keys that were dates without quotes: the CLI has made Go's text of them."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(key, str) and _GO_TIME.fullmatch(key):
                yield _unquoted(path, key)
            yield from _rewritten(f"{path}.{key}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _rewritten(f"{path}[{index}]", item)
    elif isinstance(value, str) and _GO_TIME.fullmatch(value):
        yield _unquoted(path, value)


def _with_rewritten(found: Sequence[Problem], rewritten: Sequence[Problem]) -> list[Problem]:
    """A field's own way out, where it takes no date at all, and what is wrong with it as well."""
    dates = {each.field: each for each in rewritten}
    own = {each.field for each in found}
    both = [
        replace(each, rule=f"{each.rule}, and {dates[each.field].rule}")
        if each.field in dates and not each.field.endswith(".restoreFrom.time")
        else dates.get(each.field, each)
        for each in found
    ]
    return [*both, *(each for each in rewritten if each.field not in own)]


def _unquoted(path: str, text: str) -> Problem:
    day, time, offset, _ = text.split(" ")
    zone = "Z" if offset == "+0000" else f"{offset[:3]}:{offset[3:]}"
    whole = path.endswith(".time") or (time, zone) != ("00:00:00", "Z")
    written = f'"{day}T{time}{zone}"' if whole else f'"{day}"'
    return Problem(
        field=path, value=text, rule="is what the Pulumi CLI makes of a date without quotes",
        way_out=f"Write it in quotes: {written}",
    )  # fmt: skip


def _accounts(account_ids: Any) -> Iterator[Problem]:
    """Ids that are no texts of 12 digits: YAML makes numbers of them, and of those with a leading zero other numbers.

    The AWS provider compares texts, and would refuse the right account.
    """
    field, example = "aws:allowedAccountIds", '"123456789012"'
    if account_ids is not None and not isinstance(account_ids, list):
        yield Problem(field=field, value=shown(account_ids), rule="is not a list", way_out=f"Write [{example}]")
        return
    for index, account in enumerate(account_ids or ()):
        if not isinstance(account, str) or not re.fullmatch(r"[0-9]{12}", account):
            yield Problem(
                field=f"{field}[{index}]", value=shown(account), way_out=f"Write all 12, in quotes, like {example}",
                rule="is not the text of 12 digits that an account has",
            )  # fmt: skip


def _section(name: str, key: str, raw: Any) -> tuple[Any, list[Problem]]:
    """The section's value and its problems. A refused field has its default, or nothing where it has none."""
    field = Settings.model_fields[name]
    if raw is None and not field.is_required():
        return field.default, []
    if isinstance(raw, str) and raw[0] in "{[":
        return None, [_no_json(key, raw)]
    model = inner_model(field.annotation)
    if get_origin(field.annotation) is tuple:
        return _items(model, key, raw)
    raw = {} if raw is None else raw
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        details = error.errors(include_url=False)
    problems = [problem(key, model, item, elsewhere.answer) for item in details]
    if not isinstance(raw, dict):
        return None, problems
    refused = {item["loc"][0] for item in details if item["loc"]}
    return _partial(model, {field: value for field, value in raw.items() if field not in refused}), problems


def _no_json(key: str, text: str) -> Problem:
    """The problem of text that `pulumi config set` took as it was typed."""
    return Problem(
        field=key, value=text, rule="is text that begins like JSON and is none",
        way_out=f"Write the section as YAML, or set one value at a time: pulumi config set --path {key}.<key> <value>",
    )  # fmt: skip


def _partial(model: type[BaseModel], accepted: Mapping[str, Any]) -> BaseModel:
    """A section without its refused fields, so that rules which do not read those can still speak."""
    values: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        if info.alias is not None and info.alias in accepted:
            values[name] = _adapter(model, name).validate_python(accepted[info.alias])
    return model.model_construct(**values)


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[Any]:
    """Checks one field alone. To make one takes longer than to read a whole section."""
    return TypeAdapter(model.model_fields[name].rebuild_annotation())


def _items(model: type[BaseModel], key: str, raw: Any) -> tuple[Any, list[Problem]]:
    if not isinstance(raw, list):
        rule, way_out = "is not a list", "Write one item a line, each after a dash"
        return None, [Problem(field=key, value=shown(raw), rule=rule, way_out=way_out)]
    items, problems = [], []
    for index, written in enumerate(raw):
        try:
            items.append(model.model_validate(written))
        except ValidationError as error:
            problems += [
                problem(f"{key}[{index}]", model, details, elsewhere.answer)
                for details in error.errors(include_url=False)
            ]
    return (None if problems else tuple(items)), problems


def _field(key: str, path: str) -> str:
    """`database.parameters.work_mem` as the rules know it: `database.parameters`."""
    rest = path.removeprefix(key).lstrip(".")
    first = rest.split(".")[0].split("[")[0]
    return f"{key}.{first}" if first else key


def _touches(field: str, bad: str) -> bool:
    return field == bad or field.startswith(f"{bad}.") or bad.startswith((f"{field}.", f"{field}["))
