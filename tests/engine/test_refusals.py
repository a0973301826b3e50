"""A stack file that the program refuses: one report on the real engine, the same as offline, and nothing is made."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys

import pytest

from tests.engine.conftest import Open
from tests.engine.workplace import Workplace
from tests.recordings import PROJECT, ROOT

REGION = "  aws:region: ap-northeast-1\n"
JSON = f"{REGION}  {PROJECT}:access: '{{sshNetworks: [198.18.0.0/16]'\n"


def diagnostics(printed: str) -> str:
    """What the CLI lists under the stack, from the first word on; "" without any."""
    _, _, rest = printed.partition("\nDiagnostics:\n")
    return rest.partition("\nResources:\n")[0].partition(":\n")[2].strip()


def offline(workplace: Workplace) -> str:
    """The report of `python -m preview` on the same file."""
    command = [sys.executable, "-m", "preview", workplace.stack, "--project", str(workplace.project)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


@pytest.mark.parametrize(
    ("old", "new", "report"),
    [
        pytest.param(
            "flowLogRetentionDays: 7", "flowLogRetentionDayz: 7",
            "network.vpc.flowLogRetentionDayz is not a setting. Write flowLogRetentionDays if that is meant.",
            id="a misspelt setting",
        ),
        pytest.param(
            REGION, JSON,
            "access {sshNetworks: [198.18.0.0/16] is text that begins like JSON and is none. Write the section as "
            "YAML, or set one value at a time: pulumi config set --path access.<key> <value>.",
            id="half a mapping",
        ),
        pytest.param(
            REGION, "  aws:profile: langpont\n",
            "aws:region is missing. Write it under `config:`, at the top.",
            id="no region",
        ),
    ],
)  # fmt: skip
def test_it_is_told_once_and_as_offline(empty: Open, old: str, new: str, report: str) -> None:
    workplace = empty("dev")
    written = workplace.file.read_text(encoding="utf-8")
    assert written.count(old) == 1
    workplace.file.write_text(written.replace(old, new), encoding="utf-8")
    whole = f"Pulumi.dev.yaml: 1 problem\n  1. {report}\n"
    assert offline(workplace) == whole
    done = workplace.run("preview", code=None)
    assert done.code != 0
    assert [line.strip() for line in diagnostics(done.stdout).splitlines()] == [
        f"error: {whole.splitlines()[0]}", whole.splitlines()[1].strip(),
    ]  # fmt: skip
    assert "Traceback" not in done.text
    assert "unhandled" not in done.text
    assert workplace.cloud.all() == []
    assert workplace.up(code=None).code == done.code


def test_a_product_file_that_is_refused_is_told_once_and_nothing_is_made(empty: Open) -> None:
    workplace = empty("dev")
    file = workplace.project / "product.yaml"
    text = file.read_text(encoding="utf-8")
    file.unlink()  # the link
    file.write_text(text.replace("prefix: langpont", "prefix: Lang_Pont").replace("login: iam", "login: sso"))
    done = workplace.run("preview", code=None)
    assert done.code != 0
    assert [line.strip() for line in diagnostics(done.stdout).splitlines()] == [
        "error: product.yaml: 2 problems",
        "1. roles[5].login sso is not one of its values. Choose from password, iam or none.",
        "2. prefix Lang_Pont cannot begin an RDS identifier, which is lower-case letters, digits and single hyphens, "
        "from a letter to a letter or digit. Write it like shop.",
    ]
    assert ("Traceback" in done.text, "unhandled" in done.text, workplace.cloud.all()) == (False, False, [])


def test_a_section_without_content_has_its_defaults_on_the_engine_too(deployed: Open) -> None:
    workplace = deployed("dev")
    workplace.file.write_text(workplace.file.read_text().replace(REGION, f"{REGION}  {PROJECT}:access:\n"))
    assert workplace.preview() == []


def test_a_setting_that_was_set_as_a_secret_is_refused_and_not_shown(empty: Open) -> None:
    workplace = empty("dev")
    workplace.run("config", "set", "--path", "--secret", "monitoring.alertEmails[0]", "hidden@langpont.example")
    whole = (
        "Pulumi.dev.yaml: 1 problem\n  1. monitoring has an encrypted value, and of the settings only webhooks "
        "are kept secret by this program. Set it anew with --plaintext instead of --secret.\n"
    )
    assert offline(workplace) == whole
    done = workplace.run("preview", code=None)
    assert (done.code != 0, whole.splitlines()[1].strip() in done.text, "hidden@" in done.text) == (True, True, False)


def test_a_cli_that_is_older_than_the_project_asks_is_refused_before_anything_is_made(empty: Open) -> None:
    workplace = empty("dev")
    file = workplace.project / "Pulumi.yaml"
    text = file.read_text(encoding="utf-8")
    required = f">={importlib.metadata.version('pulumi')}"
    assert text.count(f'requiredPulumiVersion: "{required}"') == 1
    file.write_text(text.replace(required, ">=99.0.0"), encoding="utf-8")
    for done in (workplace.run("preview", code=None), workplace.up(code=None)):
        assert done.code != 0
        assert re.search(r'Pulumi CLI version \S+ does not satisfy the version range ">=99\.0\.0"', done.text), (
            done.text
        )
    assert workplace.cloud.all() == []
