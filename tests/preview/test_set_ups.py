"""Set-ups of teams that come from elsewhere: a first preview ends with 0, or the first report has every reason."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from typer.testing import CliRunner

from preview.__main__ import app
from tests.recordings import FIXTURES, PROJECT, ROOT

SET_UPS: Final[dict[str, dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("set_ups.yaml").read_text(encoding="utf-8")
)
REFUSED: Final = [name for name, it in SET_UPS.items() if "refused" in it]
STOPPED: Final = [name for name, it in SET_UPS.items() if "stopped" in it]
PREVIEWED: Final = [name for name in SET_UPS if name not in (*REFUSED, *STOPPED)]
# The first three zones where they are not a, b and c.
ZONES: Final = {"ap-northeast-1": "acd", "ca-central-1": "abd"}


def stack_file(set_up: dict[str, Any]) -> dict[str, Any]:
    """The whole file, in a VPC of the team's with a subnet of each kind in three zones."""
    region = set_up["region"]
    zones = [f"{region}{letter}" for letter in ZONES.get(region, "abc")]
    vpc = {
        "vpcId": "vpc-0123456789abcdef0",
        "applicationSubnets": {zone: f"subnet-0123456789abcde0{at}" for at, zone in enumerate(zones)},
        "databaseSubnets": {zone: f"subnet-0123456789abcde1{at}" for at, zone in enumerate(zones)},
    }
    monitoring = {"monthlyBudgetUsd": 500, "alertEmails": ["dba@company.example"]}
    sections = {"network": {"existingVpc": vpc}, "monitoring": monitoring | set_up.get("monitoring", {})}
    sections = {
        key: value for key, value in set_up.items() if key not in ("region", "refused", "stopped", "monitoring")
    } | sections
    return {
        "secretsprovider": "awskms://alias/state",
        "config": {"aws:region": region, "aws:allowedAccountIds": ["123456789012"]}
        | {f"{PROJECT}:{key}": value for key, value in sections.items()},
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The program, for stack files of somebody else."""
    for path in (ROOT / "__main__.py", FIXTURES / "Pulumi.yaml"):
        shutil.copy(path, tmp_path)
    for name in ("components", "functions", "certs"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def previewed(project: Path, name: str) -> tuple[int, str]:
    """Exit code and all that a preview of the set-up says."""
    text = yaml.safe_dump(stack_file(SET_UPS[name]), sort_keys=False)
    (project / "Pulumi.theirs.yaml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(app, ["theirs", "--project", str(project)])
    return done.exit_code, done.output


def test_most_of_them_are_taken_as_they_are() -> None:
    assert (len(SET_UPS), len(PREVIEWED), len(REFUSED), len(STOPPED)) == (26, 20, 5, 1)


@pytest.mark.long
@pytest.mark.parametrize("name", PREVIEWED)
def test_a_set_up_that_is_moved_here_previews(project: Path, name: str) -> None:
    code, said = previewed(project, name)
    assert code == 0, said
    assert "mandatory violation" not in said


@pytest.mark.long
@pytest.mark.parametrize("name", STOPPED)
def test_what_the_policy_stops_is_told_with_the_setting_that_mends_it(project: Path, name: str) -> None:
    code, said = previewed(project, name)
    assert (code, "stops this stack: 1 mandatory violation" in said) == (1, True)
    assert SET_UPS[name]["stopped"] in " ".join(said.split())


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_said_here_is_refused_with_its_reason_at_once(project: Path, name: str) -> None:
    code, said = previewed(project, name)
    assert (code, said.splitlines()[1:]) == (
        1, [f"  {number}. {sentence}" for number, sentence in enumerate(SET_UPS[name]["refused"], 1)],
    )  # fmt: skip
