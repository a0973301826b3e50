"""What a deploy runs: units, the first run, and the same again with the next release."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import langpont_db.pgbouncer
from langpont_db.pgbouncer.host import Host
from tests.langpont_db.pgbouncer.conftest import STARTED, UNCHANGED, Answer, Machine

PACKAGE = Path(langpont_db.pgbouncer.__file__).parent
SERVICE, TIMER = "langpont-pgbouncer-sync.service", "langpont-pgbouncer-sync.timer"
DROP_IN = "pgbouncer.service.d/langpont.conf"
EVERY_TIME = [f"enable pgbouncer.service {TIMER}", f"restart {TIMER}"]


def install(machine: Machine) -> Answer:
    """As a deploy does, with the outputs from elsewhere."""
    given = machine.layout.root / "stack-outputs.json"
    if machine.host.outputs.exists():
        machine.host.outputs.rename(given)
    return machine.run("install", "--outputs", str(given))


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=True, interpolation=None, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(path.read_text())
    return parser


def test_a_deploy_installs_units_and_starts_everything(machine: Machine) -> None:
    assert install(machine) == Answer(0, [STARTED], [])
    assert machine.calls == ["daemon-reload", *EVERY_TIME, "start pgbouncer.service", f"start {SERVICE}"]
    files = {str(f.relative_to(machine.host.units)): f for f in machine.host.units.rglob("*") if f.is_file()}
    assert {name: oct(stat.S_IMODE(file.stat().st_mode)) for name, file in files.items()} == dict.fromkeys(
        [DROP_IN, SERVICE, TIMER], "0o644"
    )
    assert oct(stat.S_IMODE(machine.host.outputs.stat().st_mode)) == "0o600"


def test_the_next_deploy_changes_only_what_is_new(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    install(machine)
    before = machine.state()
    (machine.systemd / "calls").write_text("")
    assert install(machine) == Answer(0, [UNCHANGED], [])
    assert machine.calls == [*EVERY_TIME, f"start {SERVICE}"]
    (machine.systemd / "calls").write_text("")
    monkeypatch.setattr(sys, "executable", "/srv/app/release-2/venv/bin/python")
    assert install(machine) == Answer(0, [UNCHANGED], [])
    assert machine.calls == ["daemon-reload", *EVERY_TIME, f"start {SERVICE}"]
    command = unit(machine.host.units / SERVICE)["Service"]["ExecStart"]
    assert command == "/srv/app/release-2/venv/bin/python -m langpont_db.pgbouncer sync"
    assert machine.state() == before


def test_a_first_run_that_fails_leaves_the_timer_to_try_again(machine: Machine) -> None:
    machine.publish_text("{}")
    answer = install(machine)
    assert (answer.code, answer.out) == (1, [])
    assert machine.calls == ["daemon-reload", *EVERY_TIME]
    machine.publish()
    assert machine.sync() == Answer(0, [STARTED], [])


def test_a_unit_that_does_not_do_what_the_deploy_could_is_named(machine: Machine) -> None:
    (machine.systemd / "fail").write_text(f"start {SERVICE}")
    said = f"pgbouncer: systemctl start {SERVICE}: Job for {SERVICE} failed. Look at: journalctl -u {SERVICE} -n 20"
    assert install(machine) == Answer(1, [STARTED], [said])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "{path} is not JSON. Write it anew: pulumi stack output --json"),
        ("[]", "{path} has no environment, no region, no poolerSecretArn, no secretArns. Write it anew: pulumi stack "
               "output --json"),
        (json.dumps({"environment": "prod", "region": "ap-northeast-1", "poolerSecretArn": None, "secretArns": {}}),
         "{path} has no poolerSecretArn. Write it anew: pulumi stack output --json"),
    ],
)  # fmt: skip
def test_outputs_of_something_else_install_nothing(machine: Machine, text: str, sentence: str) -> None:
    machine.host.outputs.write_text(text)
    path = machine.layout.root / "stack-outputs.json"
    assert install(machine) == Answer(1, [], [f"pgbouncer: {sentence.format(path=path)}"])
    assert (machine.calls, [*machine.host.units.iterdir()]) == ([], [])


def test_outputs_that_are_not_there_are_named(machine: Machine) -> None:
    machine.host.outputs.unlink()
    path = machine.layout.root / "stack-outputs.json"
    said = f"pgbouncer: {path}: No such file or directory. What was there before is in effect."
    assert install(machine) == Answer(1, [], [said])


def test_a_host_that_was_not_set_up_says_so(machine: Machine) -> None:
    machine.host.outputs.unlink()
    said = f"pgbouncer: {machine.host.outputs} is not there: this host was not set up. Run install first."
    assert machine.sync() == Answer(1, [], [said])


# The units themselves


def test_units_name_what_is_there(machine: Machine) -> None:
    install(machine)
    service, timer = unit(machine.host.units / SERVICE), unit(machine.host.units / TIMER)
    program, *arguments = shlex.split(service["Service"]["ExecStart"])
    help_page = subprocess.run([program, *arguments, "--help"], capture_output=True, text=True, check=True).stdout
    assert help_page.startswith("usage: python -m langpont_db.pgbouncer sync")
    assert timer["Timer"]["OnCalendar"] == "minutely"
    assert TIMER.removesuffix(".timer") == SERVICE.removesuffix(".service")  # whom the timer starts
    defaults = Host()
    assert service["Service"]["ReadWritePaths"] == str(defaults.folder)
    assert f"/run/{service['Service']['RuntimeDirectory']}" == str(defaults.state)


def test_more_files_may_be_open_than_pgbouncer_expects_to_need(machine: Machine) -> None:
    machine.up()
    with machine.console() as console:
        clients = int(console.settings()["max_client_conn"].value)
    expected = re.search(r"max expected fd use: (\d+)", machine.log)
    limit = int(unit(PACKAGE / "langpont.conf")["Service"]["LimitNOFILE"])
    assert expected and clients < int(expected[1]) < limit


def test_systemd_takes_the_units(machine: Machine, tmp_path: Path) -> None:
    """Beside a unit like the distribution's, with every directive known."""
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing: apt-get install systemd"
    install(machine)
    own = "[Service]\nType=notify\nUser=postgres\nExecStart=/bin/true\nExecReload=/bin/kill -HUP $MAINPID\n"
    (machine.host.units / "pgbouncer.service").write_text(own)
    paths = [str(machine.host.units / name) for name in (SERVICE, TIMER, "pgbouncer.service")]
    done = subprocess.run([program, "verify", *paths], capture_output=True, text=True, check=False)
    # What it says of the system's own units is none of ours.
    ours = [line for line in done.stderr.splitlines() if re.search(r"langpont|pgbouncer", line)]
    assert (done.returncode, ours) == (0, [])


def test_help_names_every_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "langpont_db.pgbouncer", "--help"], capture_output=True, text=True, check=True
    )
    assert re.findall(r"^    (\w+) ", done.stdout, flags=re.MULTILINE) == ["install", "sync", "reload"]
