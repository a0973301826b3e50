"""docs/settings.md: each setting of the models once, with what it takes, its default and what it is."""

from __future__ import annotations

import re

from pydantic import BaseModel

from blueprint.explain import inner_model
from blueprint.settings import SECTIONS, Settings
from documents.settings import sections, settings
from tests.docs import read

TEXT = read("docs/settings.md")


def fields(path: str, model: type[BaseModel]) -> list[tuple[str, list[str]]]:
    """Keys of a model of the settings, and of those inside it, by their path."""
    own = [(path, [info.alias or name for name, info in model.model_fields.items()])]
    for name, info in model.model_fields.items():
        inner = inner_model(info.annotation)
        if inner.model_fields:
            own += fields(f"{path}.{info.alias or name}", inner)
    return own


def test_every_setting_has_one_row_in_the_section_that_it_stands_in() -> None:
    headed = re.split(r"^## ", TEXT.split("<!-- generated: settings -->")[1].split("<!-- end -->")[0], flags=re.M)[1:]
    rows = {
        section.splitlines()[0].removesuffix("[]"): re.findall(r"^\| `(\w+)` \|", section, re.M) for section in headed
    }
    assert rows == {
        path: keys
        for key, name in SECTIONS.items()
        for path, keys in fields(key, inner_model(Settings.model_fields[name].annotation))
    }


def test_a_section_is_told_with_its_sentence_values_defaults_and_descriptions() -> None:
    assert settings().split("## encryption\n\n")[1].split("\n\n## ")[0] == (
        "Keys at rest. Everything is encrypted either way, but for the alert topics under AWS-managed keys.\n\n"
        "| setting | takes | default | what it is |\n|---|---|---|---|\n"
        "| `keys` | `customerManaged`, `awsManaged` | `customerManaged` "
        "| KMS keys of ours, one for each purpose, or AWS's own; a change replaces the instances. |\n"
        "| `deletionWindowDays` | 7 to 30 | `30` | Days in which a deleted KMS key can still be recovered. |\n"
        "| `stateSecrets` | `secretsProvider`, `passphrase` | `secretsProvider` | What encrypts the passwords in "
        "Pulumi's state: the file's secretsprovider, without which a protected stack is refused, or a passphrase that "
        "all who deploy share. |"
    )


def cell(section: str, setting: str) -> tuple[str, str]:
    """What a setting takes, and its default."""
    section_ = settings().split(f"## {section}\n")[1].split("\n## ")[0]
    found = re.search(rf"^\| `{setting}` \| (.+?) \| (.+?) \| ", section_, re.M)
    assert found is not None, setting
    return found[1], found[2]


def test_what_a_setting_takes_is_told_in_words() -> None:
    assert cell("network", "vpc") == ("[its own settings](#networkvpc)", "left out")
    assert cell("network.vpc", "zones") == ("list: text", "**required**")
    assert cell("network.vpc", "flowLogRetentionDays") == ("`1` to `3653`, 22 values", "`90`")
    assert cell("network.existingVpc", "publicSubnets") == ("by name: like `subnet-0123456789abcdef0`", "`{}`")
    assert cell("database", "iops") == ("a whole number", "left out")
    assert cell("database", "multiAz") == ("`true`, `false`", "`true`")
    assert cell("database", "engineVersion") == ("like `16`, `17.11`", "`16`")
    assert cell("database", "parameters") == ("by name: a single value", "`{}`")
    assert cell("application", "primaryPool") == (
        "[its own settings](#applicationprimarypool)", "`{size: 20, maxOverflow: 30}`",
    )  # fmt: skip
    assert cell("credentials", "passwordVersions") == ("by name: 1 or more", "`{}`")


def test_a_section_inside_another_follows_it() -> None:
    assert list(sections())[:4] == ["network", "network.vpc", "network.vpc.interfaceEndpoints", "network.existingVpc"]
