"""The pin on PostgreSQL 16."""

from __future__ import annotations

import pytest

from blueprint.postgres.version import EngineVersion
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


@pytest.mark.parametrize("text", ["15", "15.10", "17.2", "9.6", "160"])
def test_another_major_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        EngineVersion.parse(text)
    assert str(refused.value) == (
        "is not PostgreSQL 16, and the parameter catalogue is of family postgres16. "
        'Write "16" or an exact minor like "16.15".'
    )


@pytest.mark.parametrize("text", ["", "latest", "16.", "16.09", "16.9.1", "16.9-R2", " 16", "16\n"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        EngineVersion.parse(text)
    assert str(refused.value) == 'is not a PostgreSQL version. Write "16" or an exact minor like "16.15".'
