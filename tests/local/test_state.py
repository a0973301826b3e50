"""What the local platform remembers, and what it keeps of pulumi-random."""

from __future__ import annotations

import base64
import os
import re
import stat
import string
from dataclasses import replace
from pathlib import Path

import pytest

from local import state, up
from local.randoms import KeptRandoms
from local.servers.account import Account
from local.servers.binaries import Binaries
from local.servers.layout import Layout, Ports
from local.servers.plan import data_plan
from local.state import Changes, Folders, State, StateError
from recording.answers import Answers
from recording.engine import EngineRefusal
from recording.recording import Registration, Secret
from tests.recordings import recording


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / ".local" / "prod", tmp_path / "run" / "prod")


def test_a_state_comes_back_as_it_was_and_only_its_owner_reads_it(folders: Folders) -> None:
    kept = State(stack="prod", registrations={"urn": "digest"}, outputs={"port": 5432})
    state.save(folders, kept)
    assert state.load(folders, "prod") == kept
    assert stat.S_IMODE(folders.file.stat().st_mode) == 0o600
    assert [path.name for path in folders.state.iterdir()] == ["state.json"]


def test_the_servers_may_enter_what_is_made_and_what_was_there_keeps_its_mode(folders: Folders) -> None:
    folders.run.parent.parent.chmod(0o750)
    before = os.umask(0o077)
    try:
        folders.make_run()
        folders.make_run()
    finally:
        os.umask(before)
    made = (folders.run, folders.run.parent, folders.run.parent.parent)
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in made] == [0o711, 0o711, 0o750]


def test_no_state_is_none(folders: Folders) -> None:
    assert state.load(folders, "prod") is None


def test_a_folder_that_cannot_be_made_is_one_sentence(folders: Folders) -> None:
    folders.state.parent.write_text("in the way")
    sentence = (
        r"^.*/state.json cannot be written: (Not a directory|File exists). Make room there, or make it writable.$"
    )
    with pytest.raises(StateError, match=sentence):
        state.save(folders, State(stack="prod"))
    sentence = r"cannot be written: (Not a directory|File exists). Make it writable.$"
    with pytest.raises(StateError, match=sentence), state.locked(folders, "prod"):
        pass


def test_a_failed_write_leaves_the_state_before(folders: Folders, monkeypatch: pytest.MonkeyPatch) -> None:
    state.save(folders, State(stack="prod", outputs={"port": 1}))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("local.state.os.replace", full)
    with pytest.raises(StateError, match=r"cannot be written: No space left on device. Make room there"):
        state.save(folders, State(stack="prod", outputs={"port": 2}))
    kept = state.load(folders, "prod")
    assert kept is not None
    assert kept.outputs == {"port": 1}
    assert [path.name for path in folders.state.iterdir()] == ["state.json"]


UNREADABLE = {
    "half of it": ('{"stack": "prod", ', "it is no JSON (JSONDecodeError)"),
    "no text": ("\\udc80", "it is no JSON (JSONDecodeError)"),
    "a list": ("[]", "it is not the state of a stack"),
    "nothing": ("null", "it is not the state of a stack"),
    "a number": ("5", "it is not the state of a stack"),
    "no stack": ("{}", "it is not the state of a stack"),
    "a newer version": ('{"stack": "prod", "format": 7}', "another version of this project wrote it, with format"),
    "resources": ('{"stack": "prod", "made": {"urn": {}}}', "made has another form than this version's"),
    "passwords": ('{"stack": "prod", "randoms": {"urn": "x"}}', "randoms has another form than this version's"),
    "digests": ('{"stack": "prod", "registrations": []}', "registrations has another form than this version's"),
    "servers": ('{"stack": "prod", "data": 5}', "data has another form than this version's"),
}


@pytest.mark.parametrize(("text", "reason"), UNREADABLE.values(), ids=list(UNREADABLE))
def test_a_state_that_cannot_be_read_is_told_and_set_aside_whole(folders: Folders, text: str, reason: str) -> None:
    folders.state.mkdir(parents=True)
    for name in ("state.json.unreadable", "state.json.unreadable-2"):
        folders.file.write_text(text)
        with pytest.raises(StateError) as refused:
            state.load(folders, "prod")
        assert str(refused.value) == (
            f"{folders.file} cannot be read: {reason}. `make up STACK=prod` makes it anew; the data stays."
        )
        said: list[str] = []
        assert state.load_or_set_aside(folders, "prod", said.append) == State(stack="prod")
        assert said == [
            f"state.json could not be read ({reason}), and is kept as {name}. The data stays; the roles' passwords are "
            f"new, and applications get them from Secrets Manager."
        ]
        assert (folders.state / name).read_text() == text


def test_a_state_with_parts_missing_is_the_rest(folders: Folders) -> None:
    folders.state.mkdir(parents=True)
    folders.file.write_text('{"stack": "prod", "outputs": {"port": 1}}')
    assert state.load_or_set_aside(folders, "prod", print) == State(stack="prod", outputs={"port": 1})


@pytest.mark.parametrize("part", ["plan", "ports", "layout", "account", "binaries"])
@pytest.mark.parametrize("value", [None, [], {}, "x", {"x": 1}], ids=repr)
def test_a_state_whose_servers_are_of_another_version_is_one_sentence(
    tmp_path: Path, data: dict[str, object], part: str, value: object
) -> None:
    folders = Folders.of(tmp_path, "prod")
    state.save(folders, State(stack="prod", data=data | {part: value}))
    with pytest.raises(StateError) as refused:
        up.status(tmp_path, "prod")
    assert re.fullmatch(
        r"The state of prod is of another version of this project \(\w+: .*\)\. `make up STACK=prod` brings it to this "
        r"one; the data stays\.",
        str(refused.value),
    )


@pytest.fixture
def data() -> dict[str, object]:
    """What the state says of the servers."""
    plan = data_plan(recording("prod"))
    roles = [instance.role for instance in plan.instances]
    binaries = Binaries(
        server=Path("/x"), tools=Path("/x"), version="16.14", openssl=True, libraries=frozenset(), locale="C", lacks=()
    )
    return {
        "plan": plan.to_json(),
        "ports": Ports(servers=dict.fromkeys(roles, 5), pooler=6).to_json(),
        "layout": Layout(Path("/var/tmp/x")).to_json(),
        "account": Account(name="x", uid=1, gid=1, changed=False).to_json(),
        "binaries": binaries.to_json(),
    }


def test_the_place_is_what_was_recorded_then_what_is_asked_then_the_project_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LANGPONT_LOCAL_DIR", raising=False)
    own = Folders.of(tmp_path, "prod").run
    assert re.fullmatch(rf"/var/tmp/langpont-{os.getuid()}-[0-9a-f]{{8}}/prod", str(own))
    monkeypatch.setenv("LANGPONT_LOCAL_DIR", "/a/")
    asked = Folders.of(tmp_path, "prod")
    assert asked.run == Path("/a/prod")
    state.save(asked, State(stack="prod", data={"layout": {"root": "/b/prod/data"}}))  # as before there was a file
    assert Folders.of(tmp_path, "prod").run == Path("/b/prod")
    asked.record_place()
    assert Folders.of(tmp_path, "prod").run == Path("/a/prod")
    for text in ("", "[]", "5", '{"run": 5}', "{}"):
        asked.place.write_text(text)
        assert Folders.of(tmp_path, "prod").run == Path("/b/prod")


def test_changes_are_named_by_type_and_logical_name() -> None:
    before = state.digests(recording("prod"))
    after = dict(before)
    [changed] = [urn for urn in before if urn.endswith("::langpont-prod-network-vpc")]
    [removed] = [urn for urn in before if urn.endswith("::langpont-prod-security-groups-application")]
    after[changed] = "another"
    del after[removed]
    assert state.changes(before, after) == Changes(
        added=(),
        changed=("aws:ec2/vpc:Vpc langpont-prod-network-vpc",),
        removed=("aws:ec2/securityGroup:SecurityGroup langpont-prod-security-groups-application",),
    )
    assert not state.changes(before, before)


def test_a_digest_holds_no_secret() -> None:
    assert {len(digest) for digest in state.digests(recording("prod")).values()} == {64}


def _password(version: str = "1") -> Registration:
    [made] = [r for r in recording("prod").of_type("random:index/randomPassword:RandomPassword") if "app" in r.name]
    return replace(made, inputs={**made.inputs, "keepers": {"version": version}})


def test_a_password_is_random_of_the_alphabet_and_stays() -> None:
    kept: dict[str, dict[str, object]] = {}
    _, first = KeptRandoms(kept).create(_password())
    _, again = KeptRandoms(kept).create(_password())
    _, other = KeptRandoms({}).create(_password())
    assert first == again
    assert first != other
    secret = first["result"]
    assert isinstance(secret, Secret)
    assert len(secret.value) == 32
    assert set(secret.value) <= set(string.ascii_letters + string.digits + "-._~")
    for needed in (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-._~"):
        assert set(secret.value) & set(needed)


def test_new_keepers_make_a_new_password() -> None:
    kept: dict[str, dict[str, object]] = {}
    first = KeptRandoms(kept).create(_password("1"))
    second = KeptRandoms(kept).create(_password("2"))
    assert first != second
    assert KeptRandoms(kept).create(_password("2")) == second


def test_a_salt_has_its_bytes_and_an_id_its_digits() -> None:
    randoms = KeptRandoms({})
    [salt, *_] = recording("prod").of_type("random:index/randomBytes:RandomBytes")
    [snapshot] = recording("prod").of_type("random:index/randomId:RandomId")
    _, made = randoms.create(salt)
    assert len(base64.b64decode(made["base64"].value)) == 16
    _, named = randoms.create(snapshot)
    assert set(named["hex"]) <= set(string.hexdigits)
    assert len(named["hex"]) == 8


def test_another_type_is_refused_by_name() -> None:
    pet = replace(_password(), type="random:index/randomPet:RandomPet", name="pet")
    with pytest.raises(EngineRefusal, match=r"^random:index/randomPet:RandomPet pet: nobody makes this type here."):
        KeptRandoms({}).create(pet)
    with pytest.raises(EngineRefusal, match=r"is looked up"):
        KeptRandoms({}).invoke("random:x", {})


def test_the_preview_and_the_platform_answer_the_same_random_outputs() -> None:
    for type_ in ("randomPassword:RandomPassword", "randomBytes:RandomBytes", "randomId:RandomId"):
        for registration in recording("prod").of_type(f"random:index/{type_}"):
            _, here = KeptRandoms({}).create(registration)
            _, there = Answers("ap-northeast-1").create(registration)
            assert set(here) == set(there)
