"""What the local platform remembers, and what it keeps of pulumi-random."""

from __future__ import annotations

import base64
import os
import stat
import string
from dataclasses import replace
from pathlib import Path

import pytest

from local import state
from local.randoms import KeptRandoms
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
