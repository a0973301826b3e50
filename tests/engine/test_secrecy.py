"""No password and no verifier is readable in the state, the events, what the CLI prints, or the outputs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.engine.conftest import Open
from tests.engine.workplace import Workplace

VERSION = "aws:secretsmanager/secretVersion:SecretVersion"


def kept_secret(workplace: Workplace) -> set[str]:
    """Passwords, verifiers, and the parts of a verifier: what nobody may read who only sees the deployment."""
    found = set()
    for each in workplace.cloud.all(VERSION):
        document = json.loads(each.properties["secretString"])
        if "password" in document:
            found.add(document["password"])
        for line in document.get("userlist.txt", "").splitlines():
            verifier = line.split('"')[3]
            found |= {verifier, *verifier.split("$")[-1].split(":")}
    return found


def forms(secret: str) -> Iterator[str]:
    """As it is, in JSON, and in the JSON of Go, which escapes more."""
    in_json = json.dumps(secret)[1:-1]
    go = "".join(f"\\u{ord(letter):04x}" if letter in "<>&" else letter for letter in in_json)
    yield from {secret, in_json, go, json.dumps(go)[1:-1]}


def readable(secrets: set[str], texts: Mapping[str, str]) -> list[str]:
    """In which texts a secret is."""
    return [name for name, text in texts.items() if any(form in text for secret in secrets for form in forms(secret))]


def checkpoints(workplace: Workplace) -> dict[str, str]:
    """Every file of the backend: checkpoints, their backups and the history."""
    files = (path for path in (workplace.folder / "state").rglob("*") if path.is_file())
    return {path.relative_to(workplace.folder).as_posix(): path.read_text(encoding="utf-8") for path in files}


def test_a_first_update_shows_no_password_anywhere(deployed_once: Open) -> None:
    workplace = deployed_once("dev")
    secrets = kept_secret(workplace)
    assert len(secrets) == 5 + 2 * 3  # five roles; two of them pooled: the verifier and both of its keys
    texts = checkpoints(workplace) | {
        "printed": workplace.first.text,
        "events": workplace.events.read_text(encoding="utf-8"),
        "outputs": workplace.run("stack", "output", "--json").text,
        "exported": workplace.run("stack", "export").text,
    }
    assert any(name.endswith("dev.json") for name in texts)
    assert readable(secrets, texts) == []
    # Nothing but the option that asks for it shows them: so they would be found.
    assert readable(secrets, {"shown": workplace.run("stack", "export", "--show-secrets").text}) == ["shown"]


def test_a_webhook_that_is_given_encrypted_is_readable_nowhere(deployed: Open, tmp_path: Path) -> None:
    address = "https://events.example/integration/8c1f-not-for-your-eyes"
    workplace = deployed("dev")
    workplace.run("config", "set", "--secret", "--path", "webhooks.critical.pagerduty", address)
    texts = {"previewed": workplace.run("preview", "--diff").text}
    logged = ("--diff", "--event-log", str(tmp_path / "events"), "--logtostderr", "-v=9")
    texts["updated"] = workplace.up(*logged).text
    assert address in [
        each.properties.get("endpoint") for each in workplace.cloud.all("aws:sns/topicSubscription:TopicSubscription")
    ]
    texts["events"] = (tmp_path / "events").read_text(encoding="utf-8")
    texts["file"] = workplace.file.read_text(encoding="utf-8")
    texts["outputs"] = workplace.run("stack", "output", "--json").text
    texts["exported"] = workplace.run("stack", "export").text
    assert readable({address}, texts | checkpoints(workplace)) == []
    workplace.edit({"webhooks": {"critical": {"pagerduty": "http://not-for-your-eyes"}}})
    assert readable({"not-for-your-eyes"}, {"refused": workplace.run("preview", code=None).text}) == []


@pytest.mark.long
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_nor_do_a_diff_a_log_and_an_update_that_changes_and_fails_to_change_passwords(
    deployed: Open, stack: str, tmp_path: Path
) -> None:
    workplace = deployed(stack)
    secrets = kept_secret(workplace)
    workplace.edit({"credentials": {"passwordVersions": {"langpont_admin": 2, "langpont_app": 2}}})
    texts = {}
    texts["previewed"] = workplace.run("preview", "--diff").text
    texts["previewed as JSON"] = workplace.run("preview", "--json").text
    workplace.cloud.fail("create", f"langpont-{stack}-pooler-files")
    logged = ("--diff", "--event-log", str(tmp_path / "events"), "--logtostderr", "-v=9")
    texts["failed"] = workplace.up(*logged, code=None).text
    secrets |= kept_secret(workplace)
    texts["updated"] = workplace.up("--diff").text
    secrets |= kept_secret(workplace)
    texts["events"] = (tmp_path / "events").read_text(encoding="utf-8")
    texts["history"] = workplace.run("stack", "history", "--json").text
    assert readable(secrets, texts | checkpoints(workplace)) == []
