"""The versions that a stack file can ask for."""

from __future__ import annotations

import pytest

from blueprint.postgres.version import MAJORS, EngineVersion, targets
from blueprint.problems import Refused

INSTEAD = 'Write "16" to follow the newest minor, or a minor from "16.9" on, in quotes.'


def test_the_bare_major_leaves_minors_to_rds() -> None:
    version = EngineVersion.parse("16")
    assert (str(version), version.minor, version.automatic_minor_upgrades) == ("16", None, True)
    assert (version.family, version.warning) == ("postgres16", None)


@pytest.mark.parametrize("minor", range(9, 16))
def test_an_exact_minor_turns_automatic_upgrades_off(minor: int) -> None:
    version = EngineVersion.parse(f"16.{minor}")
    assert (str(version), version.minor, version.automatic_minor_upgrades) == (f"16.{minor}", minor, False)
    assert (version.family, version.warning) == ("postgres16", None)


@pytest.mark.parametrize("text", ["16.1", "16.2", "16.3", "16.4"])  # E5: the document asks for 16.1
def test_a_removed_minor_is_refused_by_name(text: str) -> None:
    with pytest.raises(Refused) as refused:
        EngineVersion.parse(text)
    assert str(refused.value) == f"is retired: RDS has removed it and creates no instance with it. {INSTEAD}"


@pytest.mark.parametrize("text", ["16.5", "16.6", "16.7", "16.8"])
def test_a_retired_minor_is_refused_by_name(text: str) -> None:
    with pytest.raises(Refused) as refused:
        EngineVersion.parse(text)
    assert str(refused.value) == f"is retired: RDS creates no instance with it since 2026-05-01. {INSTEAD}"


def test_a_minor_that_rds_does_not_have_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        EngineVersion.parse("16.0")
    assert str(refused.value) == f"is not a version that RDS offers. {INSTEAD}"


def test_a_minor_newer_than_this_program_is_accepted_with_a_warning() -> None:
    version = EngineVersion.parse("16.16")
    assert not version.automatic_minor_upgrades
    assert version.warning == (
        "is newer than 16.15, the newest minor this program knows. Check that RDS offers it in the region."
    )


@pytest.mark.parametrize(("text", "family"), [("17", "postgres17"), ("17.11", "postgres17"), ("18.6", "postgres18")])
def test_17_and_18_have_their_own_family(text: str, family: str) -> None:
    version = EngineVersion.parse(text)
    assert (str(version), version.family, version.warning) == (text, family, None)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("17.4", "is retired: RDS creates no instance with it since 2026-05-01. Write \"17\" to follow the newest "
         "minor, or a minor from \"17.5\" on, in quotes."),
        ("18.5", "is not a version that RDS offers. Write \"18\" to follow the newest minor, or a minor from \"18.1\" "
         "on, in quotes."),
    ],
)  # fmt: skip
def test_a_minor_of_a_later_major_that_cannot_be_had_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(Refused) as refused:
        EngineVersion.parse(text)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("text", ["19", "19.1", "160"])
def test_another_major_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        EngineVersion.parse(text)
    assert str(refused.value) == (
        "is not PostgreSQL 16, 17 or 18, whose parameters this program knows. "
        'Write "16" or an exact minor like "16.15".'
    )


@pytest.mark.parametrize("text", ["15", "15.10", "9.6"])
def test_an_older_major_is_to_be_upgraded_first(text: str) -> None:
    with pytest.raises(Refused) as refused:
        EngineVersion.parse(text)
    assert str(refused.value) == (
        "is not PostgreSQL 16, 17 or 18, whose parameters this program knows. "
        'Write "16" or an exact minor like "16.15", and upgrade an older database to it first.'
    )


def test_a_minor_upgrades_to_those_of_a_later_major_that_came_out_with_it_or_after_it() -> None:
    assert targets("16.15") == ("17.11", "18.6")
    assert targets("17.10") == ("18.4", "18.6")
    assert targets("18.6") is None
    known = {f"{major.number}.{minor}" for major in MAJORS.values() for minor in major.creatable}
    assert all(set(targets(version) or ()) <= known for version in known)


@pytest.mark.parametrize("text", ["", "latest", "16.", "16.09", "16.9.1", "16.9-R2", " 16", "16\n"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        EngineVersion.parse(text)
    assert str(refused.value) == 'is not a PostgreSQL version. Write "16" or an exact minor like "16.15".'
